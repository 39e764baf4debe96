"""The node for Godot, in the engine without a window, against a server."""

import os
import shutil
import time
from pathlib import Path

import pytest

from segue.client import Client
from segue.client.protocol import ExecutedEvent

from .conftest import HERE, INTEGRATIONS, Served, Tell, Told, program

ROOM = INTEGRATIONS / "godot"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "project.godot").write_text("config_version=4\n")
    for script in (*ROOM.glob("*.gd"), *HERE.glob("programs/*.gd")):
        shutil.copy(script, tmp_path)
    return tmp_path


def play(tell: Tell, project: Path, script: str, served: Served, *options: str) -> Told:
    godot = program("godot3-server", "godot3-server")
    address = f"ws://127.0.0.1:{served.web_port}/ws"
    command = [godot, "--path", project, "-s", script, address, *options]
    return tell(*command, env=os.environ | {"HOME": str(project)})


def test_a_game_plays_hears_and_gets_its_music_back(
    served: Served, music: Client, project: Path, tell: Tell
) -> None:
    told = play(tell, project, "godot.gd", served, "stream")
    assert told.wait_for("opened")[1] in music.list().sessions
    assert 0.0 < float(told.wait_for("go")[1]) < 10.0
    leads = [float(told.wait_for("beat")[2]) for _ in range(4)]
    assert max(leads) > 0.2  # told a bar ahead
    heard_seconds = float(told.find("stream")[1])
    assert heard_seconds > 0.1  # of the server's sound
    assert -0.25 < float(told.wait_for("sounds beat")[2]) <= 0.0
    served.kill()
    told.wait_for("lost")
    served.start()
    told.wait_for("connected")
    danger = float(told.wait_for("reopened")[2])
    assert danger == pytest.approx(0.7)  # the last one that was set
    again = music.join(told.lines[-1].split()[1])
    again.close()
    told.wait_for("closed closed")
    said = "\n".join(told.lines)
    assert "misspelt unknown_name" in said and "did you mean 'danger'?" in said
    assert "nan out_of_range" in said and "set 0" in said and "executed set" in said
    assert "SCRIPT ERROR" not in said and "~Object" not in said


def test_the_example_makes_the_music_follow(
    served: Served, music: Client, project: Path, tell: Tell
) -> None:
    told = play(tell, project, "godot_example.gd", served)
    session = music.join(told.wait_for("opened")[1])
    deadline = time.monotonic() + 20.0
    for event in session.events(timeout_seconds=20.0):  # the shadow has come near
        if isinstance(event, ExecutedEvent) and session.position().parameters["danger"] > 0.9:
            break
        assert time.monotonic() < deadline
    session.close()
    told.wait_for("no music: closed")
    assert "SCRIPT ERROR" not in "\n".join(told.lines)
