"""When sounds begin: the attacks of a recording, with how strong and how sure each is.

The rise of the spectrum against what was near each band a moment ago, so that vibrato is no attack
(S. Böck and G. Widmer, "Maximum filter vibrato suppression for onset detection", DAFx 2013),
and where the beat network has been asked, the chance it gives that something begins.
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ..spectra import RATE, Floats, log_bank, spectrum_product, to_mono
from .beat_spectrum import FRAME_RATE, BeatChances

FloatArray = NDArray[np.float64]

FLUX_HOP = 147
FLUX_RATE = RATE / FLUX_HOP
"""Values of the onset strength a second: 150."""

_WINDOW = 1024
_LOW_HZ, _BANDS, _BANDS_PER_OCTAVE = 40.0, 96, 12
_LAG = 3  # hops between what is compared: 20 ms
_SCALE = 2_000.0  # before the log, of a sound brought to the usual level
_USUAL_RMS = 0.1
_SILENT = 1e-4
_APART_SECONDS = 0.03
_AROUND_SECONDS = 0.1  # to either side, whose mean an attack must rise above
_TOP_SECONDS = 0.03  # to either side, of which an attack is the top
_LEAST_RISE = 0.18  # above the mean around, as a share of strong attacks
_LEAST_STRONG = 0.25  # flux of the strong attacks of any recording
_LEAST_CHANCE = 0.45
_DELAY_SECONDS = 0.0  # of the top of the rise behind the attack itself


@dataclass(frozen=True)
class Onsets:
    """Attacks in the order of time."""

    times_seconds: FloatArray  # [shape=(n,)]
    strengths: FloatArray  # [n] rise of the spectrum; 1 is a strong attack of this recording
    confidence: FloatArray  # [n] 0..1

    def __len__(self) -> int:
        return len(self.times_seconds)


def onset_strength(samples: NDArray[np.floating], sample_rate: int) -> Floats:
    """How much the spectrum rises, a value each `FLUX_HOP` samples of `RATE` [shape=(n,)]."""
    mono = to_mono(samples, sample_rate)
    if not len(mono) or float(np.abs(mono).max()) < _SILENT:
        return np.zeros(len(mono) // FLUX_HOP + bool(len(mono)), np.float32)
    gain = _USUAL_RMS / max(float(np.sqrt(np.mean(np.square(mono)))), 1e-6)
    bank = log_bank(_WINDOW, _LOW_HZ, _BANDS, _BANDS_PER_OCTAVE)
    bands = np.log1p(spectrum_product(mono, _WINDOW, FLUX_HOP, bank) * np.float32(_SCALE * gain))
    flux = _flux(bands)
    flux[len(mono) // FLUX_HOP - _WINDOW // (2 * FLUX_HOP) :] = 0.0  # where sound is cut off
    return flux


def _flux(bands: Floats) -> Floats:
    wide = np.pad(bands, ((_LAG, 0), (1, 1)), mode="edge")[: len(bands)]
    before = np.maximum(np.maximum(wide[:, :-2], wide[:, 1:-1]), wide[:, 2:])
    rise = np.maximum(bands - before, 0.0)
    rise[:_LAG] = np.maximum(bands[:_LAG], 0.0) * (np.arange(min(_LAG, len(bands))) == 0)[:, None]
    return np.asarray(rise.mean(axis=1), np.float32)


def find_onsets(
    samples: NDArray[np.floating], sample_rate: int, *, chances: BeatChances | None = None
) -> Onsets:
    """The attacks of a recording [shape=(frames,) or (frames, channels)].

    :param chances: from `beat_spectrum.hear_beats`; where given, attacks are those that the
        network hears, at the times of the rises near them
    :raises SegueError: for samples of another shape or not finite
    """
    flux = onset_strength(samples, sample_rate)
    if len(flux) < 4 or not flux.any():
        return Onsets(np.zeros(0), np.zeros(0), np.zeros(0))
    strong = max(float(np.percentile(flux, 98)), _LEAST_STRONG)
    scaled = flux / strong
    rise = scaled - _mean_around(scaled)
    if chances is None:
        chosen = _peaks(scaled, rise > _LEAST_RISE)
        sure = np.clip(rise[chosen] / 0.5, 0.0, 1.0)
    else:
        at = np.arange(len(flux)) / FLUX_RATE * FRAME_RATE
        chance = np.interp(at, np.arange(len(chances.onsets)), chances.onsets)
        chosen = _peaks(chance + 0.2 * scaled.clip(0, 1), chance > _LEAST_CHANCE)
        sure = chance[chosen]
    times = np.maximum(chosen / FLUX_RATE - _DELAY_SECONDS, 0.0)
    return Onsets(times, scaled[chosen].astype(np.float64), np.asarray(sure, np.float64))


def _mean_around(values: Floats) -> Floats:
    half = round(_AROUND_SECONDS * FLUX_RATE)
    padded = np.pad(values, half, mode="reflect" if len(values) > half else "edge")
    sums = np.cumsum(np.concatenate([[0.0], padded]))
    size = 2 * half + 1
    return np.asarray((sums[size:] - sums[:-size]) / size, np.float32)


def _peaks(values: NDArray[np.floating], allowed: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Where values are the top of what is near, `_APART_SECONDS` from the one before."""
    half = round(_TOP_SECONDS * FLUX_RATE)
    padded = np.pad(values, half, constant_values=-np.inf)
    top = sliding_window_view(padded, 2 * half + 1).max(axis=1)
    found: list[int] = []
    for index in np.flatnonzero((values >= top) & allowed):
        if not found or index - found[-1] >= _APART_SECONDS * FLUX_RATE:
            found.append(int(index))
    return np.array(found, np.intp)
