"""`segue keys`, and a whole server with keys: every process of it, every door."""

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from segue.client import Client, RequestError
from segue.client import protocol as p

SEGUE = (sys.executable, "-m", "segue")


def segue(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*SEGUE, *words], capture_output=True, text=True, timeout=60)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_keys_are_made_listed_and_revoked(here: Path) -> None:
    made = segue("keys", "new", "laptop", "--rights", "play")
    assert made.returncode == 0 and "laptop.key" in made.stdout
    assert stat.S_IMODE((here / "keys" / "laptop.key").stat().st_mode) == 0o600
    listed = segue("keys", "list").stdout
    assert "laptop" in listed and "play" in listed
    again = segue("keys", "new", "laptop")
    assert again.returncode == 2 and "segue keys revoke laptop" in again.stderr
    assert len(again.stderr.splitlines()) == 1
    assert "count no more" in segue("keys", "revoke", "laptop").stdout
    assert "nobody has keys" in segue("keys", "list").stdout
    for words in (["new", "a", "--rights", "rule"], ["token", "a", "--hours", "1e9"], ["new", "."]):
        wrong = segue("keys", *words)
        assert wrong.returncode == 2 and len(wrong.stderr.splitlines()) == 1, wrong
    bare = segue("serve", "--host", "0.0.0.0")
    assert bare.returncode == 2 and "segue keys new NAME" in bare.stderr


@pytest.fixture
def doors(here: Path) -> Iterator[dict[str, str]]:
    """Addresses of a whole server with keys, on all interfaces."""
    assert segue("keys", "new", "laptop").returncode == 0
    command = [*SEGUE, "serve", "--host", "0.0.0.0", "--keys", "keys"]
    command += ["--port", "0", "--web", "0", "--osc", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    found: dict[str, str] = {}
    try:
        assert process.stdout is not None
        while "heartbeat" not in found:
            line = process.stdout.readline()
            assert line, "the server did not start"
            words = line.split()
            if len(words) == 2:
                found[words[0]] = words[1].replace("0.0.0.0", "127.0.0.1")
        yield found
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate()


def ask(socket: object, type: str, **content: object) -> dict:
    socket.send(json.dumps({"header": {"type": type, "id": type}, "content": content}))
    return json.loads(socket.recv(timeout=20))


@pytest.mark.slow
def test_every_door_of_a_server_with_keys(doors: dict[str, str], here: Path) -> None:
    token = segue("keys", "token", "phone").stdout.strip()
    web = doors["web"].replace("http", "ws") + "/ws"
    with Client(doors["control"], keys=os.path.join("keys", "laptop.key")) as music:
        session = music.open("dungeon", director="table", clock="manual")
        assert music.models.functions()
        with pytest.raises(RequestError, match="admin"):
            music.request(p.Shutdown(), p.Bye)
        with connect(f"{web}?token={token}") as phone:
            assert ask(phone, "hello")["content"]["rights"] == "play"
            assert ask(phone, "list")["content"]["sessions"] == [session.id]
            assert ask(phone, "open", cue="dungeon")["content"]["code"] == "forbidden"
            assert ask(phone, "functions")["header"]["type"] == "functions"
            assert ask(phone, "submit", function="key")["content"]["code"] == "forbidden"
    for words in ("", "?token=segue1.e30.AAAA", f"?token={token}A"):
        with pytest.raises(InvalidStatus):
            connect(web + words)
    assert segue("keys", "revoke", "phone").returncode == 0
    with pytest.raises(InvalidStatus):
        connect(f"{web}?token={token}")
