"""What the processes of a server are and use, as Linux tells it."""

import os
from pathlib import Path

from ..music.errors import MissingPartError
from .synth_material import process_megabytes


def descendants(process_id: int) -> dict[int, str]:
    """The processes that a process has started, and theirs, each with its command line."""
    parents: dict[int, int] = {}
    for folder in _proc().glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text()
        except OSError:  # it has ended meanwhile
            continue
        parents[int(folder.name)] = int(stat.rpartition(")")[2].split()[1])
    found = {process_id}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return {child: _command_line(child) for child in sorted(found - {process_id})}


def find(process_id: int, words: str) -> list[int]:
    """Those of the descendants whose command line holds some words."""
    return [child for child, line in descendants(process_id).items() if words in line]


def handles(process_id: int) -> int:
    """Open files and sockets of a process."""
    return len(os.listdir(_proc() / str(process_id) / "fd"))


def threads(process_id: int) -> int:
    """Threads of a process."""
    return len(os.listdir(_proc() / str(process_id) / "task"))


def megabytes(process_id: int) -> float:
    """Resident memory of a process and its descendants, without mapped files."""
    total = process_megabytes(process_id)
    for child in descendants(process_id):
        try:
            total += process_megabytes(child)
        except MissingPartError:  # it has ended meanwhile
            continue
    return total


def _command_line(process_id: int) -> str:
    try:
        return (_proc() / str(process_id) / "cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def _proc() -> Path:
    folder = Path("/proc")
    if not (folder / "self" / "stat").exists():
        raise MissingPartError("this system has no /proc; measure on Linux")
    return folder
