"""Sessions once more, from their logs."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from segue.client import protocol as p
from segue.music.errors import FileFormatError, SegueError
from segue.server.sessions.replay import read_log, replay
from segue.server.sessions.session import Session


def steered(folder: Path, output: str = "none") -> Path:
    """The log of a session in which much happened."""
    log = folder / "session.jsonl"
    options = {"director": "adaptive", "seed": 5, "parameters": {"danger": 0.2}, "log": log}
    with Session.open("dungeon", output=output, **options) as session:
        session.advance(1.3)
        session.set(danger=0.9)
        session.advance(2.1)
        session.go("fight", at="bar")
        session.stinger("victory", at="beat")
        waiting = session.level("drums", 0.2, at="bars:4")
        session.advance(4.0)
        session.cancel(waiting.id)
        session.feedback(-1.0, valence=0.3, arousal=0.1)
        session.control("layer.drums.pan", 0.5, at="now")
        session.advance(3.0)
        state = session.snapshot()
        session.switch("table")
        session.advance(2.0)
        session.restore(state)
        session.advance(1.0)
        session.direct(drums=1.0, fill=True)
        session.advance(2.5)
    return log


def test_the_same_bars_and_the_same_sound_to_the_sample(tmp_path: Path) -> None:
    log = steered(tmp_path, f"file:{tmp_path / 'before.wav'}")
    result = replay(read_log(log), output=f"file:{tmp_path / 'again.wav'}")
    assert result.differences == [] and result.same == result.bars > 8
    before, again = (soundfile.read(tmp_path / f"{n}.wav")[0] for n in ("before", "again"))
    assert np.array_equal(before, again)


def test_a_live_session_has_the_same_bars_again(tmp_path: Path) -> None:
    log = tmp_path / "live.jsonl"
    with Session.open("neon", director="adaptive", clock="realtime", log=log) as session:
        bars, asked = 0, False
        deadline = time.monotonic() + 60
        while bars < 4 and time.monotonic() < deadline:
            session.pump()
            bars += sum(isinstance(event, p.BarEvent) for event in session.events())
            if bars == 2 and not asked:
                asked = True
                session.mood(valence=-0.8, arousal=0.9)
                session.go(session.cue.sections[-1].name, at="bar")
    recorded = read_log(log)
    result = replay(recorded)
    assert len(recorded.bars) >= 4
    assert result.differences == [] and result.same == result.bars


def test_a_bar_that_came_out_otherwise_is_named(tmp_path: Path) -> None:
    log = steered(tmp_path)
    lines = log.read_text().splitlines()
    at = next(n for n, line in enumerate(lines) if json.loads(line).get("verb") == "set")
    del lines[at]  # the command that made danger rise
    log.write_text("\n".join(lines) + "\n")
    result = replay(read_log(log))
    assert result.same < result.bars
    assert any("bpm" in difference or "activity" in difference for difference in result.differences)


def test_a_log_that_was_cut_off_is_played_as_far_as_it_goes(tmp_path: Path) -> None:
    log = steered(tmp_path)
    text = log.read_bytes()
    log.write_bytes(text[: len(text) // 2])
    recorded = read_log(log)
    assert not recorded.whole
    result = replay(recorded)
    assert result.bars >= 1 and result.same >= len(recorded.bars) - 1


@pytest.mark.parametrize("text", [b"", b"{}\n", b"nonsense\n", b'{"line":"event"}\n'])
def test_what_is_no_log_is_told(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(text)
    with pytest.raises(FileFormatError, match="session log"):
        read_log(path)
    with pytest.raises(SegueError, match="cannot read"):
        read_log(tmp_path / "none.jsonl")


def test_another_version_of_the_music_is_refused(tmp_path: Path) -> None:
    log = steered(tmp_path)
    with pytest.raises(SegueError, match="another version of cue 'dungeon'"):
        replay(read_log(log), cue="neon")
