"""Roughness: how much the partials of a sound beat against each other, frame by frame.

Two pure tones that are close, but not equal, sound rough: most where they lie about a quarter of a
critical band apart (R. Plomp and W. Levelt, "Tonal consonance and critical bandwidth", JASA 38,
1965). W. Sethares, "Local consonance and the relationship between timbre and scale", JASA 94, 1993,
gives the curve as a difference of two exponentials; here it is summed over all pairs of spectral
peaks, each weighted by the product of the amplitudes, and divided by the sum of the squared
amplitudes, so that it does not depend on level (P. Vassilakis, "Perceptual and physical properties
of amplitude fluctuation", 2001, weighs it likewise by what stands against it).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...music.errors import check_range
from ..spectra import RATE, Floats, frame_count, magnitudes, to_mono

WINDOW, HOP = 4096, 4096
PEAKS = 16

_LOW_HZ, _HIGH_HZ = 40.0, 5_000.0
_BELOW_LOUDEST = 10.0 ** (-40.0 / 20.0)  # peaks under this share of the loudest are not counted
_QUIETEST = 1e-5  # amplitude of a peak that is heard at all
_RISE, _FALL = 3.5, 5.75  # of the two exponentials
_SHARPEST = 0.24  # where the curve is highest, in critical bands as Sethares scales them
_SLOPE, _OFFSET = 0.0207, 18.96  # of that scale over frequency in Hz
_CURVE_TOP = 0.18077  # the highest value of the curve
_AT_ONCE = 256  # frames


@dataclass(frozen=True)
class Roughness:
    """Roughness over time, 0 for one pure tone or silence."""

    times_seconds: NDArray[np.float64]  # [shape=(n,)]
    roughness: NDArray[np.float64]  # [n] 0 or more; two equal tones at the worst distance: 1
    level: NDArray[np.float64]  # [n] root of the summed squares of the peaks' amplitudes

    @property
    def mean(self) -> float:
        """Mean over time, weighted by level; 0 of silence."""
        weight = float(self.level.sum())
        return float(self.roughness @ self.level) / weight if weight > 0.0 else 0.0

    def __len__(self) -> int:
        return len(self.times_seconds)


def find_roughness(
    samples: NDArray[np.floating], sample_rate: int, *, peaks: int = PEAKS
) -> Roughness:
    """How rough a recording sounds, about five times a second; errors as for `to_mono`.

    :param peaks: of each frame that are compared, the loudest: 2 to 64
    """
    check_range("peaks", peaks, 2, 64)
    mono = to_mono(samples, sample_rate)
    count = frame_count(len(mono), HOP)
    rough, level = np.zeros(count), np.zeros(count)
    spectrum = magnitudes(mono, WINDOW, HOP)
    for start in range(0, count, _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        hz, amplitudes = spectral_peaks(spectrum[part], RATE / WINDOW, peaks)
        rough[part] = roughness_of(hz, amplitudes)
        level[part] = np.sqrt(np.square(amplitudes).sum(axis=1))
    return Roughness(np.asarray(np.arange(count) * (HOP / RATE)), rough, level)


def spectral_peaks(
    spectrum: Floats, bin_hz: float, peaks: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The loudest peaks of spectra [shape=(n, bins)]: their Hz and amplitudes [shape=(n, peaks)].

    Between bins by a parabola through the logarithms. Where there are fewer, amplitudes are 0.
    """
    low, high = int(_LOW_HZ / bin_hz) + 1, min(int(_HIGH_HZ / bin_hz), spectrum.shape[1] - 1)
    middle, before, after = (spectrum[:, low + at : high + at] for at in (0, -1, 1))
    least = np.maximum(middle.max(axis=1, keepdims=True, initial=0.0) * _BELOW_LOUDEST, _QUIETEST)
    isolated = (middle > before) & (middle >= after) & (middle > least)
    ranked = np.where(isolated, middle, 0.0)
    peaks = min(peaks, ranked.shape[1])
    if not peaks:
        return np.ones((len(spectrum), 1)), np.zeros((len(spectrum), 1))
    at = np.argpartition(ranked, -peaks, axis=1)[:, -peaks:]
    amplitudes = np.take_along_axis(ranked, at, axis=1).astype(np.float64)
    sides = [np.take_along_axis(side, at, axis=1).astype(np.float64) for side in (before, after)]
    logs = [np.log(np.maximum(value, 1e-12)) for value in (sides[0], amplitudes, sides[1])]
    bend = logs[0] - 2.0 * logs[1] + logs[2]
    shift = np.where(bend < -1e-9, 0.5 * (logs[0] - logs[2]) / np.minimum(bend, -1e-9), 0.0)
    shift = np.clip(shift, -0.5, 0.5)
    amplitudes = np.where(
        amplitudes > 0.0, np.exp(logs[1] - 0.25 * (logs[0] - logs[2]) * shift), 0.0
    )
    return np.asarray((at + low + shift) * bin_hz), amplitudes


def roughness_of(hz: NDArray[np.floating], amplitudes: NDArray[np.floating]) -> NDArray[np.float64]:
    """Roughness [shape=(...)] of partials [shape=(..., k)]; those of amplitude 0 do not count."""
    first, second = np.triu_indices(hz.shape[-1], 1)
    one, other = hz[..., first], hz[..., second]
    scale = _SHARPEST / (_SLOPE * np.minimum(one, other) + _OFFSET)
    apart = np.abs(one - other) * scale
    curve = np.exp(-_RISE * apart) - np.exp(-_FALL * apart)
    weights = amplitudes[..., first] * amplitudes[..., second]
    beating = (weights * curve).sum(axis=-1) / _CURVE_TOP
    power = np.square(amplitudes).sum(axis=-1)
    return np.asarray(2.0 * beating / np.maximum(power, 1e-20), np.float64)
