"""Pooled voices: which one plays a note, and what becomes of it.

A pool has some voices more than may sound. When all that may sound do, the oldest released one
(or else the oldest) is faded out within `FADE_SECONDS` while a resting voice starts the new note at
its exact frame, so that stealing neither clicks nor delays.
"""

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np

from .instrument import PatchFactory, Touch
from .rack import Level, Rack

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
        self.group = rack.new_group()
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
        self.chain: Chain  # that it sounds through; set by it, as is `levels`
        self.levels: tuple[Level, Level]
        self.group.sleep()

    @property
    def awake(self) -> bool:
        """Whether the graph of this voice is being computed."""
        return self.group.awake

    def start(self, offset: int, frame: int, touch: Touch, levels: tuple[float, float]) -> None:
        """Begin a note at `offset`; `levels` are the factors left and right."""
        self._hz.set(touch.hz)
        self.levels[0].set(levels[0])
        self.levels[1].set(levels[1])
        self.patch.tune(touch)
        if self.state == DRAINING:
            for envelope in self.group.envelopes:
                envelope.drain(False)
        if not self.awake:
            self._gate.samples[:offset] = 0.0
            self._fade.samples[:offset] = 0.0
            self.group.wake()
            self.chain.join(self)
        self._gate.samples[offset:] = 1.0
        self._fade.samples[offset:] = 1.0
        for bus in self.group.strikes:
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
        for envelope in self.group.envelopes:
            envelope.drain(self.state == DRAINING)

    def hold(self, block_frame: int) -> None:
        """Carry the buses into the block that begins at `block_frame`."""
        if self.state == FADING:
            self._write_fade(0, block_frame)
        elif self._changed:
            self._fade.samples[:] = self._fade.samples[-1]
        if self._changed:
            self._gate.samples[:] = self._gate.samples[-1]
            for bus in self.group.strikes:
                bus.samples[:] = 0.0
            self._changed = False

    def shift(self, frames: int) -> None:
        """Follow the clock that has jumped by some frames."""
        self.on_frame += frames
        self.fade_from += frames

    def sleep(self) -> None:
        """Stop computing the graph."""
        self.chain.leave(self)
        self.group.sleep()

    def _write_fade(self, offset: int, frame: int) -> None:
        samples = self._fade.samples
        passed = np.arange(frame - self.fade_from, frame - self.fade_from + len(samples) - offset)
        phase = np.minimum(passed / self.fade_frames, 1.0)
        samples[offset:] = 0.5 + 0.5 * np.cos(np.pi * phase)


class Chain:
    """The sum of the voices that are awake; those asleep cost nothing.

    Each voice adds itself, at its levels, to what comes from those before it. They are linked in
    the order in which pyo computes them, so that nothing is a block late.
    """

    def __init__(self, rack: Rack, voices: Sequence[Voice]) -> None:
        self._voices = voices
        self._places = {id(voice): place for place, voice in enumerate(voices)}
        self._awake: list[int] = []
        here = rack.group
        for voice in voices:
            rack.group = voice.group
            voice.levels = (rack.level(voice.left), rack.level(voice.right))
            voice.chain = self
            voice.group.sleep(again=True)
        rack.group = here
        self._ends = (rack.level(0.0), rack.level(0.0))
        self.left, self.right = (end.stream for end in self._ends)

    def join(self, voice: Voice) -> None:
        """Take in a voice that wakes."""
        place = self._places[id(voice)]
        at = bisect_left(self._awake, place)
        self._awake.insert(at, place)
        self._link(at)
        self._link(at + 1)

    def leave(self, voice: Voice) -> None:
        """Leave out a voice that goes to sleep."""
        at = bisect_left(self._awake, self._places[id(voice)])
        del self._awake[at]
        self._link(at)

    def _link(self, at: int) -> None:
        """Let the voice at a position of the awake ones, or the end, add what is before it."""
        last = at == len(self._awake)
        levels = self._ends if last else self._voices[self._awake[at]].levels
        before = self._voices[self._awake[at - 1]].levels if at else (None, None)
        for level, other in zip(levels, before, strict=True):
            level.add(other)


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
