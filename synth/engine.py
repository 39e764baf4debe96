"""The engine: notes at exact audio frames in, stereo blocks out.

A block is what all voices sound, mixed, and brought to its loudness and under the ceiling. Notes
begin at their very frames whatever the block size. The limiter's look-ahead is taken off the time
of each event, so that frame n of the output is frame n of the events.

Same channels, options, seed, block size and calls give the same samples, bit for bit.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ..music.errors import SegueError, UnknownNameError, check_range
from ..music.events import EVENT, Channel, Events, MixSettings, check_events
from ..music.stems import SEGMENT, Segments
from .controls import check_control
from .finish import Finish
from .inserts import Lowpass, amplitude
from .instrument import Instrument
from .instruments import instrument
from .meters import Levels, Meter, decibels
from .mixer import DEZIPPER_SECONDS, Mixer, Strip
from .notes import Notes
from .pyo_host import Samples
from .ramps import Ramp
from .stem_player import StemPlayer
from .stems import load_or_silence
from .tape import CHANNEL_PIECES, Tape
from .transport import Transport

MIN_BLOCK_FRAMES, MAX_BLOCK_FRAMES = 64, 8192
EFFECT_TAIL_SECONDS = 0.2
LEAST_CHANNELS, MOST_CHANNELS = 4, 16  # for which there is tape
REST_BLOCKS = 16  # how often it is asked whether a channel has come to rest
SNAPSHOT_FORMAT = 1  # changes when older snapshots can no longer be read


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


class Engine:
    """Instruments, mixer and clock for one performance.

    An event must be known `latency_frames` before its frame, except at the start. Engines are not
    thread-safe: call each from one thread at a time. Raises UnknownNameError for an instrument that
    does not exist, RangeError or SegueError for bad options.

    :param channels: 1 to 64, of different names; `channel` of an event is an index into them
    :param mix: room, echo and side chains
    :param sample_rate: 8000 to 192000 Hz
    :param block_frames: what one `process` call renders, 64 to 8192; controls act from the next
        block on
    :param seed: of every noise; the same seed gives the same samples
    :param voices_per_channel: notes that may sound at once on a channel, 1 to 64; None leaves it to
        each instrument. Of drums, one or two of each kind
    :param gain_db: of the whole, -60 to 24
    """

    def __init__(
        self,
        channels: Sequence[Channel],
        *,
        mix: MixSettings | None = None,
        sample_rate: int = 48_000,
        block_frames: int = 256,
        seed: int = 0,
        voices_per_channel: int | None = None,
        gain_db: float = 0.0,
    ) -> None:
        check_range("sample rate in Hz", sample_rate, 8_000, 192_000)
        check_range("block in frames", block_frames, MIN_BLOCK_FRAMES, MAX_BLOCK_FRAMES)
        if voices_per_channel is not None:
            check_range("voices per channel", voices_per_channel, 1, 64)
        check_range("engine gain in dB", gain_db, -60.0, 24.0)
        self.channels, self.mix = tuple(channels), mix or MixSettings()
        self.sample_rate, self.block_frames = int(sample_rate), int(block_frames)
        self._seed = int(seed)
        check_channels(self.channels)
        check_mix(self.mix, self.channels)
        self._sources = [_source(channel, self.sample_rate) for channel in self.channels]
        self.frame = 0  # next frame to render
        self._stems = {n: s for n, s in enumerate(self._sources) if isinstance(s, StemPlayer)}
        instruments = {n: s for n, s in enumerate(self._sources) if isinstance(s, Instrument)}
        pieces = CHANNEL_PIECES * min(max(len(instruments), LEAST_CHANNELS), MOST_CHANNELS)
        self._tape = Tape(self.sample_rate, self.block_frames, pieces)
        self._notes = Notes(self._tape, instruments, voices_per_channel)
        self._transport = Transport(self.sample_rate)
        self._non_finite = 0
        self._groups = {channel.group: Ramp(1.0) for channel in self.channels}
        self._tempo_bpm = 120.0
        self._tail_frames = round(EFFECT_TAIL_SECONDS * self.sample_rate)
        self._primed = False
        gain, loudness_lufs = amplitude(gain_db), self.mix.loudness_lufs
        self._output = Finish(self.sample_rate, gain=gain, loudness_lufs=loudness_lufs)
        self.latency_frames = self._output.limiter.delay_frames
        self._head = self.latency_frames - self.block_frames  # event time of the graph's next frame
        self._pending = np.zeros((0, 2), np.float32)
        self._meter = Meter(self.sample_rate)
        self._build()

    def _build(self) -> None:
        self._mixer = Mixer(
            self.channels,
            self._sources,
            self.mix,
            sample_rate=self.sample_rate,
            block_frames=self.block_frames,
            seed=self._seed,
        )
        self._strips = self._mixer.strips
        self._mixer.tempo(self._tempo_bpm)
        self._moving = True  # a control, so that the next block has to be written
        self._settling: list[Strip | Lowpass] = [*self._strips, self._mixer.filter]
        self._strips_by_name = {strip.channel.name: strip for strip in self._strips}

    # events and controls

    def schedule(self, events: Events) -> None:
        """Take events [shape=(n,)] of dtype `EVENT`, in any order, to be played at their frames.

        An event whose frame is too near or past sounds at once, to its own end, and counts as late.
        """
        check_events(events, len(self.channels))
        for number in np.unique(events["channel"]) if self._stems else ():
            if int(number) in self._stems:
                raise SegueError(
                    f"channel {self.channels[number].name!r} plays a stem and takes no notes; "
                    "use schedule_stems"
                )
        self._notes.schedule(events)

    def schedule_stems(self, segments: Segments) -> None:
        """Take segments of stems [shape=(n,)] of dtype `music.stems.SEGMENT`, in any order.

        Raises SegueError for a segment that cannot be played, or of a channel without a stem.
        """
        if not isinstance(segments, np.ndarray) or segments.dtype != SEGMENT:
            kind = getattr(segments, "dtype", type(segments).__name__)
            raise SegueError(f"segments are {kind}; make an array of music.stems.SEGMENT")
        for number in np.unique(segments["channel"]).tolist():
            if number not in self._stems:
                raise SegueError(
                    f"channel {number} has no stem; those with one: {sorted(self._stems) or 'none'}"
                )
        for number, player in self._stems.items():
            player.schedule(segments[segments["channel"] == number])

    def cancel(self, from_frame: int = 0) -> int:
        """Drop the events not yet started that lie at or after `from_frame`; returns how many."""
        for player in self._stems.values():
            player.cancel(from_frame)
        return self._notes.cancel(from_frame)

    def control(self, name: str, value: float, ramp_seconds: float = 0.0) -> None:
        """Move a control to `value`, heard from the next block on.

        Raises UnknownNameError or RangeError; then nothing has changed.

        :param name: `layer.CHANNEL.KNOB`, `group.GROUP.gain` or `master.KNOB`: see `controls` for
            the knobs and their ranges
        :param ramp_seconds: 0 to 600; zero still takes 5 ms, so that nothing clicks
        """
        target, seconds = check_control(self.channels, name, value, ramp_seconds)
        self._moving = True
        frames = round(max(seconds, DEZIPPER_SECONDS) * self.sample_rate)
        owner, _, rest = name.partition(".")
        place, _, knob = rest.rpartition(".")
        if owner == "layer":
            strip = self._strips_by_name[place]
            strip.settled = False
            if knob in strip.shape:
                strip.shape[knob] = target
            elif knob == "filter":
                strip.filter.cutoff.go(math.log(target), frames)
            else:
                strip.ramps[knob].go(target, frames)
        elif owner == "group":
            self._groups[place].go(target, frames)
        elif knob == "gain":
            self._output.fader.go(target, frames)
        elif knob == "filter":
            self._mixer.filter.cutoff.go(math.log(target), frames)
        else:
            self._tempo_bpm = target
            self._mixer.tempo(target)

    def controls(self) -> dict[str, float]:
        """Where every control stands or is going."""
        state = {
            f"layer.{strip.channel.name}.{knob}": value
            for strip in self._strips
            for knob, value in strip.state().items()
        }
        state |= {f"group.{name}.gain": ramp.target for name, ramp in self._groups.items()}
        cutoff = math.exp(self._mixer.filter.cutoff.target)
        mine = {"gain": self._output.fader.target, "filter": cutoff, "tempo": self._tempo_bpm}
        return state | {f"master.{knob}": value for knob, value in mine.items()}

    def release_all(self) -> None:
        """Let every sounding note go into its release; events not yet started stay."""
        self._notes.release_all()
        for player in self._stems.values():
            player.release(self._head)

    # the transport

    @property
    def paused(self) -> bool:
        """Whether the transport stands, or is about to."""
        return self._transport.paused

    def pause(self) -> None:
        """Fade out within 10 ms and stand still; blocks are silent until `resume`."""
        self._transport.pause()

    def resume(self) -> None:
        """Go on, with a fade, from where `pause` stopped."""
        self._transport.resume()

    def seek(self, frame: int) -> None:
        """Go on at another frame: what sounds fades out, and events not yet begun are dropped."""
        target = int(check_range("frame to seek", frame, 0, 2**62))
        jump = target - self.frame
        self._notes.jump(jump, self._head)
        for strip in self._strips:
            strip.shift(jump)
        self._head += jump
        self.frame = target
        for player in self._stems.values():
            player.seek(self._head)

    # keeping and returning

    def snapshot(self) -> dict[str, Any]:
        """The frame, what sounds and is to come, turns taken, and all controls, as JSON values."""
        return {
            "format": SNAPSHOT_FORMAT,
            "channels": [channel.name for channel in self.channels],
            "frame": self.frame,
            "held": [list(note) for note in self._notes.held],
            "pending": [list(note) for note in self._notes.pending],
            "stems": {str(n): player.snapshot() for n, player in self._stems.items()},
            "controls": self.controls(),
            "turns": dict(self._tape.turns),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a snapshot of an engine with the same channels, at its frame.

        Notes that lasted while held begin again; those that were dying away stay silent. Raises
        SegueError and changes nothing if the snapshot is not whole or of other channels.
        """
        names = [channel.name for channel in self.channels]
        try:
            if state["format"] != SNAPSHOT_FORMAT or state["channels"] != names:
                raise SegueError(
                    f"the snapshot is of channels {state['channels']} in format "
                    f"{state['format']!r}, this engine has {names} in format {SNAPSHOT_FORMAT}; "
                    "make one that fits"
                )
            frame = int(check_range("frame of the snapshot", state["frame"], 0, 2**62))
            first = frame + self._head - self.frame  # of the next block to be computed
            held = [[first, at + n - first, *rest] for at, n, *rest in state["held"]]
            notes = [row for row in [*held, *state["pending"]] if row[1] > 0]
            rows = [(at, n, pitch, velocity, channel) for at, n, channel, pitch, velocity in notes]
            events = check_events(np.array(rows, dtype=EVENT), len(names))
            for name, value in state["controls"].items():
                check_control(self.channels, name, value, 0.0)
            stems = {int(number): player for number, player in state["stems"].items()}
            turns = {str(name): int(turn) for name, turn in state.get("turns", {}).items()}
            if stems.keys() != self._stems.keys():
                raise SegueError("the snapshot is of other stems; take another one")
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise SegueError(f"the snapshot is not whole ({error!r}); take another one") from error
        self.seek(frame)
        for name, value in state["controls"].items():
            self.control(name, value)
        self._tape.turns = turns
        self.schedule(events)
        for number, player in self._stems.items():
            player.restore(stems[number])

    # rendering

    def process(self) -> Samples:
        """Render the next block: float32 [shape=(block_frames, 2)], full scale at 1."""
        return self.render(self.block_frames)

    def render(self, n_frames: int) -> Samples:
        """Render the next `n_frames` frames: float32 [shape=(n_frames, 2)]."""
        wanted = int(check_range("frames to render", n_frames, 0, 2**40))
        if self._transport.running:
            return self._take(wanted)
        return self._transport.run(self._take, wanted)

    def _take(self, frames: int) -> Samples:
        """The music's next frames."""
        self.frame += frames
        if len(self._pending) == 0 and frames == self.block_frames:
            return self._compute()
        parts, missing = [self._pending[:frames]], frames - len(self._pending)
        self._pending = self._pending[frames:]
        while missing > 0:
            block = self._compute()
            parts.append(block[:missing])
            self._pending = block[missing:]
            missing -= len(block)
        return np.concatenate(parts)

    def _compute(self) -> Samples:
        if not self._primed:  # the stretch before frame 0 in which the look-ahead fills
            self._primed = True
            self._finish(self._compute_graph())
        return self._finish(self._compute_graph())

    def _compute_graph(self) -> Samples:
        """One block of the pyo graph, with the gates and controls of its time written first."""
        frames = self.block_frames
        self._notes.run(self._strips, self._head, self._mixer.sound)
        for number in self._stems:
            self._strips[number].write_stem(self._head, frames)
        if self._moving:
            self._write_controls(frames)
        block = self._mixer.process()
        self._head += frames
        if self._head // frames % REST_BLOCKS == 0:
            for strip in self._strips:
                strip.rest_after(self._head, self._tail_frames)
        return block

    def _write_controls(self, frames: int) -> None:
        groups = {name: ramp.block(frames) for name, ramp in self._groups.items() if ramp.moving}
        for strip in self._strips:
            curve = groups.get(strip.channel.group)
            if curve is not None or not strip.settled:
                strip.write(frames, curve)
        self._mixer.write(frames)
        self._moving = bool(groups) or not all(part.settled for part in self._settling)

    def _finish(self, block: Samples) -> Samples:
        finished = self._output.process(block)
        if self._output.broken:
            self._non_finite += 1
            self._rebuild()
        self._meter.hear(finished)
        return finished

    def _rebuild(self) -> None:
        """A fresh graph, as a NaN stays in delay lines for ever; controls keep their values."""
        controls = self.controls()
        self._mixer.close()
        self._build()
        for name, value in controls.items():
            self.control(name, value)

    # housekeeping

    def metrics(self) -> EngineMetrics:
        """Counts since the start."""
        return EngineMetrics(
            frames=self.frame,
            **self._notes.counts(),
            non_finite_blocks=self._non_finite,
            limited_frames=self._output.limiter.limited_frames,
            limiter_reduction_db=self._output.limiter.reduction_db,
        )

    def levels(self) -> Levels:
        """How loud the last block is."""
        meter, gain = self._meter, self._output.gain**2
        return Levels(
            self.frame,
            meter.peaks_db(),
            meter.rms_db(),
            meter.lufs(),
            {strip.channel.name: decibels(strip.power() * gain / 2) for strip in self._strips},
            self._notes.sounding,
        )

    def close(self) -> None:
        """Free the graph; rendering afterwards raises. Closing twice is allowed."""
        self._mixer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _source(channel: Channel, sample_rate: int) -> Instrument | StemPlayer:
    """What a channel plays; a stem that cannot be loaded is silent, and the log says why."""
    stem = channel.stem
    if stem is None:
        return instrument(channel.instrument)
    loaded = load_or_silence(stem.path, sample_rate, stem.bpm, stem.beats)
    return StemPlayer(loaded, stem.fade_beats)


