import numpy as np
import pytest

from segue.analysis.harmony.cadences import cadence_kind, find_cadences
from segue.analysis.harmony.chords import Chords
from segue.analysis.harmony.key import KeyTrack
from segue.music.errors import RangeError
from segue.music.theory import Chord, Key


def progression(text, seconds=None):
    names = text.split()
    lengths = np.ones(len(names)) if seconds is None else np.array(seconds, float)
    ends = np.cumsum(lengths)
    chords = tuple(None if name == "N" else Chord.parse(name) for name in names)
    return Chords(ends - lengths, ends, chords, np.ones(len(names)))


def in_key(name):
    key = Key.parse(name)
    return KeyTrack(key, 1.0, ((key, 1.0),), ())


@pytest.mark.parametrize(
    ("pair", "key", "kind"),
    [
        ("G7 C", "C major", "perfect"),
        ("G C", "C major", "perfect"),
        ("E7 Am", "A minor", "perfect"),
        ("G7/B C", "C major", "imperfect"),
        ("G7 C/E", "C major", "imperfect"),
        ("Bdim C", "C major", "imperfect"),
        ("F C", "C major", "plagal"),
        ("Fm C", "C major", "plagal"),
        ("G7 Am", "C major", "deceptive"),
        ("E7 F", "A minor", "deceptive"),
        ("Dm G", "C major", "half"),
        ("C G", "C major", "half"),
        ("C/E G/B", "C major", None),
        ("G C/G", "C major", None),
        ("C F", "C major", None),
        ("Dm G7", "C major", None),
    ],
)
def test_kinds(pair, key, kind):
    before, arrival = map(Chord.parse, pair.split())
    assert cadence_kind(before, arrival, Key.parse(key)) == kind


def test_a_phrase_closes_where_it_comes_to_rest():
    phrase = progression("C F G C Am Dm G C N", [1, 1, 1, 1, 1, 1, 1, 3, 2])
    found = find_cadences(phrase, in_key("C major"), least_confidence=0.5)
    assert [(c.kind, c.seconds) for c in found] == [("perfect", 7.0)]
    assert found[0].start_seconds == 6.0
    assert found[0].end_seconds == 10.0
    passing = [c for c in find_cadences(phrase, in_key("C major")) if c.seconds == 3.0]
    assert passing[0].confidence < 0.7 * found[0].confidence


def test_a_downbeat_lends_weight():
    phrase = progression("C Dm G C F", [1, 1, 1, 2, 1])
    key = in_key("C major")
    plain = find_cadences(phrase, key)
    marked = find_cadences(phrase, key, downbeat_seconds=[0.0, 3.05])
    assert [cadence.seconds for cadence in plain] == [cadence.seconds for cadence in marked]
    assert marked[0].seconds == 3.0
    assert marked[0].confidence > plain[0].confidence


def test_a_close_in_a_key_that_is_only_touched():
    phrase = progression("C Am D7 G N C", [1, 1, 1, 3, 1, 1])
    found = find_cadences(phrase, in_key("C major"), least_confidence=0.5)
    assert [(c.kind, c.seconds, c.key) for c in found] == [("half", 3.0, Key.parse("C major"))]
    phrase = progression("C G7/B C E7 Am N", [1, 1, 1, 1, 3, 1])
    found = find_cadences(phrase, in_key("C major"), least_confidence=0.5)
    assert [(c.kind, c.key) for c in found] == [("perfect", Key.parse("A minor"))]


def test_doubt_about_chords_is_doubt_about_the_cadence():
    sure = progression("Dm G C N", [1, 1, 2, 1])
    unsure = Chords(sure.start_seconds, sure.end_seconds, sure.chords, np.full(4, 0.5))
    key = in_key("C major")
    assert (
        find_cadences(unsure, key, least_confidence=0.0)[-1].confidence
        == 0.5 * find_cadences(sure, key, least_confidence=0.0)[-1].confidence
    )


def test_nothing_comes_of_nothing():
    nothing = Chords(np.zeros(0), np.zeros(0), (), np.zeros(0))
    assert find_cadences(nothing, KeyTrack(None, 0.0, (), ())) == ()
    with pytest.raises(RangeError):
        find_cadences(nothing, in_key("C major"), least_confidence=2.0)
