import json

import numpy as np
import pytest
import soundfile

from segue.analysis.harmony.key import KeyTrack
from segue.analysis.notation.transcribe import LINES, transcribe, transcribe_score
from segue.analysis.notation.transcribe_file import check_target, transcribe_file, write_score
from segue.analysis.notes.polyphonic import HeardNotes
from segue.analysis.rhythm.beats import Beats
from segue.cli import app
from segue.music.errors import FileFormatError, SegueError, UnknownNameError
from segue.music.midi import read_midi, write_midi
from segue.music.score import Score, Track, make_notes
from segue.music.tempo import Meter, TempoMap
from segue.music.theory import Key

RATE = 22_050

KEY = KeyTrack(Key.parse("G"), 0.9, (), ())

ODE = [
    (64, 1), (64, 1), (65, 1), (67, 1), (67, 1), (65, 1), (64, 1), (62, 1),
    (60, 1), (60, 1), (62, 1), (64, 1), (64, 1.5), (62, 0.5), (62, 2),
]  # fmt: skip
JACQUES = [
    (60, 1), (62, 1), (64, 1), (60, 1), (60, 1), (62, 1), (64, 1), (60, 1),
    (64, 1), (65, 1), (67, 2), (64, 1), (65, 1), (67, 2),
    (67, 0.5), (69, 0.5), (67, 0.5), (65, 0.5), (64, 1), (60, 1),
    (67, 0.5), (69, 0.5), (67, 0.5), (65, 0.5), (64, 1), (60, 1),
    (60, 1), (55, 1), (60, 2), (60, 1), (55, 1), (60, 2),
]  # fmt: skip


def written(tune):
    """(onset, length, pitch) of a tune of pitches and lengths."""
    at, rows = 0.0, []
    for pitch, length in tune:
        rows.append((at, float(length), pitch))
        at += length
    return rows


def notes_of(made):
    return [
        (round(float(a), 6), round(float(b), 6), int(c))
        for a, b, c, _ in np.concatenate([track.notes for track in made.score.tracks])
    ]


def play(tune, bpm, lead=0.4, rate=RATE):
    """The tune as a plucked string with some room."""
    beat = 60.0 / bpm
    sound = np.zeros(round((lead + sum(length for _, length in tune) * beat + 1.0) * rate))
    for onset, length, pitch in written(tune):
        t = np.arange(round((length * beat * 0.92 + 0.1) * rate)) / rate
        hz = 440.0 * 2.0 ** ((pitch - 69) / 12)
        shape = np.minimum(t / 0.008, 1.0) * np.exp(-2.5 * t) * np.clip((t[-1] - t) / 0.1, 0, 1)
        string = sum(0.55**k * np.sin(2 * np.pi * hz * (k + 1) * t) for k in range(8))
        start = round((lead + onset * beat) * rate)
        sound[start : start + len(t)] += (string * shape)[: len(sound) - start]
    return 0.5 * sound / np.abs(sound).max()


@pytest.mark.parametrize(("tune", "bpm"), [(ODE, 100.0), (JACQUES, 120.0)])
def test_a_tune_that_was_played_is_the_tune_that_is_written(tmp_path, tune, bpm):
    from music21 import converter

    made = transcribe(play(tune, bpm), RATE, lines="one", drums=False, title="Tune")
    assert notes_of(made) == written(tune)
    assert made.tempo_bpm == pytest.approx(bpm, rel=0.02)
    assert made.start_seconds == pytest.approx(0.4, abs=0.05)
    assert made.score.meter == Meter(4, 4)
    assert made.note_confidence > 0.5
    write_score(made, tmp_path / "tune.musicxml")
    sheet = converter.parse(tmp_path / "tune.musicxml", forceSource=True)
    read = [
        (float(note.offset), float(note.quarterLength), note.pitch.midi)
        for note in sheet.parts[0].flatten().stripTies().notes
    ]
    assert read == written(tune)
    write_score(made, tmp_path / "tune.mid")
    again = read_midi(tmp_path / "tune.mid")
    assert [(a, b, int(c)) for a, b, c, _ in again.tracks[0].notes] == written(tune)


def test_without_a_grid_notes_stay_where_they_were_played():
    made = transcribe(play(ODE, 100.0), RATE, lines="one", drums=False, quantised=False)
    onsets = [onset for onset, _, _ in notes_of(made)]
    assert onsets != [onset for onset, _, _ in written(ODE)]
    np.testing.assert_allclose(onsets, [onset for onset, _, _ in written(ODE)], atol=0.08)
    assert made.moved_seconds == 0.0


def test_sections_become_markers_and_progress_is_told():
    told = []
    made = transcribe(
        play(ODE, 100.0),
        RATE,
        lines="one",
        drums=False,
        sections=[(0.41, "A"), (0.4 + 8 * 0.6, "B")],
        progress=lambda share, what: told.append(share),
    )
    assert [(mark.beat, mark.text) for mark in made.score.markers] == [(0.0, "A"), (8.0, "B")]
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert json.loads(json.dumps(made.to_dict()))["tracks"][0]["name"] == "Melody"


def rows(tune):
    return [(onset, length, pitch, 0.7) for onset, length, pitch in written(tune)]


def test_a_written_midi_file_stays_as_it_is():
    score = Score((Track("Tune", make_notes(rows(ODE)), 73),), TempoMap(90.0), Meter(2, 4))
    made = transcribe_score(score)
    assert made.score == score
    assert str(made.key) == "C ionian"


def test_a_midi_file_played_to_a_click_is_put_on_its_beats():
    rng = np.random.default_rng(0)
    played = [(max(a + rng.normal(0, 0.012), 0.0), b * 0.85, c, v) for a, b, c, v in rows(JACQUES)]
    score = Score((Track("Tune", make_notes(played), 73),), TempoMap(90.0))
    made = transcribe_score(score)
    assert notes_of(made) == written(JACQUES)
    assert made.score.tempo.bpm == 90.0


