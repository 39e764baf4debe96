"""The engine: notes at exact audio frames in, stereo blocks out.

The engine hosts a pyo graph in manual mode and computes it block by block. Gates are written into
audio-rate buses, so a note begins at its very frame whatever the block size; no pyo object is made
while playing. The last stage (compressor, true-peak limiter) is numpy; its look-ahead is taken off
the time of each event, so that frame n of the output is frame n of the events.

Same channels, options, seed, block size and calls give the same samples, bit for bit.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..music.errors import RangeError, SegueError, UnknownNameError, check_range
from ..music.events import EVENT, Channel, Events
from .master import Compressor, Limiter
from .mixer import DEZIPPER_SECONDS, FILTER_HZ, Strip, amplitude, build_master
from .pyo_host import PyoHost, Samples
from .rack import Rack
from .ramps import Ramp
from .voices import HELD, RELEASED, RESTING, Voice

EFFECT_TAIL_SECONDS = 0.2
RELEASE, REST = range(2)  # what a timer does to its voice
MIN_BLOCK_FRAMES, MAX_BLOCK_FRAMES = 64, 8192


@dataclass(frozen=True)
class EngineMetrics:
    """What an engine has done so far."""

    frames: int  # rendered
    events_played: int
    events_late: int  # sounded at once, because their frame had passed
    events_cancelled: int
    events_pending: int  # known, not yet started
    voices_stolen: int
    voices_active: int  # sounding or ringing now
    voices_peak: int
    non_finite_blocks: int  # replaced by silence
    limited_frames: int  # turned down by more than 0.1 dB
    limiter_reduction_db: float  # deepest


def check_events(events: Events, channels: int) -> Events:
    """The events if their dtype is `EVENT` and each can be played; else SegueError."""
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


def control_names(channels: Sequence[Channel]) -> tuple[str, ...]:
    """The names of all controls of an engine with these channels."""
    knobs = ("gain", "pan", "reverb")
    layers = [f"layer.{channel.name}.{knob}" for channel in channels for knob in knobs]
    return (*layers, "master.gain", "master.filter")


def check_control(
    channels: Sequence[Channel], name: str, value: float, ramp_seconds: float
) -> tuple[float, float]:
    """Value and ramp as floats if `Engine.control` can take them, else an error."""
    seconds = check_range("ramp in seconds", ramp_seconds, 0.0, 600.0)
    known = control_names(channels)
    if name not in known:
        raise UnknownNameError("control", name, known)
    low, high = 0.0, 1.0
    if name == "master.filter":
        low, high = FILTER_HZ
    elif name.endswith(".pan"):
        low = -1.0
    return check_range(name, value, low, high), seconds


class Engine:
    """Instruments, mixer and clock for one performance.

    An event must be known `latency_frames` before its frame, except at the start. Engines are not
    thread-safe: call each from one thread at a time. Raises UnknownNameError for an instrument that
    does not exist, RangeError or SegueError for bad options.

    :param channels: 1 to 64, of different names; `channel` of an event is an index into them
    :param sample_rate: 8000 to 192000 Hz
    :param block_frames: what one `process` call renders, 64 to 8192; controls act from the next
        block on
    :param seed: of every noise; the same seed gives the same samples
    :param voices_per_channel: notes that may sound at once on a channel, 1 to 64; of drums, one or
        two of each kind
    :param gain_db: of the whole, -60 to 24
    """

    def __init__(
        self,
        channels: Sequence[Channel],
        *,
        sample_rate: int = 48_000,
        block_frames: int = 256,
        seed: int = 0,
        voices_per_channel: int = 8,
        gain_db: float = 0.0,
    ) -> None:
        check_range("sample rate in Hz", sample_rate, 8_000, 192_000)
        check_range("block in frames", block_frames, MIN_BLOCK_FRAMES, MAX_BLOCK_FRAMES)
        check_range("voices per channel", voices_per_channel, 1, 64)
        check_range("engine gain in dB", gain_db, -60.0, 24.0)
        check_range("number of channels", len(channels), 1, 64)
        self.channels = tuple(channels)
        self.sample_rate, self.block_frames = int(sample_rate), int(block_frames)
        self._seed, self._voices_per_channel = int(seed), int(voices_per_channel)
        self._base_gain = amplitude(gain_db)
        self._check_channels()
        self.frame = 0  # next frame to render
        self._events: list[tuple[int, int, int, int, float, float]] = []
        self._timers: list[tuple[int, int, int, int, Voice]] = []
        self._serial = 0
        self._played = self._late = self._cancelled = self._stolen = self._peak = 0
        self._non_finite = 0
        self._releasing = False
        self._gain = Ramp(1.0)
        self._primed = False
        self._limiter = Limiter(self.sample_rate)
        self._compressor = Compressor(self.sample_rate)
        self.latency_frames = self._limiter.delay_frames
        self._head = self.latency_frames - self.block_frames  # event time of the graph's next frame
        self._pending = np.zeros((0, 2), np.float32)
        self._build()

    def _check_channels(self) -> None:
        names = [channel.name for channel in self.channels]
        for channel in self.channels:
            if names.count(channel.name) > 1:
                raise SegueError(f"two channels are named {channel.name!r}; give each its own name")
            check_range(f"gain in dB of channel {channel.name!r}", channel.gain_db, -120.0, 24.0)
            check_range(f"pan of channel {channel.name!r}", channel.pan, -1.0, 1.0)
            check_range(f"reverb of channel {channel.name!r}", channel.reverb, 0.0, 1.0)

    def _build(self) -> None:
        self._host = PyoHost(self.sample_rate, self.block_frames, self._seed)
        rack = Rack(self._host, self.sample_rate)
        with self._host.building():
            self._strips = [
                Strip(rack, channel, self._voices_per_channel) for channel in self.channels
            ]
            self._master = build_master(rack, self._strips, not self._host.flush.active)
        self._strips_by_name = {strip.channel.name: strip for strip in self._strips}
        self._awake: list[Voice] = []

    # events and controls

    def schedule(self, events: Events) -> None:
        """Take events [shape=(n,)] of dtype `EVENT`, in any order, to be played at their frames.

        An event whose frame is too near or past sounds at once, to its own end, and counts as late.
        """
        check_events(events, len(self.channels))
        queue = self._events
        for at, length, pitch, velocity, channel in events.tolist():
            self._serial += 1
            queue.append((at, self._serial, length, channel, pitch, velocity))
        heapq.heapify(queue)

    def cancel(self, from_frame: int = 0) -> int:
        """Drop the events not yet started that lie at or after `from_frame`; returns how many."""
        kept = [event for event in self._events if event[0] < from_frame]
        dropped = len(self._events) - len(kept)
        heapq.heapify(kept)
        self._events = kept
        self._cancelled += dropped
        return dropped

    def control(self, name: str, value: float, ramp_seconds: float = 0.0) -> None:
        """Move a control to `value`, heard from the next block on.

        Raises UnknownNameError or RangeError; then nothing has changed.

        :param name: `layer.CHANNEL.gain` [0, 1], `layer.CHANNEL.pan` [-1, 1],
            `layer.CHANNEL.reverb` [0, 1], `master.gain` [0, 1] or `master.filter` (cutoff)
            [40, 20000 Hz]
        :param ramp_seconds: 0 to 600; zero still takes 5 ms, so that nothing clicks
        """
        target, seconds = check_control(self.channels, name, value, ramp_seconds)
        frames = round(max(seconds, DEZIPPER_SECONDS) * self.sample_rate)
        if name == "master.gain":
            self._gain.go(target, frames)
        elif name == "master.filter":
            self._master.cutoff.go(float(np.log(target)), frames)
        else:
            layer, knob = name.removeprefix("layer.").rsplit(".", 1)
            self._strips_by_name[layer].ramps[knob].go(target, frames)

    def release_all(self) -> None:
        """Let every sounding note go into its release; events not yet started stay."""
        self._releasing = True

    # rendering

    def process(self) -> Samples:
        """Render the next block: float32 [shape=(block_frames, 2)], full scale at 1."""
        return self.render(self.block_frames)

    def render(self, n_frames: int) -> Samples:
        """Render the next `n_frames` frames: float32 [shape=(n_frames, 2)]."""
        wanted = int(check_range("frames to render", n_frames, 0, 2**40))
        if len(self._pending) == 0 and wanted == self.block_frames:
            self.frame += wanted
            return self._compute()
        parts, missing = [self._pending[:wanted]], wanted - len(self._pending)
        self._pending = self._pending[wanted:]
        while missing > 0:
            block = self._compute()
            parts.append(block[:missing])
            self._pending = block[missing:]
            missing -= len(block)
        self.frame += wanted
        return np.concatenate(parts)

    def _compute(self) -> Samples:
        if not self._primed:  # the stretch before frame 0 in which the look-ahead fills
            self._primed = True
            self._finish(self._compute_graph())
        return self._finish(self._compute_graph())

    def _compute_graph(self) -> Samples:
        """One block of the pyo graph, with the gates and controls of its time written first."""
        frames = self.block_frames
        for voice in self._awake:
            voice.hold(self._head)
        self._run_due(self._head + frames)
        for strip in self._strips:
            strip.write(frames)
        self._master.write(frames)
        block = self._host.process()
        self._head += frames
        self._let_sleep()
        return block

    def _finish(self, block: Samples) -> Samples:
        if not math.isfinite(float(block.sum())):  # one bad sample makes the sum bad
            self._non_finite += 1
            self._rebuild()
            block = np.zeros_like(block)
        if self._gain.moving:
            mix = block * (self._base_gain * self._gain.block(len(block)))[:, None]
        else:
            mix = block * np.float64(self._base_gain * self._gain.value)
        return self._limiter.process(self._compressor.process(mix)).astype(np.float32)

    def _rebuild(self) -> None:
        """A fresh graph, as a NaN stays in delay lines for ever; controls keep their values."""
        ramps, cutoff = [strip.ramps for strip in self._strips], self._master.cutoff
        self._host.close()
        self._build()
        for strip, kept in zip(self._strips, ramps, strict=True):
            strip.ramps = kept
        self._master.cutoff = cutoff
        self._timers.clear()

    # notes

    def _run_due(self, end: int) -> None:
        """Start, release and rest notes up to event time `end`, in order of time."""
        if self._releasing:
            self._releasing = False
            for voice in self._awake:
                if voice.state == HELD:
                    self._release(voice, self._head)
        events, timers = self._events, self._timers
        while True:
            event_frame = events[0][0] if events else end
            timer_frame = timers[0][0] if timers else end
            if timer_frame < end and timer_frame <= event_frame:
                frame, _, note, action, voice = heapq.heappop(timers)
                if voice.note == note:
                    self._run_timer(voice, action, frame)
            elif event_frame < end:
                self._start(*heapq.heappop(events))
            else:
                break

    def _run_timer(self, voice: Voice, action: int, frame: int) -> None:
        if action == RELEASE and voice.state == HELD:
            self._release(voice, frame)
        elif action == REST:
            voice.end()

    def _start(
        self, at: int, serial: int, length: int, channel: int, pitch: float, velocity: float
    ) -> None:
        frame = max(at, self._head)
        self._late += at < self._head
        self._played += 1
        strip = self._strips[channel]
        voice, victim = strip.pool_for(pitch).choose(frame)
        offset = frame - self._head
        if victim is not None:
            self._stolen += 1
            if victim is not voice:
                self._fade(victim, frame)
        if not voice.awake:
            self._awake.append(voice)
        voice.note = serial
        voice.start(offset, frame, pitch, velocity, strip.instrument.levels(pitch, velocity))
        patch = voice.patch
        shortest = frame + round(patch.attack_seconds * self.sample_rate)
        end = max(at + length, shortest)
        ring = patch.ring_seconds(pitch)
        if ring is not None:
            ring_end = max(frame + round(ring * self.sample_rate), shortest)
            end = ring_end if patch.one_shot else min(end, ring_end)
        strip.wake(end + round(patch.release_seconds * self.sample_rate))
        self._time(end, voice, RELEASE)

    def _release(self, voice: Voice, frame: int) -> None:
        voice.release(frame - self._head)
        tail = round(voice.patch.release_seconds * self.sample_rate)
        self._time(frame + tail + 2, voice, REST)

    def _fade(self, voice: Voice, frame: int) -> None:
        voice.fade(frame - self._head, frame)
        self._time(frame + voice.fade_frames, voice, REST)

    def _time(self, frame: int, voice: Voice, action: int) -> None:
        self._serial += 1
        heapq.heappush(self._timers, (frame, self._serial, voice.note, action, voice))

    def _let_sleep(self) -> None:
        """Stop the graphs of voices at rest, and of strips whose effects have rung out."""
        for voice in self._awake:
            voice.settle()
        tired = [voice for voice in self._awake if voice.state == RESTING]
        for voice in tired:
            voice.sleep()
        if tired:
            self._awake = [voice for voice in self._awake if voice.state != RESTING]
        self._peak = max(self._peak, len(self._awake))
        tail = round(EFFECT_TAIL_SECONDS * self.sample_rate)
        for strip in self._strips:
            strip.rest_after(self._head, tail)

    # housekeeping

    def metrics(self) -> EngineMetrics:
        """Counts since the start."""
        return EngineMetrics(
            frames=self.frame,
            events_played=self._played,
            events_late=self._late,
            events_cancelled=self._cancelled,
            events_pending=len(self._events),
            voices_stolen=self._stolen,
            voices_active=sum(voice.state in (HELD, RELEASED) for voice in self._awake),
            voices_peak=self._peak,
            non_finite_blocks=self._non_finite,
            limited_frames=self._limiter.limited_frames,
            limiter_reduction_db=self._limiter.reduction_db,
        )

    def close(self) -> None:
        """Free the graph; rendering afterwards raises. Closing twice is allowed."""
        self._host.close()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
