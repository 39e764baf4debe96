"""The mixer: channel strips with sends, what they share, and the master filter.

What all channels play lies in one array, and a block is mixed by one product with a matrix of
levels. Only a strip that moves, is filtered or steps back for another is taken through by itself.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from ..music.errors import SegueError
from ..music.events import Channel, MixSettings
from .echo import Echo
from .inserts import OPEN_LOG_HZ, Duck, Lowpass, amplitude
from .instrument import NEUTRAL, Instrument, Touch
from .pyo_host import PyoHost, Samples
from .rack import Rack
from .ramps import Curve, Ramp
from .room import Room
from .stem_player import StemPlayer

DEZIPPER_SECONDS = 0.005
DARKEST_HZ = 900.0  # where the filter stands at brightness 0
LEFT, RIGHT, ROOM_LEFT, ROOM_RIGHT, ECHO = range(5)  # what a block is mixed to


class Strip:
    """One channel: what it plays, filter, level, pan and sends.

    :param sound: where the next block of it is written [shape=(2, frames)]
    :param levels: of its sides in the mix [shape=(5, 2)], which are kept up here
    :param output: of the rack's host that is free, and so the next
    """

    def __init__(
        self,
        rack: Rack,
        channel: Channel,
        source: Instrument | StemPlayer,
        sound: Samples,
        levels: Samples,
        output: int,
    ) -> None:
        self.channel, self.source = channel, source
        self.sound, self._levels = sound, levels
        rack.new_group()
        self._buses = (rack.bus(), rack.bus())
        left, right = (bus.stream for bus in self._buses)
        self.filter = Lowpass(rack, left, right, output)
        self.ducks: list[Duck] = []
        self.linked = False  # by a side chain
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
        level_db = source.level_db if isinstance(source, Instrument) else 0.0
        self._level = amplitude(channel.gain_db + level_db)
        self._group_gain = 1.0
        self.settled = False  # the next block may stay as it is
        self.plain = False  # mixed by the matrix alone
        # of the next block, while it is not plain: left and right, and sends
        self._gains: Samples = np.zeros((2, 1), np.float32)
        self._sends: dict[str, Samples] = {}
        self.awake = False
        self._last_frame = 0  # when what is known so far ends

    def write_stem(self, head: int, frames: int) -> None:
        """Write the stem's next block, which begins at event time `head`."""
        assert isinstance(self.source, StemPlayer)
        if not self.source.idle:
            self.wake(head + frames)
        if self.awake:
            self.sound[:] = self.source.render(head, frames).T

    def touch(self, pitch: float, velocity: float) -> Touch:
        """How a note is to be played that begins now."""
        return Touch(pitch, velocity, **self.shape)

    def wake(self, until_frame: int) -> None:
        """Something sounds, at least until `until_frame`."""
        self.awake = True
        self._last_frame = max(self._last_frame, until_frame)

    def shift(self, frames: int) -> None:
        """Follow the clock that has jumped by some frames."""
        self._last_frame += frames

    def rest_after(self, frame: int, tail_frames: int) -> None:
        """Stop computing the strip once nothing has sounded for `tail_frames`."""
        if self.awake and frame - self._last_frame > tail_frames:
            self.awake = False
            self.filter.group.sleep()

    def write(self, frames: int, group_gain: Curve | None) -> None:
        """Work out filter, level, pan and sends of the next block.

        `settled` says afterwards whether the block after it can do without.

        :param group_gain: of the channel's group; None if it stands where it stood
        """
        bright = self.shape["brightness"]
        ceiling = OPEN_LOG_HZ
        if bright < NEUTRAL and not self._shapes_brightness:
            low = float(np.log(DARKEST_HZ))
            ceiling = low + (OPEN_LOG_HZ - low) * bright / NEUTRAL
        self.filter.write(frames, ceiling)
        moving = any(ramp.moving for ramp in self.ramps.values()) or group_gain is not None
        curves = {name: ramp.block(frames if moving else 1) for name, ramp in self.ramps.items()}
        gain = self._level * curves["gain"]
        gain = gain * (self._group_gain if group_gain is None else group_gain)
        if group_gain is not None:
            self._group_gain = float(group_gain[-1])
        pan = curves["pan"]  # balance: the far side falls, the near side stays
        fall = np.clip([pan, -pan], 0.0, 1.0)
        self._gains = np.asarray(gain * np.cos(np.pi / 2 * fall), np.float32)
        self._sends = {name: curves[name].astype(np.float32) for name in ("reverb", "delay")}
        self.settled = not moving and self.filter.settled
        self.plain = not (moving or self.filter.closed or self.linked)
        self._levels[:] = 0.0
        if self.plain:
            left, right = self._gains[:, 0]
            self._levels[LEFT, 0], self._levels[RIGHT, 1] = left, right
            self._levels[ROOM_LEFT : ROOM_RIGHT + 1] = self._sends["reverb"] * self._levels[:2]
            self._levels[ECHO] = self._sends["delay"] * self._gains[:, 0]

    def insert(self) -> None:
        """Bring the next block of its sound to its level, and to its filter if that is closed."""
        self.sound *= self._gains
        if self.filter.closed:
            self.filter.group.wake()
            for bus, side in zip(self._buses, self.sound, strict=True):
                bus.samples[:] = side

    def add(self, block: Samples, mixed: Samples) -> None:
        """Add its sound to what is mixed.

        :param block: what the inserts have computed
        :param mixed: all that is mixed so far [shape=(5, frames)]
        """
        sound = self.sound
        if self.filter.closed:
            sound = self.filter.filtered(sound, block)
        for duck in self.ducks:
            sound = sound * duck.curve(block)
        mixed[:ROOM_LEFT] += sound
        mixed[ROOM_LEFT:ECHO] += self._sends["reverb"] * sound
        mixed[ECHO] += self._sends["delay"] * (sound[0] + sound[1])

    def power(self) -> float:
        """Mean power of the last block at its level, sides added; before filter and side chains."""
        sides = np.mean(np.square(self.sound, dtype=np.float64), axis=1)
        if self.plain:
            sides = sides * np.square([self._levels[LEFT, 0], self._levels[RIGHT, 1]])
        elif not self.awake:
            return 0.0
        return float(sides.sum())

    def state(self) -> Mapping[str, float]:
        """Where its controls are going."""
        knobs = {name: ramp.target for name, ramp in self.ramps.items()}
        return {**knobs, "filter": float(np.exp(self.filter.cutoff.target)), **self.shape}


