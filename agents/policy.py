"""A trained policy at play: a multilayer perceptron in numpy, without pickle and without torch.

It is what `algorithms.export` makes of an actor of Stable-Baselines3 or sb3-contrib. The head says
how the last layer becomes an action:

* `gaussian` (PPO, A2C): the mean of a Gaussian, clipped to the bounds;
* `squashed` (SAC, TQC): tanh of the mean, stretched to the bounds;
* `categorical` (PPO, A2C, MaskablePPO): a logit for each choice, or for each of several decisions;
* `values` (DQN, QR-DQN): the worth of each choice (the mean over quantiles).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..analysis.cards import Card, load_weights, save_model
from ..music.errors import FileFormatError, SegueError, check_range

FloatArray = NDArray[np.float64]
Array32 = NDArray[np.float32]

HEADS = ("gaussian", "squashed", "categorical", "values")


def _relu(x: Array32) -> Array32:
    return np.maximum(x, np.float32(0.0))


def _silu(x: Array32) -> Array32:
    return np.asarray(x * (np.float32(0.5) * (np.float32(1.0) + np.tanh(np.float32(0.5) * x))))


ACTIVATIONS: dict[str, Callable[[Array32], Array32]] = {
    "tanh": np.tanh,
    "relu": _relu,
    "silu": _silu,
}
"""Between layers, by the name on the card."""


class Policy:
    """Acts by a trained network; a `study.Player`.

    :param weights: matrices `w0 w1 ...` [shape=(inputs, outputs)] and biases `b0 b1 ...` [outputs]
        of the layers; `seen_low`, `seen_high`: what observations are clipped to [inputs]; and of
        the head: `low`, `high` of continuous actions, or `choices`, how many each decision has
    :param network: `head` (see the module), `activation`, `masks` ("yes": it keeps to the core's
        action masks), `single` ("yes": one decision, an action is a number) and `act` ("sample": a
        categorical head draws; else the best one is taken)
    :param seed: of what is drawn
    """

    def __init__(
        self, weights: dict[str, NDArray[Any]], network: dict[str, str], *, seed: int = 0
    ) -> None:
        self.weights: dict[str, NDArray[Any]] = {
            name: np.asarray(value, np.float32) for name, value in weights.items()
        }
        self.network = network
        self.head = network["head"]
        self.masks = network.get("masks") == "yes"
        self.sampling = network.get("act") == "sample"
        self.temperature = 1.0
        self.card: Card | None = None
        self._activation = ACTIVATIONS[network["activation"]]
        self._depth = sum(name[0] == "w" and name[1:].isdigit() for name in weights)
        self._rng = np.random.default_rng(seed)

    @classmethod
    def load(
        cls,
        path: str | Path,
        environment: str,
        observation: tuple[str, ...] = (),
        *,
        seed: int = 0,
    ) -> "Policy":
        """Read a policy by the path of its card or its weights.

        Raises SegueError if there is none, FileFormatError if it is another kind of model or was
        made for another environment, another version of it, or another observation.

        :param environment: the id that it must have been made for
        :param observation: names of the numbers that it will see; none: not compared here
        :param seed: of what it draws
        """
        place = Path(path).with_suffix(".json")
        if not place.exists():
            raise SegueError(f"there is no policy at {path}; train one: segue train {environment}")
        card, weights = load_weights(place)
        if not card.environment or card.network.get("head") not in HEADS:
            raise FileFormatError(f"{path} is a model of {card.task!r}; name a policy's card")
        if card.environment != environment:
            raise FileFormatError(
                f"{path} is a policy for {card.environment}, not for {environment}; "
                f"train one: segue train {environment}"
            )
        if observation:
            _check_inputs(card, observation)
        policy = cls(weights, card.network, seed=seed)
        policy.card = card
        return policy

    def save(self, folder: str | Path, card: Card) -> Card:
        """Write card and weights; returns the card with the hash of the weights."""
        self.card = save_model(
            folder, msgspec.structs.replace(card, network=self.network), self.weights
        )
        return self.card

    @property
    def inputs(self) -> int:
        """Numbers of an observation."""
        return int(self.weights["w0"].shape[0])

    @property
    def train_cpu_seconds(self) -> float:
        """What the training took, as the card says; 0 if there is none."""
        return self.card.train_cpu_seconds if self.card else 0.0

    def with_sampling(self, temperature: float = 1.0, seed: int = 0) -> "Policy":
        """The same network, drawing its discrete actions from softmax(logits / temperature).

        Raises SegueError for a policy whose actions are continuous or values.
        """
        if self.head != "categorical":
            raise SegueError(f"a policy with the head {self.head!r} has no chances to draw from")
        check_range("temperature", temperature, 1e-3, 1e3)
        drawing = Policy(self.weights, self.network | {"act": "sample"}, seed=seed)
        drawing.temperature, drawing.card = temperature, self.card
        return drawing

    def act(self, core: Any) -> NDArray[Any]:
        """Actions [shape=(n, ...)] for what a core or a performance shows now."""
        if self.card and (names := getattr(core, "OBSERVATION", ())):
            _check_inputs(self.card, names)
        return self.act_on(core.observe(), core.action_masks() if self.masks else None)

    def act_on(
        self, observation: NDArray[Any], masks: NDArray[np.bool_] | None = None
    ) -> NDArray[Any]:
        """Actions [shape=(n, ...)] for observations [n, ...].

        Raises SegueError if they have another size than this network, or hold NaN.

        :param masks: discrete actions that are allowed [shape=(n, choices of all decisions)]
        """
        found: NDArray[Any] = self.outputs(observation)
        w = self.weights
        if self.head == "gaussian":
            return np.asarray(np.clip(found, w["low"], w["high"]), np.float64)
        if self.head == "squashed":
            share = np.float32(0.5) * (np.tanh(found) + np.float32(1.0))
            return np.asarray(w["low"] + share * (w["high"] - w["low"]), np.float64)
        if masks is not None:
            found = np.where(masks, found, -np.inf)
        if self.sampling:
            noise = self._rng.gumbel(size=found.shape)  # its greatest is a draw from softmax
            found = found / self.temperature + noise
        ends = np.cumsum(w["choices"].astype(np.int64)).tolist()
        chosen = [
            found[:, start:end].argmax(axis=1)
            for start, end in zip([0, *ends[:-1]], ends, strict=True)
        ]
        return chosen[0] if self.network.get("single") == "yes" else np.stack(chosen, axis=1)

    def outputs(self, observation: NDArray[Any]) -> Array32:
        """The last layer [shape=(n, outputs)]: means, logits or values."""
        x = np.asarray(observation, np.float32).reshape(len(observation), -1)
        w = self.weights
        if x.shape[1] != self.inputs:
            raise SegueError(
                f"an observation has {x.shape[1]} numbers, this policy was trained on "
                f"{self.inputs}; train it again for this version of the environment"
            )
        if np.isnan(x).any():
            raise SegueError(
                f"an observation holds NaN at {np.argwhere(np.isnan(x))[0].tolist()} (episode, "
                "number); look at the mood or feature that it is made of"
            )
        x = np.minimum(np.maximum(x, w["seen_low"]), w["seen_high"])
        for layer in range(self._depth - 1):
            x = self._activation(x @ w[f"w{layer}"] + w[f"b{layer}"])
        last = self._depth - 1
        return np.asarray(x @ w[f"w{last}"] + w[f"b{last}"])


def _check_inputs(card: Card, observation: tuple[str, ...]) -> None:
    """FileFormatError if a policy was made for another observation."""
    if card.inputs == observation:
        return
    differs = next(
        (
            f"number {at} is {new!r}, was {old!r}"
            for at, (old, new) in enumerate(zip(card.inputs, observation, strict=False))
            if old != new
        ),
        f"it has {len(observation)} numbers, had {len(card.inputs)}",
    )
    raise FileFormatError(
        f"policy {card.name!r} was trained on another observation than this version of "
        f"{card.environment} gives: {differs}; train it again"
    )
