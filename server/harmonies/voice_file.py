"""Reading a recording of one voice."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...analysis.sound.sound_file import SoundReader
from ...analysis.spectra import mix_channels
from ...music.errors import FileFormatError, SegueError
from ...synth.samples import resample
from ..sounding.sound import SAMPLE_RATE

Samples = NDArray[np.float32]

SHORTEST_SECONDS, LONGEST_SECONDS = 0.5, 1200.0
QUIETEST = 1e-3  # peak below which a recording counts as silent, full scale 1
_LOWEST_RATE, _HIGHEST_RATE = 8_000, 192_000
_BLOCK_FRAMES = 1 << 19


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
    peak = float(np.abs(frames).max())
    if peak < QUIETEST:
        raise SegueError(
            f"{path} is silent: its peak is {20 * np.log10(max(peak, 1e-9)):.0f} dB; check the "
            "microphone and record again"
        )
    mono = resample(mix_channels(frames)[:, None], rate, SAMPLE_RATE)[:, 0]
    return Voice(Path(path).name, np.ascontiguousarray(mono), rate, frames.shape[1])


def _read(path: Path) -> tuple[Samples, int]:
    with SoundReader(path) as reader:
        info = reader.info
        if not _LOWEST_RATE <= info.sample_rate <= _HIGHEST_RATE:
            raise FileFormatError(
                f"{path} has {info.sample_rate} samples a second; give {_LOWEST_RATE} to "
                f"{_HIGHEST_RATE}"
            )
        if not SHORTEST_SECONDS <= info.duration_seconds <= LONGEST_SECONDS:
            raise SegueError(
                f"{path} lasts {info.duration_seconds:.3g} seconds; give a voice of "
                f"{SHORTEST_SECONDS} to {LONGEST_SECONDS:.0f} seconds"
            )
        return np.concatenate(list(reader.blocks(_BLOCK_FRAMES))), info.sample_rate
