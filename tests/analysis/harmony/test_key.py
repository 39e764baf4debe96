import numpy as np
import pytest

from segue.analysis.harmony.key import (
    KEYS,
    key_label,
    key_of_notes,
    key_of_score,
    profile_fits,
)
from segue.music.score import Score, Track, make_notes
from segue.music.theory import Key


def cadences(key, times=6):
    """Notes of I IV V I in a key, a chord a second, as (onset, end, pitch) columns."""
    minor = key.mode == "aeolian"
    chords = [(0, 3 if minor else 4, 7), (5, 8 if minor else 9, 12), (7, 11, 14), (0, 7, 12)]
    rows = [
        (4 * turn + beat, 4 * turn + beat + 0.9, 48 + key.tonic + step)
        for turn in range(times)
        for beat, chord in enumerate(chords)
        for step in chord
    ]
    onsets, ends, pitches = zip(*rows, strict=True)
    return np.array(onsets, float), np.array(ends), np.array(pitches)


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_every_key_from_notes(key):
    found = key_of_notes(*cadences(key))
    assert found.key == key
    assert 0.3 < found.confidence <= 1.0
    assert found.candidates[0] == (key, found.confidence)
    assert [stretch.key for stretch in found.local] == [key]
    assert found.local[0].end_seconds == pytest.approx(23.9)


def test_a_modulation_is_found():
    onsets, ends, pitches = cadences(Key.parse("C major"))
    more, later, higher = cadences(Key.parse("A major"))
    found = key_of_notes(
        np.concatenate([onsets, more + 24]),
        np.concatenate([ends, later + 24]),
        np.concatenate([pitches, higher]),
    )
    assert [str(stretch.key) for stretch in found.local] == ["C ionian", "A ionian"]
    assert found.local[0].end_seconds == pytest.approx(24.0, abs=3.0)
    assert found.at(5.0) == Key.parse("C major")
    assert found.at(40.0) == Key.parse("A major")
    assert found.at(400.0) == found.key


def test_a_score_without_its_drums():
    rows = [
        (float(a), float(b - a), int(p), 0.8)
        for a, b, p in zip(*cadences(Key.parse("D minor")), strict=True)
    ]
    noise = make_notes([(float(beat), 0.5, 42, 1.0) for beat in range(100)])
    drums = Track("drums", noise, channel=9)
    found = key_of_score(Score((Track("piano", make_notes(rows)), drums)))
    assert found.key == Key.parse("D minor")
    assert found.local[-1].end_seconds == pytest.approx(23.9 / 2)  # 120 beats a minute


def test_fits_are_correlations():
    fits = profile_fits(np.eye(12)[:1])
    assert fits.shape == (1, 24)
    assert np.abs(fits).max() <= 1.0
    assert KEYS[int(fits.argmax())].tonic == 0


def test_labels():
    assert key_label(Key.parse("Eb minor")) == "Eb minor"
    assert key_label(None) == "X"


def test_nothing_has_no_key():
    nothing = key_of_notes(np.zeros(0), np.zeros(0), np.zeros(0, int))
    assert nothing.key is None
    assert nothing.local == ()
    assert nothing.at(1.0) is None
