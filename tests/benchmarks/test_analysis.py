"""The benchmark of the ears scores what was said, skips who is missing, and compares."""

import gzip
import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from segue import cli
from segue.benchmarks import analysis, analysis_child, analysis_peers, analysis_questions
from segue.benchmarks.analysis_forms import make_songs
from segue.benchmarks.analysis_material import Take, load_recordings, load_set
from segue.benchmarks.analysis_peers import LISTENERS, Listener, listen
from segue.benchmarks.analysis_questions import Hearing, measure_question
from segue.benchmarks.analysis_scores import (
    interval,
    score_chords,
    score_form,
    score_key,
    score_notes,
    score_pitch,
    score_rhythm,
)
from segue.benchmarks.findings import Found
from segue.music.errors import FileFormatError, MissingPartError, SegueError, UnknownNameError

pytest.importorskip("mir_eval")

BEATS = tuple(np.arange(0.5, 20.0, 0.5).tolist())
TAKE = Take(
    name="one",
    family="band",
    path="one.wav",
    tempo_bpm=120.0,
    beats_seconds=BEATS,
    downbeats_seconds=BEATS[::4],
    key="D minor",
    chords=((0.0, 2.0, "D:min"), (2.0, 4.0, "G:min7"), (4.0, 6.0, "A:7")),
    notes=((0.0, 1.0, 62), (1.0, 2.0, 65), (2.0, 3.0, 69), (3.0, 3.01, 70)),
    pitch_hop_seconds=0.01,
    pitch_hz=(0.0,) * 10 + (440.0,) * 90,
    piano=True,
)


def quiet(what: str, share: float) -> None:
    assert 0.0 <= share <= 1.0


def test_rhythm_counts_tempo_octaves_and_beats() -> None:
    right = {"tempo": 120.0, "beats": BEATS, "downbeats": BEATS[::4]}
    assert score_rhythm(TAKE, right) == dict.fromkeys(("acc1", "acc2", "beat_f", "downbeat_f"), 1.0)
    double = score_rhythm(
        TAKE, {"tempo": 242.0, "beats": np.arange(0.5, 20, 0.25).tolist(), "downbeats": None}
    )
    assert (double["acc1"], double["acc2"]) == (0.0, 1.0)
    assert double["beat_f"] == pytest.approx(2 / 3, abs=0.02)
    assert "downbeat_f" not in double
    late = score_rhythm(TAKE, {"tempo": 90.0, "beats": [b + 0.1 for b in BEATS], "downbeats": []})
    assert late == {"acc1": 0.0, "acc2": 0.0, "beat_f": 0.0, "downbeat_f": 0.0}
    assert score_rhythm(Take("x", "band", "x.wav"), right) == {}


@pytest.mark.parametrize(
    ("answer", "score"),
    [("D minor", 1.0), ("A Minor", 0.5), ("F major", 0.3), ("D major", 0.2), ("C major", 0.0)],
)
def test_key_gives_part_of_a_point_for_neighbours(answer: str, score: float) -> None:
    assert score_key(TAKE, answer) == {"mirex": pytest.approx(score)}


def test_chords_count_the_time_that_is_right() -> None:
    assert score_chords(TAKE, TAKE.chords) == {"majmin": 1.0, "sevenths": 1.0}
    triads = [(0.0, 2.0, "D:min"), (2.0, 4.0, "G:min"), (4.0, 6.0, "A:min"), (6.0, 6.0, "N")]
    scores = score_chords(TAKE, triads)
    assert scores["majmin"] == pytest.approx(2 / 3)
    assert scores["sevenths"] == pytest.approx(1 / 3)
    assert score_chords(TAKE, []) == {"majmin": 0.0, "sevenths": 0.0}


def test_notes_need_their_onset_their_pitch_and_their_end() -> None:
    exact = score_notes(TAKE, TAKE.notes[:3])
    assert exact == {"onset_f1": 1.0, "onset_offset_f1": 1.0, "onset_f1_piano": 1.0}
    worse = score_notes(TAKE, [(0.01, 0.3, 62), (1.2, 2.0, 65), (2.0, 3.0, 68)])
    assert worse["onset_f1"] == pytest.approx(1 / 3)
    assert worse["onset_offset_f1"] == 0.0
    assert score_notes(TAKE, [])["onset_f1"] == 0.0


