"""The benchmark of the voice measures what it says, and would see it if it were wrong."""

import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

from segue.analysis.sound.audio import find_clicks
from segue.benchmarks import synth, synth_cleanliness, synth_exactness, synth_live, synth_peers
from segue.benchmarks.findings import Found
from segue.benchmarks.synth_material import Spot, process_seconds, record
from segue.benchmarks.synth_piece import Piece, load_piece, save_piece
from segue.benchmarks.synth_speed import voice_cost
from segue.music.cue_file import load_cue
from segue.music.errors import MissingPartError, SegueError, UnknownNameError
from segue.music.midi import read_midi
from segue.music.mood import Mood
from segue.synth.engine import Engine


def quiet(what: str, share: float) -> None:
    assert 0.0 <= share <= 1.0


@pytest.fixture(scope="module")
def knock():
    return synth_exactness.shortest_knock()


@pytest.fixture(scope="module")
def piece() -> Piece:
    return record(Spot("dungeon", "fight", Mood(0, 1, 0), 20.0), 3.0)


def test_events_are_on_their_frames_and_errors_would_be_seen(knock, monkeypatch):
    found = synth_exactness.measure(quiet, events=40, blocks=(64, 1024))
    assert found.results == {"event_frame_error_max": 0.0}
    schedule = Engine.schedule

    def late(engine, events):
        moved = events.copy()
        moved["at_frame"][3] += 5
        moved["at_frame"][4] -= 7
        schedule(engine, moved)

    monkeypatch.setattr(Engine, "schedule", late)
    errors = synth_exactness.onset_errors(knock, 20, 256, lambda share: None)
    assert sorted(errors)[-4:] == [5, 5, 7, 7]
    assert np.count_nonzero(errors) == 4


def test_an_event_that_is_not_heard_is_an_error(knock, monkeypatch):
    schedule = Engine.schedule
    monkeypatch.setattr(Engine, "schedule", lambda engine, events: schedule(engine, events[:-1]))
    errors = synth_exactness.onset_errors(knock, 10, 256, lambda share: None)
    assert errors.max() > 1_000


def test_controls_are_heard_within_a_block_and_a_late_one_would_be_seen(monkeypatch):
    found = synth_exactness.measure_controls(quiet, trials=1)
    assert 0.0 < found.results["control_latency_blocks_p99"] <= 1.0
    monkeypatch.setattr(synth_exactness, "MOVES", {"layer.a.gain": 0.3})
    control = Engine.control

    def late(engine, name, value):
        monkeypatch.setattr(engine, "render", lambda frames: held(engine, frames, name, value))

    def held(engine, frames, name, value):
        first = Engine.render(engine, 512)
        control(engine, name, value)
        return np.concatenate([first, Engine.render(engine, frames - 512)])

    monkeypatch.setattr(Engine, "control", late)
    found = synth_exactness.measure_controls(quiet, trials=1)
    assert 2.0 < found.results["control_latency_blocks_p99"] <= 3.0


def test_the_detector_finds_a_planted_click():
    time = np.arange(48_000) / 48_000
    note = 0.3 * np.sin(2 * np.pi * 330 * time) * np.minimum(1.0, 20 * np.minimum(time, 1 - time))
    assert len(find_clicks(note, 48_000)) == 0
    jumped = note + 0.04 * np.maximum(0.0, 1.0 - time) * (time > 0.5)
    assert find_clicks(jumped, 48_000).tolist() == pytest.approx([24_001], abs=2)
    lone = note.copy()
    lone[30_000] += 0.05
    assert find_clicks(lone, 48_000).tolist() == pytest.approx([30_000], abs=2)


def test_clicks_are_counted_where_they_are(monkeypatch):
    monkeypatch.setattr(synth_cleanliness, "shipped_cues", lambda: ())
    monkeypatch.setattr(synth_cleanliness, "SEAMS", {})
    found = synth_cleanliness.measure_clicks(quiet, instruments=("strings",))
    assert found.results == {"clicks": 0.0}
    play = synth_cleanliness.play_scenes

    def cut(name, only=()):
        scenes = play(name, only)
        tone = 0.3 * np.sin(np.arange(96_000) / 20.0) * np.hanning(96_000)
        return scenes | {"mute": np.where(np.arange(96_000) < 48_000, tone, 0.0)}

    monkeypatch.setattr(synth_cleanliness, "play_scenes", cut)
    found = synth_cleanliness.measure_clicks(quiet, instruments=("strings",))
    assert found.results == {"clicks": 1.0}
    (place,) = found.tables["where it clicks"]
    assert (place["source"], place["scene"]) == ("strings", "mute")
    assert float(place["at_seconds"]) == pytest.approx(1.0, abs=0.001)


