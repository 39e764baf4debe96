"""A recurrent network that hears every key alike, in numpy.

A gated recurrent unit (Cho et al., arXiv:1406.1078) whose state has `channels` numbers for each
pitch class. Weights between pitch classes depend on the interval only (they are circulant, as in a
convolution round the circle), so a transposed melody gives the transposed chords, exactly, and one
example teaches all twelve keys. What is learned are small kernels; `dense` lays them out as plain
matrices, after which it runs as any GRU.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .chords import CHORDS, CLASSES

Floats = NDArray[np.float32]

_INTERVALS = (np.arange(CLASSES)[None, :] - np.arange(CLASSES)[:, None]) % CLASSES


def circulant(kernel: NDArray[Any]) -> NDArray[Any]:
    """The matrix [shape=(outputs * 12, inputs * 12)] of a kernel [shape=(outputs, inputs, 12)]."""
    outputs = len(kernel)
    spread = kernel[:, :, _INTERVALS]  # outputs, inputs, 12 (to), 12 (from)
    return np.asarray(spread.transpose(0, 2, 1, 3).reshape(outputs * CLASSES, -1))


def dense(kernels: Mapping[str, NDArray[Any]]) -> dict[str, Floats]:
    """Plain matrices [inputs, outputs] and biases from kernels; see `agents.accompany.turning`."""
    k = {name: np.asarray(value, np.float32) for name, value in kernels.items()}

    def plain(weights: Floats) -> Floats:
        return np.repeat(weights, CLASSES, 0)

    hidden = k["state"].shape[1] * CLASSES
    none_hidden = np.repeat(k["none_state"], CLASSES)[None, :] / CLASSES
    none_input = np.concatenate([np.zeros(k["blocks"].shape[1] * CLASSES), k["none_plain"]])
    skip = np.concatenate([circulant(k["out_blocks"]), plain(k["out_plain"])], 1)
    return {
        "w": np.concatenate([circulant(k["blocks"]), plain(k["plain"])], 1).T.astype(np.float32),
        "b": np.repeat(k["bias"], CLASSES),
        "u": circulant(k["state"]).T.astype(np.float32),
        "c": np.repeat(k["state_bias"], CLASSES),
        "out": np.concatenate([circulant(k["out_state"]), none_hidden]).T.astype(np.float32),
        "skip": np.concatenate([skip, none_input[None, :]]).T.astype(np.float32),
        "d": np.concatenate([np.repeat(k["out_bias"], CLASSES), k["none_bias"]]),
        "h": np.zeros(hidden, np.float32),
    }


def _sigmoid(x: Floats) -> Floats:
    return np.asarray(0.5 * (np.tanh(0.5 * x) + 1.0), np.float32)


class Network:
    """The network at play: a state for each of n episodes, a frame at a time.

    :param kernels: as trained, by name
    """

    def __init__(self, kernels: Mapping[str, NDArray[Any]]) -> None:
        self._w = dense(kernels)
        self.hidden = len(self._w["h"])

    def start(self, n: int) -> Floats:
        """The states before the first frame [shape=(n, hidden)]."""
        return np.zeros((n, self.hidden), np.float32)

    def step(self, observation: Floats, state: Floats) -> tuple[Floats, Floats]:
        """Logits of all chords [shape=(n, 109)] and the next states."""
        w, size = self._w, self.hidden
        x = observation @ w["w"] + w["b"]
        y = state @ w["u"] + w["c"]
        reset = _sigmoid(x[:, :size] + y[:, :size])
        update = _sigmoid(x[:, size : 2 * size] + y[:, size : 2 * size])
        new = np.tanh(x[:, 2 * size :] + reset * y[:, 2 * size :])
        state = (1.0 - update) * new + update * state
        return state @ w["out"] + observation @ w["skip"] + w["d"], state


def log_softmax(logits: NDArray[Any]) -> NDArray[Any]:
    """Log-probabilities over the last axis."""
    shifted = logits - logits.max(-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(-1, keepdims=True)))


def draw(logits: NDArray[Any], uniform: NDArray[np.float64]) -> NDArray[np.int64]:
    """A chord for each row of logits [shape=(n, 109)], by uniform numbers [n] in [0, 1)."""
    chances = np.exp(log_softmax(logits.astype(np.float64)))
    sums = np.cumsum(chances, -1)
    below = (sums < uniform[:, None] * sums[:, -1:]).sum(-1)
    return np.asarray(np.minimum(below, CHORDS - 1), np.int64)