class Mixer:
    """All strips, and the end of the way: room, echo and filter.

    :param sources: what each channel plays
    :param seed: of every noise
    """

    def __init__(
        self,
        channels: Sequence[Channel],
        sources: Sequence[Instrument | StemPlayer],
        mix: MixSettings,
        *,
        sample_rate: int,
        block_frames: int,
        seed: int,
    ) -> None:
        self._frames, self._closed = block_frames, False
        count = len(channels)
        # the next block of all channels, left and right, to be written by the host
        self.sound: Samples = np.zeros((2 * count, block_frames), np.float32)
        self._levels: Samples = np.zeros((5, 2 * count), np.float32)
        self._mixed: Samples = np.zeros((5, block_frames), np.float32)
        self._whole: Samples = np.zeros((block_frames, 2), np.float32)
        self._room = Room(sample_rate, block_frames, mix)
        outputs = 2 * count + len(mix.sidechains)
        self._inserts = PyoHost(sample_rate, block_frames, seed, outputs)
        rack = Rack(self._inserts, sample_rate)
        with self._inserts.building():
            self.strips = [
                Strip(
                    rack,
                    channel,
                    source,
                    self.sound[at : at + 2],
                    self._levels[:, at : at + 2],
                    at,
                )
                for channel, source, at in zip(
                    channels, sources, range(0, 2 * count, 2), strict=True
                )
            ]
            self._chains = self._link(rack, mix)
        self._shared = PyoHost(sample_rate, block_frames, seed, 4)
        rack = Rack(self._shared, sample_rate)
        with self._shared.building():
            self._build_shared(rack, mix)

    def _link(self, rack: Rack, mix: MixSettings) -> list[tuple[Duck, Strip, Strip]]:
        """The side chains: each with the strip that is heard and the one that steps back."""
        by_name = {strip.channel.name: strip for strip in self.strips}
        chains = []
        for number, chain in enumerate(mix.sidechains, start=2 * len(self.strips)):
            source, target = by_name[chain.source], by_name[chain.target]
            duck = Duck(rack, chain, source.filter, list(source.ducks), number)
            target.ducks.append(duck)
            source.linked = target.linked = True
            chains.append((duck, source, target))
        return chains

    def _build_shared(self, rack: Rack, mix: MixSettings) -> None:
        """The echo, heard on the first two outputs; the filtered whole, on the next two."""
        self._echo = Echo(rack, mix)
        rack.new_group()
        self._dry = rack.bus(), rack.bus()
        sides = zip(self._dry, self._echo.sides, strict=True)
        left, right = self._wholes = [rack.sum(bus.stream, echo) for bus, echo in sides]
        self.filter = Lowpass(rack, left, right, 2)

    def tempo(self, bpm: float) -> None:
        """Let the echo follow a tempo in quarter notes a minute."""
        self._echo.tempo(bpm)

    def write(self, frames: int) -> None:
        """Work out the master filter of the next block."""
        if self.filter.cutoff.moving or not self.filter.settled:
            self.filter.write(frames)

    def process(self) -> Samples:
        """Mix the next block: float32 [shape=(block_frames, 2)], written over by the next call."""
        if self._closed:
            raise SegueError("this engine is closed; make a new one")
        mixed = self._mixed
        np.dot(self._levels, self.sound, out=mixed)
        singled = [strip for strip in self.strips if strip.awake and not strip.plain]
        if singled:
            self._insert(singled)
        room = self._room.process(mixed[ROOM_LEFT:ECHO])
        np.add(mixed[:ROOM_LEFT], room, out=self._whole.T)
        self._echo.go_on(self._frames, bool(mixed[ECHO].any()))
        if self._echo.group.awake or self.filter.closed:
            self._share(mixed[ECHO])
        return self._whole

    def _insert(self, singled: Sequence[Strip]) -> None:
        """Mix the strips that the matrix cannot."""
        for strip in singled:
            strip.insert()
        for duck, source, target in self._chains:
            duck.listen(source.sound, source.awake or target.awake)
        block = self._inserts.process() if self._inserting(singled) else self.sound.T
        for strip in singled:
            strip.add(block, self._mixed)

    def _inserting(self, singled: Sequence[Strip]) -> bool:
        return any(strip.filter.closed for strip in singled) or any(
            duck.group.awake for duck, _, _ in self._chains
        )

    def _share(self, sent: Samples) -> None:
        """Add the echo of what is sent to it, and filter the whole."""
        whole = self._whole.T
        self._echo.send[:] = sent
        if self.filter.closed:
            self.filter.group.wake()
            for bus, side in zip(self._dry, whole, strict=True):
                bus.samples[:] = side
        block = self._shared.process()
        whole += block[:, :2].T
        if self.filter.closed:
            whole[:] = self.filter.filtered(whole, block)

    def close(self) -> None:
        """Free the graphs; mixing afterwards raises. Closing twice is allowed."""
        self._closed = True
        self._inserts.close()
        self._shared.close()
