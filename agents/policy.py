"""A trained policy at play: a small tanh network in numpy, without pickle and without torch."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..envs.arrange import OBSERVATION_LIMIT
from ..envs.perception import OBSERVATION
from ..music.direction import KNOBS
from ..music.errors import FileFormatError
from .scene import Scene

FloatArray = NDArray[np.float64]


class Policy:
    """Acts by the mean of a Gaussian policy with two hidden tanh layers.

    :param weights: matrices and biases `w0 b0 w1 b1 w2 b2` of the three layers
    """

    LAYERS = 3

    def __init__(self, weights: dict[str, NDArray[Any]]) -> None:
        self.weights = {name: np.asarray(value, np.float32) for name, value in weights.items()}

    @classmethod
    def load(cls, path: Path) -> "Policy":
        """Read an npz file of weights, made for the present observation and action."""
        try:
            with np.load(path, allow_pickle=False) as stored:
                weights = {name: stored[name] for name in stored.files}
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            raise FileFormatError(
                f"{path} holds no policy ({error}); train one: segue train"
            ) from None
        known = json.loads(str(weights.pop("observation", "[]")))
        if known != list(OBSERVATION) or weights["w2"].shape[1] != len(KNOBS):
            raise FileFormatError(
                f"{path} was trained on another observation than this version gives; train it again"
            )
        return cls(weights)

    def save(self, path: Path) -> None:
        """Write the weights and the names of the observation they read."""
        names: dict[str, Any] = {"observation": np.array(json.dumps(OBSERVATION))}
        arrays: dict[str, Any] = names | self.weights
        np.savez_compressed(path, **arrays)

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
