"""The weighting of ITU-R BS.1770: how much sound of each frequency counts, as it goes by.

The filter, a high shelf and a high pass one after the other, runs over blocks of samples by
products of matrices: what a block makes of its own samples, plus what the state before it still
rings (C. Burrus, "Block realization of digital filters", IEEE Trans. Audio 20, 1972). The states
before the blocks follow from each other in the same way. So it needs nothing but numpy, and starts
nearly a second sooner than with a package of filters.
"""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_SHELF_DB, _SHELF_HZ, _SHELF_Q = 4.0, 1500.0, np.sqrt(0.5)
_PASS_HZ, _PASS_Q = 38.0, 0.5
_BLOCK = 128  # samples
_GROUP = 32  # blocks
_ORDER = 4


class Weighting:
    """Filters channels; how the sound is cut into blocks does not matter.

    :param sample_rate: in Hz
    :param channels: at least 1
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        step, feed, out, direct = _one_after_the_other(_shelf(sample_rate), _pass(sample_rate))
        powers = _powers(step.T, _BLOCK)  # states are rows
        echo = np.concatenate([[direct], feed @ powers[:-1] @ out])
        self._own = _shifted(echo[:_BLOCK, None, None], 0)
        self._rings = (powers[:_BLOCK] @ out).T.copy()
        self._feeds = (feed @ powers[:_BLOCK])[::-1].copy()
        self._powers = powers
        blocks = _powers(powers[_BLOCK], _GROUP)
        self._group_own = _shifted(blocks[: _GROUP - 1], 1)
        self._group_rings = np.concatenate(list(blocks[:_GROUP]), axis=1)
        self._group_feeds = np.concatenate(list(blocks[_GROUP - 1 :: -1]), axis=0)
        self._group_step = blocks[_GROUP]
        self._state = np.zeros((channels, _ORDER))

    def push(self, sound: NDArray[np.floating]) -> FloatArray:
        """Weighted samples [shape=(channels, n)] of the next ones [shape=(n, channels)]."""
        count, channels = sound.shape
        columns = np.ascontiguousarray(sound.T, np.float64)
        found = np.empty((channels, count))
        whole = count - count % _BLOCK
        if whole:
            blocks = columns[:, :whole].reshape(channels, -1, _BLOCK)
            states = self._states(blocks @ self._feeds)
            weighted = blocks @ self._own
            weighted += states @ self._rings
            found[:, :whole] = weighted.reshape(channels, whole)
        rest = count - whole
        if rest:
            tail = columns[:, whole:]
            found[:, whole:] = tail @ self._own[:rest, :rest] + self._state @ self._rings[:, :rest]
            self._state = self._state @ self._powers[rest] + tail @ self._feeds[_BLOCK - rest :]
        return found

    def _states(self, fed: FloatArray) -> FloatArray:
        """The state before each block, from what each feeds [both shape=(channels, blocks, 4)]."""
        channels, count, _ = fed.shape
        states = np.empty_like(fed)
        whole = count - count % _GROUP
        if whole:
            groups = fed[:, :whole].reshape(channels, -1, _GROUP * _ORDER)
            starts = self._run(groups @ self._group_feeds, self._group_step)
            found = groups @ self._group_own
            found += starts @ self._group_rings
            states[:, :whole] = found.reshape(channels, whole, _ORDER)
        if count > whole:
            states[:, whole:] = self._run(fed[:, whole:], self._powers[_BLOCK])
        return states

    def _run(self, fed: FloatArray, step: FloatArray) -> FloatArray:
        """The states before each of some steps, one after the other."""
        states = np.empty_like(fed)
        state = self._state
        for at in range(fed.shape[1]):
            states[:, at] = state
            state = state @ step
            state += fed[:, at]
        self._state = state
        return states


def _powers(step: FloatArray, count: int) -> FloatArray:
    """A matrix to the powers 0 to count [shape=(count + 1, n, n)]."""
    found = [np.eye(len(step))]
    for _ in range(count):
        found.append(found[-1] @ step)
    return np.array(found)


def _shifted(echo: FloatArray, late: int) -> FloatArray:
    """What each of some inputs in a row makes of the outputs at and after it.

    :param echo: of one input [shape=(n, k, k)], `late` outputs after it
    """
    size, width = len(echo) + late, echo.shape[1]
    found = np.zeros((size, width, size, width))
    for at in range(size - late):
        for after in range(size - late - at):
            found[at, :, at + after + late] = echo[after]
    return found.reshape(size * width, size * width)


def _one_after_the_other(
    first: tuple[FloatArray, FloatArray], second: tuple[FloatArray, FloatArray]
) -> tuple[FloatArray, FloatArray, FloatArray, float]:
    """(step, feed, out, direct): state' = step state + feed x, y = out state + direct x."""
    step, feed, out = np.zeros((_ORDER, _ORDER)), np.zeros(_ORDER), np.zeros(_ORDER)
    (above, below), (above2, below2) = first, second
    step[:2, :2] = [[-below[1], 1.0], [-below[2], 0.0]]
    step[2:, 2:] = [[-below2[1], 1.0], [-below2[2], 0.0]]
    feed[:2] = above[1:] - below[1:] * above[0]
    into = above2[1:] - below2[1:] * above2[0]
    feed[2:] = into * above[0]
    step[2:, 0] = into
    out[0], out[2] = above2[0], 1.0
    return step, feed, out, float(above[0] * above2[0])


def _pass(sample_rate: int) -> tuple[FloatArray, FloatArray]:
    """A high pass by R. Bristow-Johnson's formulas: numerator and denominator [shape=(3,)]."""
    turn = 2.0 * np.pi * _PASS_HZ / sample_rate
    alpha, cosine = np.sin(turn) / (2.0 * _PASS_Q), np.cos(turn)
    above = np.array([(1.0 + cosine) / 2.0, -(1.0 + cosine), (1.0 + cosine) / 2.0])
    below = np.array([1.0 + alpha, -2.0 * cosine, 1.0 - alpha])
    return above / below[0], below / below[0]


def _shelf(sample_rate: int) -> tuple[FloatArray, FloatArray]:
    """A high shelf, likewise."""
    gain = 10.0 ** (_SHELF_DB / 40.0)
    turn = 2.0 * np.pi * _SHELF_HZ / sample_rate
    cosine = np.cos(turn)
    slope = np.sqrt(gain) * np.sin(turn) / _SHELF_Q
    more, less = gain + 1.0, gain - 1.0
    above = gain * np.array(
        [
            more + less * cosine + slope,
            -2.0 * (less + more * cosine),
            more + less * cosine - slope,
        ]
    )
    below = np.array(
        [
            more - less * cosine + slope,
            2.0 * (less - more * cosine),
            more - less * cosine - slope,
        ]
    )
    return above / below[0], below / below[0]
