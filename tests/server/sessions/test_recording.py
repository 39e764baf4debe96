"""The session log: written as it goes, whole at the end, and honest about a full disk."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from segue.client import protocol as p
from segue.music.errors import SegueError
from segue.server.sessions import recording
from segue.server.sessions.recording import SessionLog
from segue.server.sessions.session import Session


class Disk:
    """`os.write` of a disk with so much space."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, space: int) -> None:
        self.space, self._write = space, os.write
        monkeypatch.setattr(recording.os, "write", self.write)
        monkeypatch.setattr(recording, "AGAIN_SECONDS", 0.0)

    def write(self, file: int, data: bytes) -> int:
        if not self.space:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = self._write(file, data[: self.space])
        self.space -= taken
        return taken


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def part(folder: Path) -> Path:
    [found] = folder.glob(".a.jsonl.*.part")
    return found


def test_lines_are_on_the_disk_at_once(tmp_path: Path) -> None:
    log = SessionLog(tmp_path / "a.jsonl")
    for number in range(3):
        log.add("test", number=number)
        assert [line["number"] for line in lines(part(tmp_path))] == list(range(number + 1))
    assert log.close() == [str(tmp_path / "a.jsonl")]
    assert os.listdir(tmp_path) == ["a.jsonl"]


def test_two_logs_of_one_name_do_not_mix(tmp_path: Path) -> None:
    one, two = SessionLog(tmp_path / "a.jsonl"), SessionLog(tmp_path / "a.jsonl")
    for number in range(4):
        (one, two)[number % 2].add("test", number=number)
    one.close()
    assert [line["number"] for line in lines(tmp_path / "a.jsonl")] == [0, 2]
    two.close()
    assert [line["number"] for line in lines(tmp_path / "a.jsonl")] == [1, 3]


def test_a_process_that_is_killed_leaves_every_line(tmp_path: Path) -> None:
    code = (
        "import os; from segue.server.sessions.session import Session\n"
        "session = Session.open('dungeon', director='table', log='a.jsonl')\n"
        "session.set(danger=0.5, id='c1'); session.advance(10.0)\n"
        "session.set(danger=0.7, id='c2'); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, timeout=60)
    assert done.returncode == -9
    found = lines(part(tmp_path))
    assert [line["id"] for line in found if line["line"] == "command"] == ["c1", "c2"]
    events = [line["event"] for line in found if line["line"] == "event"]
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    assert not (tmp_path / "a.jsonl").exists()


def test_a_full_disk_is_told_and_the_music_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "a.jsonl"
    session = Session.open("dungeon", director="table", log=log)
    session.advance(2.0)
    disk = Disk(monkeypatch, 150)  # half a line more
    session.set(danger=0.9, id="c1")
    session.advance(4.0)
    warnings = [e for e in session.events() if isinstance(e, p.WarningEvent)]
    assert [(w.code, "No space left" in w.message) for w in warnings] == [("log", True)]
    assert lines(part(tmp_path))  # whole lines only
    disk.space = 10**9
    session.set(danger=0.1, id="c2")
    session.advance(1.0)
    session.close()
    found = lines(log)
    assert [line["id"] for line in found if line["line"] == "command"] == ["c1", "c2"]
    events = [line["event"] for line in found if line["line"] == "event"]
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))


def test_a_disk_that_stays_full_is_told_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.jsonl").write_text("older")
    session = Session.open("dungeon", director="table", log=tmp_path / "a.jsonl")
    Disk(monkeypatch, 0)
    session.advance(4.0)
    with pytest.raises(SegueError, match=r"No space left on device; the lines before lie in \.a"):
        session.close()
    assert lines(part(tmp_path))[0]["line"] == "session"
    assert (tmp_path / "a.jsonl").read_text() == "older"


def test_what_cannot_be_written_from_the_first_is_told_at_opening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Disk(monkeypatch, 20)
    with pytest.raises(SegueError, match="No space left on device; choose a folder"):
        Session.open("dungeon", director="table", log=tmp_path / "a.jsonl")
    assert os.listdir(tmp_path) == []


def test_a_discarded_session_leaves_no_log(tmp_path: Path) -> None:
    session = Session.open("dungeon", director="table", log=tmp_path / "a.jsonl")
    session.advance(1.0)
    session.discard()
    assert os.listdir(tmp_path) == []


def test_no_more_is_kept_than_was_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "MAX_WAITING_LINES", 10)
    log = SessionLog(tmp_path / "a.jsonl")
    log.add("test")
    disk = Disk(monkeypatch, 0)
    for _ in range(20):
        log.add("test")
    disk.space = 10**9
    with pytest.raises(SegueError, match="lie in"):
        log.close()
    assert len(lines(part(tmp_path))) == 11  # nothing is missing in between
