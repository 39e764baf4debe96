"""The patches for Pure Data, in the program without a window, against a server."""

import socket
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from segue.client import Client, RemoteSession
from segue.client.protocol import ClosedEvent, ExecutedEvent, SectionEvent

from .conftest import HERE, INTEGRATIONS, Served, Tell, Told, free_ports, program

ROOM = INTEGRATIONS / "puredata"
INSTALLATION = HERE.parents[1] / "examples" / "installation" / "installation.pd"

PATCH = """#N canvas 0 0 450 300 12;
#X obj 20 100 segue 127.0.0.1 {osc} {listen};
#X obj 20 140 print told;
#X obj 220 140 print fault;
#X obj 20 20 loadbang;
#X obj 20 40 delay 200;
#X msg 20 60 open dungeon table none \\, set danger 0.9 0 \\, mood -0.5 0.8 0 0 \\, set dangr 1;
#X connect 0 0 1 0;
#X connect 0 1 2 0;
#X connect 3 0 4 0;
#X connect 4 0 5 0;
#X connect 5 0 0 0;
#X obj 320 20 netreceive -u {control};
#X connect 6 0 0 0;
"""


def pd(tell: Tell, patch: Path) -> Told:
    quiet = ["-nogui", "-noaudio", "-nomidi", "-stderr"]
    return tell(program("pd", "puredata-core"), *quiet, "-path", ROOM, patch)


def say(port: int, *lines: str) -> None:
    """As `echo '...;' | nc -u` does."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as socket_:
        for line in lines:
            socket_.sendto(f"{line};\n".encode(), ("127.0.0.1", port))


def test_a_patch_plays_and_hears(served: Served, music: Client, tell: Tell, tmp_path: Path) -> None:
    ports = free_ports(2)
    patch = tmp_path / "test.pd"
    patch.write_text(PATCH.format(osc=served.osc_port, listen=ports, control=ports + 1))
    told = pd(tell, patch)
    fault = told.wait_for("fault:")
    assert "'dangr'" in fault and "'danger'?" in fault
    assert len(told.wait_for("told: beat")) == 2 + 4  # bar, beat in the bar, beat, bpm
    session = music.join(music.list().sessions[-1])
    position = session.position()
    assert position.parameters["danger"] == pytest.approx(0.9)
    assert position.wanted.arousal == pytest.approx(0.8)
    say(ports + 1, "pause")
    say(ports + 1, "stinger nothing")
    assert "'nothing'" in told.wait_for("fault:")
    assert session.position().paused
    say(ports + 1, "close")
    assert any(isinstance(event, ClosedEvent) for event in session.events(timeout_seconds=20.0))


def test_the_help_patch_loads() -> None:
    quiet = ["-nogui", "-noaudio", "-nomidi", "-stderr", "-send", "pd quit"]
    command = [program("pd", "puredata-core"), *quiet, ROOM / "segue-help.pd"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert "couldn't create" not in done.stderr and "error" not in done.stderr


def installation(served: Served, ports: int, lamp: int, tmp_path: Path) -> Path:
    """The patch, its ports changed, and without sound."""
    text = INSTALLATION.read_text()
    changes = {5590: served.osc_port, 5591: ports, 5592: ports + 1, 5593: lamp}
    for old, new in changes.items():
        assert str(old) in text
        text = text.replace(f" {old}", f" {new}")
    path = tmp_path / "installation.pd"
    path.write_text(text.replace("dungeon agent auto", "dungeon table none"))
    return path


def test_the_installation_answers_its_sensors(
    served: Served, music: Client, tell: Tell, tmp_path: Path
) -> None:
    ports = free_ports(2)
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as lamp:
        lamp.bind(("127.0.0.1", 0))
        lamp.settimeout(20)
        before = set(music.list().sessions)
        path = installation(served, ports, lamp.getsockname()[1], tmp_path)
        pd(tell, path)
        light = [lamp.recv(100) for _ in range(3)]
        assert all(datagram.startswith(b"/light\0\0,f\0\0") for datagram in light)
        [opened] = set(music.list().sessions) - before
        session = music.join(opened)
        say(ports + 1, "movement 0.9", "brightness 0.2", "presence 1")
        assert _gone_to(session) == "explore"
        assert session.position().wanted.arousal == pytest.approx(0.8, abs=0.05)
        assert session.position().wanted.valence == pytest.approx(-0.6, abs=0.05)


def _gone_to(session: RemoteSession) -> str:
    """The section that the first `go` leads to."""
    section = ""
    for event in session.events(timeout_seconds=20.0):
        if isinstance(event, SectionEvent):
            section = event.name
        elif isinstance(event, ExecutedEvent) and event.verb == "go":
            return section
    raise AssertionError("nobody said go")
