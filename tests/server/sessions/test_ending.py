"""A server that is told to end: music fades, files are whole, and nobody waits."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from segue.client import Client
from segue.client import protocol as p

Start = Callable[[], tuple["subprocess.Popen[str]", str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts servers in processes of their own; each with its endpoint."""
    running = []

    def begin() -> tuple["subprocess.Popen[str]", str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "segue.server.serving.launch", "0", str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        assert process.stdout is not None
        return process, process.stdout.readline().strip()

    yield begin
    for process in running:
        process.kill()
        process.communicate()


def logged(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def until_it_sounds(music: Client, **options: str) -> str:
    """Open a session in real time and wait for its first beats; its id."""
    session = music.open("dungeon", director="table", clock="realtime", **options)
    beats = 0
    for event in session.events(timeout_seconds=20.0):
        beats += isinstance(event, p.BeatEvent)
        if beats == 6:  # of the second bar, which is told while the first one sounds
            break
    session.closed = True
    return session.id


def test_music_fades_out_and_files_are_whole(start: Start, tmp_path: Path) -> None:
    process, endpoint = start()
    with Client(endpoint) as music:
        until_it_sounds(music, output="file:a.wav", log="a.jsonl", midi="a.mid")
        asked = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, complaints = process.communicate(timeout=30)
        assert process.returncode == 0 and complaints == ""
        assert 0.4 < time.monotonic() - asked < 15.0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl", "a.mid", "a.wav"]
    last = logged(tmp_path / "a.jsonl")[-1]
    assert last["event"]["type"] == "closed" and last["event"]["reason"] == "the server ended"
    sound, rate = soundfile.read(tmp_path / "a.wav")
    end = last["event"]["at_frame"]
    before = np.abs(sound[end - 2 * rate : end - rate]).max()
    assert np.abs(sound[end - rate // 50 :]).max() < 0.3 * before


def test_a_second_signal_ends_at_once_and_the_log_is_kept(start: Start, tmp_path: Path) -> None:
    process, endpoint = start()
    with Client(endpoint) as music:
        until_it_sounds(music, log="a.jsonl")
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) in (128 + signal.SIGTERM, 128 + signal.SIGINT)
    [part] = tmp_path.glob(".a.jsonl.*.part")
    assert logged(part)[0]["line"] == "session"


def test_a_crash_leaves_the_log_up_to_then(start: Start, tmp_path: Path) -> None:
    process, endpoint = start()
    with Client(endpoint) as music:
        session = music.open("dungeon", director="table", clock="manual", log="a.jsonl")
        session.advance(2.0)
        answer = session.go("boss")  # accepted: so it is on the disk
        process.kill()
        process.wait(10)
        session.closed = True
    [part] = tmp_path.glob(".a.jsonl.*.part")
    assert answer.id in [line.get("id") for line in logged(part)]
