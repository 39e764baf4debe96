"""Audio stems as a cue names them: what can be known of a file without sounding it.

A stem is a recorded loop of a whole number of beats at its own tempo. `synth/stems.py` loads and
plays it, at the tempo that the music has.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .errors import FileFormatError, SegueError
from .riff import missing_bytes

SCAN_FRAMES = 65_536  # decoded at once
SLACK_BYTES = 1024  # by which the size in a head may be wrong
STEM_FORMATS = ("WAV", "FLAC", "OGG")
BPM_RANGE = (20.0, 400.0)  # of the recording, in quarter notes a minute
STRETCH_RANGE = (0.5, 2.0)  # speed of a stem in the music by its own speed
SHORT_BEATS = 0.1  # a file that lacks no more than this still counts as whole beats

SEGMENT = np.dtype(
    [
        ("at_frame", np.int64),
        ("duration_frames", np.int64),
        ("source_beats", np.float64),  # beat of the stem at `at_frame`, counted round the loop
        ("length_beats", np.float64),  # beats of the stem that sound within the duration
        ("channel", np.uint8),  # index into the list of channels
    ]
)
"""Some beats of a stem in their place on the audio clock.

Frame `f` sounds beat `source_beats + (f - at_frame) / duration_frames * length_beats`.
"""

Segments = NDArray[np.void]
"""A structured array [shape=(n,)] of dtype `SEGMENT`."""


@dataclass(frozen=True)
class AudioInfo:
    """What the head of an audio file says."""

    frames: int
    sample_rate: int  # Hz
    channels: int
    format: str  # one of STEM_FORMATS

    @property
    def seconds(self) -> float:
        """Length of the file."""
        return self.frames / self.sample_rate

    def beats(self, bpm: float) -> float:
        """Length of the file in beats at a tempo."""
        return self.seconds * bpm / 60.0


def read_audio_info(path: str | Path) -> AudioInfo:
    """The head of a wav, flac or ogg file.

    Raises SegueError if there is no such file, FileFormatError if it is of another format, damaged,
    or of more than two channels.
    """
    import soundfile

    if not Path(path).is_file():
        raise SegueError(f"there is no file {path}; check the path")
    try:
        info = soundfile.info(str(path))
    except (soundfile.SoundFileError, OSError) as error:
        raise FileFormatError(
            f"{path} cannot be read as audio ({error}); save it as wav, flac or ogg"
        ) from error
    found = AudioInfo(
        info.frames, info.samplerate, info.channels, info.format.replace("WAVEX", "WAV")
    )
    if found.format not in STEM_FORMATS:
        raise FileFormatError(f"{path} is {found.format} audio; save it as wav, flac or ogg")
    if found.channels > 2:
        raise FileFormatError(f"{path} has {found.channels} channels; mix it down to one or two")
    return found


def scan_audio(path: str | Path) -> AudioInfo:
    """The head of a sound file of any kind, once all of its frames were decoded and none was kept.

    Raises SegueError if there is no such file, FileFormatError if it is damaged, ends too early,
    holds no sound or what is no number.
    """
    import soundfile

    if not Path(path).is_file():
        raise SegueError(f"there is no file {path}; check the path")
    held, finite = 0, True
    try:
        with soundfile.SoundFile(str(path)) as file:
            info = AudioInfo(file.frames, file.samplerate, file.channels, file.format)
            while len(block := file.read(SCAN_FRAMES, dtype="float32", always_2d=True)):
                held += len(block)
                finite = finite and bool(np.isfinite(block).all())
        missing = missing_bytes(Path(path))
    except (soundfile.SoundFileError, OSError) as error:
        raise FileFormatError(
            f"{path} cannot be read as sound ({error}); give a WAV, FLAC or OGG file"
        ) from error
    if held < info.frames or missing > SLACK_BYTES:
        lost = f"{held} of {info.frames} frames" if held < info.frames else f"{missing} bytes lack"
        raise FileFormatError(f"{path} is damaged or cut short ({lost}); fetch or export it again")
    if not held:
        raise FileFormatError(f"{path} holds no sound; leave it out or record it again")
    if not finite:
        raise FileFormatError(f"{path} has samples that are not numbers; export it again")
    return info


def whole_beats(length_beats: float) -> int:
    """The beats of a loop that fills a file of some length in beats; 0 if not even one."""
    return int(length_beats + SHORT_BEATS)
