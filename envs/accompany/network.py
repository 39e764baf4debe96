"""A recurrent network that hears every key alike, in numpy.

A gated recurrent unit (Cho et al., arXiv:1406.1078) whose state has `channels` numbers for each
pitch class. Weights between pitch classes depend on the interval only (they are circulant, as in a
convolution round the circle), so a transposed melody gives the transposed chords, exactly, and one
example teaches all twelve keys. What is learned are small kernels; here they are laid out as plain
matrices once, after which it runs as any GRU. `agents.accompany.turning` is its twin in torch.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .chords import CHORDS, CLASSES

Floats = NDArray[np.float32]
Kernels = Mapping[str, NDArray[Any]]

_INTERVALS = (np.arange(CLASSES)[None, :] - np.arange(CLASSES)[:, None]) % CLASSES


def circulant(kernel: NDArray[Any]) -> NDArray[Any]:
    """The matrix [shape=(outputs * 12, inputs * 12)] of a kernel [shape=(outputs, inputs, 12)]."""
    outputs = len(kernel)
    spread = kernel[:, :, _INTERVALS]  # outputs, inputs, 12 (to), 12 (from)
    return np.asarray(spread.transpose(0, 2, 1, 3).reshape(outputs * CLASSES, -1))


def _sigmoid(x: Floats) -> Floats:
    return np.asarray(0.5 * (np.tanh(0.5 * x) + 1.0), np.float32)


def _for_each_class(weights: Floats) -> Floats:
    """Weights of plain inputs [shape=(outputs, inputs)], the same for all twelve outputs."""
    return np.repeat(weights, CLASSES, 0)


class TurningGRU:
    """The recurrent part: a state for each of n episodes, a frame at a time.

    :param kernels: `blocks` [shape=(3 * channels, blocks, 12)], `plain` [3 * channels, plain],
        `state` [3 * channels, channels, 12], and `bias` and `state_bias` [3 * channels]; reset
        gate, update gate and candidate follow each other
    """

    def __init__(self, kernels: Kernels) -> None:
        k = {name: np.asarray(value, np.float32) for name, value in kernels.items()}
        plain = _for_each_class(k["plain"])
        self._inputs = np.concatenate([circulant(k["blocks"]), plain], 1).T.copy()
        self._state = circulant(k["state"]).T.copy()
        self._bias = np.repeat(k["bias"], CLASSES)
        self._state_bias = np.repeat(k["state_bias"], CLASSES)
        self.hidden = len(self._state)

    def start(self, n: int) -> Floats:
        """The states before the first frame [shape=(n, hidden)]."""
        return np.zeros((n, self.hidden), np.float32)

    def advance(self, inputs: Floats, state: Floats) -> Floats:
        """The next states, from inputs [shape=(n, blocks * 12 + plain)]."""
        size = self.hidden
        x = inputs @ self._inputs + self._bias
        y = state @ self._state + self._state_bias
        reset = _sigmoid(x[:, :size] + y[:, :size])
        update = _sigmoid(x[:, size : 2 * size] + y[:, size : 2 * size])
        new = np.tanh(x[:, 2 * size :] + reset * y[:, 2 * size :])
        return np.asarray((1.0 - update) * new + update * state, np.float32)


class Network(TurningGRU):
    """Chords from observations, one after the other.

    :param kernels: of the recurrent part, and of the logits: of chords from the state, from blocks
        and from plain numbers (`out_state`, `out_blocks`, `out_plain`, `out_bias`), and of no chord
        from the state's means and plain numbers (`none_state`, `none_plain`, `none_bias`)
    """

    def __init__(self, kernels: Kernels) -> None:
        super().__init__(kernels)
        k = {name: np.asarray(value, np.float32) for name, value in kernels.items()}
        none = np.repeat(k["none_state"], CLASSES) / CLASSES
        self._out = np.concatenate([circulant(k["out_state"]), none[None]]).T.copy()
        blocks = circulant(k["out_blocks"])
        skip = np.concatenate([blocks, _for_each_class(k["out_plain"])], 1)
        none = np.concatenate([np.zeros(blocks.shape[1], np.float32), k["none_plain"]])
        self._skip = np.concatenate([skip, none[None]]).T.copy()
        self._out_bias = np.concatenate([np.repeat(k["out_bias"], CLASSES), k["none_bias"]])

    def step(self, observation: Floats, state: Floats) -> tuple[Floats, Floats]:
        """Logits of all chords [shape=(n, 109)] and the next states."""
        state = self.advance(observation, state)
        return state @ self._out + observation @ self._skip + self._out_bias, state


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
