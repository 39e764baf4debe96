"""Reading a recording of one voice."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..music.errors import FileFormatError, SegueError
from ..synth.samples import resample
from .sound import SAMPLE_RATE

Samples = NDArray[np.float32]

SHORTEST_SECONDS, LONGEST_SECONDS = 0.5, 1200.0
QUIETEST = 1e-3  # peak below which a recording counts as silent, full scale 1
_LOWEST_RATE, _HIGHEST_RATE = 8_000, 192_000
_CANCELLED = 0.3  # share of the louder channel's level that a mix of both must keep


@dataclass(frozen=True)
class Voice:
    """A recording of one voice, mono, at `SAMPLE_RATE`."""

    name: str
    samples: Samples  # [shape=(frames,)], full scale 1
    source_rate: int  # of the file
    source_channels: int

    @property
    def seconds(self) -> float:
        """Length."""
        return len(self.samples) / SAMPLE_RATE


def read_voice(path: str | Path) -> Voice:
    """The voice in a sound file of any rate from 8 kHz on, mono or stereo.

    Channels are mixed, unless they cancel each other: then the loudest one counts. Raises
    SegueError for a file that is missing, too short (0.5 s), too long (20 minutes), silent or not
    finite, FileFormatError for one that is not sound.
    """
    frames, rate = _read(Path(path))
    if not np.isfinite(frames).all():
        first = int(np.flatnonzero(~np.isfinite(frames).all(axis=1))[0])
        raise SegueError(
            f"{path} has samples that are not finite, the first at {first / rate:.2f} seconds; "
            "export the recording again"
        )
    peak = float(np.abs(frames).max())
    if peak < QUIETEST:
        raise SegueError(
            f"{path} is silent: its peak is {20 * np.log10(max(peak, 1e-9)):.0f} dB; check the "
            "microphone and record again"
        )
    mono = resample(_mono(frames)[:, None], rate, SAMPLE_RATE)[:, 0]
    return Voice(Path(path).name, np.ascontiguousarray(mono), rate, frames.shape[1])


def _read(path: Path) -> tuple[Samples, int]:
    import soundfile

    if not path.is_file():
        raise SegueError(f"cannot read {path}: there is no such file; check the path")
    try:
        info = soundfile.info(path)
        if not _LOWEST_RATE <= info.samplerate <= _HIGHEST_RATE:
            raise FileFormatError(
                f"{path} has {info.samplerate} samples a second; give {_LOWEST_RATE} to "
                f"{_HIGHEST_RATE}"
            )
        if not SHORTEST_SECONDS <= info.duration <= LONGEST_SECONDS:
            raise SegueError(
                f"{path} lasts {info.duration:.3g} seconds; give a voice of {SHORTEST_SECONDS} to "
                f"{LONGEST_SECONDS:.0f} seconds"
            )
        frames, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError) as error:
        raise FileFormatError(
            f"{path} is not a sound file that can be read ({error}); give WAV, FLAC or OGG"
        ) from error
    return frames, int(rate)


def _mono(frames: Samples) -> Samples:
    mixed = frames.mean(axis=1)
    levels = np.sqrt(np.square(frames).mean(axis=0))
    loudest = int(levels.argmax())
    if np.sqrt(np.square(mixed).mean()) < _CANCELLED * levels[loudest]:
        return np.asarray(frames[:, loudest])
    return np.asarray(mixed)
