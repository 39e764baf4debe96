import numpy as np
import pytest

from segue.music.arranger import arrange
from segue.music.cue_file import check_cue
from segue.music.cue_import import import_midi
from segue.music.errors import FileFormatError, SegueError
from segue.music.midi import write_midi
from segue.music.score import Score, Track, make_notes
from segue.music.score_analysis import find_chords, find_key, find_melody, skyline
from segue.music.tempo import Meter, TempoMap
from segue.music.theory import MODES, Chord, Key

PROGRESSION = ("C", "F", "G7", "Am", "F", "Dm", "G", "C")


def chord_notes(names, bar_beats, start_beats=0.0):
    return make_notes(
        [
            (start_beats + bar * bar_beats, bar_beats, 48 + pc, 0.6)
            for bar, name in enumerate(names)
            for pc in Chord.parse(name).pitch_classes
        ]
    )


def tune(names, bar_beats, start_beats=0.0):
    return make_notes(
        [
            (start_beats + bar * bar_beats + step / 2, 0.5, 72 + tones[step % len(tones)], 0.8)
            for bar, name in enumerate(names)
            for tones in (Chord.parse(name).pitch_classes,)
            for step in range(round(bar_beats * 2))
        ]
    )


def song(meter, bars=16, title="A song"):
    names = (PROGRESSION * 8)[:bars]
    drums = make_notes([(beat, 0.1, 36, 1.0) for beat in range(8)])
    tracks = (
        Track("keys", chord_notes(names, meter.bar_beats), 4, 0),
        Track("line", tune(names, meter.bar_beats), 73, 1),
        Track("kit", drums, 0, 9),
    )
    return Score(tracks, TempoMap(100), meter, title)


@pytest.mark.parametrize("tonic", range(12))
@pytest.mark.parametrize("mode", ["ionian", "aeolian"])
def test_key_of_a_cadence(tonic, mode):
    key = Key(tonic, mode)
    minor = "m" if mode == "aeolian" else ""
    names = [
        str(Chord((tonic + root) % 12, quality))
        for root, quality in ((0, minor), (5, minor), (7, ""), (0, minor))
    ]
    assert find_key(chord_notes(names, 4)) == key


def test_chords_are_found_again():
    meter = Meter(4, 4)
    found = find_chords(chord_notes(PROGRESSION, 4), 8, meter, Key())
    assert found == tuple((Chord.parse(name),) for name in PROGRESSION)
    names = ("C", "F", "G", "Am", "Em", "F", "G", "C")
    halves = find_chords(chord_notes(names, 2), 4, meter, Key())
    assert [chord for bar in halves for chord in bar] == [Chord.parse(name) for name in names]


def test_silent_bars_keep_the_chord():
    found = find_chords(chord_notes(("F",), 4), 3, Meter(), Key())
    assert found == ((Chord(5),),) * 3


def test_skyline_is_one_voice_on_top():
    line = skyline(
        make_notes(
            [(0, 2, 72, 0.8), (0, 4, 60, 0.5), (1, 1, 48, 0.5), (1.5, 1, 74, 0.8), (3, 1, 65, 0.8)]
        )
    )
    assert line["pitch"].tolist() == [72, 74, 65]
    assert line["duration_beats"].tolist() == [1.5, 1, 1]


def test_melody_is_the_high_single_line():
    score = song(Meter())
    pitched = list(score.tracks[:2])
    assert find_melody(pitched).name == "line"
    assert find_melody(pitched[::-1]).name == "line"


@pytest.mark.parametrize("meter", ["4/4", "3/4", "6/8", "7/8", "5/4", "2/2", "12/8", "2/4"])
def test_any_meter_makes_a_playable_cue(tmp_path, meter):
    write_midi(song(Meter.parse(meter)), tmp_path / "song.mid")
    cue = import_midi(tmp_path / "song.mid", tmp_path / "cue")
    assert check_cue(tmp_path / "cue") == []
    assert str(cue.meter) == meter
    assert (cue.name, cue.title) == ("cue", "A song")
    assert cue.key == Key()
    assert cue.tempo_bpm == (75, 125)
    assert cue.layers[0].instrument == "flute"
    assert cue.parameter("intensity").default == 0.5
    assert [section.bars for section in cue.sections] == [8]  # the second eight repeat the first
    assert arrange(cue).notes.size


