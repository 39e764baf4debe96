"""Where audio goes: every sink by name, and those that take blocks as fast as they come.

Offline sinks are written to: `NullSink` forgets, `FileSink` writes a file, an offline `StreamSink`
hands blocks on. Live sinks, in `live` and `stream`, pull blocks at the pace of a clock or a card.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np

from ..music.errors import SegueError, UnknownNameError
from .live import LiveSink, SilentSink, open_device
from .pyo_host import Samples
from .stream import Stream, StreamSink

if TYPE_CHECKING:
    import soundfile

SINKS = {
    "null": "renders as fast as asked, and forgets",
    "file": "a .wav, .flac or .ogg file, whole at the end",
    "stream": "PCM blocks to a callback or a queue",
    "silent": "keeps the machine's time and plays nothing",
    "jack": "a JACK or PipeWire graph",
    "portaudio": "the system's sound output",
    "auto": "the first of jack and portaudio that answers",
}
"""The names of all sinks, and what each one is."""

FORMATS = {".wav": ("WAV", "PCM_24"), ".flac": ("FLAC", "PCM_24"), ".ogg": ("OGG", "VORBIS")}
PIECE_FRAMES = 8192
"""What is written to a file at once: the Vorbis encoder of libsndfile crashes on large pieces."""


def part_path(path: Path, process_id: int) -> Path:
    """Where a process keeps the file that is to become `path`."""
    return path.with_name(f".{path.name}.{process_id}.part")


class PushSink(Protocol):
    """What takes blocks of float32 [shape=(frames, 2)], full scale at 1."""

    frames: int  # taken so far
    live: bool  # false

    def write(self, block: Samples) -> None:
        """Take the next block."""

    def close(self) -> None:
        """Finish; what was written stands."""

    def abort(self) -> None:
        """Finish without leaving anything."""


class NullSink:
    """Counts frames and forgets them."""

    live = False

    def __init__(self) -> None:
        self.frames = 0
        self._closed = False

    def write(self, block: Samples) -> None:
        """Count the block."""
        if self._closed:
            raise SegueError("the sink is closed; open a new one to write again")
        self.frames += len(block)

    def close(self) -> None:
        """Take no more."""
        self._closed = True

    def abort(self) -> None:
        """Take no more; there is nothing to remove."""
        self._closed = True


class FileSink:
    """Writes WAV or FLAC of 24 bits, or Ogg Vorbis, by the path's ending.

    Audio goes to a temporary file beside the target, which takes the target's name at `close`; so
    the target is never half-written. Leaving the context by an error aborts. Raises
    UnknownNameError for an ending that is not in `FORMATS`, SegueError when the file cannot be made
    or written, for example because the disk is full.
    """

    live = False

    def __init__(self, path: str | Path, sample_rate: int) -> None:
        import soundfile

        self.path = Path(path)
        self.frames = 0
        self._held: list[Samples] = []
        self._held_frames = 0
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
        self._held.append(block.copy())  # the engine may use its memory again
        self._held_frames += len(block)
        self.frames += len(block)
        if self._held_frames >= PIECE_FRAMES:
            try:
                self._write_held(self._file)
            except self._errors as error:
                self._fail(error)

    def _write_held(self, file: "soundfile.SoundFile") -> None:
        """Write what is held, in pieces: many small writes are slow, one huge one breaks Ogg."""
        held = np.concatenate(self._held) if self._held else np.zeros((0, 2), np.float32)
        self._held.clear()
        self._held_frames = 0
        for start in range(0, len(held), PIECE_FRAMES):
            file.write(held[start : start + PIECE_FRAMES])

    def close(self) -> None:
        """Finish the file and give it its name. Closing twice is allowed."""
        if self._file is None:
            return
        try:
            self._write_held(self._file)
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


def open_sink(
    name: str,
    *,
    path: str | Path | None = None,
    stream: Stream | None = None,
    sample_rate: int = 48_000,
    block_frames: int = 256,
) -> PushSink | LiveSink:
    """A sink by name; one whose `live` is true is started, others are written to.

    Raises UnknownNameError for a name that is not in `SINKS`, MissingPartError when no device
    answers, SegueError for a file that cannot be made.

    :param path: of the file; with "file" only
    :param stream: what to do with the blocks; with "stream" only
    :param sample_rate: in Hz; a device may impose its own
    :param block_frames: what a live sink pulls at once; a device may impose its own
    """
    check_sink(name, path, stream)
    if name == "null":
        return NullSink()
    if path is not None:
        return FileSink(path, sample_rate)
    if stream is not None:
        return StreamSink(stream, sample_rate, block_frames)
    if name == "silent":
        return SilentSink(sample_rate, block_frames)
    return open_device(name, sample_rate, block_frames)


def check_sink(name: str, path: str | Path | None, stream: Stream | None) -> None:
    """Raise unless a sink of that name can be opened with a path or a stream, or without."""
    if name not in SINKS:
        raise UnknownNameError("sink", name, SINKS)
    if (name == "file") != (path is not None):
        raise SegueError(f"sink {name!r} with path {path!r}; give a path with sink 'file' only")
    if (name == "stream") != (stream is not None):
        raise SegueError(
            f"sink {name!r} with stream {stream!r}; give a Stream with sink 'stream' only"
        )
