"""The spectrum in thirds of semitones, in tune: what chords and keys are read from.

Two windows look at the same instants: a long one that tells neighbouring notes of the bass apart
and a short one that sees when chords change. Bands are centred on semitones of the recording's own
tuning, so that an instrument a quarter tone off looks like one that is in tune.
"""

import numpy as np
from numpy.typing import NDArray

from ..spectra import Floats, log_bank, spectrum_product

HOP = 1024  # samples at 22,050 Hz: 46 ms
WINDOWS = (8192, 4096)  # samples
SEMITONES = 84  # from C1 to B7
FINE = 3  # bands to a semitone; the middle one is centred
LOWEST_MIDI = 24

_LOW_HZ = 440.0 * 2.0 ** ((LOWEST_MIDI - 69 - 1 / FINE) / 12)
_BANDS = SEMITONES * FINE
_MARGIN = 3  # bands beyond either end, which retuning draws from
_GAIN = 1000.0  # of a magnitude, before the logarithm
_TUNED = slice(_MARGIN + 12 * FINE, _MARGIN + 60 * FINE)  # bands that the tuning is read from


def fine_spectrum(mono: Floats) -> Floats:
    """Magnitudes [shape=(n, 2, bands)] of sound at 22,050 Hz, by the long and the short window.

    Bands stand as in concert pitch; `in_tune` moves them.
    """
    low_hz = _LOW_HZ * 2.0 ** (-_MARGIN / (12 * FINE))
    views = [
        spectrum_product(mono, window, HOP, log_bank(window, low_hz, _BANDS + 2 * _MARGIN, 36))
        for window in WINDOWS
    ]
    return np.stack(views, axis=1)


def find_offset(fine: Floats) -> float:
    """Tuning of a `fine_spectrum` against A4 = 440 Hz, -0.5..0.5 semitones; 0 of silence."""
    return offset_of(loudness_for_offset(fine))


def loudness_for_offset(fine: Floats) -> NDArray[np.float64]:
    """What `offset_of` reads, summed over frames; sums of several recordings add up."""
    return np.asarray(np.sqrt(fine[:, 0, _TUNED]).sum(axis=0, dtype=np.float64))


def offset_of(loudness: NDArray[np.float64]) -> float:
    """Tuning in semitones, -0.5..0.5, of what `loudness_for_offset` gives; 0 of silence."""
    bands = np.arange(len(loudness)) + _TUNED.start - _MARGIN - 1  # 0: on a semitone
    turn = (loudness * np.exp(2j * np.pi * bands / FINE)).sum()
    return float(np.angle(turn) / (2 * np.pi)) if abs(turn) > 1e-12 else 0.0


def in_tune(fine: Floats, offset: float) -> Floats:
    """Loudness [shape=(n, 2, bands)] with bands on the semitones of a tuning, about 0 to 7."""
    shift = offset * FINE + _MARGIN
    whole = int(np.floor(shift))
    part = np.float32(shift - whole)
    here = fine[:, :, whole : whole + _BANDS]
    if part > 1e-3:
        here = (1 - part) * here + part * fine[:, :, whole + 1 : whole + 1 + _BANDS]
    return np.asarray(np.log1p(np.float32(_GAIN) * here), np.float32)
