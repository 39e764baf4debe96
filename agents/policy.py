"""A trained policy at play: a small tanh network in numpy, without pickle and without torch."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..analysis.cards import Card, load_weights, save_model
from ..envs.arrange.core import OBSERVATION_LIMIT
from ..envs.arrange.perception import OBSERVATION
from ..music.errors import FileFormatError, SegueError
from .arrange.scene import Scene

FloatArray = NDArray[np.float64]

TASK = "direction of a bar"
"""The task of policies on their cards."""


class Policy:
    """Acts by the mean of a Gaussian policy with two hidden tanh layers.

    :param weights: matrices [shape=(inputs, outputs)] and biases [outputs] of the three layers,
        called `w0 b0 w1 b1 w2 b2`; the last has an output for each knob
    """

    LAYERS = 3

    def __init__(self, weights: dict[str, NDArray[Any]]) -> None:
        self.weights: dict[str, NDArray[Any]] = {
            name: np.asarray(value, np.float32) for name, value in weights.items()
        }

    @classmethod
    def load(cls, path: Path) -> "Policy":
        """Read a policy by the path of its card or its weights.

        Raises SegueError if there is none, FileFormatError if it is another kind of model or was
        made for another observation.
        """
        if not path.with_suffix(".json").exists():
            raise SegueError(f"there is no policy at {path}; train one: segue train")
        card, weights = load_weights(path.with_suffix(".json"))
        if card.task != TASK:
            raise FileFormatError(f"{path} is a model of {card.task!r}; name one of {TASK!r}")
        if card.inputs != OBSERVATION:
            raise FileFormatError(
                f"{path} was trained on another observation than this version gives; train it again"
            )
        return cls(weights)

    def save(self, folder: Path, card: Card) -> Card:
        """Write card and weights; returns the card with the hash of the weights."""
        return save_model(folder, card, self.weights)

    def act(self, scene: Scene) -> FloatArray:
        return self.act_on(scene.perception.observe(scene.worlds))

    def act_on(self, observation: FloatArray) -> FloatArray:
        """Actions [shape=(n, 9)] for observations [n, D]."""
        x = np.clip(observation, -OBSERVATION_LIMIT, OBSERVATION_LIMIT).astype(np.float32)
        w = self.weights
        for layer in range(self.LAYERS - 1):
            x = np.tanh(x @ w[f"w{layer}"] + w[f"b{layer}"])
        action = x @ w[f"w{self.LAYERS - 1}"] + w[f"b{self.LAYERS - 1}"]
        return np.asarray(np.clip(action, -1.0, 1.0), np.float64)
