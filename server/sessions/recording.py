"""What a session leaves behind: its log and its music as a MIDI file.

The log is written as it goes, into a hidden file beside the one that is named: `.NAME.*.part`.
Closing gives it its name. So a program that crashes leaves every line up to then.
"""

import os
import time
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import Any

import msgspec

from ...client.wire import plain_number
from ...music.errors import SegueError
from ...music.files import check_writable

AGAIN_SECONDS = 1.0  # between two tries to write to a disk that is full
MAX_WAITING_LINES = 50_000  # that are kept until the disk takes them


class SessionLog:
    """Lines of JSON: the session, then every command and event as they come."""

    def __init__(self, path: str | Path | None) -> None:
        self.path = check_writable(path) if path else None
        self.fault = ""  # why the newest lines are not on the disk
        self._part: Path | None = None
        self._file = -1  # descriptor of `_part`
        self._size = 0  # bytes of the whole lines in it
        self._waiting: list[bytes] = []
        self._again_seconds = 0.0

    def add(self, kind: str, **fields: Any) -> None:
        """Add a line with `line` as its kind. A disk that takes no more is told by `fault`."""
        if self.path is None or len(self._waiting) >= MAX_WAITING_LINES:
            return
        line = msgspec.json.encode({"line": kind, **fields}, enc_hook=plain_number)
        self._waiting.append(line + b"\n")
        if not self.fault or time.monotonic() >= self._again_seconds:
            self._write(self.path)

    def check(self) -> None:
        """Raise SegueError, and leave no file, if nothing can be written from the first."""
        if self.fault:
            self.discard()
            raise SegueError(
                f"cannot write {self.path}: {self.fault}; choose a folder that can be written and "
                "has space"
            )

    def close(self) -> list[str]:
        """Complete the file; its path. SegueError if lines are missing, which stay in the part."""
        if self.path is None:
            return []
        complete = len(self._waiting) < MAX_WAITING_LINES
        self._write(self.path)
        part, self._part = self._part, None
        try:
            if part is not None and complete and not self.fault:
                os.fsync(self._file)
                os.replace(part, self.path)
                return [str(self.path)]
        except OSError as error:
            self.fault = error.strerror or str(error)
        finally:
            self._close_file()
        kept = f"the lines before lie in {part.name}" if part is not None else "nothing was left"
        raise SegueError(f"cannot write {self.path}: {self.fault or 'too many lines'}; {kept}")

    def discard(self) -> None:
        """Leave no file."""
        self._close_file()
        if self._part is not None:
            self._part.unlink(missing_ok=True)
            self._part = None

    def _write(self, path: Path) -> None:
        """Hand the lines that wait to the system, whole lines only."""
        data = b"".join(self._waiting)
        try:
            if self._part is None:
                part = path.with_name(f".{path.name}.{token_hex(4)}.part")
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
                self._file, self._part = os.open(part, flags, 0o666), part
            written = 0
            while written < len(data):
                written += os.write(self._file, data[written:])
        except OSError as error:
            self.fault = error.strerror or str(error)
            self._again_seconds = time.monotonic() + AGAIN_SECONDS
            with suppress(OSError):
                os.ftruncate(self._file, self._size)
        else:
            self.fault = ""
            self._size += len(data)
            self._waiting.clear()

    def _close_file(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
