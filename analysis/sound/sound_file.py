"""Reading sound files: whole, or piece by piece where they may be hours long.

WAV, FLAC, Ogg (Vorbis, Opus), MP3, AIFF and whatever else libsndfile knows; what a file holds is
told by its contents, not by its name. Errors name the file and the fact.
"""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from ...music.errors import FileFormatError, SegueError
from ..spectra import RATE, Floats, mix_channels

LOWEST_RATE, HIGHEST_RATE = 8_000, 384_000
MOST_CHANNELS = 64
SOUND_SUFFIXES = frozenset(
    ".wav .wave .flac .ogg .oga .opus .mp3 .aif .aiff .aifc .au .caf .w64 .rf64".split()
)
"""How files of sound are mostly named."""

_LOUDEST = 1_000.0  # no sound with full scale 1 gets here: integers were written as floats
_BLOCK_SECONDS = 10.0
_MOST_VALUES = 1 << 24  # of a block, all channels
_SHORT_SECONDS = 0.1  # that a file may lack of what it promised: compressed ones are estimates
_ENDLESS_SECONDS = 1e9
_PROMISE = re.compile(r"^\s*(?:data|SSND)\s*: (\d+) \(should be (\d+)\)", re.MULTILINE)
_OPEN_ENDED = 0x7FFF_0000  # sizes that a recorder writes while it does not know them yet

Progress = Callable[[float], None]
"""Is told the share that is done, 0..1."""


@dataclass(frozen=True)
class SoundInfo:
    """What a sound file says of itself."""

    path: Path
    format: str  # as libsndfile calls it: WAV, FLAC, OGG, MP3, ...
    sample_rate: int
    channels: int
    frames: int
    promised_share: float  # 0..1: how much of the sound that its header announces is there

    @property
    def duration_seconds(self) -> float:
        """Length."""
        return self.frames / self.sample_rate


class SoundReader:
    """A sound file that is open; a context manager.

    Raises SegueError for a file that is missing or cannot be read, FileFormatError for one that is
    not sound, holds none, has a rate outside
    `LOWEST_RATE` to `HIGHEST_RATE` or more than `MOST_CHANNELS`.
    """

    def __init__(self, path: str | Path) -> None:
        import soundfile

        self.path = Path(path)
        self._error = soundfile.SoundFileError
        handle = _opened(self.path)
        try:
            self._file: Any = soundfile.SoundFile(handle)
        except (soundfile.SoundFileError, ValueError, TypeError, RuntimeError) as error:
            _close(handle)
            raise FileFormatError(
                f"{path} is no sound that can be read ({_reason(error)}); give a WAV, FLAC, Ogg, "
                "MP3 or AIFF file"
            ) from error
        try:
            self.info = self._told()
        except BaseException:
            self._file.close()
            raise

    def _told(self) -> SoundInfo:
        rate, channels, frames = self._file.samplerate, self._file.channels, self._file.frames
        if not LOWEST_RATE <= rate <= HIGHEST_RATE:
            raise FileFormatError(
                f"{self.path} has {rate} samples a second; give {LOWEST_RATE} to {HIGHEST_RATE}"
            )
        if channels > MOST_CHANNELS:
            raise FileFormatError(
                f"{self.path} has {channels} channels; give up to {MOST_CHANNELS}"
            )
        if frames <= 0:
            raise FileFormatError(f"{self.path} holds no sound; export it again")
        share = 1.0
        found = _PROMISE.search(self._file.extra_info)
        if found and int(found[2]) < int(found[1]) < _OPEN_ENDED:
            share = int(found[2]) / int(found[1])
        return SoundInfo(self.path, self._file.format, rate, channels, frames, share)

    def __enter__(self) -> "SoundReader":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def blocks(self, block_frames: int) -> Iterator[Floats]:
        """The samples in order [shape=(up to block_frames, channels)], full scale 1.

        Raises FileFormatError where the file breaks off or is damaged, or for samples that are not
        finite or far beyond full scale.
        """
        done = 0
        block_frames = min(block_frames, _MOST_VALUES // self.info.channels)
        while True:
            try:
                block = self._file.read(block_frames, dtype="float32", always_2d=True)
            except (self._error, ValueError, RuntimeError) as error:
                raise self._broken(done, _reason(error)) from error
            if not len(block):
                break
            self._check(block, done)
            done += len(block)
            yield block
        short = (self.info.frames - done) / self.info.sample_rate
        if not done or short > max(_SHORT_SECONDS, 0.01 * self.info.duration_seconds):
            raise self._broken(done, "the rest is missing")

    def _check(self, block: Floats, done: int) -> None:
        peak = float(np.abs(block).max())
        if peak < _LOUDEST:
            return
        rate = self.info.sample_rate
        bad = ~np.isfinite(block).all(axis=1)
        if bad.any():
            at = (done + int(np.flatnonzero(bad)[0])) / rate
            raise FileFormatError(
                f"{self.path} has samples that are not finite, the first at {at:.2f} seconds; "
                "export it again"
            )
        raise FileFormatError(
            f"{self.path} has samples up to {peak:.3g}, where full scale is 1; export it again as "
            "integers, or as floats within +-1"
        )

    def _broken(self, done: int, reason: str) -> FileFormatError:
        rate = self.info.sample_rate
        return FileFormatError(
            f"{self.path} breaks off after {done / rate:.2f} of {self.info.duration_seconds:.2f} "
            f"seconds ({reason}); export it again"
        )


def sound_info(path: str | Path) -> SoundInfo:
    """What a file says of itself; errors as for `SoundReader`."""
    with SoundReader(path) as reader:
        return reader.info


def read_sound(path: str | Path) -> tuple[Floats, int]:
    """Samples [shape=(frames, channels)] and sample rate of a whole file.

    Errors as for `SoundReader` and its `blocks`.
    """
    with SoundReader(path) as reader:
        blocks = list(reader.blocks(_block_frames(reader.info, _BLOCK_SECONDS)))
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks), reader.info.sample_rate


