"""How a session sounds: not at all (but in time), or through an engine in its own process."""

import time
from typing import Protocol

from ..music.cue import Cue
from ..music.events import Channel, Events

SAMPLE_RATE = 48_000
BLOCK_FRAMES = 256
OUTPUTS = ("none", "null", "file:PATH.wav", "auto", "jack", "portaudio")
CLOCKS = ("manual", "realtime")


class Sound(Protocol):
    """What a session needs of an engine."""

    sample_rate: int

    @property
    def frame(self) -> int:
        """The next frame to sound."""

    def schedule(self, events: Events) -> None:
        """Play notes at their frames."""

    def cancel(self, from_frame: int) -> None:
        """Forget notes that begin at or after a frame."""

    def gain(self, channel: str, value: float, ramp_seconds: float) -> None:
        """Move a channel's gain (0..1)."""

    def release_all(self) -> None:
        """Let every sounding note end."""

    def advance_to(self, frame: int) -> None:
        """Sound up to a frame (manual clock)."""

    def close(self) -> list[str]:
        """End the sound; the files that it left."""


def session_channels(cue: Cue) -> list[Channel]:
    """Mixer channels of a cue: its layers, then one for each instrument of its stingers."""
    layers = [
        Channel(layer.name, layer.instrument, layer.gain_db + cue.gain_db, layer.pan, layer.reverb)
        for layer in cue.layers
    ]
    instruments = sorted({stinger.instrument for stinger in cue.stingers})
    extra = [Channel(stinger_channel(name), name, cue.gain_db, 0.0, 0.3) for name in instruments]
    return layers + extra


def stinger_channel(instrument: str) -> str:
    """Name of the channel that stingers of an instrument sound on."""
    return f"stinger {instrument}"


class Silence:
    """Time without sound: a clock moved by hand, or the machine's."""

    sample_rate = SAMPLE_RATE

    def __init__(self, *, realtime: bool) -> None:
        self._frame = 0
        self._started_ns = time.monotonic_ns() if realtime else None

    @property
    def frame(self) -> int:
        if self._started_ns is None:
            return self._frame
        return (time.monotonic_ns() - self._started_ns) * SAMPLE_RATE // 1_000_000_000

    def schedule(self, events: Events) -> None:
        """Nothing to do."""

    def cancel(self, from_frame: int) -> None:
        """Nothing to do."""

    def gain(self, channel: str, value: float, ramp_seconds: float) -> None:
        """Nothing to do."""

    def release_all(self) -> None:
        """Nothing to do."""

    def advance_to(self, frame: int) -> None:
        self._frame = max(self._frame, frame)

    def close(self) -> list[str]:
        return []


def open_sound(output: str, cue: Cue, *, seed: int, realtime: bool) -> Sound:
    """The sound that an output asks for; SegueError if there is none like it here."""
    return Silence(realtime=realtime)