def test_a_midi_file_played_freely_gets_beats_of_its_own():
    ratio = 120.0 / 97.0  # the file says 120, the player plays 97
    played = [(1.3 + a * ratio, b * ratio * 0.9, c, v) for a, b, c, v in rows(JACQUES)]
    made = transcribe_score(Score((Track("Tune", make_notes(played), 73),)))
    assert notes_of(made) == written(JACQUES)
    assert made.tempo_bpm == pytest.approx(97.0, rel=0.02)


def test_a_jig_to_its_beats_is_in_six_eight():
    jig = [(67, 1 / 3), (69, 1 / 3), (71, 1 / 3)] * 6 + [(74, 2 / 3), (71, 1 / 3)] * 2
    onset, length, pitch = np.array(written(jig)).T
    period = 60.0 / 110.0
    notes = HeardNotes(
        0.5 + onset * period,
        0.5 + (onset + 0.9 * length) * period,
        pitch.astype(np.int64),
        np.full(len(pitch), 0.7),
        np.full(len(pitch), 0.9),
    )
    count = 9
    beats = Beats(
        0.5 + period * np.arange(count),
        np.arange(count) % 2 + 1,
        np.full(count, 0.9),
        np.full(count, 110.0),
        2,
        0.9,
        110.0,
        0.9,
        (),
    )
    sound = np.zeros(6 * RATE)
    made = transcribe(sound, RATE, lines="many", drums=False, notes=notes, beats=beats, key=KEY)
    assert made.score.meter == Meter(6, 8)
    assert [length for _, length, _ in notes_of(made)] == [round(b * 1.5, 6) for b in length]
    assert made.tempo_bpm == pytest.approx(165.0)
    assert made.start_seconds == pytest.approx(0.5)


def test_files(tmp_path):
    soundfile.write(tmp_path / "tune.wav", play(ODE, 100.0), RATE)
    made = transcribe_file(tmp_path / "tune.wav", lines="one", drums=False)
    assert notes_of(made) == written(ODE)
    assert made.score.title == "tune"
    write_midi(made.score, tmp_path / "tune.mid")
    assert notes_of(transcribe_file(tmp_path / "tune.mid")) == written(ODE)


def test_bad_input_is_told(tmp_path):
    with pytest.raises(SegueError, match="no note"):
        transcribe(np.zeros(RATE), RATE, lines="one")
    with pytest.raises(UnknownNameError, match="lines"):
        transcribe(np.zeros(RATE), RATE, lines="three")
    with pytest.raises(SegueError, match="no notes"):
        transcribe_score(Score(()))
    (tmp_path / "a.wav").write_bytes(b"no sound")
    with pytest.raises(FileFormatError, match=r"a\.wav"):
        transcribe_file(tmp_path / "a.wav")
    (tmp_path / "b.wav").write_bytes(b"MThd garbage")
    with pytest.raises(FileFormatError, match=r"b\.wav"):
        transcribe_file(tmp_path / "b.wav")
    with pytest.raises(SegueError, match=r"none\.wav"):
        transcribe_file(tmp_path / "none.wav")
    soundfile.write(tmp_path / "silent.wav", np.zeros(RATE), RATE)
    with pytest.raises(SegueError, match=r"silent\.wav: no note"):
        transcribe_file(tmp_path / "silent.wav", lines="one")


def test_targets(tmp_path):
    sound, midi = tmp_path / "a.wav", tmp_path / "a.mid"
    soundfile.write(sound, np.zeros(RATE), RATE)
    write_midi(Score((Track("Tune", make_notes(rows(ODE))),)), midi)
    assert check_target(sound) == midi
    assert check_target(midi) == tmp_path / "a.musicxml"
    with pytest.raises(SegueError, match=r"\.mid or"):
        check_target(sound, tmp_path / "a.pdf")
    with pytest.raises(SegueError, match="off the grid"):
        check_target(sound, tmp_path / "a.musicxml", quantised=False)
    with pytest.raises(SegueError, match="another name"):
        check_target(midi, midi)
    with pytest.raises(SegueError, match="no folder"):
        check_target(sound, tmp_path / "none" / "a.mid")
    assert set(LINES) == {"auto", "one", "many"}


def test_a_voice_is_followed_where_no_strokes_are_heard(sing):
    midi = np.repeat([57.0, 59.0, 61.0, 57.0], 24_000) + 0.3 * np.sin(np.arange(96_000) / 1_500)
    none = HeardNotes(np.zeros(0), np.zeros(0), np.zeros(0, np.int64), np.zeros(0), np.zeros(0))
    made = transcribe(sing(midi)[0], 48_000, lines="one", drums=False, notes=none, quantised=False)
    assert [pitch for _, _, pitch in notes_of(made)] == [57, 59, 61, 57]


def test_the_command(tmp_path, capsys):
    midi = tmp_path / "a.mid"
    write_midi(Score((Track("Tune", make_notes(rows(ODE))),)), midi)
    app(["transcribe", str(midi), "--json", str(tmp_path / "a.json")], standalone_mode=False)
    assert "Tune" in capsys.readouterr().out
    assert (tmp_path / "a.musicxml").read_bytes().startswith(b"<?xml")
    told = json.loads((tmp_path / "a.json").read_text())
    assert told["results"]["meter"] == "4/4"
    with pytest.raises(SegueError, match="off the grid"):
        app(
            ["transcribe", str(midi), "-o", str(tmp_path / "b.musicxml"), "--no-quantise"],
            standalone_mode=False,
        )
