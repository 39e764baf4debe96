import itertools

import pytest

from segue.music.errors import SegueError, UnknownNameError
from segue.music.theory import (
    MODES,
    NAMES,
    QUALITIES,
    Chord,
    Key,
    chord_to_mode,
    degree_of,
    over_chord_to_mode,
    to_mode,
)


def test_modes_go_from_dark_to_bright():
    for darker, brighter in itertools.pairwise(MODES.values()):
        raised = [high - low for low, high in zip(darker, brighter, strict=True)]
        assert sorted(raised) == [0] * 6 + [1]


@pytest.mark.parametrize(
    ("text", "tonic", "mode"),
    [
        ("D minor", 2, "aeolian"),
        ("Bb lydian", 10, "lydian"),
        ("F#", 6, "ionian"),
        ("Cb", 11, "ionian"),
    ],
)
def test_key(text, tonic, mode):
    key = Key.parse(text)
    assert (key.tonic, key.mode) == (tonic, mode)
    assert Key.parse(str(key)) == key


def test_bad_keys():
    with pytest.raises(SegueError, match="H minor"):
        Key.parse("H minor")
    with pytest.raises(UnknownNameError, match="dorian"):
        Key.parse("D dorain")


def test_every_chord_survives_its_name():
    for root, quality, bass in itertools.product(range(12), QUALITIES, (None, 0, 10)):
        chord = Chord(root, quality, bass)
        assert Chord.parse(str(chord)) == chord


def test_chord_tones():
    assert Chord.parse("F#m7b5").pitch_classes == (6, 9, 0, 4)
    assert Chord.parse("C/E").bass_class == 4
    assert Chord.parse("C").bass_class == 0


@pytest.mark.parametrize("text", ["", "H", "Cmin", "C/", "c", "C/H", "Dm extra"])
def test_bad_chords(text):
    with pytest.raises(SegueError, match="chord"):
        Chord.parse(text)


def test_degrees():
    key = Key.parse("D minor")
    assert degree_of(62, key) == (5, 0, 0)
    assert degree_of(61, key) == (4, 6, 1)  # the leading tone


def test_to_mode_lands_in_the_mode_and_keeps_order():
    for tonic, (name, scale), target in itertools.product((0, 2, 11), MODES.items(), MODES):
        key = Key(tonic, name)
        pitches = [tonic + 60 + step for step in scale]
        moved = [to_mode(pitch, key, target) for pitch in pitches]
        assert [(pitch - tonic) % 12 for pitch in moved] == list(MODES[target])
        assert moved == sorted(moved)
        assert [to_mode(pitch, Key(tonic, target), name) for pitch in moved] == pitches


def test_altered_notes_stay_below_the_next_degree():
    key = Key.parse("D minor")
    assert to_mode(61, key, "phrygian") == 61  # C# leads to D in phrygian too
    assert to_mode(61, key, "ionian") == 61  # where it belongs to the mode
    for target in MODES:
        for pitch in range(48, 84):
            degree = degree_of(pitch, key)[1]
            moved = to_mode(pitch, key, target)
            assert degree_of(moved, Key(key.tonic, target))[1] in (degree, degree + 1)
            assert abs(moved - pitch) <= 2


def test_chords_follow_the_mode():
    key = Key.parse("D minor")
    bass, classes = chord_to_mode(Chord.parse("Gm"), key, "dorian")
    assert NAMES[bass] == "G"
    assert [NAMES[pc] for pc in classes] == ["G", "B", "D"]


@pytest.mark.parametrize(
    ("chord", "mode", "bass", "names"),
    [
        ("Bb", "dorian", "G", ["G", "B", "D", "F"]),
        ("Bb/D", "dorian", "D", ["G", "B", "D", "F"]),
        ("Am", "phrygian", "F", ["F", "A", "C", "Eb"]),
        ("Edim", "dorian", "E", ["E", "G", "B"]),
        ("Edim", "aeolian", "E", ["E", "G", "Bb"]),
    ],
)
def test_no_chord_becomes_diminished_by_a_move(chord, mode, bass, names):
    moved, classes = chord_to_mode(Chord.parse(chord), Key.parse("D minor"), mode)
    assert (NAMES[moved], [NAMES[pc] for pc in classes]) == (bass, names)


@pytest.mark.parametrize(
    ("chord", "key", "modes", "names"),
    [
        ("Eb", "D minor", ("phrygian", "dorian"), ["Eb", "G", "Bb"]),
        ("Bb/D", "A minor", ("dorian", "mixolydian"), ["Bb", "D", "F"]),
        ("Eb", "F major", ("aeolian", "mixolydian", "lydian"), ["Eb", "G", "Bb"]),
        ("F#m", "C major", ("dorian", "phrygian"), ["F#", "A", "C#"]),
    ],
)
def test_a_borrowed_chord_moves_as_a_whole_and_its_tones_in_the_theme_with_it(
    chord, key, modes, names
):
    borrowed, home = Chord.parse(chord), Key.parse(key)
    for mode in modes:
        bass, classes = chord_to_mode(borrowed, home, mode)
        assert [NAMES[pc] for pc in classes] == names  # these roots stay where they are
        assert bass == borrowed.bass_class
        theme = [over_chord_to_mode(60 + pc, borrowed, home, mode) for pc in classes]
        assert [pitch % 12 for pitch in theme] == list(classes)


def test_other_notes_over_a_borrowed_chord_follow_the_mode():
    key = Key.parse("D minor")
    assert over_chord_to_mode(70, Chord.parse("Eb"), key, "dorian") == 70
    assert over_chord_to_mode(70, Chord.parse("Gm"), key, "dorian") == 71
    assert over_chord_to_mode(72, Chord.parse("Eb"), key, "phrygian") == 72
    assert over_chord_to_mode(65, Chord.parse("Eb"), key, "ionian") == 66
