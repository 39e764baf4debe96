import resource

import mido
import numpy as np
import pytest

from segue.music.errors import FileFormatError, RangeError, SegueError
from segue.music.files import write_whole
from segue.music.midi import TICKS_PER_BEAT, read_midi, write_midi
from segue.music.score import Marker, Score, Track, make_notes
from segue.music.tempo import Meter, TempoMap


def same_score(one, other):
    """Whether two scores are equal in all they hold."""
    return (
        (one.title, one.meter, one.tempo) == (other.title, other.meter, other.tempo)
        and one.markers == other.markers
        and [(t.name, t.program, t.channel, t.bank) for t in one.tracks]
        == [(t.name, t.program, t.channel, t.bank) for t in other.tracks]
        and all(
            np.array_equal(a.notes, b.notes) for a, b in zip(one.tracks, other.tracks, strict=True)
        )
    )


def on_grid(rng, count):
    """Random notes that a file can hold exactly, no two of one pitch nested in each other."""
    rows = []
    for pitch in rng.choice(128, count, replace=False).tolist():
        onset = int(rng.integers(0, 20_000))
        for _ in range(3):
            length = int(rng.integers(1, 3000))
            velocity = int(rng.integers(1, 128)) / 127
            rows.append((onset / TICKS_PER_BEAT, length / TICKS_PER_BEAT, pitch, velocity))
            onset += length + int(rng.integers(-length // 2, 500))
            if onset + 1 < rows[-1][0] * TICKS_PER_BEAT + length:
                onset = int(rows[-1][0] * TICKS_PER_BEAT) + length  # keep ends in order
    return make_notes(rows)


def whole_score(seed=0):
    rng = np.random.default_rng(seed)
    tempo = TempoMap(66.5)
    tempo.change(4, 70)
    tempo.change(10.25, 133.3)
    tracks = (
        Track("Flöte 笛 🎺", on_grid(rng, 20), 73, 0),
        Track("", make_notes([]), 5, 3),
        Track("drums", make_notes([(i / 4, 1 / 4, 36 + i % 3, 0.4) for i in range(32)]), 0, 9),
        Track("same channel", on_grid(rng, 5), 127, 15, bank=300),
    )
    return Score(tracks, tempo, Meter(6, 8), "Überfahrt", (Marker(10.25, "Sturm 🌊"),))


@pytest.mark.parametrize("seed", range(5))
def test_round_trip_is_equal(tmp_path, seed):
    score = whole_score(seed)
    score = Score(
        tuple(
            Track(t.name, _through_float32(t.notes), t.program, t.channel, t.bank)
            for t in score.tracks
        ),
        score.tempo,
        score.meter,
        score.title,
        score.markers,
    )
    write_midi(score, tmp_path / "a.mid")
    back = read_midi(tmp_path / "a.mid")
    assert same_score(score, back)
    write_midi(back, tmp_path / "b.mid")
    assert (tmp_path / "a.mid").read_bytes() == (tmp_path / "b.mid").read_bytes()


def _through_float32(notes):
    """Velocities as a file gives them back."""
    notes = notes.copy()
    notes["velocity"] = np.round(notes["velocity"] * 127) / 127
    return notes


def test_times_off_the_grid_are_rounded_to_it(tmp_path):
    notes = make_notes([(1 / 3, 1 / 7, 60, 0.5), (2.00001, 0.00001, 61, 0.001), (5, 1, 62, 0.5)])
    write_midi(Score((Track("t", notes),)), tmp_path / "a.mid")
    back = read_midi(tmp_path / "a.mid").tracks[0].notes
    assert back["onset_beats"] == pytest.approx(notes["onset_beats"], abs=0.5 / TICKS_PER_BEAT)
    assert back["duration_beats"][1] == 1 / TICKS_PER_BEAT
    assert back["velocity"][1] == pytest.approx(1 / 127)


def test_overlaps_of_one_pitch(tmp_path):
    crossing = make_notes([(0, 2, 60, 0.5), (1, 2, 60, 0.5), (3, 1, 60, 0.5), (4, 1, 60, 0.5)])
    write_midi(Score((Track("t", crossing),)), tmp_path / "a.mid")
    back = read_midi(tmp_path / "a.mid").tracks[0].notes
    assert back[["onset_beats", "duration_beats"]].tolist() == [(0, 2), (1, 2), (3, 1), (4, 1)]

    nested = make_notes([(0, 4, 60, 0.5), (1, 1, 60, 0.5)])
    write_midi(Score((Track("t", nested),)), tmp_path / "b.mid")
    back = read_midi(tmp_path / "b.mid").tracks[0].notes
    assert back[["onset_beats", "duration_beats"]].tolist() == [(0, 2), (1, 3)]


def test_empty_scores(tmp_path):
    for tracks in ((), (Track("only", make_notes([])),)):
        write_midi(Score(tracks), tmp_path / "a.mid")
        assert same_score(read_midi(tmp_path / "a.mid"), Score(tracks))


def write_raw(path, kind, *tracks, ticks_per_beat=480):
    file = mido.MidiFile(type=kind, ticks_per_beat=ticks_per_beat)
    file.tracks.extend(mido.MidiTrack(messages) for messages in tracks)
    file.save(path)
    return path


def test_type_0_is_split_by_channel(tmp_path):
    on, off = mido.Message, mido.MetaMessage
    path = write_raw(
        tmp_path / "zero.mid",
        0,
        [
            off("track_name", name="song"),
            off("set_tempo", tempo=400_000),
            off("time_signature", numerator=3, denominator=4),
            on("program_change", channel=1, program=40),
            on("control_change", channel=5, control=7, value=100),
            on("note_on", channel=0, note=60, velocity=64),
            on("note_on", channel=1, note=72, velocity=127),
            on("note_on", channel=9, note=36, velocity=127),
            on("note_on", channel=0, note=60, velocity=0, time=480),
            on("note_off", channel=1, note=72, time=240),
            off("time_signature", numerator=4, denominator=4),
        ],
    )
    score = read_midi(path)
    assert [(t.name, t.channel, t.program) for t in score.tracks] == [
        ("song channel 1", 0, 0),
        ("song channel 2", 1, 40),
        ("song channel 10", 9, 0),
    ]
    assert [t.notes["duration_beats"].tolist() for t in score.tracks] == [[1.0], [1.5], [1.5]]
    assert score.meter == Meter(3, 4)
    assert score.tempo == TempoMap(150)


def test_strange_notes_are_made_sane(tmp_path):
    note = mido.Message
    path = write_raw(
        tmp_path / "odd.mid",
        1,
        [
            note("note_off", note=50),  # never began
            note("note_on", note=60, velocity=64),
            note("note_off", note=60),  # no length
            note("note_on", note=64, velocity=64),  # never ends
            note("note_on", note=67, velocity=64, time=480),
            note("note_on", note=67, velocity=0, time=480),
        ],
    )
    notes = read_midi(path).tracks[0].notes
    assert notes["pitch"].tolist() == [60, 64, 67]
    assert notes["duration_beats"].tolist() == [1 / 480, 2.0, 1.0]


def test_strange_tempos_and_meters_are_made_sane(tmp_path):
    meta = mido.MetaMessage
    path = write_raw(
        tmp_path / "odd.mid",
        1,
        [
            meta("set_tempo", tempo=0),
            meta("set_tempo", tempo=16_777_215, time=480),
            meta("time_signature", numerator=4, denominator=64),
            meta("time_signature", numerator=5, denominator=4),
        ],
        [mido.Message("note_on", note=60, velocity=64)],
    )
    score = read_midi(path)
    assert score.tempo.steps == [(0, 600), (1, 10)]
    assert score.meter == Meter(5, 4)


def test_names_of_old_files(tmp_path):
    path = tmp_path / "latin.mid"
    write_raw(path, 1, [], [mido.MetaMessage("track_name", name="Flöte")])
    assert read_midi(path).tracks[0].name == "Flöte"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a MIDI file at all",
        b"MThd",
        b"MThd\0\0\0\6\0\1\0\1",
        b"MThd\0\0\0\6\0\2\0\0\1\xe0",  # type 2
        b"MThd\0\0\0\6\0\1\0\0\0\0",  # no ticks
        b"MThd\0\0\0\6\0\1\0\0\xe7\x28",  # SMPTE frames
        b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk\0\0\0\x20\0\x90\x3c",  # ends in the middle
        b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk\0\0\0\4\0\x3c\x40\0",  # running status of nothing
        b"\xff" * 100,
    ],
)
def test_damaged_files(tmp_path, data):
    (tmp_path / "bad.mid").write_bytes(data)
    with pytest.raises(FileFormatError, match=r"bad\.mid") as caught:
        read_midi(tmp_path / "bad.mid")
    assert "\n" not in str(caught.value)


