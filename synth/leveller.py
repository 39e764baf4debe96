"""A slow hand on the fader: keeps the music near a loudness without flattening it.

Loudness is measured with the K-weighting of ITU-R BS.1770-4 over the last seconds; the gain follows
in part only, slowly and within bounds, so that a calm passage stays softer than a storm, and stands
still while there is next to nothing to hear.
"""

import math

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

K_WEIGHTING = (
    (
        (1.53512485958697, -2.69169618940638, 1.19839281085285),
        (1.0, -1.69065929318241, 0.73248077421585),
    ),
    ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621)),
)
"""Numerators and denominators of the two filters at 48 kHz (BS.1770-4, tables 1 and 2)."""

TURN_FRAMES = 8192  # from one decision to the next, at least
HEARD_FRAMES = 2048  # of each turn, to know what the weighting makes of the power
MEMORY_SECONDS = 4.0
SHARE = 0.8  # of the distance from the target that is made good
REACH_DB = 7.0
SPEED_DB_PER_SECOND = 1.5
GATE_LUFS = -45.0
SILENT = 1e-12  # a power


class Leveller:
    """Says which gain brings the sound near `target_lufs`. Deterministic; blocks of any size.

    The power of all sound counts. How much of it the weighting leaves changes more slowly, and is
    taken from the spectrum of a part of it.
    """

    def __init__(self, sample_rate: int, target_lufs: float) -> None:
        self._rate, self._target = sample_rate, target_lufs
        self._weights = _k_weights(sample_rate)
        self._pairs = np.zeros(HEARD_FRAMES, np.complex64)  # left + i * right
        self._heard = self._pairs.view(np.float32).reshape(-1, 2)
        self._turn, self._energy = 0, 0.0  # frames of this turn so far, and their power summed up
        self._plain = self._weighted = 0.0  # power of what was heard, lately
        self._power = 10 ** ((target_lufs + 0.691) / 10)  # until enough has been heard
        self._wanted_db = 0.0
        self.gain_db = 0.0

    def follow(self, block: Samples, power: float) -> float:
        """Hear a block [shape=(frames, 2)]; the amplitude to be reached at its end.

        :param power: mean power of the block, both channels added, at which it is going to sound
            but for this gain
        """
        frames, room = len(block), HEARD_FRAMES - self._turn
        if room > 0:
            self._heard[self._turn : self._turn + frames] = block[:room]
        self._turn += frames
        self._energy += power * frames
        if self._turn >= TURN_FRAMES:
            self._decide()
        step = SPEED_DB_PER_SECOND * frames / self._rate
        self.gain_db += min(max(self._wanted_db - self.gain_db, -step), step)
        return 10 ** (self.gain_db / 20)

    def _decide(self) -> None:
        """Take in the turn; where the gain is to go is decided anew unless it is silent."""
        power, seconds = self._energy / self._turn, self._turn / self._rate
        self._turn, self._energy = 0, 0.0
        if _lufs(power) <= GATE_LUFS:
            return
        # one transform for both sides: their crossing terms cancel, the weights being symmetric
        spectrum = np.fft.fft(self._pairs).view(np.float32)
        spectrum *= self._weights
        weighted = float(np.vdot(spectrum, spectrum))
        plain = float(np.vdot(self._heard, self._heard)) / HEARD_FRAMES
        share = 1 - math.exp(-seconds / MEMORY_SECONDS)
        self._weighted += share * (weighted - self._weighted)
        self._plain += share * (plain - self._plain)
        power *= (self._weighted + SILENT) / (self._plain + SILENT)
        self._power += share * (power - self._power)
        missing = self._target - _lufs(self._power)
        self._wanted_db = min(max(SHARE * missing, -REACH_DB), REACH_DB)


def _lufs(power: float) -> float:
    """Loudness of a weighted mean power, both channels added."""
    return -0.691 + 10 * math.log10(power + SILENT)


def _k_weights(sample_rate: int) -> Samples:
    """Amplitude of each bin of a window's spectrum, once weighted [shape=(2 * HEARD_FRAMES,)].

    Each stands twice, for the real and the imaginary part.
    """
    hz = np.fft.fftfreq(HEARD_FRAMES, 1.0 / sample_rate)
    delay = np.exp(-2j * np.pi * hz / 48_000)  # the filters' curve by frequency, at any rate
    weights = np.full(len(hz), 1.0 / HEARD_FRAMES)
    for above, below in K_WEIGHTING:
        weights *= np.abs(np.polyval(above[::-1], delay) / np.polyval(below[::-1], delay))
    return np.repeat(weights.astype(np.float32), 2)
