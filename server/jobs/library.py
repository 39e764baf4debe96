"""The library: sound and MIDI files below the folders that the server was given.

An id is the name of such a folder and the path below it, e.g. "songs/album/one.ogg". Links that
lead out of the folders are not followed, hidden files are left out.
"""

import os
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from ...analysis.report.analyze import MIDI_SUFFIXES
from ...analysis.sound.sound_file import SOUND_SUFFIXES, sound_info
from ...client.errors import RequestError
from ...client.protocol import LibraryItem
from ...music.errors import SegueError
from ...music.midi import read_midi

SOUND, NOTES = "sound", "notes"
MOST_LISTED = 1_000  # items of one answer
MOST_CHARACTERS = 1_024


class Library:
    """Folders of sound and MIDI files by the names that ids begin with."""

    def __init__(self, folders: Sequence[str | Path]) -> None:
        self.roots: dict[str, Path] = {}
        for folder in folders:
            path = Path(folder).resolve()
            name, number = path.name or "library", 2
            while name in self.roots:
                name, number = f"{path.name}-{number}", number + 1
            self.roots[name] = path

    def find(self, id: str) -> Path:
        """The file of an id; RequestError `unknown_name` if there is none."""
        name, _, below = id.partition("/")
        root = self.roots.get(name)
        path = _inside(root, below) if root is not None and below else None
        if path is None:
            raise RequestError(
                "unknown_name",
                f"no item {id[:64]!r} in the library",
                "$.content.source.library",
                "ask for `library`, which lists them",
            )
        return path

    def ids(self) -> Iterator[str]:
        """All ids, in order."""
        for name, root in sorted(self.roots.items()):
            for folder, folders, files in os.walk(root):
                folders[:] = sorted(one for one in folders if not one.startswith("."))
                for file in sorted(files):
                    below = (Path(folder) / file).relative_to(root).as_posix()
                    if _inside(root, below) is not None:
                        yield f"{name}/{below}"

    def items(self, search: str = "", limit: int = 100) -> tuple[list[LibraryItem], int]:
        """The first items whose ids contain a text (case is not looked at), and how many do."""
        wanted = search.casefold()
        found = [id for id in self.ids() if wanted in id.casefold()]
        most = min(max(limit, 0), MOST_LISTED)
        return [self.item(id) for id in found[:most]], len(found)

    def item(self, id: str) -> LibraryItem:
        """What is told of an item."""
        path = self.find(id)
        stamp = path.stat()
        return LibraryItem(
            id=id,
            title=path.stem,
            kind=kind_of(path),
            seconds=_seconds(path, stamp.st_mtime_ns, stamp.st_size),
        )


def kind_of(path: Path) -> str:
    """`sound` or `notes`: by what a file begins with, not by its name."""
    with path.open("rb") as file:
        head = file.read(12)
    is_midi = head[:4] == b"MThd" or (head[:4] == b"RIFF" and head[8:] == b"RMID")
    return NOTES if is_midi else SOUND


def _inside(root: Path, below: str) -> Path | None:
    """A file of the library below a folder; None for what is none, or lies elsewhere."""
    if len(below) > MOST_CHARACTERS or any(part.startswith(".") for part in below.split("/")):
        return None
    try:
        path = (root / below).resolve()
        known = path.suffix.lower() in SOUND_SUFFIXES | MIDI_SUFFIXES
        return path if known and path.is_relative_to(root) and path.is_file() else None
    except (OSError, ValueError, RuntimeError):  # NUL, too long, links in a circle
        return None


@lru_cache(maxsize=16_384)
def _seconds(path: Path, changed_ns: int, size: int) -> float:
    """How long a file lasts, 0 if it cannot be read."""
    try:
        if kind_of(path) == SOUND:
            return sound_info(path).duration_seconds
        score = read_midi(path)
        return float(score.tempo.seconds(score.end_beats))
    except (SegueError, OSError):
        return 0.0