def test_upbeat_bars_become_four_four(tmp_path):
    write_midi(song(Meter(1, 4)), tmp_path / "song.mid")
    assert import_midi(tmp_path / "song.mid", tmp_path / "cue").meter == Meter(4, 4)


def test_different_stretches_become_sections(tmp_path):
    names = PROGRESSION + PROGRESSION[::-1] + PROGRESSION + ("Am", "F", "C")
    score = Score((Track("one", tune(names, 4)), Track("two", chord_notes(names, 4))))
    write_midi(score, tmp_path / "song.mid")
    cue = import_midi(tmp_path / "song.mid", tmp_path / "cue", "Named")
    assert cue.title == "Named"
    assert [(s.start_bar, s.bars) for s in cue.sections] == [(0, 8), (8, 8), (24, 3)]


def test_one_polyphonic_track_and_a_late_start(tmp_path):
    notes = np.concatenate([chord_notes(PROGRESSION, 4, 40.0), tune(PROGRESSION, 4, 40.0)])
    write_midi(Score((Track("piano", make_notes(notes.tolist())),)), tmp_path / "song.mid")
    cue = import_midi(tmp_path / "song.mid", tmp_path / "cue")
    melody = cue.tracks["melody"]
    assert melody["onset_beats"][0] == 0
    assert (np.diff(melody["onset_beats"]) > 0).all()
    assert cue.sections[0].chords == tuple((Chord.parse(name),) for name in PROGRESSION)


def test_a_long_beginning_of_drums_is_left_out(tmp_path):
    drums = Track("kit", make_notes([(beat, 0.1, 36, 1.0) for beat in range(0, 900, 4)]), 0, 9)
    late = Track("late", tune(PROGRESSION, 4, 800.0))
    write_midi(Score((drums, late)), tmp_path / "song.mid")
    cue = import_midi(tmp_path / "song.mid", tmp_path / "cue")
    assert cue.bars == 8
    assert cue.tracks["melody"]["onset_beats"][0] == 0


@pytest.mark.parametrize("pitch", [0, 5, 64, 120, 127])
def test_extreme_pitches_come_into_range(tmp_path, pitch):
    notes = make_notes([(beat, 1, min(pitch + beat % 3, 127), 0.5) for beat in range(16)])
    write_midi(Score((Track("odd", notes),)), tmp_path / "song.mid")
    cue = import_midi(tmp_path / "song.mid", tmp_path / "cue")
    assert check_cue(tmp_path / "cue") == []
    assert abs(np.median(cue.tracks["melody"]["pitch"]) - 72) <= 6


@pytest.mark.parametrize("seed", range(10))
def test_noise_makes_a_playable_cue_too(tmp_path, seed):
    rng = np.random.default_rng(seed)
    rows = [
        (rng.uniform(0, 50), rng.exponential(2) + 0.01, int(rng.integers(128)), rng.uniform(0.1, 1))
        for _ in range(int(rng.integers(1, 200)))
    ]
    score = Score((Track("", make_notes(rows), int(rng.integers(128))),))
    write_midi(score, tmp_path / "song.mid")
    cue = import_midi(tmp_path / "song.mid", tmp_path / "cue")
    assert check_cue(tmp_path / "cue") == []
    assert set(cue.modes) <= set(MODES)


@pytest.mark.parametrize(
    ("tracks", "words"),
    [
        ((), "no notes"),
        ((Track("a", make_notes([])),), "no notes"),
        ((Track("kit", make_notes([(0, 1, 36, 0.5)]), 0, 9),), "only drums"),
    ],
)
def test_nothing_to_import(tmp_path, tracks, words):
    write_midi(Score(tracks), tmp_path / "song.mid")
    with pytest.raises(FileFormatError, match=words):
        import_midi(tmp_path / "song.mid", tmp_path / "cue")
    assert not (tmp_path / "cue").exists()


def test_a_cue_is_not_overwritten(tmp_path):
    write_midi(song(Meter()), tmp_path / "song.mid")
    import_midi(tmp_path / "song.mid", tmp_path / "cue")
    before = (tmp_path / "cue" / "cue.toml").read_bytes()
    with pytest.raises(SegueError, match="already holds a cue"):
        import_midi(tmp_path / "song.mid", tmp_path / "cue")
    assert (tmp_path / "cue" / "cue.toml").read_bytes() == before
