"""The shell's functions, with oscsend and oscdump, against a server."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from segue.client import Client, RemoteSession
from segue.client.protocol import ClosedEvent, ExecutedEvent

from .conftest import INTEGRATIONS, Served, Tell, free_ports, program

ROOM = INTEGRATIONS / "shell"


def environment(served: Served) -> dict[str, str]:
    """Of a shell whose python3 is this one."""
    return os.environ | {
        "SEGUE_OSC_PORT": str(served.osc_port),
        "SEGUE_CONTROL_PORT": str(served.port),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }


def shell(served: Served, line: str) -> "subprocess.CompletedProcess[str]":
    """A line of bash that knows the functions."""
    command = ["bash", "-c", f"source '{ROOM}/segue.sh'; {line}"]
    return subprocess.run(
        command, env=environment(served), capture_output=True, text=True, timeout=60
    )


@pytest.fixture
def session(served: Served) -> str:
    opened = shell(served, """ask open '{"cue": "dungeon", "director": "table"}'""")
    assert opened.returncode == 0, opened.stderr
    return str(json.loads(opened.stdout)["session"])


def test_requests_are_answered(served: Served, session: str) -> None:
    reply = shell(served, f'ask time_to \'{{"at": "bar"}}\' {session}')
    assert reply.returncode == 0 and json.loads(reply.stdout)["seconds"] > 0
    refused = shell(served, f'ask go \'{{"section": "nowhere"}}\' {session}')
    assert refused.returncode == 1 and json.loads(refused.stdout)["code"] == "unknown_name"
    assert session in json.loads(shell(served, "ask list").stdout)["sessions"]


def test_messages_steer_and_events_are_dumped(
    served: Served, music: Client, session: str, tell: Tell
) -> None:
    program("oscsend", "liblo-tools")
    port = free_ports(1)
    dump = tell(program("oscdump", "liblo-tools"), "-L", str(port))
    said = f"music session {session}; music listen {port}; music set danger 0.9 0; music loop 2"
    done = shell(served, said)
    assert done.returncode == 0 and done.stderr == ""
    joined = music.join(session)
    words: list[str] = []
    while "/segue/beat" not in words:
        words = dump.wait_for("")
    bar, beat_in_bar, beat, bpm = map(float, words[-4:])
    assert beat == 4 * bar + beat_in_bar and 60.0 < bpm < 160.0
    assert joined.position().parameters["danger"] == pytest.approx(0.9)
    assert shell(served, "music pause").returncode == 0
    assert shell(served, "music close").returncode == 0
    assert any(isinstance(event, ClosedEvent) for event in joined.events(timeout_seconds=20.0))


def test_the_example_makes_the_music_follow(served: Served, music: Client, tell: Tell) -> None:
    program("oscsend", "liblo-tools")
    before = set(music.list().sessions)
    told = tell("bash", ROOM / "load.sh", "3", "none", env=environment(served))
    opened = _new_session(music, before)
    verbs = [
        event.verb
        for event in opened.events(timeout_seconds=20.0)
        if isinstance(event, ExecutedEvent)
    ]
    assert verbs and set(verbs) == {"set"}
    assert told.process.wait(20) == 0


def _new_session(music: Client, before: set[str]) -> RemoteSession:
    """The one that somebody opens now."""
    deadline = time.monotonic() + 20.0
    while time.monotonic() < deadline:
        for name in set(music.list().sessions) - before:
            return music.join(name)
    raise AssertionError("nobody opened a session")
