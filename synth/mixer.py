"""The mixer's graph: channel strips with sends, the shared room and echo, and the master filter."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..music.events import Channel, MixSettings, Sidechain
from .controls import FILTER_HZ
from .instrument import NEUTRAL, Instrument, Touch
from .pyo_host import Samples
from .rack import Rack, Sleepers
from .ramps import Curve, Ramp
from .stem_player import StemPlayer

DEZIPPER_SECONDS = 0.005
OPEN_LOG_HZ = float(np.log(FILTER_HZ[1]))
DARKEST_HZ = 900.0  # where the filter stands at brightness 0
ROOM_LOW_CUT_HZ = 170.0
EARLY_SECONDS = ((0.011, 0.019, 0.031), (0.013, 0.023, 0.029))  # first reflections, left and right
PREDELAY_SECONDS = (0.021, 0.027)
LOOP_SECONDS = 0.0684  # mean delay of the room's eight lines


def amplitude(gain_db: float) -> float:
    """Factor of a gain in dB."""
    return float(10.0 ** (gain_db / 20.0))


class Lowpass:
    """A stereo low-pass that is computed only while it is closed."""

    def __init__(self, rack: Rack, left: Any, right: Any, outer: Sleepers) -> None:
        self.cutoff = Ramp(OPEN_LOG_HZ)  # natural logarithm of Hz
        rack.group = outer
        self._hz, self._blend = rack.bus(), rack.bus()
        self._filters = rack.new_group()
        filtered = [rack.add(rack.pyo.ButLP(side, self._hz.stream)) for side in (left, right)]
        rack.group = outer
        self.left, self.right = (
            rack.add(rack.pyo.Interp(dry, wet, self._blend.stream))
            for dry, wet in zip((left, right), filtered, strict=True)
        )
        self._closed = False
        self.settled = False  # the next block may stay as it is
        self._filters.sleep()

    def write(self, frames: int, ceiling: float = OPEN_LOG_HZ) -> None:
        """Write the cutoff of the next block, no higher than `ceiling` (logarithm of Hz)."""
        curve = np.minimum(self.cutoff.block(frames), ceiling)
        closed = bool(curve.min() < OPEN_LOG_HZ - 0.01)
        if closed and not self._filters.awake:
            self._filters.wake()
        elif not closed and not self._closed:
            self._filters.sleep()
        self._hz.samples[:] = np.exp(curve)
        self._blend.samples[:] = np.linspace(self._closed, closed, frames)
        self.settled = self._closed == closed and not self.cutoff.moving
        self._closed = closed


class Strip:
    """One channel: what the host writes as its input, effects, filter, level, pan and sends."""

    def __init__(self, rack: Rack, channel: Channel, source: Instrument | StemPlayer) -> None:
        self.channel, self.source = channel, source
        self.group = rack.new_group()
        self._buses = (rack.bus(), rack.bus())
        left, right = (bus.stream for bus in self._buses)
        level_db = 0.0
        if isinstance(source, Instrument):
            level_db = source.level_db
            if source.effects is not None:
                left, right = source.effects(rack, left, right)
        self.filter = Lowpass(rack, left, right, self.group)
        self._gains = (rack.bus(), rack.bus())
        self.left = rack.times(self.filter.left, self._gains[0].stream)
        self.right = rack.times(self.filter.right, self._gains[1].stream)
        self._sends = {"reverb": rack.bus(), "delay": rack.bus()}
        self.ramps = {
            "gain": Ramp(1.0),
            "pan": Ramp(channel.pan),
            "reverb": Ramp(channel.reverb),
            "delay": Ramp(channel.delay),
        }
        self._shapes_brightness = (
            isinstance(source, Instrument) and "brightness" in source.shaped_by
        )
        self.shape = {"brightness": NEUTRAL, "attack": NEUTRAL, "density": NEUTRAL}
        self._level = amplitude(channel.gain_db + level_db)
        self._group_gain = 1.0
        self.settled = False  # the next block may stay as it is
        self._last_frame = 0  # when what is known so far ends

    @property
    def inputs(self) -> tuple[Samples, Samples]:
        """The next block of what it plays, left and right, to be written by the host."""
        return self._buses[0].samples, self._buses[1].samples

    def finish(self, rack: Rack) -> None:
        """Make the sends, once all side chains are in; then sleep."""
        rack.group = self.group
        both = rack.sum(self.left, self.right)
        self.reverb = (
            rack.times(self.left, self._sends["reverb"].stream),
            rack.times(self.right, self._sends["reverb"].stream),
        )
        self.delay = rack.times(both, self._sends["delay"].stream)
        self.group.sleep()

    def step_back(self, rack: Rack, source: "Strip", chain: Sidechain) -> None:
        """Turn this strip down while `source` sounds."""
        rack.group = source.group
        pyo = rack.pyo
        loud = rack.sum(source.left, source.right)
        level = rack.add(pyo.Follower2(loud, risetime=0.005, falltime=chain.release_seconds))
        rack.group = self.group
        share = rack.add(pyo.Clip(rack.times(level, 12.0), 0.0, 1.0))
        depth = 1.0 - amplitude(-chain.depth_db)
        gain = rack.add(pyo.Sig(share, mul=-depth, add=1.0))
        self.left, self.right = rack.times(self.left, gain), rack.times(self.right, gain)

    def write_stem(self, head: int, frames: int) -> None:
        """Write the stem's next block, which begins at event time `head`, into the graph."""
        assert isinstance(self.source, StemPlayer)
        if not self.source.idle:
            self.wake(head + frames)
        if self.group.awake:
            block = self.source.render(head, frames)
            for samples, side in zip(self.inputs, block.T, strict=True):
                samples[:] = side

    def touch(self, pitch: float, velocity: float) -> Touch:
        """How a note is to be played that begins now."""
        return Touch(pitch, velocity, **self.shape)

    def wake(self, until_frame: int) -> None:
        """Compute the strip, at least until `until_frame`."""
        self.group.wake()
        self._last_frame = max(self._last_frame, until_frame)

    def shift(self, frames: int) -> None:
        """Follow the clock that has jumped by some frames."""
        self._last_frame += frames

    def rest_after(self, frame: int, tail_frames: int) -> None:
        """Stop computing the strip once nothing has sounded for `tail_frames`."""
        if self.group.awake and frame - self._last_frame > tail_frames:
            self.group.sleep()

    def write(self, frames: int, group_gain: Curve | None) -> None:
        """Write filter, level, pan and sends of the next block into the graph.

        `settled` says afterwards whether the next block can do without.

        :param group_gain: of the channel's group; None if it stands where it stood
        """
        bright = self.shape["brightness"]
        ceiling = OPEN_LOG_HZ
        if bright < NEUTRAL and not self._shapes_brightness:
            low = float(np.log(DARKEST_HZ))
            ceiling = low + (OPEN_LOG_HZ - low) * bright / NEUTRAL
        self.filter.write(frames, ceiling)
        moving = any(ramp.moving for ramp in self.ramps.values()) or group_gain is not None
        curves = {name: ramp.block(frames) for name, ramp in self.ramps.items()}
        gain = self._level * curves["gain"]
        gain *= self._group_gain if group_gain is None else group_gain
        if group_gain is not None:
            self._group_gain = float(group_gain[-1])
        pan = curves["pan"]  # balance: the far side falls, the near side stays
        self._gains[0].samples[:] = gain * np.cos(np.pi / 2 * np.clip(pan, 0.0, 1.0))
        self._gains[1].samples[:] = gain * np.cos(np.pi / 2 * np.clip(-pan, 0.0, 1.0))
        for name, bus in self._sends.items():
            bus.samples[:] = curves[name]
        self.settled = not moving and self.filter.settled

    def state(self) -> Mapping[str, float]:
        """Where its controls are going."""
        knobs = {name: ramp.target for name, ramp in self.ramps.items()}
        return {**knobs, "filter": float(np.exp(self.filter.cutoff.target)), **self.shape}


