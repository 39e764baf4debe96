"""Where audio goes.

Push sinks take blocks as fast as they come: `NullSink` forgets them, `FileSink` writes a file. Live
sinks, in `live`, pull blocks at the pace of a clock or a sound card.
"""

import os
from pathlib import Path
from typing import Protocol, Self

from ..music.errors import SegueError, UnknownNameError
from .pyo_host import Samples

FORMATS = {".wav": ("WAV", "PCM_24"), ".flac": ("FLAC", "PCM_24")}


def part_path(path: Path, process_id: int) -> Path:
    """Where a process keeps the file that is to become `path`."""
    return path.with_name(f".{path.name}.{process_id}.part")


class PushSink(Protocol):
    """What takes blocks of float32 [shape=(frames, 2)], full scale at 1."""

    def write(self, block: Samples) -> None:
        """Take the next block."""

    def close(self) -> None:
        """Finish; what was written stands."""

    def abort(self) -> None:
        """Finish without leaving anything."""


class NullSink:
    """Counts frames and forgets them."""

    def __init__(self) -> None:
        self.frames = 0

    def write(self, block: Samples) -> None:
        """Count the block."""
        self.frames += len(block)

    def close(self) -> None:
        """Nothing to finish."""

    def abort(self) -> None:
        """Nothing to remove."""


class FileSink:
    """Writes WAV or FLAC, 24 bits, by the path's ending.

    Audio goes to a temporary file beside the target, which takes the target's name at `close`; so
    the target is never half-written. Leaving the context by an error aborts. Raises
    UnknownNameError for another ending than .wav and .flac, SegueError when the file cannot be made
    or written, for example because the disk is full.
    """

    def __init__(self, path: str | Path, sample_rate: int) -> None:
        import soundfile

        self.path = Path(path)
        self.frames = 0
        suffix = self.path.suffix.lower()
        if suffix not in FORMATS:
            raise UnknownNameError("audio file ending", suffix, FORMATS)
        kind, subtype = FORMATS[suffix]
        self._part = part_path(self.path, os.getpid())
        self._errors = (soundfile.SoundFileError, OSError, AssertionError)  # the last: short write
        self._file: soundfile.SoundFile | None = None
        try:
            if self.path.is_dir():
                raise OSError("it is a folder")
            self._file = soundfile.SoundFile(
                self._part, "w", sample_rate, 2, subtype=subtype, format=kind
            )
        except self._errors as error:
            self._fail(error)

    def write(self, block: Samples) -> None:
        """Append a block."""
        if self._file is None:
            raise SegueError(f"{self.path} is closed; open a new FileSink to write again")
        try:
            self._file.write(block)
        except self._errors as error:
            self._fail(error)
        self.frames += len(block)

    def close(self) -> None:
        """Finish the file and give it its name. Closing twice is allowed."""
        if self._file is None:
            return
        try:
            self._file.flush()
            self._file.close()
            self._file = None
            os.replace(self._part, self.path)
        except self._errors as error:
            self._fail(error)

    def abort(self) -> None:
        """Remove what was written; an older file of that name stays."""
        if self._file is not None:
            file, self._file = self._file, None
            try:
                file.close()
            except self._errors:
                pass  # the file goes away in any case
        self._part.unlink(missing_ok=True)

    def _fail(self, error: BaseException) -> None:
        self.abort()
        reason = str(error) or "no more could be written; is the disk full?"
        raise SegueError(
            f"cannot write {self.path}: {reason}; free some space or choose another place"
        ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()
