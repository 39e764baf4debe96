"""The mixer's graph: channel strips (level, pan, send), the shared room and the master filter."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..music.events import Channel
from .instruments import instrument
from .pyo_host import Bus
from .rack import Rack
from .ramps import Ramp
from .voices import Pool, Voice

DEZIPPER_SECONDS = 0.005
FILTER_HZ = (40.0, 20_000.0)
ROOM_SECONDS = 1.9


def amplitude(gain_db: float) -> float:
    """Factor of a gain in dB."""
    return float(10.0 ** (gain_db / 20.0))


class Strip:
    """One channel: its pools of voices, effects, level, pan and send."""

    def __init__(self, rack: Rack, channel: Channel, voices: int) -> None:
        self.channel = channel
        self.instrument = instrument(channel.instrument)
        self.pools = {
            kind: Pool(rack, patch, min(voices, self.instrument.caps.get(kind, voices)))
            for kind, patch in self.instrument.patches.items()
        }
        self.voices: list[Voice] = [voice for pool in self.pools.values() for voice in pool.voices]
        self.group = rack.new_group()
        left = rack.sum(*(voice.left for voice in self.voices))
        right = rack.sum(*(voice.right for voice in self.voices))
        left, right = self.instrument.effects(rack, left, right)
        self._buses: tuple[Bus, Bus, Bus] = (rack.bus(), rack.bus(), rack.bus())
        self.left = rack.times(left, self._buses[0].stream)
        self.right = rack.times(right, self._buses[1].stream)
        self.send = rack.times(rack.sum(self.left, self.right), self._buses[2].stream)
        self.ramps = {
            "gain": Ramp(1.0),
            "pan": Ramp(channel.pan),
            "reverb": Ramp(channel.reverb),
        }
        self._level = amplitude(channel.gain_db + self.instrument.level_db)
        self._settled = False
        self._last_frame = 0  # when the last note known so far ends
        self.group.sleep()

    def pool_for(self, pitch: float) -> Pool:
        """The voices that play `pitch`."""
        return self.pools[self.instrument.kind(pitch)]

    def wake(self, until_frame: int) -> None:
        """Compute the strip, at least until `until_frame`."""
        self.group.wake()
        self._last_frame = max(self._last_frame, until_frame)

    def rest_after(self, frame: int, tail_frames: int) -> None:
        """Stop computing the strip once no voice has been awake for `tail_frames`."""
        if not self.group.awake:
            return
        if frame - self._last_frame > tail_frames and not any(v.awake for v in self.voices):
            self.group.sleep()

    def write(self, frames: int) -> None:
        """Write level, pan and send of the next block into the graph."""
        gain_ramp, pan_ramp, reverb_ramp = self.ramps.values()
        moving = gain_ramp.moving or pan_ramp.moving or reverb_ramp.moving
        if self._settled and not moving:
            return
        gain = self._level * gain_ramp.block(frames)
        pan = pan_ramp.block(frames)  # balance: the far side falls, the near side stays
        self._buses[0].samples[:] = gain * np.cos(np.pi / 2 * np.clip(pan, 0.0, 1.0))
        self._buses[1].samples[:] = gain * np.cos(np.pi / 2 * np.clip(-pan, 0.0, 1.0))
        self._buses[2].samples[:] = reverb_ramp.block(frames)
        self._settled = not moving


@dataclass
class Master:
    """The end of the graph: the sum of all strips, the room and the filter."""

    cutoff: Ramp  # natural logarithm of Hz
    bus: Bus
    keep: list[Any]  # pyo objects that nothing else refers to
    settled: bool = False

    def write(self, frames: int) -> None:
        """Write the filter's cutoff for the next block into the graph."""
        moving = self.cutoff.moving
        if moving or not self.settled:
            self.bus.samples[:] = np.exp(self.cutoff.block(frames))
            self.settled = not moving


def build_master(rack: Rack, strips: Sequence[Strip], denormal_noise: bool) -> Master:
    """Sum the strips, add the room, filter, and send to the two outputs."""
    pyo = rack.pyo
    rack.new_group()
    sends = [strip.send for strip in strips]
    if denormal_noise:
        noise = rack.noise()
        noise.setMul(1e-9)
        sends.append(noise)
    damped = rack.add(pyo.ButHP(rack.sum(*sends), 180.0))
    room = rack.add(
        pyo.STRev(
            damped,
            inpos=0.5,
            revtime=ROOM_SECONDS,
            cutoff=5200,
            bal=1.0,
            roomSize=1.1,
            firstRefGain=-9,
        )
    )
    cutoff = rack.bus()
    keep: list[Any] = [damped, room, rack]
    for side, ends in enumerate(([s.left for s in strips], [s.right for s in strips])):
        dry = rack.sum(*ends)
        total = rack.sum(dry, rack.add(pyo.Sig(room[side])))
        filtered = rack.add(pyo.ButLP(total, cutoff.stream))
        filtered.out(side)
        keep.append(filtered)
    return Master(Ramp(float(np.log(FILTER_HZ[1]))), cutoff, keep)