def test_denormals_would_be_seen(monkeypatch):
    usual, disturbed = [1.0] * 20, [1.0, 1.0, 9.0, 1.0] * 6
    windows = iter([usual, usual, disturbed, [1.0, 1.0, 1.0, 3.0, 3.0] * 5])
    monkeypatch.setattr(synth_cleanliness, "_window_costs", lambda engine, seconds: next(windows))
    found = synth_cleanliness.measure_silence(quiet, instruments=("flute",))
    assert found.results == {"denormal_ratio": 3.0}  # one disturbed window does not count


def test_silence_costs_no_more_than_sound():
    found = synth_cleanliness.measure_silence(quiet, instruments=("flute", "pad"))
    assert found.results["denormal_ratio"] < 2.0


def test_a_blind_detector_is_refused(monkeypatch):
    monkeypatch.setattr(synth_cleanliness, "find_clicks", lambda sound, rate: np.zeros(0, int))
    with pytest.raises(SegueError, match="detector"):
        synth_cleanliness.check_detector()


def test_every_way_goes_each_way_once():
    cue = load_cue("dungeon")
    names = [section.name for section in cue.sections]
    route = [names[0], *synth_cleanliness._route(cue, every_way=True)]
    gone = list(itertools.pairwise(route))
    ways = {(a, b) for a in names for b in names if a != b and cue.transition(a, b)}
    assert ways <= set(gone)
    assert all(cue.transition(a, b) for a, b in gone)


def test_a_voice_has_a_cost():
    row = voice_cost("piano", chords=2)  # whose pitches stay on the tape
    assert 0.5 < row["us_per_voice"] < 500.0
    assert row["us_first_time"] > row["us_per_voice"]  # what is read is laid down first
    assert row["voices_at_70_percent"] > 5


def test_a_piece_can_be_recorded_and_kept(piece, tmp_path):
    assert len(piece.events) > 20
    ends = piece.events["at_frame"] + piece.events["duration_frames"]
    assert ends.max() <= 3 * 48_000
    save_piece(piece, tmp_path / "piece.npz")
    kept = load_piece(tmp_path / "piece.npz")
    assert np.array_equal(kept.events, piece.events)
    assert (kept.channels, kept.mix, kept.gain_db) == (piece.channels, piece.mix, piece.gain_db)


def test_the_midi_file_holds_every_note(piece, tmp_path):
    path = tmp_path / "piece.mid"
    synth_peers._write_midi(piece, path)
    score = read_midi(path)
    assert sum(len(track.notes) for track in score.tracks) == len(piece.events)
    onsets = np.sort(np.concatenate([track.notes["onset_beats"] for track in score.tracks]))
    assert onsets * 0.5 == pytest.approx(np.sort(piece.events["at_frame"]) / 48_000, abs=1e-3)


def test_ours_plays_beside_whatever_peer_is_there(monkeypatch):
    spot = Spot("dungeon", "fight", Mood(0, 1, 0), 20.0)
    monkeypatch.setattr(synth_peers, "busiest_spots", lambda: (spot,))
    monkeypatch.setattr(synth_peers, "START_SECONDS", 0.5)
    found = synth_peers.measure(quiet, seconds=2.0, repeats=1)
    (rows,) = found.tables.values()
    played = {row["player"] for row in rows}
    assert {"segue:256", "segue:1024"} <= played
    missing = {row["not_measured"].removeprefix("vs_") for row in found.skipped}
    assert played | missing == {"segue:256", "segue:1024", "fluidsynth", "scsynth", "tono"}
    assert set(found.results) == {f"vs_{name}" for name in played if ":" not in name}


def test_a_peer_that_is_missing_is_skipped_with_the_way_out(monkeypatch):
    monkeypatch.setattr(synth_peers.shutil, "which", lambda name: None)
    lacking = {player.name: player.lacking for player in synth_peers.players()}
    assert "apt install fluidsynth" in lacking["fluidsynth"]
    assert "apt install supercollider-server" in lacking["scsynth"]
    assert lacking["segue:256"] == ""


