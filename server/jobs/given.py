"""What a function works on, as the worker reads it: sound or notes, from a file or from buffers."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from ...client.protocol import Buffer
from ...music.errors import FileFormatError, SegueError
from ..security.places import Places
from .library import Library
from .tasks import Task

if TYPE_CHECKING:
    from ...music.score import Score

Samples = NDArray[np.float32]
Tell = Callable[[float, str], None]
"""Is told the share that is done, 0..1, and what is being done."""

Runner = Callable[["Given", Any, Tell], Any]
"""A function: what it works on, its options, whom it tells; a plain value, or an `Answer`."""

WHOLE_16_BIT = 32768.0
MOST_LEVEL = 1_000.0  # no sound with full scale 1 gets here


@dataclass(frozen=True)
class Answer:
    """A result with arrays that go as buffers, float32, int16 or uint8."""

    value: Any
    arrays: tuple[NDArray[Any], ...] = ()
    sample_rate: int = 0  # of arrays that are sound


class Given:
    """One task's material; a context manager that leaves no files behind."""

    def __init__(self, task: Task, buffers: list[bytes], scratch: Path) -> None:
        self.kind, self.title = task.kind, task.title or "the sound"
        self.places = Places(task.roots.folder, task.roots.closed or None)
        self.library = Library(task.roots.library)
        self.scratch = scratch
        self._path = Path(task.path) if task.path else None
        self._buffer = task.buffers[0] if task.buffers else None
        self._data = buffers[0] if buffers else b""
        self._samples: tuple[Samples, int] | None = None

    def __enter__(self) -> Self:
        self.scratch.mkdir(exist_ok=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        shutil.rmtree(self.scratch, ignore_errors=True)

    def samples(self) -> tuple[Samples, int]:
        """Sound [shape=(frames, channels)], full scale 1, and its sample rate.

        Raises FileFormatError for what is no sound, SegueError for samples that are not finite.
        """
        if self._samples is None:
            self._samples = self._read()
        return self._samples

    def mono(self) -> Samples:
        """Sound as one channel [shape=(frames,)] at `analysis.spectra.RATE`."""
        from ...analysis.spectra import to_mono

        return to_mono(*self.samples())

    def path(self) -> Path:
        """A file of it: its own, or one that is written now."""
        if self._path is not None:
            return self._path
        if self._is_raw():
            import soundfile

            samples, rate = self.samples()
            path = self.scratch / "given.wav"
            soundfile.write(path, samples, rate, subtype="FLOAT")
        else:
            path = self.scratch / ("given.mid" if self.kind == "notes" else "given")
            path.write_bytes(self._data)
        self._path = path
        return path

    def score(self) -> "Score":
        """The notes of a MIDI file; FileFormatError if it is none."""
        from ...music.midi import read_midi

        return read_midi(self.path())

    def _is_raw(self) -> bool:
        return self._buffer is not None and self._buffer.dtype != "uint8"

    def _read(self) -> tuple[Samples, int]:
        from ...analysis.sound.sound_file import read_sound

        if not self._is_raw():
            return read_sound(self.path())
        assert self._buffer is not None
        buffer = self._buffer
        sound = np.frombuffer(self._data, np.dtype(buffer.dtype).newbyteorder("<"))
        samples = sound.reshape(buffer.shape).astype(np.float32)
        if buffer.dtype == "int16":
            samples /= np.float32(WHOLE_16_BIT)
        samples = samples[:, None] if samples.ndim == 1 else samples
        finite = np.isfinite(samples).all(axis=1)
        if not finite.all():
            first = int(np.flatnonzero(~finite)[0])
            raise SegueError(
                f"the sound has NaN or infinite samples, the first at frame {first}; send whole "
                "numbers, or floats with full scale 1"
            )
        if float(np.abs(samples).max()) >= MOST_LEVEL:
            raise FileFormatError(
                f"the sound has samples up to {float(np.abs(samples).max()):.3g}, where full scale "
                "is 1; divide integers by their full scale"
            )
        return samples, buffer.sample_rate


def described(answer: Answer) -> tuple[list[Buffer], list[bytes]]:
    """Descriptions of an answer's arrays, and their bytes, little-endian."""
    buffers, frames = [], []
    for array in answer.arrays:
        name = array.dtype.name if array.dtype.name in ("int16", "uint8") else "float32"
        plain = np.ascontiguousarray(array, np.dtype(name).newbyteorder("<"))
        rate = answer.sample_rate if name != "uint8" else 0
        buffers.append(Buffer(dtype=name, shape=list(plain.shape), sample_rate=rate))
        frames.append(plain.tobytes())
    return buffers, frames
