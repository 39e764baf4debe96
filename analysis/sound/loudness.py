"""Loudness over time: momentary and short-term curves and the range of a whole programme.

Conventions: samples are float [shape=(frames,) or (frames, channels)] with full scale 1; loudness
in LUFS, differences in LU. `audio.integrated_loudness` is the loudness of the whole.

References: ITU-R BS.1770-4, "Algorithms to measure audio programme loudness and true-peak audio
level", 2015 (weighting filters by pyloudnorm); EBU Tech 3341, 2016 (momentary and short-term
windows) and Tech 3342, 2016 (range).
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ...music.errors import SegueError
from .audio import FLOOR_DB, FloatArray, check_audio

MOMENTARY_SECONDS, SHORT_TERM_SECONDS = 0.4, 3.0
HOP_SECONDS = 0.1

_CHANNEL_WEIGHTS = (1.0, 1.0, 1.0, 1.41, 1.41)  # left, right, centre, surrounds
_ABSOLUTE_GATE_LUFS, _RELATIVE_GATE_LU = -70.0, -20.0
_LOW_PERCENT, _HIGH_PERCENT = 10.0, 95.0


@dataclass(frozen=True)
class LoudnessCurve:
    """Loudness of windows that follow each other every `HOP_SECONDS`; none is cut short.

    A sound of less than a window has no value of it, and silence is at `FLOOR_DB`.
    """

    momentary_lufs: FloatArray  # [shape=(windows of 0.4 s,)]
    short_term_lufs: FloatArray  # [shape=(windows of 3 s,)]

    @property
    def momentary_seconds(self) -> FloatArray:
        """Middles of the momentary windows."""
        return _middles(self.momentary_lufs, MOMENTARY_SECONDS)

    @property
    def short_term_seconds(self) -> FloatArray:
        """Middles of the short-term windows."""
        return _middles(self.short_term_lufs, SHORT_TERM_SECONDS)

    @property
    def range_lu(self) -> float:
        """Loudness range of EBU Tech 3342: how far loud and soft passages lie apart; 0 of silence.

        The spread between the 10th and the 95th percentile of short-term loudness, without what
        lies below -70 LUFS or more than 20 LU below the mean.
        """
        heard = self.short_term_lufs[self.short_term_lufs >= _ABSOLUTE_GATE_LUFS]
        if not len(heard):
            return 0.0
        mean = 10.0 * np.log10(np.mean(10.0 ** (heard / 10.0)))
        heard = heard[heard >= mean + _RELATIVE_GATE_LU]
        low, high = np.percentile(heard, [_LOW_PERCENT, _HIGH_PERCENT])
        return float(high - low)


def loudness_curve(samples: NDArray[np.floating], sample_rate: int) -> LoudnessCurve:
    """Momentary and short-term loudness over time; SegueError for more than five channels."""
    power = _weighted_power(check_audio(samples, sample_rate), sample_rate)
    return LoudnessCurve(
        _window_lufs(power, round(MOMENTARY_SECONDS / HOP_SECONDS)),
        _window_lufs(power, round(SHORT_TERM_SECONDS / HOP_SECONDS)),
    )


def _middles(windows: FloatArray, window_seconds: float) -> FloatArray:
    return np.asarray(window_seconds / 2 + HOP_SECONDS * np.arange(len(windows)))


def _weighted_power(sound: FloatArray, sample_rate: int) -> FloatArray:
    """Mean square of each whole hop [shape=(hops,)], K-weighted and summed over channels."""
    from pyloudnorm.iirfilter import IIRfilter

    if sound.shape[1] > len(_CHANNEL_WEIGHTS):
        raise SegueError(
            f"audio has {sound.shape[1]} channels; loudness is defined for up to "
            f"{len(_CHANNEL_WEIGHTS)}: mix it down first"
        )
    filters = (
        IIRfilter(4.0, np.sqrt(0.5), 1500.0, sample_rate, "high_shelf"),
        IIRfilter(0.0, 0.5, 38.0, sample_rate, "high_pass"),
    )
    hop = round(HOP_SECONDS * sample_rate)
    hops = len(sound) // hop
    power = np.zeros(hops)
    for weight, channel in zip(_CHANNEL_WEIGHTS, sound.T, strict=False):
        for stage in filters:
            channel = stage.apply_filter(channel)
        blocks = channel[: hops * hop].reshape(hops, hop)
        power += weight * np.einsum("hf,hf->h", blocks, blocks) / hop
    return power


def _window_lufs(power: FloatArray, hops: int) -> FloatArray:
    if len(power) < hops:
        return np.zeros(0)
    mean = sliding_window_view(power, hops).mean(axis=1)
    return np.asarray(np.maximum(10.0 * np.log10(np.maximum(mean, 1e-24)) - 0.691, FLOOR_DB))
