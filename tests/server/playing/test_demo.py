"""The demo: a real game is scored over the wire, and what it leaves is whole and repeatable."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from segue.analysis.sound.audio import measure_audio
from segue.envs.games.doom import SCENARIOS
from segue.music.errors import SegueError, UnknownNameError
from segue.music.midi import read_midi
from segue.server.pictures.report import write_report
from segue.server.playing.demo import DemoResult, DemoSettings, run_demo

SECONDS = 24.0


def play(out: Path, **changes: object) -> DemoResult:
    settings = DemoSettings(seconds=SECONDS, seed=3, out=out, agent="adaptive", **changes)
    return run_demo(settings)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> DemoResult:
    return play(tmp_path_factory.mktemp("demo"))


def test_it_leaves_music_that_can_be_heard(result: DemoResult) -> None:
    out = result.settings.out
    samples, rate = soundfile.read(out / "music.wav", always_2d=True)
    measures = measure_audio(samples, rate)
    assert measures.duration_seconds >= SECONDS
    assert -30 < measures.loudness_lufs < -10
    assert measures.true_peak_db <= 0
    assert len(measures.clicks) == 0
    score = read_midi(out / "music.mid")
    assert score.tempo.seconds(score.end_beats) >= SECONDS - 5
    assert sum(len(track.notes) for track in score.tracks) > 50


def test_the_log_holds_every_command_direction_and_event(result: DemoResult) -> None:
    text = (result.settings.out / "session.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    kinds = {line["line"] for line in lines}
    assert {"session", "command"} <= kinds
    for word in ('"verb":"set"', '"verb":"feedback"', '"type":"direction"', '"type":"bar"'):
        assert word in text
    sent = [line for line in lines if line["line"] == "command" and line["verb"] == "set"]
    assert len(sent) == len(result.game.seconds)


def test_both_directors_met_the_same_game(result: DemoResult) -> None:
    for take in (result.agent, result.rival):
        assert len(take.felt) == len(take.wanted()) > 5
        assert 0 < take.error() < 3
        assert 0 < take.heard_error() < 3
    assert np.array_equal(result.agent.listener.bias, result.rival.listener.bias)
    assert result.game.parameters
    assert all(0 <= v <= 1 for sent in result.game.parameters for v in sent.values())


def test_same_seed_same_music(result: DemoResult, tmp_path: Path) -> None:
    again = play(tmp_path)
    assert again.game.parameters == result.game.parameters
    assert again.agent.error() == result.agent.error()
    for name in ("music.mid", "music.wav"):
        assert (tmp_path / name).read_bytes() == (result.settings.out / name).read_bytes()


def test_the_report_shows_it(result: DemoResult) -> None:
    picture, page = write_report(result)
    assert picture.read_bytes().startswith(b"\x89PNG")
    text = page.read_text()
    assert f"{result.agent.error():.3f}" in text
    assert f"{result.rival.error():.3f}" in text
    assert "music.wav" in text
    assert text.count("data:image/png;base64") > 3


def test_what_cannot_be_played_is_said_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'deathmatch'"):
        run_demo(DemoSettings(scenario="deathmatsch", out=tmp_path))
    assert "deathmatch" in SCENARIOS
    with pytest.raises(SegueError, match="seconds of the demo is 2"):
        run_demo(DemoSettings(seconds=2, out=tmp_path))
    assert list(tmp_path.iterdir()) == []