def test_no_truncation_ends_in_a_strange_error(tmp_path):
    write_midi(whole_score(), tmp_path / "whole.mid")
    data = (tmp_path / "whole.mid").read_bytes()
    for end in range(0, len(data) - 1, 37):
        (tmp_path / "cut.mid").write_bytes(data[:end])
        with pytest.raises(FileFormatError):
            read_midi(tmp_path / "cut.mid")


def test_missing_file(tmp_path):
    with pytest.raises(SegueError, match="cannot read"):
        read_midi(tmp_path / "nowhere.mid")
    with pytest.raises(SegueError, match="cannot read"):
        read_midi(tmp_path)


def test_bad_channel_is_refused(tmp_path):
    with pytest.raises(RangeError, match="channel of track 't'"):
        write_midi(Score((Track("t", make_notes([]), channel=16),)), tmp_path / "a.mid")
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_nothing_half_written(tmp_path):
    target = tmp_path / "a.bin"
    target.write_bytes(b"before")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(SegueError, match=r"cannot write .*a\.bin"):
            write_whole(target, bytes(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert target.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [target]


def test_no_folder(tmp_path):
    with pytest.raises(SegueError, match="cannot write"):
        write_midi(whole_score(), tmp_path / "no" / "a.mid")


def random_score(rng):
    """A score that a file can hold exactly: anything it can hold, drawn at random."""
    tempo = TempoMap(round(float(rng.uniform(20, 300)), 2))
    for beat in sorted(rng.choice(400, rng.integers(0, 12), replace=False).tolist()):
        tempo.change(beat / 4, round(float(rng.uniform(20, 300)), 2))
    tracks = tuple(
        Track(
            f"part {number} ♪",
            _through_float32(on_grid(rng, int(rng.integers(0, 25)))),
            int(rng.integers(128)),
            int(rng.integers(16)),
            int(rng.choice([0, 1, 128, 16383, rng.integers(16384)])),
        )
        for number in range(rng.integers(0, 6))
    )
    meter = Meter(int(rng.integers(1, 33)), int(rng.choice([1, 2, 4, 8, 16, 32])))
    names = ["calm", "stinger danger", "", "Überfall 敵", "calm"]
    markers = tuple(
        Marker(int(rng.integers(0, 90_000)) / TICKS_PER_BEAT, str(rng.choice(names)))
        for _ in range(rng.integers(0, 20))
    )
    return Score(tracks, tempo, meter, "random", markers)


@pytest.mark.parametrize("seed", range(40))
def test_any_score_reads_back_equal(tmp_path, seed):
    score = random_score(np.random.default_rng(seed))
    write_midi(score, tmp_path / "a.mid")
    back = read_midi(tmp_path / "a.mid")
    assert same_score(score, back)
    assert mido.MidiFile(tmp_path / "a.mid").type == 1
    write_midi(back, tmp_path / "b.mid")
    assert (tmp_path / "a.mid").read_bytes() == (tmp_path / "b.mid").read_bytes()


def test_markers_lie_in_order_and_in_time():
    score = Score((), markers=(Marker(8.0, "fight"), Marker(0.0, "calm"), Marker(8.0, "crash")))
    assert [mark.text for mark in score.markers] == ["calm", "fight", "crash"]
    with pytest.raises(RangeError, match="beat of marker 'x'"):
        Marker(-1.0, "x")
    with pytest.raises(RangeError, match="beat of marker 'x'"):
        Marker(float("nan"), "x")


def test_a_bank_is_chosen_before_the_program(tmp_path):
    write_midi(Score((Track("t", make_notes([]), 5, 2, bank=1000),)), tmp_path / "a.mid")
    voice = [m for m in mido.MidiFile(tmp_path / "a.mid").tracks[1] if not m.is_meta]
    assert [(m.type, m.channel) for m in voice] == [
        ("control_change", 2),
        ("control_change", 2),
        ("program_change", 2),
    ]
    assert [(m.control, m.value) for m in voice[:2]] == [(0, 1000 // 128), (32, 1000 % 128)]
    with pytest.raises(RangeError, match="bank of track 't'"):
        write_midi(Score((Track("t", make_notes([]), bank=16384),)), tmp_path / "b.mid")
