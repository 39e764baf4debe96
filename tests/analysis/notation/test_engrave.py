from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from segue.analysis.notation.engrave import to_music21, write_musicxml
from segue.analysis.notation.spelling import key_sharps, spelled
from segue.analysis.notation.staves import needs_two_staves, separate_voices, split_hands
from segue.music.errors import SegueError
from segue.music.score import Marker, Score, Track, make_notes
from segue.music.tempo import Meter, TempoMap
from segue.music.theory import Key

LINE = [
    (0, 1, 60, 0.8),
    (1, 0.5, 62, 0.8),
    (1.5, 1, 64, 0.8),
    (2.5, 0.5, 65, 0.8),
    (3, 2, 67, 0.8),
    (5, 1 / 3, 69, 0.8),
    (5 + 1 / 3, 1 / 3, 71, 0.8),
    (5 + 2 / 3, 1 / 3, 72, 0.8),
    (6, 1.75, 66, 0.8),
]
BASS = [(0, 2, 48, 0.7), (0, 2, 52, 0.7), (2, 2, 43, 0.7), (4, 4, 36, 0.7), (5, 0.75, 52, 0.7)]


def reopened(score, path, key=None):
    from music21 import converter

    write_musicxml(score, path, key)
    return converter.parse(path, forceSource=True)


def notes_of(sheet):
    """(onset, length, pitch) of all notes of a music21 score, ties joined."""
    found = []
    for part in sheet.parts:
        for note in part.flatten().stripTies().notes:
            for pitch in note.pitches:
                found.append((Fraction(note.offset), Fraction(note.quarterLength), pitch.midi))
    return sorted((float(a), float(b), c) for a, b, c in found)


def notes_in(*tracks):
    rows = [tuple(row)[:3] for track in tracks for row in track.notes]
    return sorted((float(a), float(b), int(c)) for a, b, c in rows)


def check_bars(sheet, meter):
    for part in sheet.parts:
        for measure in part.getElementsByClass("Measure"):
            assert measure.duration.quarterLength == meter.bar_beats
            for voice in measure.voices:
                assert voice.duration.quarterLength == meter.bar_beats


@pytest.mark.parametrize("program", [0, 73])
def test_music21_reads_the_same_notes(tmp_path, program):
    track = Track("Part", make_notes(LINE + BASS), program)
    sheet = reopened(Score((track,)), tmp_path / "a.musicxml")
    np.testing.assert_allclose(notes_of(sheet), notes_in(track), atol=1e-6)
    check_bars(sheet, Meter())
    assert len(sheet.parts) == (2 if program == 0 else 1)


@pytest.mark.parametrize("meter", ["4/4", "3/4", "6/8", "2/4", "5/4", "12/8"])
def test_any_notes_on_the_grid_come_back(tmp_path, meter):
    rng = np.random.default_rng(7)
    at, rows = 0.0, []
    for _ in range(40):
        grid = 1 / 3 if rng.random() < 0.2 and at % 1 == 0 else 0.25
        length = float(rng.integers(1, 4)) * grid if grid < 0.3 else 1 / 3
        count = 3 if grid > 0.3 else 1
        for step in range(count):
            for pitch in rng.choice(np.arange(40, 84), rng.integers(1, 4), replace=False):
                rows.append((at + step * length, length, int(pitch), 0.7))
        at += count * length + float(rng.choice([0.0, 0.0, 0.25, 1.0]))
        at = at if rng.random() < 0.8 else np.ceil(at)
        if grid < 0.3:
            at = np.round(at * 4) / 4
    track = Track("Piano", make_notes(rows))
    score = Score((track,), meter=Meter.parse(meter))
    sheet = reopened(score, tmp_path / "a.musicxml")
    np.testing.assert_allclose(notes_of(sheet), notes_in(track), atol=1e-6)
    check_bars(sheet, score.meter)
    assert sheet.recurse().getElementsByClass("TimeSignature").first().ratioString == meter