def test_pitch_is_right_within_half_a_semitone() -> None:
    times = np.arange(100) * 0.01
    hz = np.where(times < 0.5, 440.0, 466.2)
    found = score_pitch(TAKE, {"times": [-0.01, *times], "hz": [0.0, *hz]})
    assert found["rpa"] == pytest.approx(40 / 89, abs=0.02)


def test_form_counts_boundaries_and_letters() -> None:
    sections = ((0.0, 10.0, "A"), (10.0, 20.0, "B"), (20.0, 30.0, "A"))
    song = Take("song", "ABA", "song.wav", sections=sections)
    right = score_form(song, [(0.0, 10.2, "x"), (10.2, 19.9, "y"), (19.9, 30.0, "x")])
    assert right["boundary_f"] == right["boundary_f_3s"] == 1.0
    assert right["pair_f"] > 0.95
    late = score_form(song, [(0.0, 12.0, "x"), (12.0, 30.0, "y")])
    assert late["boundary_f"] == 0.0
    assert late["boundary_f_3s"] == pytest.approx(2 / 3)
    assert "pair_f" not in score_form(song, [(0.0, 10.0, ""), (10.0, 30.0, "")])
    assert score_form(song, []) == {"boundary_f": 0.0, "boundary_f_3s": 0.0}


def test_songs_of_known_form_are_made_of_bands(tmp_path: Path) -> None:
    lines = tuple(np.arange(13) * 0.5 + 0.25)
    takes = []
    for number in range(4):
        path = tmp_path / f"{number}.wav"
        soundfile.write(path, np.full(44_100 * 7, 0.01 * (number + 1)), 44_100)
        takes.append(Take(str(number), "band", str(path), downbeats_seconds=lines))
    songs = make_songs([*takes, Take("x", "pop", "x.wav")], tmp_path)
    assert [song.family for song in songs] == ["AABA", "ABAB", "ABAC", "AABB"]
    assert [tuple(row) for row in songs[0].sections] == [
        (0.0, 2.0, "A"),
        (2.0, 4.0, "A"),
        (4.0, 6.0, "B"),
        (6.0, 8.0, "A"),
    ]
    assert soundfile.info(songs[0].path).duration == 8.0
    assert json.loads(Path(songs[0].path).with_suffix(".json").read_text()) == {"sections": 4}
    assert make_songs(takes[:2], tmp_path) == []


def test_an_interval_holds_the_mean_and_narrows_with_pieces() -> None:
    rng = np.random.default_rng(2)
    few, many = interval(rng.normal(0.5, 0.1, 8)), interval(rng.normal(0.5, 0.1, 800))
    assert few.low < few.mean < few.high
    assert many.high - many.low < (few.high - few.low) / 4
    assert str(interval([1.0, 1.0])) == "1.000 [1.00, 1.00]"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A development set of three takes."""
    for number, family in enumerate(("band", "piano", "mono")):
        known = {
            "id": f"take{number}",
            "family": family,
            "tempo": 120.0,
            "beats": BEATS,
            "downbeats": BEATS[::4],
            "key": "C major",
            "chords": [],
            "notes": [[0.1, 0.6, 60]],
            "programs": [0] if family == "piano" else [33, 0],
        }
        (tmp_path / f"take{number}.json").write_text(json.dumps(known))
        soundfile.write(tmp_path / f"take{number}.wav", np.zeros(4_410 * (1 + number)), 44_100)
    (tmp_path / "manifest.json").write_text("[]")
    return tmp_path


def test_the_set_is_found_by_option_or_environment(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    takes = load_set(folder)
    assert [(take.name, take.piano) for take in takes] == [
        ("take0", False),
        ("take1", True),
        ("take2", False),
    ]
    monkeypatch.setenv("SEGUE_MIR_SET", str(folder))
    assert load_set() == takes
    monkeypatch.delenv("SEGUE_MIR_SET")
    with pytest.raises(MissingPartError, match=r"make_eval_set\.py --out"):
        load_set()
    (tmp_path / "empty").mkdir()
    with pytest.raises(MissingPartError, match="holds no takes"):
        load_set(tmp_path / "empty")
    (folder / "take1.json").write_text('{"id": "take1"}')
    with pytest.raises(FileFormatError, match=r"take1\.json does not describe a take.*family"):
        load_set(folder)


def test_recordings_come_with_beats_and_key(tmp_path: Path) -> None:
    data = tmp_path / "gtzan"
    data.mkdir()
    rows = [
        {"id": "jazz.1", "genre": "jazz", "tempo": 100.0, "key": 15, "audio_seconds": 1.0},
        {"id": "pop.2", "genre": "pop", "tempo": 90.0, "key": -1, "audio_seconds": 1.0},
    ]
    with gzip.open(data / "gtzan_annotations.jsonl.gz", "wt") as lines:
        for row in rows:
            lines.write(json.dumps(row | {"beats": [[0.2, 1], [0.8, 2], [1.4, None]]}) + "\n")
    with zipfile.ZipFile(data / "gtzan_audio50.zip", "w") as archive:
        for row in rows:
            soundfile.write(tmp_path / "s.ogg", np.zeros(22_050), 22_050)
            archive.write(tmp_path / "s.ogg", f"{row['id']}.ogg")
    takes = load_recordings(tmp_path, unpack_to=tmp_path)
    assert [(take.name, take.family, take.key) for take in takes] == [
        ("jazz.1", "jazz", "C minor"),
        ("pop.2", "pop", None),
    ]
    assert takes[0].beats_seconds == (0.2, 0.8)
    assert takes[0].downbeats_seconds == (0.2,)
    assert soundfile.info(takes[0].path).samplerate == 44_100
    with pytest.raises(MissingPartError, match="SEGUE_DATA"):
        load_recordings(tmp_path / "nowhere", unpack_to=tmp_path)


STAND_IN = """
import os