def check_channels(channels: Sequence[Channel]) -> None:
    """Raise unless a mixer can be made of these channels."""
    check_range("number of channels", len(channels), 1, 64)
    names = [channel.name for channel in channels]
    for channel in channels:
        if names.count(channel.name) > 1:
            raise SegueError(f"two channels are named {channel.name!r}; give each its own name")
        place = f"of channel {channel.name!r}"
        check_range(f"gain in dB {place}", channel.gain_db, -120.0, 24.0)
        check_range(f"pan {place}", channel.pan, -1.0, 1.0)
        check_range(f"reverb {place}", channel.reverb, 0.0, 1.0)
        check_range(f"delay {place}", channel.delay, 0.0, 1.0)


def check_mix(mix: MixSettings, channels: Sequence[Channel]) -> None:
    """Raise unless the shared parts of the mixer can be built."""
    check_range("reverb_seconds", mix.reverb_seconds, 0.2, 8.0)
    check_range("reverb_hz", mix.reverb_hz, 500.0, 16_000.0)
    check_range("echo_beats", mix.echo_beats, 0.125, 4.0)
    check_range("echo_feedback", mix.echo_feedback, 0.0, 0.9)
    if mix.loudness_lufs is not None:
        check_range("loudness_lufs", mix.loudness_lufs, -40.0, -6.0)
    names = [channel.name for channel in channels]
    for chain in mix.sidechains:
        for name in (chain.source, chain.target):
            if name not in names:
                raise UnknownNameError("channel of a side chain", name, names)
        if chain.source == chain.target:
            raise SegueError(
                f"channel {chain.source!r} is its own side chain; name another as source"
            )
        check_range("depth_db of a side chain", chain.depth_db, 0.0, 24.0)
        check_range("release_seconds of a side chain", chain.release_seconds, 0.01, 5.0)
