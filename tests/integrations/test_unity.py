"""The C# client, compiled by mono as Unity would, against a server."""

import subprocess
from pathlib import Path

import pytest

from segue.client import Client

from .conftest import HERE, INTEGRATIONS, Served, Tell, program

CLIENT = INTEGRATIONS / "unity" / "Segue.cs"
PROGRAMS = HERE / "programs"


def compiled(target: Path, *sources: Path, define: str = "") -> Path:
    mcs = program("mcs", "mono-mcs")
    options = ["-langversion:7", "-warnaserror", f"-out:{target}"]
    options += [f"-define:{define}"] if define else []
    options += ["-target:library"] if target.suffix == ".dll" else []
    done = subprocess.run([mcs, *options, *sources], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return target


@pytest.fixture(scope="module")
def game(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("unity") / "game.exe", CLIENT, PROGRAMS / "unity.cs")


def test_the_component_compiles_in_unity_and_only_there(tmp_path: Path) -> None:
    component = INTEGRATIONS / "unity" / "SegueMusic.cs"
    engine = PROGRAMS / "unity_engine.cs"
    compiled(tmp_path / "a.dll", CLIENT, component, engine, define="UNITY_5_3_OR_NEWER")
    compiled(tmp_path / "b.dll", CLIENT, component)


def test_a_game_plays_and_its_music_comes_back(
    served: Served, music: Client, game: Path, tell: Tell
) -> None:
    told = tell(program("mono", "mono-runtime"), game, served.control)
    session = told.wait_for("opened")[1]
    assert session in music.list().sessions
    eta_seconds = float(told.wait_for("go")[1])
    assert 0.0 < eta_seconds < 10.0
    leads = [float(told.wait_for("beat")[2]) for _ in range(4)]
    assert max(leads) > 0.2  # told a bar ahead
    lateness = [-float(told.wait_for("sounds beat")[2]) for _ in range(2)]
    assert all(0.0 <= late < 0.25 for late in lateness)
    served.kill()
    told.wait_for("lost")
    served.start()
    told.wait_for("connected")
    danger = float(told.wait_for("reopened")[2])
    assert danger == pytest.approx(0.7)  # the last one that was set
    told.wait_for("beat")
    assert told.end() == 0
    said = "\n".join(told.lines)
    assert "refused unknown_name" in said and "did you mean 'danger'?" in said
    assert "refused out_of_range" in said  # NaN
    assert "set True" in said and "awaited True" in said and "executed set 0" in said
    assert "files 0" in said  # closed in good order


def test_without_a_server_nothing_waits(game: Path, tell: Tell) -> None:
    told = tell(program("mono", "mono-runtime"), game, "tcp://127.0.0.1:1")
    told.wait_for("frames go by")
    assert told.end() == 0
