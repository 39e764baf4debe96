"""The C++ header, compiled by g++, against servers with and without keys."""

import subprocess
from pathlib import Path

import pytest

from segue.client import Client
from segue.server.security.keys import KeyFolder

from .conftest import HERE, INTEGRATIONS, Served, Tell, program

ROOM = INTEGRATIONS / "unreal"


def compiled(source: Path, target: Path) -> Path:
    """With all warnings as errors, of the client's own code."""
    compiler = program("g++", "g++")
    if not Path("/usr/include/zmq.hpp").exists():
        pytest.skip("zmq.hpp is not installed (Debian: apt install cppzmq-dev)")
    options = ["-std=c++17", "-Wall", "-Wextra", "-Werror", f"-I{ROOM}"]
    command = [compiler, *options, source, "-o", target, "-lzmq", "-pthread"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture(scope="module")
def game(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(HERE / "programs" / "unreal.cpp", tmp_path_factory.mktemp("unreal") / "game")


def test_a_game_plays_and_its_music_comes_back(
    served: Served, music: Client, game: Path, tell: Tell
) -> None:
    told = tell(game, served.control)
    assert told.wait_for("opened")[1] in music.list().sessions
    assert 0.0 < float(told.wait_for("go")[1]) < 10.0
    leads = [float(told.wait_for("beat")[2]) for _ in range(4)]
    assert max(leads) > 0.2  # told a bar ahead
    assert -0.25 < float(told.wait_for("sounds beat")[2]) <= 0.0
    served.kill()
    told.wait_for("lost")
    served.start()
    danger = float(told.wait_for("reopened")[2])
    assert danger == pytest.approx(0.7)  # the last one that was set
    told.wait_for("beat")
    assert told.end() == 0
    said = "\n".join(told.lines)
    assert "refused unknown_name" in said and "did you mean 'danger'?" in said
    assert "refused out_of_range" in said  # NaN
    assert "set 1" in said and "metrics 1" in said and "executed set" in said
    assert "files 0" in said  # closed in good order


def test_with_keys_a_server_lets_it_in(game: Path, tell: Tell, tmp_path: Path) -> None:
    folder = KeyFolder(tmp_path / "keys", make=True)
    keys = folder.new("game", "steer")
    with Served(tmp_path, "--keys", str(folder.folder), "--no-web", "--no-osc") as served:
        told = tell(game, served.control, keys)
        assert told.wait_for("connected")[1] == "steer"
        told.wait_for("beat")
        assert told.end() == 0
        stranger = tell(game, served.control)
        stranger.wait_for("frames go by")
        assert stranger.end() == 0
    assert not any(line.startswith("connected") for line in stranger.lines)


def test_a_file_that_holds_no_keys_is_told(game: Path, tell: Tell, tmp_path: Path) -> None:
    broken = tmp_path / "laptop.key"
    broken.write_text("{}")
    told = tell(game, "tcp://127.0.0.1:1", broken)
    told.wait_for("frames go by")
    assert told.end() == 0
    assert not any(line.startswith("connected") for line in told.lines)


@pytest.mark.slow
def test_the_example_makes_the_music_follow(
    served: Served, music: Client, tell: Tell, tmp_path: Path
) -> None:
    told = tell(compiled(ROOM / "example.cpp", tmp_path / "walk"), served.control, "", "3")
    told.wait_for("plays Under the Mountain")
    assert music.list().sessions
    assert told.process.wait(20) == 0