def stream_sound(
    path: str | Path,
    block_seconds: float = _BLOCK_SECONDS,
    progress: Progress | None = None,
) -> Iterator[Floats]:
    """A file's samples in order, a block [shape=(frames, channels)] at a time; errors as above."""
    with SoundReader(path) as reader:
        done = 0
        for block in reader.blocks(_block_frames(reader.info, block_seconds)):
            yield block
            done += len(block)
            if progress:
                progress(min(done / reader.info.frames, 1.0))


class MonoPieces:
    """Blocks of any channels and rate to long pieces of one channel at `rate`, as `to_mono` mixes.

    Whether channels cancel each other is decided block by block.
    """

    def __init__(self, sample_rate: int, piece_seconds: float, rate: int = RATE) -> None:
        self._size = round(piece_seconds * rate)
        self._held: list[Floats] = []
        self._count = 0
        self._resampler: Any = None
        if sample_rate != rate:
            import soxr

            self._resampler = soxr.ResampleStream(sample_rate, rate, 1, dtype="float32")

    def push(self, block: Floats) -> list[Floats]:
        """The pieces that are full now."""
        return self._add(np.ascontiguousarray(mix_channels(block), np.float32), last=False)

    def finish(self) -> list[Floats]:
        """What is left, the last piece."""
        found = self._add(np.zeros(0, np.float32), last=True)
        return [*found, np.concatenate(self._held)] if self._count else found

    def _add(self, mono: Floats, *, last: bool) -> list[Floats]:
        if self._resampler is not None:
            mono = np.asarray(self._resampler.resample_chunk(mono, last=last), np.float32)
        self._held.append(mono)
        self._count += len(mono)
        found = []
        while self._count > self._size:  # a piece is not given away before more is there
            whole = np.concatenate(self._held)
            found.append(whole[: self._size].copy())
            self._held = [whole[self._size :]]
            self._count -= self._size
        return found


def read_mono(path: str | Path, rate: int = RATE) -> Floats:
    """A whole file as one channel at `rate` Hz [shape=(n,)]; errors as for `read_sound`."""
    with SoundReader(path) as reader:
        pieces = MonoPieces(reader.info.sample_rate, _ENDLESS_SECONDS, rate)
        for block in reader.blocks(_block_frames(reader.info, _BLOCK_SECONDS)):
            pieces.push(block)
    return np.concatenate(pieces.finish() or [np.zeros(0, np.float32)])


def _block_frames(info: SoundInfo, seconds: float) -> int:
    return max(int(seconds * info.sample_rate), 1)


def _opened(path: Path) -> int:
    """A descriptor of the file: without its name, its contents alone tell what it is."""
    try:
        if not path.is_file():
            instead = ", but a folder" if path.is_dir() else ""
            fact = f"there is no such file{instead}"
            raise SegueError(f"cannot read {path}: {fact}; check the path")
        if not path.stat().st_size:
            raise FileFormatError(f"{path} is empty; export it again")
        return os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise SegueError(f"cannot read {path}: {error.strerror}; check the path") from error
    except ValueError as error:  # a name with a zero byte
        raise SegueError(f"cannot read {str(path)!r}: {error}; check the path") from error


def _close(handle: int) -> None:
    try:
        os.close(handle)
    except OSError:
        pass  # the library closed it


def _reason(error: Exception) -> str:
    """The library's words, without the number of the descriptor."""
    text = re.sub(r"^Error opening \d+: ", "", str(error)).strip().rstrip(".")
    return text or "its contents are not a sound format that is known"
