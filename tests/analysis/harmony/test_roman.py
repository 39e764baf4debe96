import numpy as np
import pytest

from segue.analysis.harmony.chords import Chords
from segue.analysis.harmony.key import KeyTrack, LocalKey
from segue.analysis.harmony.roman import roman_numeral, roman_numerals, roman_spans
from segue.music.errors import SegueError
from segue.music.theory import Chord, Key


def figures(chords, key):
    return [n.figure for n in roman_numerals([Chord.parse(c) for c in chords.split()], key)]


@pytest.mark.parametrize(
    ("key", "chords", "expected"),
    [
        ("C major", "C Dm Em F G7 Am Bdim C", "I ii iii IV V7 vi viio I"),
        ("C major", "C/E F/A G/D G7/B G7/D G7/F", "I6 IV6 V64 V65 V43 V42"),
        ("Eb major", "Fm7 Bb7 Ebmaj7", "ii7 V7 I7"),
        ("A minor", "Am Bdim C Dm E7 F G#dim7 Am", "i iio III iv V7 VI viio7 i"),
        ("A minor", "G Em Bm7b5/D", "VII v iiø65"),
        ("C major", "D7/F# G", "V65/V V"),
        ("C major", "E7 Am", "V7/vi vi"),
        ("C major", "C#dim7 Dm", "viio7/ii ii"),
        ("C major", "C7 F", "V7/IV IV"),
        ("C major", "Fm C Ab Bb C", "iv I bVI bVII I"),
        ("C major", "Db/F G7", "bII6 V7"),
        ("C minor", "Ab7 G", "Ger65 V"),
        ("C minor", "Bb7 Eb", "V7/III III"),
        ("C minor", "Bb7 Cm", "VII7 i"),
        ("C major", "Gsus4 G", "Vsus4 V"),
    ],
)
def test_figures(key, chords, expected):
    assert figures(chords, Key.parse(key)) == expected.split()


def test_what_a_borrowed_chord_is():
    numeral = roman_numeral(Chord.parse("Fm/Ab"), Key.parse("C major"))
    assert (numeral.degree, numeral.quality, numeral.inversion) == ("iv", "m", 1)
    assert numeral.borrowed
    assert not roman_numeral(Chord.parse("F"), Key.parse("C major")).borrowed


def test_transposition_changes_nothing():
    key, chords = Key.parse("C major"), [Chord.parse(c) for c in "C D7/F# G Fm C".split()]
    for step in range(12):
        moved = [
            Chord((c.root + step) % 12, c.quality, None if c.bass is None else (c.bass + step) % 12)
            for c in chords
        ]
        there = roman_numerals(moved, Key(step, key.mode))
        assert [n.figure for n in there] == ["I", "V65/V", "V", "iv", "I"]


def test_spans_follow_the_local_key():
    chords = Chords(
        np.array([0.0, 1.0, 2.0]),
        np.array([1.0, 2.0, 3.0]),
        (Chord.parse("G"), None, Chord.parse("G")),
        np.array([0.9, 0.8, 0.7]),
    )
    c, g = Key.parse("C major"), Key.parse("G major")
    keys = KeyTrack(c, 0.8, ((c, 0.8),), (LocalKey(0, 1.5, c, 0.9), LocalKey(1.5, 3, g, 0.9)))
    spans = roman_spans(chords, keys)
    assert [span.numeral and span.numeral.figure for span in spans] == ["V", None, "I"]
    assert spans[2].key == g
    assert spans[2].confidence == 0.7


def test_a_key_for_each_chord():
    with pytest.raises(SegueError, match="2 chords and 1 keys"):
        roman_numerals([Chord(0), Chord(5)], [Key()])
