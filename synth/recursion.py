"""Recursive filters computed a block at a time, by products of matrices.

A block is cut into chunks. What a chunk sounds like, and the state it leaves, are linear in its
samples and in the state before it, so that a block takes three small products however long it is.
"""

import numpy as np
from numpy.typing import NDArray

from .pyo_host import Samples

CHUNK_FRAMES = 32

Floats = NDArray[np.float64]


class Recursion:
    """A filter of some rows that goes on from block to block.

    Blocks of another length than planned may be given, but are slower.

    :param b: coefficients of what comes in
    :param a: coefficients of what has gone out, as many; the first is 1
    :param rows: filtered alike, each with a state of its own
    :param frames: of a block; quick if it is a multiple of `CHUNK_FRAMES`
    """

    def __init__(self, b: Floats, a: Floats, rows: int, frames: int) -> None:
        self._coefficients = b, a
        order, chunks = len(a) - 1, frames // CHUNK_FRAMES
        self._frames = frames if frames % CHUNK_FRAMES == 0 else 0
        heard, leaves, carry = _matrices(b, a, chunks)
        self._heard = heard.astype(np.float32)  # of a chunk and the state before it
        self._leaves = leaves.astype(np.float32)  # what a chunk adds to the state
        self._carry = carry.astype(np.float32)  # from that to the states before all chunks
        self._added: Samples = np.zeros((rows * chunks, order), np.float32)
        self._gathered: Samples = np.zeros((rows, (1 + chunks) * order), np.float32)
        self._states: Samples = np.zeros((rows, (1 + chunks) * order), np.float32)
        self._input: Samples = np.zeros((rows * chunks, CHUNK_FRAMES + order), np.float32)
        self._output: Samples = np.zeros((rows * chunks, CHUNK_FRAMES), np.float32)
        self._state: Samples = self._gathered[:, :order]

    def process(self, block: Samples) -> Samples:
        """Filter the next block [shape=(rows, frames)]; what is returned is written over later."""
        rows, order = self._state.shape
        if block.shape[1] != self._frames:
            from scipy.signal import lfilter

            filtered, self._state[:] = lfilter(*self._coefficients, block, zi=self._state)
            return np.asarray(filtered, np.float32)
        chunks = block.reshape(-1, CHUNK_FRAMES)
        np.dot(chunks, self._leaves, out=self._added)
        self._gathered[:, order:] = self._added.reshape(rows, -1)
        np.dot(self._gathered, self._carry, out=self._states)
        self._state[:] = self._states[:, -order:]
        self._input[:, :CHUNK_FRAMES] = chunks
        self._input[:, CHUNK_FRAMES:] = self._states[:, :-order].reshape(-1, order)
        np.dot(self._input, self._heard, out=self._output)
        return self._output.reshape(rows, -1)

    def clear(self) -> None:
        """Forget what has gone before."""
        self._state[:] = 0.0


def _matrices(b: Floats, a: Floats, chunks: int) -> tuple[Floats, Floats, Floats]:
    """What `Recursion` multiplies by, of a filter in transposed direct form.

    Its output is b[0] x + state[0]; the state then becomes step @ state + drive x.
    """
    order = len(a) - 1
    step = np.diag(np.ones(order - 1), 1)
    step[:, 0] -= a[1:]
    drive = b[1:] - a[1:] * b[0]
    powers = [np.linalg.matrix_power(step, n) for n in range(CHUNK_FRAMES + 1)]
    response = [b[0], *(power[0] @ drive for power in powers)]
    heard = np.zeros((CHUNK_FRAMES + order, CHUNK_FRAMES))
    for frame in range(CHUNK_FRAMES):
        heard[frame, frame:CHUNK_FRAMES] = response[: CHUNK_FRAMES - frame]
        heard[CHUNK_FRAMES:, frame] = powers[frame][0]
    leaves = np.array([power @ drive for power in powers[CHUNK_FRAMES - 1 :: -1]])
    carry = np.zeros((chunks + 1, order, chunks + 1, order))
    for apart in range(chunks + 1):
        passed = np.linalg.matrix_power(powers[-1], apart).T
        for first in range(chunks + 1 - apart):
            carry[first, :, first + apart] = passed
    size = (chunks + 1) * order
    return heard, leaves, carry.reshape(size, size)


def one_pole(hz: float, sample_rate: int) -> tuple[Floats, Floats]:
    """Coefficients b and a of a low-pass of 6 dB an octave, which takes away 3 dB at `hz`."""
    twice = 2.0 - np.cos(2.0 * np.pi * min(hz / sample_rate, 0.5))
    pole = twice - np.sqrt(twice**2 - 1.0)
    return np.array([1.0 - pole, 0.0]), np.array([1.0, -pole])


def low_cut(hz: float, sample_rate: int) -> tuple[Floats, Floats]:
    """Coefficients b and a of a high-pass of 12 dB an octave (Butterworth, bilinear transform)."""
    warped = np.tan(np.pi * hz / sample_rate)
    scale = 1.0 / (1.0 + np.sqrt(2.0) * warped + warped**2)
    b = scale * np.array([1.0, -2.0, 1.0])
    a = [1.0, 2.0 * scale * (warped**2 - 1.0), scale * (1.0 - np.sqrt(2.0) * warped + warped**2)]
    return b, np.array(a)
