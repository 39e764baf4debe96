"""The processes beside the music."""

import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
import zmq

from segue.client import Client
from segue.music.errors import SegueError
from segue.server.serving.children import Child
from segue.server.serving.server import Server
from segue.server.serving.settings import ChildConfig

HERE = """
import json, sys
config = json.loads(sys.stdin.readline())
print(json.dumps({"ready": {"web": config["host"]}}), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def config() -> ChildConfig:
    return ChildConfig(
        control="",
        events="",
        models="",
        heartbeat="",
        version="0",
        host="127.0.0.1",
        web_port=None,
        osc_port=None,
        folder=".",
        library=[],
        osc_peers=[],
        osc_ahead_seconds=0.0,
        keys="",
        tokens="",
        curve=None,
    )


def module(folder: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> str:
    (folder / "a_child.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return "a_child"


def test_a_child_is_told_what_it_is_and_ends_with_its_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: ChildConfig
) -> None:
    told: list[dict[str, Any]] = []
    child = Child(module(tmp_path, monkeypatch, HERE), lambda: config, told.append)
    child.start()
    pid = child.pid
    assert told == [{"web": "127.0.0.1"}] and pid is not None
    child.end()
    assert child.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_child_that_is_killed_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: ChildConfig
) -> None:
    again = threading.Semaphore(0)
    name = module(tmp_path, monkeypatch, HERE)
    child = Child(name, lambda: config, lambda facts: again.release())
    child.start()
    assert again.acquire(timeout=10)
    first = child.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert again.acquire(timeout=20)
    assert child.starts == 2 and child.pid not in (None, first)
    child.end()


def test_a_child_that_cannot_start_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: ChildConfig
) -> None:
    child = Child(module(tmp_path, monkeypatch, "raise SystemExit(2)"), lambda: config)
    with pytest.raises(SegueError, match="a_child did not start"):
        child.start()
    assert child.pid is None


def test_the_heartbeat_sends_back_whatever_comes(client: Client, server: Server) -> None:
    context = zmq.Context()
    with context, context.socket(zmq.DEALER) as socket:
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.RCVTIMEO, 5000)
        socket.connect(client.server.heartbeat)
        for frames in ([b"x"], [b"", b"\x00\xff", b"more"]):
            socket.send_multipart(frames)
            assert socket.recv_multipart() == frames
