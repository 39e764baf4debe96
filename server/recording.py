"""What a session leaves behind: its log and its music as a MIDI file, each whole or not at all."""

from pathlib import Path
from typing import Any

import msgspec

from ..client.wire import plain_number
from ..music.errors import SegueError
from ..music.files import write_whole


def check_writable(path: str | Path) -> Path:
    """The path if its folder exists and it is no folder itself; told before the music starts."""
    target = Path(path)
    if target.is_dir() or not target.parent.is_dir():
        fact = (
            "is a folder" if target.is_dir() else f"lies in {target.parent}, which does not exist"
        )
        raise SegueError(f"cannot write {target}: it {fact}; name a file in a folder that exists")
    return target


class SessionLog:
    """Lines of JSON: the session, then every command and event as they come."""

    def __init__(self, path: str | Path | None) -> None:
        self.path = check_writable(path) if path else None
        self._lines: list[bytes] = []

    def add(self, kind: str, **fields: Any) -> None:
        """Add a line with `line` as its kind."""
        if self.path is not None:
            self._lines.append(msgspec.json.encode({"line": kind, **fields}, enc_hook=plain_number))

    def close(self) -> list[str]:
        """Write the file; its path."""
        if self.path is None:
            return []
        write_whole(self.path, b"\n".join(self._lines) + b"\n")
        return [str(self.path)]