class Master:
    """The end of the graph: the sum of all strips, room, echo and filter, to the two outputs."""

    def __init__(
        self, rack: Rack, strips: Sequence[Strip], mix: MixSettings, denormal_noise: bool
    ) -> None:
        self._mix, self._strips = mix, strips
        self._keep: list[Any] = [rack]  # pyo objects that nothing else refers to
        group = rack.new_group()
        self._echo_group = rack.new_group()
        echoes = self._echo(rack)
        rack.group = group
        sends = [[s.reverb[side] for s in strips] for side in range(2)]
        if denormal_noise:
            noise = rack.noise()
            noise.setMul(1e-9)
            sends = [[*side, noise] for side in sends]
        rooms = [self._room(rack, rack.sum(*sends[side]), side) for side in range(2)]
        dry = [rack.sum(*(s.left for s in strips)), rack.sum(*(s.right for s in strips))]
        total = [rack.sum(dry[side], rooms[side], echoes[side]) for side in range(2)]
        self.filter = Lowpass(rack, total[0], total[1], group)
        self.filter.left.out(0)
        self.filter.right.out(1)
        self.tempo(120.0)
        self._echo_group.sleep()

    def _room(self, rack: Rack, send: Any, side: int) -> Any:
        """One side of the room: first reflections, then eight wandering delay lines."""
        pyo, mix = rack.pyo, self._mix
        thin = rack.add(pyo.ButHP(send, ROOM_LOW_CUT_HZ))
        early = [
            rack.add(pyo.SDelay(thin, seconds, maxdelay=0.05, mul=0.25 / (1 + number)))
            for number, seconds in enumerate(EARLY_SECONDS[side])
        ]
        later = rack.add(pyo.SDelay(thin, PREDELAY_SECONDS[side], maxdelay=0.05))
        feedback = 10.0 ** (-3.0 * LOOP_SECONDS / mix.reverb_seconds)
        room = rack.add(
            pyo.WGVerb(later, feedback=feedback, cutoff=mix.reverb_hz, bal=1.0, mul=0.9)
        )
        self._keep += [thin, room]
        return rack.sum(room, *early)

    def _echo(self, rack: Rack) -> tuple[Any, Any]:
        """Two echoes in tempo, the right one half as far again."""
        pyo = rack.pyo
        send = rack.sum(*(strip.delay for strip in self._strips))
        dark = rack.add(pyo.ButLP(send, 4500.0))
        self._delays = [
            rack.add(pyo.SmoothDelay(dark, 0.5, feedback=self._mix.echo_feedback, maxdelay=4.0))
            for _ in range(2)
        ]
        self._keep += [dark]
        return self._delays[0], self._delays[1]

    def tempo(self, bpm: float) -> None:
        """Let the echo follow a tempo in quarter notes a minute."""
        seconds = self._mix.echo_beats * 60.0 / bpm
        for delay, factor in zip(self._delays, (1.0, 1.5), strict=True):
            delay.setDelay(float(np.clip(seconds * factor, 0.01, 3.9)))

    def write(self, frames: int) -> None:
        """Write the controls of the next block; wake the echo if a strip sends to it."""
        if self.filter.cutoff.moving or not self.filter.settled:
            self.filter.write(frames)
        if not self._echo_group.awake and any(
            strip.ramps["delay"].moving or strip.ramps["delay"].value for strip in self._strips
        ):
            self._echo_group.wake()


def build_strips(
    rack: Rack,
    channels: Sequence[Channel],
    sources: Sequence[Instrument | StemPlayer],
    mix: MixSettings,
) -> list[Strip]:
    """All strips, with their side chains."""
    strips = [
        Strip(rack, channel, source) for channel, source in zip(channels, sources, strict=True)
    ]
    by_name = {strip.channel.name: strip for strip in strips}
    for chain in mix.sidechains:
        by_name[chain.target].step_back(rack, by_name[chain.source], chain)
    for strip in strips:
        strip.finish(rack)
    return strips
