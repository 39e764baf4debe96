"""What an engine or a MIDI port plays: notes at exact audio frames on numbered channels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .errors import RangeError, SegueError
from .orchestra import ORCHESTRA

EVENT = np.dtype(
    [
        ("at_frame", np.int64),
        ("duration_frames", np.int64),
        ("pitch", np.float32),  # MIDI note number, may be fractional; of drums the drum's number
        ("velocity", np.float32),  # (0, 1]
        ("channel", np.uint8),  # index into the list of channels
    ]
)
"""One sounding note."""

Events = NDArray[np.void]
"""A structured array [shape=(n,)] of dtype `EVENT`."""


def check_events(events: Events, channels: int) -> Events:
    """The events if their dtype is `EVENT` and each can be played; else SegueError.

    :param channels: how many there are
    """
    if not isinstance(events, np.ndarray) or events.dtype != EVENT:
        kind = getattr(events, "dtype", type(events).__name__)
        raise SegueError(
            f"events are {kind}, not an array of music.events.EVENT; make one of those"
        )
    limits = {
        "at_frame": (0, 2**62),
        "duration_frames": (1, 2**62),
        "pitch": (0, 127),
        "velocity": (1e-6, 1),
        "channel": (0, channels - 1),
    }
    for name, (low, high) in limits.items():
        column = events[name]
        bad = ~((column >= low) & (column <= high))  # true for NaN too
        if bad.any():
            index = int(np.flatnonzero(bad)[0])
            raise RangeError(f"{name} of event {index}", column[index].item(), low, high)
    return events


INSTRUMENTS = tuple(ORCHESTRA)
"""The instruments every engine offers; kits read pitches as General MIDI percussion numbers."""

PROGRAMS = {name: player.program for name, player in ORCHESTRA.items()}
"""The General MIDI program (0..127) nearest to each instrument, for files and ports."""


@dataclass(frozen=True)
class StemFile:
    """A recorded loop that a channel plays instead of notes."""

    path: str
    bpm: float  # its own tempo
    beats: float  # that it lasts
    fade_beats: float = 2.0  # of its cross-fades


@dataclass(frozen=True)
class Channel:
    """One mixer channel: an instrument and its place in the mix."""

    name: str
    instrument: str  # one of INSTRUMENTS, or samples (`sample_names`); "" with a stem
    gain_db: float = 0.0
    pan: float = 0.0  # -1 left .. 1 right
    reverb: float = 0.2  # send to the shared room, 0..1
    delay: float = 0.0  # send to the echo in tempo, 0..1
    group: str = "music"  # whose gain it follows besides its own
    stem: StemFile | None = None
    kit: bool = False  # of samples: pitches are General MIDI percussion numbers


@dataclass(frozen=True)
class Sidechain:
    """One layer steps back while another one sounds, as a pad does under the kick."""

    source: str  # name of a channel
    target: str
    depth_db: float = 6.0  # how far back at most, 0..24
    release_seconds: float = 0.18


@dataclass(frozen=True)
class MixSettings:
    """The shared parts of the mixer, as a cue wants them."""

    reverb_seconds: float = 1.9  # 0.2..8
    reverb_hz: float = 5200.0  # damping, 500..16000
    echo_beats: float = 0.75  # 0.125..4, in quarter notes
    echo_feedback: float = 0.35  # 0..0.9
    loudness_lufs: float | None = None  # slowly kept near this, -40..-6; None leaves it
    sidechains: tuple[Sidechain, ...] = ()