def length():
    return lambda samples, path: [float(len(samples)), os.path.basename(path)]

def broken():
    raise ValueError("the models are not there")
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A child beside which a module of listeners lies."""
    child = tmp_path / "listening" / "analysis_child.py"
    child.parent.mkdir()
    child.write_text(Path(analysis_child.__file__).read_text())
    child.with_name("stand_in.py").write_text(STAND_IN)
    monkeypatch.setattr(analysis_peers, "_CHILD", child)
    return child


def listener(function: str, package: str = "soundfile") -> Listener:
    return Listener("it", f"stand_in:{function}", package, "it==1", "permissive")


def test_a_listener_hears_in_a_process_of_its_own(
    folder: Path, stand_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analysis_peers, "_present", lambda python: frozenset({"soundfile"}))
    takes = load_set(folder)
    keep = folder / "keep"
    keep.mkdir()
    heard = listen(listener("length"), takes, quiet, keep, rate=22_050)
    assert [one.answer for one in heard] == [
        [2_205.0, "take0.wav"],
        [4_410.0, "take1.wav"],
        [6_615.0, "take2.wav"],
    ]
    assert heard[0].sound_seconds == pytest.approx(0.1)
    assert heard[0].processor_seconds >= 0.0
    stand_in.unlink()  # what was kept needs nobody
    assert listen(listener("length"), takes, quiet, keep, rate=22_050) == heard
    with pytest.raises(SegueError, match="ended with code"):
        listen(listener("length"), takes[:1], quiet, keep)


def test_who_fails_or_is_missing_is_left_out_with_a_word(
    folder: Path, stand_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    takes = load_set(folder)
    missing = listener("length", "no_such_package")
    monkeypatch.setattr(analysis_peers, "_present", lambda python: frozenset({"soundfile"}))
    found = Found()
    assert Hearing(True, None, quiet).each([missing, listener("broken")], takes, found) == []
    reasons = [row["why"] for row in found.skipped]
    assert reasons[0].startswith("not installed: pip install it==1")
    assert "0 of 3 takes (ValueError: the models are not there)" in reasons[1]
    assert Hearing(False, None, quiet).each([missing], takes, found) == []
    assert len(found.skipped) == 2


def test_the_interpreter_of_the_peers_is_asked_what_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = LISTENERS["rhythm"][1]
    monkeypatch.delenv("SEGUE_BENCH_PYTHON", raising=False)
    assert analysis_peers.interpreter(peer) == sys.executable
    monkeypatch.setenv("SEGUE_BENCH_PYTHON", str(tmp_path / "none"))
    with pytest.raises(SegueError, match="no program"):
        analysis_peers.interpreter(peer)
    assert analysis_peers.interpreter(LISTENERS["rhythm"][0]) == sys.executable


def test_a_question_gives_results_intervals_and_families(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, peer = LISTENERS["key"][:2]
    answers = {ours.name: ("D minor", "D minor"), peer.name: ("D minor", "F major")}
    takes = [TAKE, Take("two", "pop", "two.wav", key="D minor"), Take("unknown", "pop", "u.wav")]

    def heard(self: Hearing, listeners: object, known: list[Take], found: Found) -> object:
        said = {one: zip(known, answers[one.name], strict=True) for one in (ours, peer)}
        return [
            (one, [analysis_peers.Heard(take, answer, 0.1, 30.0) for take, answer in pairs])
            for one, pairs in said.items()
        ]

    monkeypatch.setattr(Hearing, "each", heard)
    hearing = Hearing(True, None, quiet)
    found = measure_question("key", (ours, peer), takes, hearing)
    assert found.results["key_mirex"] == found.results["key_mirex_low"] == 1.0
    assert found.results["key_x_realtime"] == pytest.approx(300.0)
    rows = found.tables["key, rendered pieces: mean [95 % interval]"]
    assert [(row["pieces"], row["key_mirex"][:5]) for row in rows] == [(2, "1.000"), (2, "0.650")]
    families = found.tables["key_mirex by family, rendered pieces"]
    assert families[1] == {"listener": peer.name, "band": 1.0, "pop": 0.3}
    table = {row["result"]: row for row in analysis.compare(hearing.reached)}
    assert table["key_mirex"] == {
        "result": "key_mirex",
        "segue": "1.000",
        "goal": ">= 0.88",
        "met": "yes",
        "best_open_peer": f"0.650 {peer.name}",
        "best_peer": f"0.650 {peer.name}",
    }
    real = measure_question("key", (ours, peer), takes, hearing, real=True)
    assert "real_key_mirex" in real.results and "key_mirex" not in real.results


def test_less_is_better_where_it_is_and_few_pieces_do_not_lead() -> None:
    def reached(key: str, name: str, value: float, licence: str, pieces: int = 9) -> object:
        package = "segue" if name == "segue" else "other"
        one = Listener(name, "", package, "", licence)
        return analysis_questions.Reached(key, one, value, pieces)

    rows = analysis.compare(
        [
            reached("features_ms", "segue", 30.0, "permissive"),
            reached("features_ms", "slow", 90.0, "permissive"),
            reached("features_ms", "quick", 20.0, "GPL or AGPL"),
            reached("onset_f1", "few", 0.99, "permissive", 2),
            reached("onset_f1", "all", 0.6, "permissive"),
            reached("real_beat_f", "segue", 0.81, "permissive"),
            reached("real_beat_f", "free", 0.7, "permissive"),
            reached("real_beat_f", "best", 0.83, "GPL or AGPL"),
            reached("analyze_x_realtime", "segue", 50.0, "permissive"),
            reached("analyze_x_realtime", "other", 30.0, "GPL or AGPL"),
        ]
    )
    assert rows[0]["met"] == "no"
    assert (rows[0]["best_open_peer"], rows[0]["best_peer"]) == ("90 slow", "20 quick")
    assert (rows[1]["segue"], rows[1]["best_peer"]) == ("", "0.600 all")
    assert (rows[2]["goal"], rows[2]["met"]) == (">= 0.8", "yes")
    assert (rows[3]["goal"], rows[3]["met"]) == (">= 30", "yes")


def test_what_cannot_be_measured_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEGUE_DATA", raising=False)
    results, tables = analysis.run(["recordings"], folder=folder, peers=False, tell=quiet)
    assert results == {}
    assert tables["not measured"][0]["not_measured"] == "recordings"
    with pytest.raises(UnknownNameError, match="did you mean 'chords'"):
        analysis.run(["chord"], folder=folder)
    with pytest.raises(SegueError, match="no folder"):
        analysis.run(["key"], folder=folder, keep=folder / "none")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("analysis", "--set", "nowhere"), "nowhere holds no takes"),
        (("analysis",), "name its folder by --set or SEGUE_MIR_SET"),
        (("analysis", "--only", "chord"), "did you mean 'chords'"),
        (("analysis", "--long"), "--long belong to synth and server, not to analysis"),
        (("synth", "--no-peers"), "--no-peers belong to analysis, not to synth"),
        (("voice", "--set", "x"), "--set belong to analysis, not to voice"),
    ],
)
def test_the_command_refuses_what_does_not_fit(
    arguments: tuple[str, ...],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("SEGUE_MIR_SET", raising=False)
    monkeypatch.setattr(sys, "argv", ["segue", "bench", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    error = capfd.readouterr().err
    assert ended.value.code == 2
    assert words in error and error.count("\n") == 1
