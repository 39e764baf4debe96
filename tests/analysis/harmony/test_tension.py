import numpy as np
import pytest

from segue.analysis.harmony.chords import Chords
from segue.analysis.harmony.key import KeyTrack
from segue.analysis.harmony.tension import (
    RISE,
    key_centre,
    spelled,
    spiral,
    tension_of_chords,
    tension_of_notes,
)
from segue.music.errors import RangeError, SegueError
from segue.music.theory import Chord, Key


def tension(text, key="C major"):
    names = text.split()
    chords = tuple(None if name == "N" else Chord.parse(name) for name in names)
    starts = np.arange(len(names), dtype=float)
    track = KeyTrack(Key.parse(key), 1.0, (), ())
    return tension_of_chords(Chords(starts, starts + 1, chords, np.ones(len(names))), track)


def test_the_helix():
    c, g, e = spiral(np.array([0, 1, 4]))
    assert np.linalg.norm(g - c) == pytest.approx(np.sqrt(2 + RISE**2))
    assert np.linalg.norm(e - c) == pytest.approx(4 * RISE)  # a third stands above its root
    assert np.linalg.norm(e - c) == pytest.approx(np.linalg.norm(g - c))


def test_spelling_follows_the_key():
    assert spelled([8], Key.parse("A minor")).tolist() == [8]  # G sharp
    assert spelled([8], Key.parse("C major")).tolist() == [-4]  # A flat
    assert spelled([0, 7, 5, 6], Key.parse("C major")).tolist() == [0, 1, -1, 6]


def test_a_tonic_is_at_rest_and_a_diminished_chord_is_not():
    found = tension("C Bdim7 C F#dim7 Dbmaj7")
    assert found.strain[0] < 0.6 * found.strain[3]
    assert found.overall[0] == found.overall.min()
    assert found.diameter[1] > found.diameter[0]
    assert found.momentum[0] == 0.0
    assert found.momentum[1] > 0.3
    assert ((found.overall >= 0) & (found.overall <= 1)).all()


def test_the_same_chord_strains_more_in_a_far_key():
    near, far = tension("C", "F major").strain[0], tension("C", "B major").strain[0]
    assert tension("C", "C major").strain[0] < near < far


def test_transposition_changes_nothing():
    one, other = tension("C E7 Am G7", "C major"), tension("D F#7 Bm A7", "D major")
    np.testing.assert_allclose(one.overall, other.overall, atol=1e-9)
    np.testing.assert_allclose(one.strain, other.strain, atol=1e-9)
    gap = key_centre(Key.parse("D major")) - key_centre(Key.parse("C major"))
    assert gap[2] == pytest.approx(2 * RISE)


def test_silence_has_no_tension():
    found = tension("C N G")
    assert found.overall[1] == 0.0
    assert found.momentum[2] == 0.0


def test_notes_by_steps():
    key = KeyTrack(Key.parse("C major"), 0.8, (), ())
    onsets, ends = np.array([0.0, 0.0, 0.0, 1.0, 1.0]), np.array([1.0, 1.0, 1.0, 2.0, 2.0])
    found = tension_of_notes(onsets, ends, np.array([60, 64, 67, 61, 66]), key)
    assert len(found) == 2
    assert found.strain[1] > 2 * found.strain[0]
    assert found.end_seconds.tolist() == [1.0, 2.0]
    assert found.confidence.tolist() == [0.8, 0.8]
    nothing = tension_of_notes(np.zeros(0), np.zeros(0), np.zeros(0, int), key)
    assert len(nothing) == 0


def test_bad_input():
    key = KeyTrack(Key(), 1.0, (), ())
    with pytest.raises(SegueError, match="2 onsets, 1 ends"):
        tension_of_notes(np.zeros(2), np.ones(1), np.ones(1, int), key)
    with pytest.raises(RangeError):
        tension_of_notes(np.zeros(1), np.ones(1), np.ones(1, int), key, step_seconds=0.0)
