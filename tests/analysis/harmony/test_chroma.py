import numpy as np
import pytest

from segue.analysis.harmony.chroma import (
    FINE,
    HOP,
    LOWEST_MIDI,
    SEMITONES,
    find_offset,
    fine_spectrum,
    in_tune,
)
from segue.analysis.spectra import RATE


def tones(midi, seconds=2.0, cents=0.0):
    t = np.arange(round(seconds * RATE)) / RATE
    hz = 440.0 * 2.0 ** ((np.array(midi) - 69 + cents / 100) / 12)
    partials = [np.sin(2 * np.pi * k * f * t) / k for f in hz for k in range(1, 6)]
    return (0.1 * np.sum(partials, axis=0)).astype(np.float32)


@pytest.mark.parametrize("midi", [40, 57, 69, 81])
def test_a_note_peaks_in_the_middle_of_its_semitone(midi):
    loudness = in_tune(fine_spectrum(tones([midi])), 0.0)
    assert loudness.shape == (RATE * 2 // HOP + 1, 2, SEMITONES * FINE)
    row = (midi - LOWEST_MIDI) * FINE + 1
    middle = loudness[20, 0]
    assert middle[row - 20 : row + 20].argmax() == 20
    assert loudness.dtype == np.float32


@pytest.mark.parametrize("cents", [-45.0, -30.0, -8.0, 0.0, 12.0, 33.0, 48.0])
def test_the_tuning_is_found_and_taken_out(cents):
    concert = in_tune(fine_spectrum(tones([57, 61, 64])), 0.0)[20, 0]
    fine = fine_spectrum(tones([57, 61, 64], cents=cents))
    offset = find_offset(fine)
    assert 100 * offset == pytest.approx(cents, abs=6.0)
    likeness = np.corrcoef(in_tune(fine, offset)[20, 0], concert)[0, 1]
    assert likeness > 0.94
    if abs(cents) > 20:
        assert likeness > 0.01 + np.corrcoef(in_tune(fine, 0.0)[20, 0], concert)[0, 1]


def test_silence_is_in_tune():
    fine = fine_spectrum(np.zeros(RATE, np.float32))
    assert find_offset(fine) == 0.0
    assert not in_tune(fine, 0.0).any()
    assert len(fine_spectrum(np.zeros(0, np.float32))) == 0
