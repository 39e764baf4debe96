"""The examples, run as their readers run them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import zmq

from segue.server.serving.server import Server

CAVE = Path(__file__).parents[1] / "examples" / "cave" / "cave.py"


def cave(endpoint: str) -> subprocess.CompletedProcess[str]:
    """The game, which plays itself."""
    return subprocess.run(
        [sys.executable, CAVE, "--autopilot", "--seed", "3", "--endpoint", endpoint],
        env=os.environ | {"SDL_VIDEODRIVER": "dummy", "SDL_AUDIODRIVER": "dummy"},
        capture_output=True,
        text=True,
        timeout=90,
    )


@pytest.mark.slow
def test_the_game_plays_with_its_music(server: Server) -> None:
    pytest.importorskip("pygame", reason="pygame-ce is not installed")
    context = zmq.Context()
    with context, context.socket(zmq.SUB) as ear:
        ear.subscribe(b"SEGUE/1/")
        ear.rcvtimeo = 1000
        ear.connect(server.events_endpoint)
        done = cave(server.endpoint)
        topics = []
        with pytest.raises(zmq.Again):
            while True:
                topics.append(ear.recv_multipart()[0].decode().rpartition("/")[2])
    assert done.returncode == 0, done.stderr
    assert {"beat", "bar", "section", "stinger", "executed"} <= set(topics)
    assert done.stdout.splitlines()[-1] in ("won", "dead")


@pytest.mark.slow
def test_without_a_server_the_game_plays_on() -> None:
    pytest.importorskip("pygame", reason="pygame-ce is not installed")
    done = cave("tcp://127.0.0.1:1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] in ("won", "dead")
