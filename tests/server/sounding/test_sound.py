"""Sessions with the real engine."""

import os
import signal
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

import segue
from segue.client import Client, RequestError
from segue.client import protocol as p
from segue.music.errors import MissingPartError, SegueError
from segue.server.sessions.session import Session


def test_a_session_leaves_sound_music_and_log_and_the_same_ones_again(tmp_path: Path) -> None:
    sounds = []
    for name in ("a", "b"):
        wav = tmp_path / f"{name}.wav"
        with Session.open(
            "dungeon", director="table", seed=1, output=f"file:{wav}", midi=tmp_path / f"{name}.mid"
        ) as session:
            session.advance(1.0)
            session.stinger("danger")
            session.go("fight")
            session.advance(3.0)
            assert not wav.exists()
            assert session.close() == [str(wav), str(tmp_path / f"{name}.mid")]
        sounds.append(soundfile.read(wav)[0])
    assert np.array_equal(*sounds)
    assert 4.0 * 48_000 < len(sounds[0]) < 8.5 * 48_000  # what was played, and its tail
    assert 0.01 < np.abs(sounds[0]).max() <= 1.0
    assert np.abs(sounds[0][-480:]).max() < 1e-3  # nothing is cut off
    assert (tmp_path / "a.mid").read_bytes() == (tmp_path / "b.mid").read_bytes()


def test_a_layer_at_level_zero_is_silent(tmp_path: Path) -> None:
    def loudness(level: float) -> float:
        wav = tmp_path / f"{level}.wav"
        with Session.open("dungeon", director="table", output=f"file:{wav}") as session:
            for layer in session.cue.layers:
                session.level(layer.name, level, ramp_seconds=0.0)
            session.advance(2.0)
        return float(np.abs(soundfile.read(wav)[0]).max())

    assert loudness(0.0) < 0.02 * loudness(1.0)  # the first 5 ms fade


def test_an_embedded_session_plays_in_real_time_by_itself() -> None:
    session = segue.open("dungeon", director="table", output="null", clock="realtime")
    try:
        told = threading.Event()
        seen: list[p.Event] = []
        for _ in range(2000):
            seen += session.events()
            if any(isinstance(event, p.BarEvent) and event.bar == 1 for event in seen):
                break
            told.wait(0.005)
        here = session.position()
        bar = next(e for e in seen if isinstance(e, p.BarEvent) and e.bar == 1)
        assert 0 < bar.at_frame - here.frame <= 0.25 * 48_000
        with pytest.raises(SegueError, match="real time"):
            session.advance(1.0)
        assert session._sound.engine._process.metrics().events_late == 0
    finally:
        session.close()


def test_an_embedded_session_whose_engine_dies_says_so() -> None:
    session = segue.open("dungeon", director="table", output="null", clock="manual")
    os.kill(session._sound.process_id, signal.SIGKILL)
    with pytest.raises(SegueError, match="engine process ended"):
        for _ in range(10):  # the engine may lie two seconds behind
            session.advance(1.0)
    session.discard()


def test_a_machine_without_a_device_says_so() -> None:
    try:
        session = segue.open("dungeon", director="table", output="auto")
    except MissingPartError as error:
        assert "no audio device" in str(error)
    else:
        session.close()


def test_an_engine_that_dies_ends_its_session_and_no_other(client: Client, tmp_path: Path) -> None:
    sounding = client.open("dungeon", director="table", clock="manual", output="file:a.wav")
    silent = client.open("dungeon", director="table", clock="manual")
    children = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    pids = [int(pid) for file in children for pid in file.read_text().split()]
    engine = next(pid for pid in pids if "engine_child" in Path(f"/proc/{pid}/cmdline").read_text())
    os.kill(engine, signal.SIGKILL)
    with pytest.raises(RequestError, match="engine process ended"):
        for _ in range(10):  # the engine may lie two seconds behind
            sounding.advance(1.0)
    silent.advance(1.0)
    assert client.list().sessions == [silent.id]
    assert not (tmp_path / "a.wav").exists()
