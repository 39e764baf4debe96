"""A slow hand on the fader: keeps the music near a loudness without flattening it.

Loudness is measured with the K-weighting of ITU-R BS.1770-4 over the last seconds; the gain follows
in part only, slowly and within bounds, so that a calm passage stays softer than a storm, and stands
still while there is next to nothing to hear.
"""

import math

import numpy as np
from numpy.typing import NDArray

Block = NDArray[np.float64]

K_WEIGHTING = (
    (
        (1.53512485958697, -2.69169618940638, 1.19839281085285),
        (1.0, -1.69065929318241, 0.73248077421585),
    ),
    ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621)),
)
"""Numerators and denominators of the two filters at 48 kHz (BS.1770-4, tables 1 and 2)."""

WINDOW_FRAMES = 4096
MEMORY_SECONDS = 4.0
SHARE = 0.8  # of the distance from the target that is made good
REACH_DB = 7.0
SPEED_DB_PER_SECOND = 1.5
GATE_LUFS = -45.0


class Leveller:
    """Brings blocks near `target_lufs`. Deterministic; blocks of any size."""

    def __init__(self, sample_rate: int, target_lufs: float) -> None:
        self._rate, self._target = sample_rate, target_lufs
        self._weights = _k_weights(sample_rate)
        self._heard = np.zeros((0, 2))
        self._power = 10 ** ((target_lufs + 0.691) / 10)  # until enough has been heard
        self._wanted_db = 0.0
        self.gain_db = 0.0

    def process(self, block: Block) -> Block:
        """The block at its gain [shape=(frames, 2)]."""
        self._heard = np.concatenate([self._heard, block])
        while len(self._heard) >= WINDOW_FRAMES:
            self._listen(self._heard[:WINDOW_FRAMES])
            self._heard = self._heard[WINDOW_FRAMES:]
        before, frames = self.gain_db, len(block)
        step = SPEED_DB_PER_SECOND * frames / self._rate
        self.gain_db += min(max(self._wanted_db - before, -step), step)
        if before == self.gain_db:
            return block if before == 0.0 else block * 10 ** (before / 20)
        ends = 10 ** (before / 20), 10 ** (self.gain_db / 20)
        return np.asarray(block * np.linspace(*ends, frames + 1)[1:, None])

    def _listen(self, window: Block) -> None:
        """Take in some frames; where the gain is to go is decided anew unless they are silent."""
        spectrum = np.fft.rfft(window, axis=0)
        power = float(self._weights @ (spectrum.real**2 + spectrum.imag**2).sum(axis=1))
        if -0.691 + 10 * math.log10(power + 1e-12) <= GATE_LUFS:
            return
        seconds = WINDOW_FRAMES / self._rate
        self._power += (1 - math.exp(-seconds / MEMORY_SECONDS)) * (power - self._power)
        missing = self._target + 0.691 - 10 * math.log10(self._power)
        self._wanted_db = min(max(SHARE * missing, -REACH_DB), REACH_DB)


def _k_weights(sample_rate: int) -> Block:
    """Share of each bin of a window's spectrum in its weighted power [shape=(bins,)]."""
    hz = np.fft.rfftfreq(WINDOW_FRAMES, 1.0 / sample_rate)
    delay = np.exp(-2j * np.pi * hz / 48_000)  # the filters' curve by frequency, at any rate
    weights = np.full(len(hz), 2.0 / WINDOW_FRAMES**2)
    weights[[0, -1]] /= 2.0
    for above, below in K_WEIGHTING:
        weights *= np.abs(np.polyval(above[::-1], delay) / np.polyval(below[::-1], delay)) ** 2
    return weights
