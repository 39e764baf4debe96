"""Loudness of sound that arrives block by block, live or from files too long to hold.

What `loudness.loudness_curve` and `audio.integrated_loudness` say of whole recordings, in memory
that does not grow but by a number for each 0.1 seconds. Also up to eight channels: the fourth of
six or eight is taken to be the low-frequency one, which does not count.

References: ITU-R BS.1770-4 and EBU Tech 3341 and 3342, as in `loudness`.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ...music.errors import SegueError, check_range
from .audio import FLOOR_DB
from .loudness import HOP_SECONDS, MOMENTARY_SECONDS, SHORT_TERM_SECONDS, LoudnessCurve
from .weighting import Weighting

FloatArray = NDArray[np.float64]

_WEIGHTS = {6: (1.0, 1.0, 1.0, 0.0, 1.41, 1.41), 8: (1.0, 1.0, 1.0, 0.0, 1.41, 1.41, 1.41, 1.41)}
_FEW_WEIGHTS = (1.0, 1.0, 1.0, 1.41, 1.41)
MOST_CHANNELS = 8
_MOMENTARY_HOPS = round(MOMENTARY_SECONDS / HOP_SECONDS)
_SHORT_TERM_HOPS = round(SHORT_TERM_SECONDS / HOP_SECONDS)
_ABSOLUTE_GATE_LUFS, _RELATIVE_GATE_LU = -70.0, -10.0
_LEAST_POWER = 1e-24


class LoudnessMeter:
    """Measures loudness as sound goes by; how it is cut into blocks does not matter.

    :param sample_rate: 8000 to 384000 Hz
    :param channels: 1 to 8
    :param keep: whether the whole programme is to be measured as well; False: memory does not grow
    """

    def __init__(self, sample_rate: int, channels: int, *, keep: bool = True) -> None:
        check_range("sample rate", sample_rate, 8000, 384000)
        check_range("channels", channels, 1, MOST_CHANNELS)
        self.channels = channels
        self._weights = np.array(_WEIGHTS.get(channels, (*_FEW_WEIGHTS, 1.41, 1.41)[:channels]))
        self._weighting = Weighting(int(sample_rate), channels)
        self._hop = round(HOP_SECONDS * sample_rate)
        self._sum, self._filled = 0.0, 0  # of the hop that is not whole yet
        self._recent: list[float] = []  # powers of hops, the last short-term window
        self._kept: list[float] | None = [] if keep else None

    def push(self, block: NDArray[np.floating]) -> int:
        """Take the next samples [shape=(n,) or (n, channels)]; how many hops ended with them."""
        sound = np.asarray(block)
        if sound.ndim == 1:
            sound = sound[:, None]
        if sound.ndim != 2 or sound.shape[1] != self.channels:
            raise SegueError(
                f"a block of shape {np.shape(block)} came to a meter of {self.channels} channels; "
                "give (frames, channels)"
            )
        if not len(sound):
            return 0
        weighted = self._weighting.push(sound)
        powers = self._weights @ np.square(weighted, out=weighted)
        return self._add(powers)

    def _add(self, powers: FloatArray) -> int:
        """Split weighted powers of samples into hops."""
        first = min(self._hop - self._filled, len(powers))
        self._sum += float(powers[:first].sum())
        self._filled += first
        if self._filled < self._hop:
            return 0
        whole = (len(powers) - first) // self._hop
        rest = first + whole * self._hop
        sums = [self._sum, *powers[first:rest].reshape(whole, self._hop).sum(axis=1).tolist()]
        means = [total / self._hop for total in sums]
        self._recent = (self._recent + means)[-_SHORT_TERM_HOPS:]
        if self._kept is not None:
            self._kept += means
        self._sum, self._filled = float(powers[rest:].sum()), len(powers) - rest
        return len(means)

    @property
    def momentary_lufs(self) -> float:
        """Loudness of the last 0.4 seconds of whole hops, `FLOOR_DB` before."""
        return self._of_last(_MOMENTARY_HOPS)

    @property
    def short_term_lufs(self) -> float:
        """Loudness of the last 3 seconds of whole hops, `FLOOR_DB` before."""
        return self._of_last(_SHORT_TERM_HOPS)

    def _of_last(self, hops: int) -> float:
        if len(self._recent) < hops:
            return FLOOR_DB
        return max(_lufs(sum(self._recent[-hops:]) / hops), FLOOR_DB)

    def curve(self) -> LoudnessCurve:
        """Loudness over the time that went by; it knows the range."""
        powers = np.array(self._kept or [])
        return LoudnessCurve(
            _windows_lufs(powers, _MOMENTARY_HOPS), _windows_lufs(powers, _SHORT_TERM_HOPS)
        )

    def integrated_lufs(self) -> float:
        """Gated loudness of all that went by; `FLOOR_DB` of silence or of less than 0.4 seconds."""
        heard = self.curve().momentary_lufs
        gate = _ABSOLUTE_GATE_LUFS
        for _ in range(2):
            heard = heard[heard > gate]
            if not len(heard):
                return FLOOR_DB
            mean = _lufs(float(np.mean(10.0 ** ((heard + 0.691) / 10.0))))
            gate = mean + _RELATIVE_GATE_LU
        return mean


def _lufs(power: float) -> float:
    return float(10.0 * np.log10(max(power, _LEAST_POWER)) - 0.691)


def _windows_lufs(powers: FloatArray, hops: int) -> FloatArray:
    if len(powers) < hops:
        return np.zeros(0)
    means = sliding_window_view(powers, hops).mean(axis=1)
    return np.asarray(
        np.maximum(10.0 * np.log10(np.maximum(means, _LEAST_POWER)) - 0.691, FLOOR_DB)
    )