def test_key_clefs_tempo_and_markers_are_written(tmp_path):
    low = Track("Bass", make_notes([(0, 4, 40, 0.7), (4, 4, 45, 0.7)]), 32)
    high = Track("Flute", make_notes([(0, 4, 79, 0.7), (4, 4, 78, 0.7)]), 73)
    score = Score((high, low), TempoMap(96.0), title="A name", markers=(Marker(4.0, "B"),))
    sheet = reopened(score, tmp_path / "a.musicxml", Key.parse("D major"))
    flat = sheet.recurse()
    assert {key.sharps for key in flat.getElementsByClass("KeySignature")} == {2}
    assert [clef.sign for clef in flat.getElementsByClass("Clef")] == ["G", "F"]
    assert flat.getElementsByClass("MetronomeMark").first().number == 96
    assert [mark.content for mark in flat.getElementsByClass("RehearsalMark")] == ["B"]
    assert sheet.metadata.bestTitle == "A name"
    assert [part.partName for part in sheet.parts] == ["Flute", "Bass"]


def test_notes_over_bar_lines_are_tied():
    sheet = to_music21(Score((Track("Line", make_notes([(3, 2, 60, 0.7)]), 73),)))
    notes = list(sheet.recurse().notes)
    assert [note.tie.type for note in notes] == ["start", "stop"]
    assert [note.measureNumber for note in notes] == [1, 2]


def test_drums_have_their_staff(tmp_path):
    hits = [(k / 2, 0.1, 42, 0.6) for k in range(8)] + [(k * 1.0, 0.1, 36, 0.6) for k in range(4)]
    score = Score((Track("Drums", make_notes(hits), channel=9),))
    sheet = reopened(score, tmp_path / "a.musicxml")
    assert sheet.recurse().getElementsByClass("PercussionClef")
    strokes = [note for note in sheet.recurse().notes if not note.isRest]
    assert sum(len(getattr(note, "notes", [note])) for note in strokes) == 12
    check_bars(sheet, Meter())


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("C", "C C# D Eb E F F# G G# A Bb B"),
        ("Eb", "C Db D Eb E F Gb G Ab A Bb B"),
        ("A minor", "C C# D D# E F F# G G# A Bb B"),
        ("E", "B# C# D D# E E# F# G G# A A# B"),
    ],
)
def test_notes_are_spelled_as_in_the_key(key, names):
    key = Key.parse(key)
    found = [spelled(pitch, key) for pitch in range(60, 72)]
    assert [n + "#" * max(a, 0) + "b" * max(-a, 0) for n, a, _ in found] == names.split()


@pytest.mark.parametrize("tonic", range(12))
@pytest.mark.parametrize("mode", ["ionian", "aeolian", "dorian", "lydian", "phrygian"])
def test_every_spelling_sounds_as_it_should(tonic, mode):
    key = Key(tonic, mode)
    letters = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
    for pitch in range(21, 109):
        name, alter, octave = spelled(pitch, key)
        assert letters[name] + alter + 12 * (octave + 1) == pitch
    scale = [spelled(60 + step, key) for step in key.scale]
    assert len({name for name, _, _ in scale}) == 7
    assert sum(alter for _, alter, _ in scale) == key_sharps(key)


def test_hands_are_split_where_a_player_would():
    notes = make_notes(LINE + BASS)
    right, left = split_hands(notes)
    assert sorted(left["pitch"]) == sorted(row[2] for row in BASS)
    assert len(right) == len(LINE)
    assert needs_two_staves(notes)
    assert not needs_two_staves(make_notes(LINE))


def test_voices_do_not_overlap_and_keep_every_note():
    notes = make_notes([*LINE, *BASS, (0, 8, 55, 0.7)])
    voices = separate_voices(notes)
    for voice in voices:
        assert all(one.end <= other.onset for one, other in pairwise(voice))
    assert sum(len(chord.pitches) for voice in voices for chord in voice) == len(notes)


def test_what_cannot_be_engraved_is_told(tmp_path):
    with pytest.raises(SegueError, match="without notes"):
        write_musicxml(Score(()), tmp_path / "a.musicxml")
    with pytest.raises(SegueError, match="quantise"):
        write_musicxml(
            Score((Track("A", make_notes([(0.03, 1, 60, 0.5)])),)), tmp_path / "a.musicxml"
        )
    assert not list(tmp_path.iterdir())
