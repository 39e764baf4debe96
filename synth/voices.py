"""Pooled voices: which one plays a note, and what becomes of it.

A pool has some voices more than may sound. When all that may sound do, the oldest released one
(or else the oldest) is faded out within `FADE_SECONDS` while a resting voice starts the new note at
its exact frame, so that stealing neither clicks nor delays.
"""

from typing import Any

import numpy as np

from .instrument import PatchFactory, Touch
from .rack import Rack

FADE_SECONDS = 0.015
SPARE_VOICES = 6
RESTING, HELD, RELEASED, FADING, FADED, DRAINING = range(6)

Note = tuple[int, int, int, float, float]
"""Frame at which it begins, length in frames, channel, pitch, velocity."""


class Voice:
    """One patch with its gate and fade buses.

    Offsets are frames into the block about to be computed.
    """

    def __init__(self, rack: Rack, patch: PatchFactory) -> None:
        self._group = rack.new_group()
        self._gate = rack.bus()
        self._fade = rack.bus()
        self._hz = rack.value(440.0)
        self.patch = patch(rack, self._gate.stream, self._hz.stream)
        self.left = self.right = rack.times(self.patch.left, self._fade.stream)
        if self.patch.right is not self.patch.left:
            self.right = rack.times(self.patch.right, self._fade.stream)
        self.state = RESTING
        self.serial = 0  # of the note, so that timers of earlier notes can be told
        self.note: Note = (0, 0, 0, 0.0, 0.0)
        self.on_frame = 0
        self._changed = False  # in this block, so that the next has to be written
        self.fade_from = 0  # frame where fading began
        self.fade_frames = max(1, round(FADE_SECONDS * rack.sample_rate))
        self._group.sleep()

    def connect(self, rack: Rack, left: Any, right: Any) -> tuple[Any, Any]:
        """The voice at its levels, added to what comes from other voices."""
        self._left = rack.level(self.left, 0.0, left)
        self._right = rack.level(self.right, 0.0, right)
        return self._left.stream, self._right.stream

    @property
    def awake(self) -> bool:
        """Whether the graph of this voice is being computed."""
        return self._group.awake

    def start(self, offset: int, frame: int, touch: Touch, levels: tuple[float, float]) -> None:
        """Begin a note at `offset`; `levels` are the factors left and right."""
        self._hz.set(touch.hz)
        self._left.set(levels[0])
        self._right.set(levels[1])
        self.patch.tune(touch)
        if self.state == DRAINING:
            for envelope in self._group.envelopes:
                envelope.drain(False)
        if not self.awake:
            self._gate.samples[:offset] = 0.0
            self._fade.samples[:offset] = 0.0
            self._group.wake()
        self._gate.samples[offset:] = 1.0
        self._fade.samples[offset:] = 1.0
        for bus in self._group.strikes:
            bus.samples[:] = 0.0
            bus.samples[offset] = 1.0
        self.state, self.on_frame = HELD, frame
        self._changed = True

    def release(self, offset: int) -> None:
        """Close the gate at `offset`."""
        self._gate.samples[offset:] = 0.0
        self.state = RELEASED
        self._changed = True

    def fade(self, offset: int, frame: int) -> None:
        """Close the gate and begin the quick fade at `offset`, which is at `frame`."""
        self._gate.samples[offset:] = 0.0
        self.fade_from = frame
        self.state = FADING
        self._changed = True
        self._write_fade(offset, frame)

    def end(self) -> None:
        """Silence is reached: free for a next note, after a fade once the envelopes are empty."""
        self.state = FADED if self.state == FADING else RESTING

    def settle(self) -> None:
        """Take a faded voice a block further to rest: a fade leaves envelopes on their way down."""
        if self.state == FADED:
            self.state = DRAINING
        elif self.state == DRAINING:
            self.state = RESTING
        else:
            return
        for envelope in self._group.envelopes:
            envelope.drain(self.state == DRAINING)

    def hold(self, block_frame: int) -> None:
        """Carry the buses into the block that begins at `block_frame`."""
        if self.state == FADING:
            self._write_fade(0, block_frame)
        elif self._changed:
            self._fade.samples[:] = self._fade.samples[-1]
        if self._changed:
            self._gate.samples[:] = self._gate.samples[-1]
            for bus in self._group.strikes:
                bus.samples[:] = 0.0
            self._changed = False

    def shift(self, frames: int) -> None:
        """Follow the clock that has jumped by some frames."""
        self.on_frame += frames
        self.fade_from += frames

    def sleep(self) -> None:
        """Stop computing the graph."""
        self._group.sleep()

    def _write_fade(self, offset: int, frame: int) -> None:
        samples = self._fade.samples
        passed = np.arange(frame - self.fade_from, frame - self.fade_from + len(samples) - offset)
        phase = np.minimum(passed / self.fade_frames, 1.0)
        samples[offset:] = 0.5 + 0.5 * np.cos(np.pi * phase)


class Pool:
    """Voices of one patch, of which at most `cap` sound besides those that fade."""

    def __init__(self, rack: Rack, patch: PatchFactory, cap: int) -> None:
        self.cap = cap
        self.voices = [Voice(rack, patch) for _ in range(cap + min(cap, SPARE_VOICES))]

    def choose(self, frame: int) -> tuple[Voice, Voice | None]:
        """A voice for a note at `frame`, and the voice to fade for it if there is one."""
        sounding = [voice for voice in self.voices if voice.state in (HELD, RELEASED)]
        victim = None
        if len(sounding) >= self.cap:
            victim = min(sounding, key=lambda voice: (voice.state == HELD, voice.on_frame))
            if victim.on_frame == frame:  # has not sounded yet: take its place
                return victim, victim
        for voice in self.voices:
            if voice.state == RESTING:
                return voice, victim
        # every resting voice went within one fade time: cut what is left of the oldest fade
        fading = [voice for voice in self.voices if voice.state in (FADING, FADED, DRAINING)]
        return min(fading, key=lambda voice: voice.fade_from), victim