def test_a_program_that_fails_or_leaves_silence_is_no_measure(tmp_path):
    import soundfile

    with pytest.raises(SegueError, match=r"code 3.*try it by hand"):
        synth_peers.processor_seconds([sys.executable, "-c", "raise SystemExit(3)"])
    soundfile.write(tmp_path / "x.wav", np.zeros(96_000), 48_000)
    with pytest.raises(SegueError, match="has not played"):
        synth_peers.check_played(tmp_path / "x.wav", "peer", 2.0)
    soundfile.write(tmp_path / "x.wav", np.full(48_000, 0.1), 48_000)
    with pytest.raises(SegueError, match="has not played"):
        synth_peers.check_played(tmp_path / "x.wav", "peer", 2.0)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="only Linux tells what a process uses")
def test_a_moment_of_live_playing(monkeypatch):
    spot = Spot("dungeon", "fight", Mood(0, 1, 0), 20.0)
    monkeypatch.setattr(synth_live, "busiest_spots", lambda: (spot,))
    found = synth_live.measure(quiet, seconds=2.0)
    assert found.results["voices_leaked"] == 0
    assert 0.0 < found.results["full_mix_core_percent"] < 100.0
    assert 0.0 < found.results["full_mix_core_percent_at_256"] < 100.0
    usual, small = found.tables["live"]
    assert usual["block_frames"] == 512 and small["block_frames"] == 256
    assert all(row["blocks_seen"] > 10 and row["notes"] > 10 for row in (usual, small))


def test_a_watch_counts_blocks_that_begin_late():
    class Process:
        block_frames = 256

    watch = synth_live.Watch(Process())
    late = {2: 0.02, 5: 0.006}
    watch.marks = {n * 1024: 7.0 + n * 1024 / 48_000 + late.get(n, 0.0) for n in range(9)}
    assert watch.late() == 2


def test_a_process_that_is_not_there_cannot_be_watched():
    with pytest.raises(MissingPartError, match="process 999999999"):
        process_seconds(999_999_999)


def test_run_measures_what_it_is_asked_for(monkeypatch):
    def lacks(tell, long):
        raise MissingPartError("no such thing here; install it")

    monkeypatch.setitem(synth.PARTS, "voices", lambda tell, long: Found({"a": 1.0 + long}))
    monkeypatch.setitem(synth.PARTS, "peers", lacks)
    shares = []
    results, tables = synth.run(
        ["voices", "peers"], long=True, tell=lambda what, share: shares.append(share)
    )
    assert results == {"a": 2.0}
    assert tables == {
        "not measured": [{"not_measured": "peers", "why": "no such thing here; install it"}]
    }
    assert shares == [0.0, 0.5]
    with pytest.raises(UnknownNameError, match="did you mean 'peers'"):
        synth.run(["pears"])


def test_what_others_measure_comes_under_its_key(monkeypatch):
    class Module:
        @staticmethod
        def measure_clock_jitter(seconds):
            return {"p50_ms": 0.1, "p99_ms": 0.4, "ticks": 480}

        @staticmethod
        def measure_event_to_sound(events):
            raise MissingPartError("no jackd; install jackd2")

    monkeypatch.setattr(synth, "import_module", lambda name, package: Module)
    results, tables = synth.run(["midi", "latency"])
    assert results == {"midi_clock_jitter_ms_p50": 0.1, "midi_clock_jitter_ms_p99": 0.4}
    assert tables["midi_clock_jitter_ms"] == [{"p50": 0.1, "p99": 0.4, "ticks": 480}]
    assert tables["not measured"][0]["why"] == "no jackd; install jackd2"


def test_engines_of_one_seed_that_differ_make_delays_unmeasurable(monkeypatch):
    notes = iter([np.zeros((200 * 256, 2)), np.ones((200 * 256, 2))])
    monkeypatch.setattr(synth_exactness, "room_frames", lambda: 0)
    monkeypatch.setattr(synth_exactness, "_play_note", lambda *arguments: next(notes))
    with pytest.raises(SegueError, match="same samples twice"):
        synth_exactness.measure_controls(quiet, trials=1)
