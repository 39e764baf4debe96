"""What the network of notes looks at: levels of a long and a short window on a pitch scale."""

import numpy as np

from ...music.errors import check_range
from ..spectra import RATE, Floats, log_bank, spectrum_product

HOP = 512
"""Samples from frame to frame."""
FRAME_SECONDS = HOP / RATE
LOWEST_MIDI, PITCHES = 21, 88
"""The pitches that are found: A0 and those above it."""
BANDS_PER_SEMITONE, LONG_BANDS, SHORT_BANDS = 3, 312, 104

LONG_WINDOW, _SHORT_WINDOW = 4096, 1024
_LOWEST_HZ = 27.5
_FLOOR_DB = 100.0  # below full scale: level 0; full scale is level 1


def note_spectrum(mono: Floats, tuning_cents: float = 0.0) -> tuple[Floats, Floats]:
    """Levels 0 to 1 of mono sound at RATE: [shape=(n, LONG_BANDS)], [shape=(n, SHORT_BANDS)].

    Row i is centred on sample i * HOP. Three bands of the long window to a semitone, the middle one
    in tune, and one of the short window.

    :param tuning_cents: of the music against A4 = 440 Hz, -50 to 50; whole 5 cents count
    """
    check_range("tuning in cents", tuning_cents, -50.0, 50.0)
    fine = 12 * BANDS_PER_SEMITONE
    lowest = _LOWEST_HZ * 2.0 ** (5.0 * round(tuning_cents / 5.0) / 1200.0)
    low = lowest * 2.0 ** (-1.0 / fine)
    long = spectrum_product(mono, LONG_WINDOW, HOP, log_bank(LONG_WINDOW, low, LONG_BANDS, fine))
    bank = log_bank(_SHORT_WINDOW, lowest, SHORT_BANDS, 12)
    return _levels(long), _levels(spectrum_product(mono, _SHORT_WINDOW, HOP, bank))


def _levels(magnitude: Floats) -> Floats:
    decibels = 20.0 * np.log10(np.maximum(magnitude, 10.0 ** (-_FLOOR_DB / 20.0)))
    return np.asarray(np.clip(1.0 + decibels / _FLOOR_DB, 0.0, 1.0), np.float32)
