"""What is measured of an episode beside its reward: tracking, settling, personalisation."""

import numpy as np
from numpy.typing import NDArray

from .rewards import distance

FloatArray = NDArray[np.float64]

JUMP, JUMP_BARS = 0.8, 3
"""A target jumps where an axis has moved by more than this, sd, within so many bars."""

SETTLED, SETTLE_CAP_BARS = 0.35, 12
"""A jump has settled when the error is below this, sd; no jump counts for more bars."""


def settle_bars(error: FloatArray, wanted: FloatArray) -> FloatArray:
    """Bars from a jump of the target until the error is small, the mean over an episode's jumps.

    :param error: distance of felt and wanted mood, sd [shape=(bars, n)]
    :param wanted: moods wanted [shape=(bars, n, 2), sd]
    :return: [shape=(n,)]; NaN where no target jumps
    """
    bars, n = error.shape
    moved = np.abs(wanted[JUMP_BARS:] - wanted[:-JUMP_BARS]).max(axis=2) > JUMP
    jumping = np.concatenate([np.zeros((JUMP_BARS, n), bool), moved])
    begins = jumping.copy()
    begins[1:] &= ~jumping[:-1]  # a jump goes on for some bars, and counts once
    waits = np.full((bars + 1, n), float(SETTLE_CAP_BARS))  # from each bar on
    for bar in range(bars - 1, -1, -1):
        later = np.minimum(waits[bar + 1] + 1.0, SETTLE_CAP_BARS)
        waits[bar] = np.where(error[bar] < SETTLED, 0.0, later)
    count = begins.sum(axis=0)
    total = (waits[:bars] * begins).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def measure(
    felt: FloatArray, heard: FloatArray, wanted: FloatArray, bias: FloatArray, bias_sd: float
) -> dict[str, FloatArray]:
    """Measures of n episodes, each [shape=(n,)].

    * `error`: mean distance of felt and wanted mood, sd; `late_error`: of the second half
    * `settle_bars`: see there
    * `compensation`: its mean over episodes says how far the music makes up for a listener's bias:
      1 fully, 0 if everybody gets the same (minus the slope, on the bias, of what the music would
      make an average listener feel less what is wanted); 0 where listeners have no bias

    :param felt: by the listener after each bar [shape=(bars, n, 2), sd]
    :param heard: what an average listener would feel [bars, n, 2]
    :param wanted: [bars, n, 2]
    :param bias: of the listeners [n, 2]
    :param bias_sd: spread of biases; 0: none
    """
    error = distance(felt, wanted)
    late = len(error) // 2
    excess = (heard[late:] - wanted[late:]).mean(axis=0)
    spread = 2.0 * bias_sd**2
    return {
        "error": error.mean(axis=0),
        "late_error": error[late:].mean(axis=0),
        "settle_bars": settle_bars(error, wanted),
        "compensation": -(excess * bias).sum(axis=1) / spread if spread else np.zeros(len(bias)),
    }
