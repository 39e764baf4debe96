"""The `segue` command as a person meets it: what it leaves, what it says, and how it is stopped."""

import json
import os
import re
import resource
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

import segue
from segue import cli
from segue.analysis.cards import read_card
from segue.client import Client
from segue.music.cue_file import check_cue, load_cue
from segue.music.midi import read_midi, write_midi
from segue.music.orchestra import ORCHESTRA
from segue.music.score import Score, Track, make_notes
from segue.music.tempo import Meter, TempoMap

SEGUE = str(Path(sys.executable).with_name("segue"))
COMMANDS = (
    "demo serve play render picture listen analyze transcribe harmonize accompany timbre "
    "instruments environments train tune evaluate learn-from cue models bench doctor keys protocol "
    "replay"
).split()
CUES = Path(segue.__file__).parent / "music" / "cues"
NO_DEVICE = {"ALSA_CONFIG_PATH": os.devnull, "JACK_DEFAULT_SERVER": "none-of-that-name"}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command runs in an empty folder."""
    monkeypatch.chdir(tmp_path)


def prepare() -> None:
    """In a child: Ctrl-C is heard even where the tests themselves run in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def run(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    """The real command, in a process of its own."""
    options = {"preexec_fn": prepare, "stdin": subprocess.DEVNULL, "timeout": 100} | options
    return subprocess.run([SEGUE, *arguments], capture_output=True, text=True, **options)


Answer = tuple[int, str, str]
Here = Callable[..., Answer]
Sing = Callable[..., tuple[np.ndarray, np.ndarray]]


@pytest.fixture
def here(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Here:
    """The command's own entry point, run in this process."""

    def call(*arguments: str) -> Answer:
        monkeypatch.setattr(sys, "argv", ["segue", *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capfd.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return call


def complaint(code: int, error: str) -> str:
    """The one line of a refused command."""
    assert code != 0
    assert error.count("\n") == 1, error
    assert error.startswith("segue: ")
    return error


def left() -> list[str]:
    """Everything in the folder, hidden files too."""
    return sorted(os.listdir("."))


# What each command does -----------------------------------------------------------------------


def test_help_lists_the_commands() -> None:
    done = run("--help")
    assert done.returncode == 0
    listed = re.findall(r"^│ ([\w-]+)", done.stdout.partition("Commands")[2], re.MULTILINE)
    assert sorted(listed) == sorted(COMMANDS)


@pytest.mark.parametrize("command", [*COMMANDS, "cue list", "cue check", "cue import"])
def test_each_command_has_its_help(here: Here, command: str) -> None:
    code, out, error = here(*command.split(), "--help")
    assert (code, error) == (0, "")
    assert f"Usage: segue {command} " in out


def test_accompany_writes_a_midi_file_with_chords(here: Here) -> None:
    scale = make_notes([(at, 1.0, 60 + step, 0.8) for at, step in enumerate((0, 2, 4, 5, 7, 4, 0))])
    write_midi(Score((Track("tune", scale),), TempoMap(), Meter()), "tune.mid")
    code, out, error = here("accompany", "tune.mid", "-o", "both.mid", "--seed", "2")
    assert (code, error) == (0, "")
    assert out.startswith("both.mid: 7 beats, ")
    tune, chords = read_midi("both.mid").tracks
    assert list(tune.notes["pitch"]) == list(scale["pitch"])
    assert len(chords.notes) >= 4
    assert "no track 'lead'" in complaint(*here("accompany", "tune.mid", "--track", "lead")[::2])


def test_python_m_segue_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "segue", "cue", "list"], capture_output=True, text=True, check=True
    )
    assert all(name in done.stdout for name in ("dungeon", "meadow", "neon", "voyage"))


def test_render_leaves_sound_and_notes_and_the_same_by_seed() -> None:
    def render(name: str, seed: int) -> tuple[bytes, bytes]:
        files = ("-o", f"{name}.wav", "--midi", f"{name}.mid")
        how = ("--seconds", "4", "--director", "adaptive", "--section", "fight", "--arousal", "0.7")
        done = run("render", "dungeon", *files, *how, "--seed", str(seed))
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return Path(f"{name}.wav").read_bytes(), Path(f"{name}.mid").read_bytes()

    first, again = render("a", 1), render("b", 1)
    assert first == again
    samples, rate = soundfile.read("a.wav")
    assert rate == 48_000 and len(samples) / rate >= 4
    assert 0.01 < np.abs(samples).max() < 1
    assert sum(len(track.notes) for track in read_midi("a.mid").tracks) > 10
    assert left() == ["a.mid", "a.wav", "b.mid", "b.wav"]


def test_render_draws_a_picture_of_what_it_wrote(here: Here) -> None:
    how = ("--director", "table", "--seconds", "2", "--midi", "x.mid")
    code, out, error = here("render", "meadow", "-o", "x.ogg", "--picture", "x.png", *how)
    assert (code, error) == (0, "")
    assert out.startswith("x.ogg and x.mid and x.png: 2 s in ")
    assert left() == ["x.mid", "x.ogg", "x.png"]
    told = soundfile.info("x.ogg")
    assert (told.format, told.subtype, told.samplerate) == ("OGG", "VORBIS", 48_000)
    assert told.duration >= 2
    with_story = width_and_height("x.png")
    code, out, error = here("picture", "x.ogg", "-o", "plain.png")
    assert (code, out, error) == (0, "written: plain.png\n", "")
    plain = width_and_height("plain.png")
    assert plain[0] == with_story[0] > 800
    assert 300 < plain[1] < with_story[1]  # without the notes and what was decided


def test_a_session_is_drawn_and_judged_from_its_log(here: Here) -> None:
    with segue.open(
        "dungeon", director="table", output="file:x.flac", midi="x.mid", log="x.jsonl"
    ) as session:
        session.advance(3.0)
    story = ("--log", "x.jsonl", "--midi", "x.mid")
    code, out, error = here("picture", "x.flac", *story)
    assert (code, out, error) == (0, "written: x.png\n", "")
    assert here("picture", "x.flac", "-o", "plain.png")[0] == 0
    assert width_and_height("plain.png")[1] < width_and_height("x.png")[1]
    code, out, error = here("listen", "x.flac", *story, "--json", "to/l.json")
    assert (code, error) == (0, "")
    assert "loudness lufs" in out and "written: to/l.json" in out
    report = json.loads(Path("to/l.json").read_text())
    assert report["name"] == "listen"
    assert report["results"]["clicks"] == 0
    assert report["results"]["true_peak_db"] <= -1
    assert report["results"]["duration_seconds"] == soundfile.info("x.flac").duration
    assert {row["measure"] for row in report["tables"][0]["rows"]} > {"loudness lufs", "clicks"}


def test_analyze_tells_of_one_file_and_draws_it(here: Here) -> None:
    tone = 0.3 * np.sin(np.arange(4 * 22_050) * 2 * np.pi * 440 / 22_050)
    soundfile.write("a.wav", tone, 22_050)
    code, out, error = here("analyze", "a.wav", "--json", "to/a.json", "--picture", "a.png")
    assert (code, error) == (0, "")
    assert "LUFS" in out and "brightness" in out
    assert "written: a.png" in out and "written: to/a.json" in out
    assert left() == ["a.png", "a.wav", "to"]
    assert width_and_height("a.png")[0] > 800
    report = json.loads(Path("to/a.json").read_text())
    assert report["name"] == "analyze" and report["results"] == {"files": 1, "failed": 0}
    told = report["tables"][0]["rows"][0]
    assert told["path"] == "a.wav" and told["duration_seconds"] == 4.0
    assert abs(told["features"]["centroid_hz"]["median"] - 440.0) < 5.0


def test_analyze_goes_on_through_a_folder(here: Here) -> None:
    Path("in/deep").mkdir(parents=True)
    tone = 0.3 * np.sin(np.arange(22_050) * 0.1)
    soundfile.write("in/a.flac", tone, 22_050)
    soundfile.write("in/deep/b.ogg", tone, 22_050)
    write_midi(Score((Track("a", make_notes([(0.0, 1.0, 60, 0.5)])),)), "in/c.mid")
    only = ("--only", "loudness")
    code, out, error = here("analyze", "in", *only)
    assert (code, error) == (0, "")
    assert "in/a.flac" in out and "in/c.mid" in out and "b.ogg" not in out
    Path("in/bad.wav").write_bytes(b"RIFF, but no sound")
    Path("in/deep/empty.mp3").write_bytes(b"")
    code, out, error = here("analyze", "in", "-r", *only, "--json", "r.json")
    assert (code, error) == (1, "")
    assert "in/deep/b.ogg" in out and "2 files could not be analysed" in out
    assert "in/bad.wav is no sound" in out and "empty.mp3 is empty" in out
    tables = {
        table["name"]: table["rows"] for table in json.loads(Path("r.json").read_text())["tables"]
    }
    assert len(tables["files"]) == 3
    assert [row["file"] for row in tables["failed"]] == ["in/bad.wav", "in/deep/empty.mp3"]
    Path("in/a.flac").unlink(), Path("in/c.mid").unlink()
    code, out, _ = here("analyze", "in/bad.wav", "in/deep/empty.mp3", *only)
    assert code == 2 and "2 files could not be analysed" in out


def test_listen_hears_what_is_wrong(here: Here) -> None:
    loud = np.sin(np.arange(2 * 48_000) * 0.05) * 4.0
    loud[60_000:60_003] = 0.0
    soundfile.write("loud.wav", np.clip(loud, -1.0, 1.0), 48_000)
    code, _, _ = here("listen", "loud.wav", "--json", "l.json")
    assert code == 0
    results = json.loads(Path("l.json").read_text())["results"]
    assert results["clipped_runs"] > 100
    assert results["loudness_lufs"] > -5


def width_and_height(path: str) -> tuple[int, int]:
    """Of a PNG, from its head."""
    head = Path(path).read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")


def test_instruments_lists_them_all(here: Here) -> None:
    code, out, error = here("instruments")
    assert (code, error) == (0, "")
    lines = [line.split() for line in out.splitlines() if line.strip()]
    assert [line[0] for line in lines if line[0] in ORCHESTRA] == list(ORCHESTRA)
    piano = next(line for line in lines if line[0] == "piano")
    assert piano[1:6] == ["keys", "A0", "to", "C8", "0"]


def test_a_sound_is_followed(here: Here) -> None:
    seconds = np.arange(44_100) / 44_100
    soundfile.write("tone.wav", 0.3 * np.sin(2 * np.pi * 330.0 * seconds), 44_100)
    code, out, error = here("timbre", "tone.wav", "-o", "x.flac", "--still")
    assert (code, error) == (0, "")
    assert "32 steps, distance" in out
    report = json.loads(Path("x.json").read_text())
    assert report["distance_last"] < 0.5 * report["distance_first"]
    assert soundfile.info("x.flac").frames == 32 * 8820


def test_a_voice_is_harmonized(here: Here, sing: Sing) -> None:
    voice, _ = sing(np.repeat([62.0, 65.0, 69.0, 67.0], 24_000))
    soundfile.write("voice.wav", voice, 48_000)
    code, out, error = here(
        *("harmonize", "voice.wav", "-o", "x.ogg", "--sound", "shifted", "--no-accompany"),
        *("--json", "h.json"),
    )
    assert (code, error) == (0, "")
    assert out.startswith("x.ogg: 4 sung notes, 2 parts in D aeolian at 99.5 bpm, -16.0 LUFS")
    assert left() == ["h.json", "voice.wav", "x.ogg"]
    assert soundfile.info("x.ogg").duration >= 2
    report = json.loads(Path("h.json").read_text())
    assert report["name"] == "harmonize"
    assert all(isinstance(value, int | float) for value in report["results"].values())


def test_the_voice_is_measured(here: Here) -> None:
    code, out, error = here("bench", "synth", "--only", "silence", "--json", "b.json")
    assert (code, error) == (0, "")
    assert "denormal_ratio" in out and "written: b.json" in out
    report = json.loads(Path("b.json").read_text())
    assert report["name"] == "synth" and list(report["results"]) == ["denormal_ratio"]


def test_cue_check_finds_every_fault(here: Here) -> None:
    assert here("cue", "check", "dungeon")[:2] == (0, "dungeon: no faults\n")
    shutil.copytree(CUES / "dungeon", "broken")
    path = Path("broken/cue.toml")
    text = path.read_text()
    path.write_text(
        text.replace('key = "D aeolian"', 'key = "H aeolian"').replace("pan = 0.1", "pan = 9", 1)
    )
    code, out, _ = here("cue", "check", "broken")
    assert code == 1
    faults = check_cue("broken")
    assert len(faults) >= 2
    assert all(fault.code in out and fault.remedy in out for fault in faults)
    assert f"{len(faults)} faults in broken" in out
    assert "cue check" in complaint(*here("render", "broken")[::2])


def test_cue_check_opens_the_samples(here: Here) -> None:
    shutil.copytree(CUES / "dungeon", "own")
    path = Path("own/cue.toml")
    text = path.read_text()
    (first, *_) = re.findall('instrument = ".*"', text)
    path.write_text(text.replace(first, 'instrument = "own.sfz"', 1))
    Path("own/own.sfz").write_text("<region> sample=a.wav key=60\n<region> sample=b.wav key=62")
    soundfile.write("own/b.wav", np.zeros(8_000), 8_000)
    code, out, error = here("cue", "check", "own")
    assert (code, error) == (1, "")
    assert "bad-samples at layers[0].instrument: own.sfz line 1: there is no sample" in out
    assert "    check its name and folder\n1 fault in own\n" in out
    soundfile.write("own/a.wav", np.zeros(8_000), 8_000)
    assert here("cue", "check", "own") == (0, "own: no faults\n", "")


def test_a_midi_file_becomes_a_cue_that_sounds(here: Here) -> None:
    melody = make_notes(
        [(beat, 1.0, 60 + (0, 2, 4, 5, 7, 5, 4, 2)[beat % 8], 0.8) for beat in range(64)]
    )
    bass = make_notes([(4.0 * bar, 4.0, 36 + (0, 5, 7, 0)[bar % 4], 0.7) for bar in range(16)])
    tracks = (Track("tune", melody, 73, 0), Track("bass", bass, 33, 1))
    write_midi(Score(tracks, TempoMap(110), Meter(4, 4), "A walk"), "walk.mid")
    code, out, _ = here("cue", "import", "walk.mid", "-o", "walk")
    assert code == 0 and "segue render walk" in out
    assert load_cue("walk").title == "A walk"
    assert here("cue", "check", "walk")[0] == 0
    assert here("render", "walk", "-o", "walk.wav", "--seconds", "2", "--director", "table")[0] == 0
    assert np.abs(soundfile.read("walk.wav")[0]).max() > 0.01
    assert "already holds a cue" in complaint(*here("cue", "import", "walk.mid", "-o", "walk")[::2])


def test_evaluate_writes_what_a_machine_reads(here: Here) -> None:
    asked = (
        "evaluate",
        "arrange",
        "table",
        "hold",
        "--episodes",
        "5",
        "--no-time",
        "--baseline",
        "hold",
    )
    code, out, _ = here(*asked, "--json", "to/x.json")
    assert code == 0 and "table" in out
    report = json.loads(Path("to/x.json").read_text())
    assert list(report) == ["name", "date", "commit", "machine", "results", "tables"]
    assert report["name"] == "evaluate"
    assert [table["name"] for table in report["tables"]] == ["test", "heldout"]  # side by side
    for table, key in zip(report["tables"], ("reward", "reward_held_out"), strict=True):
        assert {row["player"]: row["reward"] for row in table["rows"]} == {
            "table": report["results"][f"table_{key}"],
            "hold": report["results"][f"hold_{key}"],
        }
        gains = [row["gain_low"] for row in table["rows"] if "gain_low" in row]
        assert len(gains) == 1  # of one over the other


def test_evaluate_takes_options_of_the_environment(here: Here) -> None:
    asked = ("evaluate", "arrange", "table", "--episodes", "5", "--split", "test")
    code, out, _ = here(*asked, "--set", "bias_sd=0")
    assert code == 0 and "bias_sd=0" in out and "decision ms p99" in out
    for bad, said in (
        ("bias_ds=0", "did you mean 'bias_sd'"),
        ("bias_sd", "not of the form NAME=VALUE"),
        ("bias_sd=loud", "not a number"),
    ):
        code, _, err = here(*asked, "--set", bad)
        assert code == 2 and said in err


def test_environments_are_listed_with_what_trains_on_them(here: Here) -> None:
    code, out, _ = here("environments")
    assert code == 0
    line = next(line for line in out.splitlines() if "segue/Arrange-v0" in line)
    assert "9 numbers" in line and "(ppo)" in line


TINY = """
environment: arrange
algorithm: ppo
steps: 128
n_envs: 8
hyper: {n_steps: 8, batch_size: 32, n_epochs: 1}
policy: {net_arch: [8]}
train: {cues: [dungeon], bars: 8}
validation: {split: validation, cues: [dungeon], bars: 8}
validation_episodes: 4
checks: 2
search: {learning_rate: {low: 1e-5, high: 1e-2, log: true}}
"""


@pytest.mark.slow
def test_training_and_searching_by_a_file(here: Here) -> None:
    Path("tiny.yaml").write_text(TINY)
    by = ("arrange", "--config", "tiny.yaml")
    code, out, _ = here("train", *by, "--seeds", "2", "--run", "run")
    assert code == 0
    assert {path.name for path in Path("run").iterdir()} == {"seed0", "seed1", "curve.png"}
    cards = [read_card(Path("run") / seed / "policy.json") for seed in ("seed0", "seed1")]
    assert [card.command.endswith(f"--seed {at}") for at, card in enumerate(cards)] == [True] * 2
    try_it = re.search(r"try it: segue (.*)", out)
    assert try_it is not None
    few = ("--episodes", "5", "--split", "validation", "--no-time")
    code, out, _ = here(*try_it[1].split(), *few)
    assert code == 0 and "run/seed1/policy.json" in out
    code, _, _ = here("train", "arrange", "--run", "run/seed1", "--resume", "--steps", "192")
    assert code == 0
    card = read_card(Path("run/seed1/policy.json"))
    assert card.command.endswith("--steps 192 --seed 1") and "[8]" in card.summary
    code, out, _ = here("tune", *by, "--trials", "2", "--run", "search")
    assert code == 0 and "trial 1: validation" in out
    code, out, _ = here("tune", *by, "--trials", "3", "--run", "search")
    assert code == 0 and "trial 2" in out and "trial 1" not in out
    assert Path("search/history.png").exists()
    code, out, _ = here("train", "arrange", "--config", "search/best.yaml", "--run", "best")
    assert code == 0


def test_models_are_listed_with_score_and_licence(here: Here) -> None:
    code, out, _ = here("models")
    assert code == 0
    assert all(name in out for name in ("emotion_vgmidi", "emotion_published", "rules"))
    assert "commercial use" in out


def test_doctor_says_what_is_there(here: Here) -> None:
    code, out, error = here("doctor")
    assert (code, error) == (0, "")
    for part in ("python", "pyo", "torch", "vizdoom", "audio jack", "cues", "models", "MIDI"):
        assert part in out


def test_play_runs_without_a_terminal_and_a_device() -> None:
    done = run("play", "meadow", "--output", "null", "--seconds", "1", "--director", "table")
    assert done.returncode == 0, done.stderr
    assert "arousal" in done.stdout
    assert done.stderr == ""


NO_MIDI = {"MIDO_BACKEND": "no_such_backend"}


@pytest.mark.parametrize("output", ["midi", "midi:virtual:Segue", "midi:Synth A?mpe=theme"])
def test_play_without_a_midi_system_says_so_in_a_line_and_plays_on(output: str) -> None:
    done = run(*PLAY, "-o", output, "--clock", env=os.environ | NO_MIDI)
    assert done.returncode == 0, done.stderr
    assert "arousal" in done.stdout
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "no MIDI system" in done.stderr and "null port" in done.stderr


def test_play_takes_every_option_of_midi() -> None:
    out = ("-o", "midi:null?clock&program.bass=38/1", "--mpe", "theme", "--mpe", "bass")
    steered = (
        "--map",
        "cc:1=danger",
        "--map",
        "note:36=stinger.victory",
        "--map",
        "bend=mood.arousal",
    )
    done = run(*PLAY, *out, "--midi-in", "null", *steered, "--follow-clock", "--accompany")
    assert done.returncode == 0, done.stderr
    assert "arousal" in done.stdout and done.stderr == ""


def test_play_is_steered_from_the_keyboard() -> None:
    import pty
    import termios

    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    arguments = [SEGUE, "play", "dungeon", "--output", "null", "--director", "table"]
    process = subprocess.Popen(
        arguments, stdin=theirs, stdout=theirs, stderr=theirs, preexec_fn=prepare
    )
    shown = ""

    def wait_for(words: str) -> None:
        nonlocal shown
        while words not in shown:
            assert select.select([ours], [], [], 30)[0], shown[-2000:]
            shown += os.read(ours, 4096).decode(errors="replace")
        shown = ""

    try:
        wait_for("Under the Mountain")
        os.write(ours, b"\x1b[A\x1b[A\x1b[C")  # three arrows in one go
        wait_for("mood +0.1 +0.2")
        os.write(ours, b"3")
        wait_for("section")
        os.write(ours, b"q")
        drained = b""
        while process.poll() is None:
            if select.select([ours], [], [], 0.1)[0]:
                drained += os.read(ours, 4096)
    finally:
        process.kill()  # of no effect on one that has ended
        process.wait()
    assert process.returncode == 0
    assert b"Traceback" not in drained
    assert termios.tcgetattr(theirs) == before
    os.close(ours)
    os.close(theirs)


# Bad input ------------------------------------------------------------------------------------

RENDER = ("render", "dungeon", "--director", "table", "--seconds", "1", "-o", "x.wav")
PLAY = ("play", "dungeon", "--director", "table", "--seconds", "1")
INTO = (*PLAY, "-o", "null", "--midi-in", "null")
BAD = [
    (("rendr",), "'render'"),
    (("render", "dungeon", "--secnods", "3"), "--seconds"),
    (("render",), "cue"),
    (("render", "dungen"), "did you mean 'dungeon'"),
    (("render", "dungeon", "--director", "tabel"), "did you mean 'table'"),
    (("play", "dungeon", "--director", "tabel", "--output", "null"), "did you mean 'table'"),
    (("play", "dungeon", "--output", "nul"), "did you mean 'null'"),
    (("play", "--seconds", "nan"), "--seconds"),
    (("play", "--seconds", "-3"), "--seconds"),
    (("cue", "check", "dungen"), "did you mean 'dungeon'"),
    (("cue", "import", "none.mid"), "none.mid"),
    (("cue", "import", os.devnull), os.devnull),
    (("bench", "enf"), "did you mean 'env'"),
    (("demo", "--scenario", "deathmach", "--out", "."), "did you mean 'deathmatch'"),
    (("demo", "--cue", "dungen", "--out", "."), "did you mean 'dungeon'"),
    (("demo", "--seconds", "inf"), "--seconds"),
    (("evaluate",), "name an environment: arrange, "),
    (("evaluate", "table"), "segue evaluate arrange table"),
    (("evaluate", "runs/policy.json", "table"), "segue evaluate ENVIRONMENT runs/policy.json"),
    (("evaluate", "arange"), "did you mean 'arrange'"),
    (("evaluate", "segue/Arange-v0"), "did you mean 'segue/Arrange-v0'"),
    (("evaluate", "arrange", "tabel"), "did you mean 'table'"),
    (("evaluate", "arrange", "none.json"), "none.json"),
    (("evaluate", "arrange", "none.zip"), "none.zip"),
    (("evaluate", "arrange", "table", "--split", "tset"), "did you mean 'test'"),
    (("evaluate", "arrange", "table", "--episodes", "1"), "--episodes"),
    (("evaluate", "arrange", "table", "hold", "--baseline", "hodl"), "did you mean 'hold'"),
    (("evaluate", "arrange", "table", "--json", "."), "--json"),
    (("train",), "segue environments describes them"),
    (("train", "arrange", "--run", ".", "--resume"), "no checkpoint"),
    (("train", "arrange", "--set", "targets=tracse"), "did you mean 'traces'"),
    (("train", "arrange", "--set", "taggets=traces"), "did you mean 'targets'"),
    (("train", "arrange", "--steps", "0"), "--steps"),
    (("train", "arrange", "--config", "none.yaml"), "none.yaml"),
    (("train", "arrange", "--config", "arrrange"), "did you mean 'arrange'"),
    (("tune", "arrange", "--trials", "0"), "--trials"),
    (("serve", "--folder", "nowhere"), "nowhere"),
    (("serve", "--port", "70000"), "70000"),
    ((*RENDER, "--valence", "nan"), "valence is nan"),
    ((*RENDER, "--valence", "3"), "valence is 3.0"),
    ((*RENDER, "--arousal", "inf"), "arousal is inf"),
    ((*RENDER, "--seconds", "nan"), "--seconds"),
    ((*RENDER, "--seconds", "inf"), "--seconds"),
    ((*RENDER, "--section", "bos"), "did you mean 'boss'"),
    ((*RENDER, "--seed", "-1"), "--seed"),
    ((*RENDER, "-o", "nowhere/x.wav"), "nowhere"),
    ((*RENDER, "-o", "."), "folder"),
    ((*RENDER, "-o", "x.mp3"), ".wav"),
    ((*RENDER, "--midi", "nowhere/x.mid"), "nowhere"),
    ((*RENDER, "--picture", "nowhere/x.png"), "nowhere"),
    ((*RENDER, "--picture", "x.jpg"), "known: .png"),
    (("picture",), "file"),
    (("picture", "none.wav"), "none.wav"),
    (("picture", os.devnull), os.devnull),
    (("picture", "."), "directory"),
    (("picture", "none.wav", "--midi", "none.mid"), "--log"),
    (("listen",), "file"),
    (("listen", "none.wav"), "none.wav"),
    (("listen", "none.wav", "--json", "."), "--json"),
    (("analyze",), "paths"),
    (("analyze", "none.wav"), "none.wav"),
    (("analyze", "."), "no sound or MIDI files"),
    (("analyze", os.devnull), os.devnull),
    (("analyze", "none.wav", "--only", "temp"), "did you mean 'tempo'"),
    (("analyze", "none.wav", "--json", "."), "--json"),
    (("timbre", "none.wav"), "none.wav"),
    (("harmonize",), "--live"),
    (("harmonize", "none.wav"), "none.wav"),
    (("harmonize", "none.wav", "--live"), "one of the two"),
    (("harmonize", "none.wav", "--cue", "dungen"), "did you mean 'dungeon'"),
    (("harmonize", "none.wav", "-o", "x.mp3"), ".wav"),
    (("harmonize", "none.wav", "-o", "nowhere/x.wav"), "nowhere"),
    (("harmonize", "none.wav", "--parts", "4"), "--parts"),
    (("harmonize", "none.wav", "--style", "abov"), "did you mean 'above'"),
    (("harmonize", "none.wav", "--sound", "chior"), "did you mean 'choir'"),
    (("harmonize", "none.wav", "--voice-db", "nan"), "voice_db is nan"),
    (("harmonize", "none.wav", "--at", "inf"), "inf"),
    (("harmonize", "none.wav", "--transpose", "up"), "'up'"),
    (("harmonize", "none.wav", "--transpose", "99"), "99"),
    (("harmonize", "--live", "--transpose", "auto"), "needs a recording"),
    ((*PLAY, "-o", "null", "--clock"), "no MIDI port"),
    ((*PLAY, "-o", "null", "--mpe", "theme"), "no MIDI port"),
    ((*PLAY, "-o", "midi:null?clck"), "did you mean 'clock'"),
    ((*PLAY, "-o", "midi:null?program.theme=x"), "PROGRAM/BANK"),
    ((*PLAY, "-o", "midi:null", "--mpe", "them"), "did you mean 'theme'"),
    ((*PLAY, "-o", "null", "--map", "cc:1=danger"), "need --midi-in"),
    ((*PLAY, "-o", "null", "--follow-clock"), "need --midi-in"),
    ((*PLAY, "-o", "null", "--accompany"), "need --midi-in"),
    ((*INTO, "--map", "cc:1=dangr"), "did you mean 'danger'"),
    ((*INTO, "--map", "cc:200=danger"), "200"),
    ((*INTO, "--map", "danger"), "SOURCE=TARGET"),
    ((*INTO, "--map", "cc:1=danger:0..7"), "7"),
    (("bench", "synth", "--only", "event"), "did you mean 'events'"),
    (("bench", "env", "--long"), "belong to synth"),
]


@pytest.mark.parametrize(("arguments", "words"), BAD, ids=[" ".join(case[0]) for case in BAD])
def test_bad_input_is_one_line_and_leaves_nothing(
    here: Here, arguments: tuple[str, ...], words: str
) -> None:
    code, _, error = here(*arguments)
    assert words in complaint(code, error)
    assert left() == []


def test_sound_files_that_are_none_are_refused(here: Here, sing: Sing) -> None:
    rate = 48_000
    Path("junk.wav").write_bytes(b"RIFF, but no sound")
    soundfile.write("empty.wav", np.zeros(0), rate)
    soundfile.write("silent.wav", np.zeros(rate), rate)
    soundfile.write("nan.wav", np.full(rate, np.nan), rate, subtype="FLOAT")
    soundfile.write("noise.wav", np.random.default_rng(1).normal(0, 0.1, rate), rate)
    voice, _ = sing(np.full(rate, 62.0))
    soundfile.write("voice.wav", voice, rate)
    before = {name: Path(name).read_bytes() for name in left()}
    refused = [
        (("listen", "junk.wav"), "junk.wav is no sound"),
        (("listen", "empty.wav"), "empty.wav holds no sound"),
        (("listen", "nan.wav"), "nan.wav has samples that are not finite"),
        (("listen", "voice.wav", "--log", "junk.wav"), "not a session log"),
        (("listen", "voice.wav", "--midi", "junk.wav"), "junk.wav"),
        (("picture", "junk.wav"), "junk.wav is no sound"),
        (("picture", "nan.wav"), "nan.wav has samples that are not finite"),
        (("picture", "voice.wav", "-o", "voice.wav"), "known: .png"),
        (("picture", "voice.wav", "-o", "nowhere/x.png"), "nowhere"),
        (("analyze", "junk.wav"), "junk.wav is no sound"),
        (("analyze", "empty.wav"), "empty.wav holds no sound"),
        (("analyze", "nan.wav", "--json", "x.json"), "nan.wav has samples that are not finite"),
        (("analyze", "voice.wav", "--picture", "x.jpg"), "known: .png"),
        (("analyze", "voice.wav", "--picture", "nowhere/x.png"), "nowhere"),
        (("analyze", "voice.wav", "noise.wav", "--picture", "x.png"), "one file"),
        (("harmonize", "junk.wav"), "junk.wav"),
        (("harmonize", "empty.wav"), "empty.wav holds no sound"),
        (("harmonize", "silent.wav"), "silent.wav is silent"),
        (("harmonize", "nan.wav"), "nan.wav has samples that are not finite"),
        (("harmonize", "noise.wav"), "no singing was found in noise.wav"),
        (("harmonize", "voice.wav", "-o", "voice.wav"), "would be replaced"),
        (("harmonize", "voice.wav", "--section", "bos"), "did you mean 'boss'"),
        (("harmonize", "voice.wav", "--bpm", "500"), "500"),
    ]
    for arguments, words in refused:
        assert words in complaint(*here(*arguments)[::2]), arguments
    assert {name: Path(name).read_bytes() for name in left()} == before


@pytest.mark.parametrize("output", ["auto", "portaudio", "jack"])
def test_no_audio_device_is_one_line(output: str) -> None:
    environment = os.environ | NO_DEVICE
    done = run("play", "dungeon", "--director", "table", "--output", output, env=environment)
    assert "no audio device" in complaint(done.returncode, done.stderr)


@pytest.mark.parametrize(
    ("package", "command", "extra"),
    [
        ("vizdoom", "demo", "game"),
        ("torch", "train arrange", "train"),
    ],
)
def test_a_missing_package_names_its_extra(package: str, command: str, extra: str) -> None:
    hide = (
        f"import sys; sys.modules[{package!r}] = None; sys.argv = ['segue', *{command!r}.split()]"
    )
    code = f"{hide}; from segue.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert f"segue[{extra}]" in complaint(done.returncode, done.stderr)


def test_a_port_in_use_is_one_line(here: Here) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert str(port) in complaint(*here("serve", "--port", str(port))[::2])


def small_disk() -> None:
    """In a child: no file may grow beyond 50 kB."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))


def full_disk() -> None:
    """In a child: hardly anything can be written."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))


@pytest.mark.parametrize("disk", [small_disk, full_disk])
def test_a_full_disk_leaves_what_was_there(disk: Callable[[], None]) -> None:
    Path("x.wav").write_bytes(b"older music")
    done = run(*RENDER, "--midi", "x.mid", preexec_fn=disk)
    assert "cannot write" in complaint(done.returncode, done.stderr)
    assert left() == ["x.wav"]
    assert Path("x.wav").read_bytes() == b"older music"


def test_a_full_disk_leaves_no_half_cue_and_no_results() -> None:
    shutil.copyfile(CUES / "meadow" / "theme.mid", "theme.mid")
    done = run("cue", "import", "theme.mid", "-o", "cue", preexec_fn=full_disk)
    assert "cannot write" in complaint(done.returncode, done.stderr)
    evaluate = ("evaluate", "arrange", "hold", "--episodes", "5", "--split", "test")
    done = run(*evaluate, "--json", "x.json", preexec_fn=full_disk)
    assert "cannot write x.json" in complaint(done.returncode, done.stderr)
    assert left() == ["theme.mid"]


# Ctrl-C ---------------------------------------------------------------------------------------


class Running:
    """A command in a terminal of its own, as it were: Ctrl-C reaches it and all its children."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [SEGUE, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=prepare,
        )

    def wait_for(self, pattern: str) -> None:
        """Until a file is there."""
        self._wait(lambda: bool(list(Path(".").rglob(pattern))))

    def wait_for_child(self, words: str) -> None:
        """Until a process that it started has such a command line."""

        def there(pid: int) -> bool:
            try:
                return words.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
            except OSError:
                return False  # it has just ended

        self._wait(lambda: any(there(pid) for pid in self._members() - {self.process.pid}))

    def wait_for_seconds_of_work(self, seconds: float) -> None:
        """Until it has used so much processor time."""
        stat = Path(f"/proc/{self.process.pid}/stat")
        ticks = seconds * os.sysconf("SC_CLK_TCK")
        self._wait(lambda: int(stat.read_text().rpartition(")")[2].split()[11]) >= ticks)

    def _wait(self, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not done():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline
            select.select([], [], [], 0.01)

    def interrupt(self) -> tuple[int, str, str]:
        """Ctrl-C; what the command then says. No process of its own may outlive it by long."""
        members = [os.pidfd_open(pid) for pid in self._members()]
        os.killpg(self.process.pid, signal.SIGINT)
        out, error = self.process.communicate(timeout=60)
        for member in members:
            assert select.select([member], [], [], 10)[0], "a child outlived the command"
            os.close(member)
        assert "Traceback" not in error
        return self.process.returncode, out, error

    def _members(self) -> set[int]:
        """Process ids of the command and all that descends from it."""
        parents = {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue  # it has just ended
        found, new = set(), {self.process.pid}
        while new:
            found |= new
            new = {pid for pid, parent in parents.items() if parent in new}
        return found

    def kill(self) -> None:
        """For a test that failed."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.communicate()


@pytest.fixture
def start() -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def begin(*arguments: str) -> Running:
        started.append(Running(*arguments))
        return started[-1]

    yield begin
    for running in started:
        running.kill()


needs_linux = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="watches processes by Linux")


@needs_linux
def test_a_stopped_render_leaves_nothing(start: Callable[..., Running]) -> None:
    Path("x.wav").write_bytes(b"older music")
    running = start(*RENDER, "--seconds", "3000", "--midi", "x.mid")
    running.wait_for(".x.wav.*.part")
    assert running.interrupt() == (130, "", "segue: stopped\n")
    assert left() == ["x.wav"]
    assert Path("x.wav").read_bytes() == b"older music"


@needs_linux
@pytest.mark.parametrize("output", ["midi:null?clock", "null"])
def test_stopped_playing_ends_its_processes(start: Callable[..., Running], output: str) -> None:
    running = start("play", "dungeon", "--director", "table", "-o", output)
    running.wait_for_child("segue.synth.")
    code, _, error = running.interrupt()
    assert (code, error) == (130, "segue: stopped\n")
    assert left() == []


@needs_linux
def test_a_stopped_harmony_leaves_nothing(start: Callable[..., Running], sing: Sing) -> None:
    voice, _ = sing(np.full(48_000 * 20, 62.0))
    soundfile.write("voice.wav", voice, 48_000)
    Path("x.wav").write_bytes(b"older music")
    running = start("harmonize", "voice.wav", "-o", "x.wav")
    running.wait_for_seconds_of_work(1.5)
    assert running.interrupt() == (130, "", "segue: stopped\n")
    assert left() == ["voice.wav", "x.wav"]
    assert Path("x.wav").read_bytes() == b"older music"


@needs_linux
def test_a_stopped_gallery_leaves_the_older_one(start: Callable[..., Running]) -> None:
    Path("gallery").mkdir()
    Path("gallery/README.md").write_text("older page")
    running = start("instruments", "--gallery", "gallery")
    running.wait_for("*.ogg")
    code, _, error = running.interrupt()
    assert (code, error) == (130, "segue: stopped\n")
    assert os.listdir("gallery") == ["README.md"] and left() == ["gallery"]
    assert Path("gallery/README.md").read_text() == "older page"


@needs_linux
def test_a_stopped_demo_leaves_whole_files(start: Callable[..., Running]) -> None:
    running = start("demo", "--out", "demo")
    running.wait_for(".music.wav.*.part")
    code, _, error = running.interrupt()
    assert (code, error) == (130, "segue: stopped\n")
    assert sorted(os.listdir("demo")) == ["music.mid", "music.wav", "session.jsonl"]
    assert soundfile.info("demo/music.wav").frames > 0
    read_midi("demo/music.mid")
    assert [json.loads(line) for line in Path("demo/session.jsonl").read_text().splitlines()]


@needs_linux
def test_a_stopped_server_completes_the_files_of_its_sessions(
    start: Callable[..., Running],
) -> None:
    running = start("serve", "--port", "0", "--no-web", "--no-osc")
    assert running.process.stdout is not None
    assert "Ctrl-C" in running.process.stdout.readline()
    endpoint = running.process.stdout.readline().split()[1]
    with Client(endpoint, timeout_seconds=30.0) as music:
        session = music.open("meadow", director="table", clock="manual", output="file:x.wav")
        session.advance(2.0)
        code, _, error = running.interrupt()
        session.closed = True
    assert (code, error) == (0, "")
    assert left() == ["x.wav"]
    assert soundfile.info("x.wav").duration >= 2


@needs_linux
@pytest.mark.slow
def test_training_that_is_stopped_goes_on_later(start: Callable[..., Running]) -> None:
    Path("tiny.yaml").write_text(TINY)
    by = ("train", "arrange", "--config", "tiny.yaml", "--run", "run")
    running = start(*by, "--steps", "100000000")
    running.wait_for("events.out.tfevents*")
    code, out, error = running.interrupt()
    assert (code, error) == (130, "segue: stopped\n")
    again = re.search(r"go on with: segue (.*)", out)
    assert again is not None
    assert shlex.split(again[1]) == [*by, "--steps", "100000000", "--resume"]
    assert Path("run/model.zip").stat().st_size > 10_000
    assert not Path("run/policy.json").exists()
    with zipfile.ZipFile("run/model.zip") as checkpoint:
        steps = json.loads(checkpoint.read("data"))["num_timesteps"] + 100
    done = run("train", "arrange", "--run", "run", "--steps", str(steps), "--resume")
    assert done.returncode == 0, done.stderr
    command = read_card(Path("run/policy.json")).command
    assert command == f"segue train arrange --config FILE --steps {steps} --seed 0"
    done = run("evaluate", "arrange", "run/policy.json", "--episodes", "5", "--split", "test")
    assert done.returncode == 0, done.stderr
