"""A slow hand on the fader: keeps the music near a loudness without flattening it.

Loudness is measured with the K-weighting of ITU-R BS.1770-4 over the last seconds; the gain follows
in part only, slowly and within bounds, so that a calm passage stays softer than a storm, and stands
still while there is next to nothing to hear.
"""

import math

import numpy as np
from numpy.typing import NDArray

Block = NDArray[np.float64]

MEMORY_SECONDS = 4.0
SHARE = 0.8  # of the distance from the target that is made good
REACH_DB = 7.0
SPEED_DB_PER_SECOND = 1.5
GATE_LUFS = -45.0


class Leveller:
    """Brings blocks near `target_lufs`. Deterministic; blocks of any size."""

    def __init__(self, sample_rate: int, target_lufs: float) -> None:
        self._rate, self._target = sample_rate, target_lufs
        self._sections = _k_weighting(sample_rate)
        self._state = np.zeros((len(self._sections), 2, 2))
        self._power = 10 ** ((target_lufs + 0.691) / 10)  # until enough has been heard
        self.gain_db = 0.0

    def process(self, block: Block) -> Block:
        """The block at its gain [shape=(frames, 2)]."""
        from scipy.signal import sosfilt

        frames = len(block)
        weighted, self._state = sosfilt(self._sections, block, axis=0, zi=self._state)
        power = float(np.einsum("fc,fc->", weighted, weighted)) / frames
        seconds = frames / self._rate
        before = self.gain_db
        if -0.691 + 10 * math.log10(power + 1e-12) > GATE_LUFS:
            self._power += (1 - math.exp(-seconds / MEMORY_SECONDS)) * (power - self._power)
            wanted = SHARE * (self._target + 0.691 - 10 * math.log10(self._power))
            wanted = min(max(wanted, -REACH_DB), REACH_DB)
            step = SPEED_DB_PER_SECOND * seconds
            self.gain_db += min(max(wanted - self.gain_db, -step), step)
        if before == self.gain_db == 0.0:
            return block
        ends = 10 ** (before / 20), 10 ** (self.gain_db / 20)
        return np.asarray(block * np.linspace(*ends, frames + 1)[1:, None])


def _k_weighting(sample_rate: int) -> Block:
    """Second-order sections of the high shelf and the high-pass."""
    from pyloudnorm import IIRfilter

    shelf = IIRfilter(4.0, 1.0 / math.sqrt(2.0), 1500.0, sample_rate, "high_shelf")
    low_cut = IIRfilter(0.0, 0.5, 38.0, sample_rate, "high_pass")
    return np.array([[*part.b, *part.a] for part in (shelf, low_cut)])
