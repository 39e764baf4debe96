"""The voice of sampled instruments: how it reads recordings from pyo tables.

A head is read once (`TrigEnv`), from the very frame of the note. The frame after its last, a loop
goes on (`OscTrig`) at the very place in the wave where the head ended, so that there is neither gap
nor fade between them: the position is known exactly, as it is computed here in the same arithmetic.
"""

import ctypes
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .instrument import NEUTRAL, BasePatch, Touch, panned
from .pyo_host import Samples
from .rack import Envelope, Level, Rack
from .samples import MIN_HEAD_FRAMES, Region, SampleSet, Zone

INTERPOLATION = 4  # cubic: recordings are read at other pitches than their own
QUICKEST_ATTACK_SECONDS = 1e-5  # heads begin smoothly themselves
SOFT_ATTACK_SECONDS = 0.12  # where a layer's attack control is 0
SHORTEST_RELEASE_SECONDS = 0.012
HEAD_ATTACK_SECONDS = 0.002  # slower attacks are drawn in a table, as straight lines
RELEASE_SHARE = 0.45  # of a release to -100 dB: where a fourth power has to end to sound alike
SHAPE_FRAMES = 4096


@dataclass(frozen=True)
class Reading:
    """How a head is read once."""

    seconds: float  # what pyo is told
    frames: int  # that are heard
    beyond: float  # frames of the head that the next read would lie behind its end


def plan_reading(size: int, ratio: float, sample_rate: int) -> Reading:
    """The reading of `size` frames at about `ratio` frames per frame, in pyo's own arithmetic.

    pyo steps by a float32 and stops once it has passed the end. Where rounding could decide which
    frame that is, the length is moved by a part of a frame, a hundredth of a cent in a second.
    """
    for nudge in (0.0, 0.25, 0.5, 0.75):
        length = np.float32((size / ratio + nudge) / sample_rate)
        step = float(np.float32(np.float32(size) / np.float32(sample_rate * length)))
        frames = int(size / step) + 1
        if 0.02 < size / step % 1.0 < 0.98:
            break
    return Reading(float(length), frames, frames * step - size)


class SetTables:
    """The pyo tables of a set, shared by all voices of an engine."""

    def __init__(self, rack: Rack, samples: SampleSet) -> None:
        self._rack = rack
        self._keep: list[Any] = []  # a table that a graph reads must not go away
        self._made: dict[int, list[Any]] = {}
        self._shapes: dict[tuple[float, ...], Any] = {}
        self.turns = [0] * 128  # notes so far of each pitch, for round robin
        self.silence = self._table(np.zeros(MIN_HEAD_FRAMES, np.float32), 0.0)
        for region in samples.regions:
            if _shaped(region.zone):
                self._add_shape(region.zone)
            if id(region.head) not in self._made:
                self._made[id(region.head)] = self._sides(region.head, region.guard)
                if region.loop is not None:
                    self._made[id(region.loop)] = self._sides(region.loop, region.loop[0])

    def _sides(self, audio: Samples, guard: Samples) -> list[Any]:
        return [self._table(audio[:, side], float(guard[side])) for side in range(audio.shape[1])]

    def _table(self, audio: Samples, guard: float) -> Any:
        """A pyo table, and in the one more frame that pyo keeps behind it what comes next."""
        table = self._rack.table(audio)
        self._keep.append(table)
        buffer = np.asarray(table.getBuffer())
        behind = buffer.ctypes.data + buffer.itemsize * len(buffer)
        ctypes.c_float.from_address(behind).value = guard
        return table.getBaseObjects()[0]

    def side(self, audio: Samples | None, side: int) -> Any:
        """The table of a head's or loop's left (0) or right (1)."""
        if audio is None:
            return self.silence
        sides = self._made[id(audio)]
        return sides[min(side, len(sides) - 1)]

    def _add_shape(self, zone: Zone) -> None:
        key = _shape_key(zone)
        if key not in self._shapes:
            self._shapes[key] = self._table(envelope_shape(zone), 0.0)

    def shape(self, zone: Zone) -> Any:
        """The envelope of a zone less its sustained level; silence where it stands still."""
        return self._shapes.get(_shape_key(zone), self.silence)


def _shape_key(zone: Zone) -> tuple[float, ...]:
    return zone.attack_seconds, zone.hold_seconds, zone.decay_seconds, zone.sustain


def envelope_shape(zone: Zone) -> Samples:
    """Attack, hold and decay of a zone, less its sustained level [shape=(SHAPE_FRAMES,)]."""
    time = np.linspace(0.0, shape_seconds(zone), SHAPE_FRAMES)
    held = zone.attack_seconds + zone.hold_seconds
    floor = max(zone.sustain, 1e-5)
    fall = floor ** np.clip((time - held) / max(zone.decay_seconds, 1e-6), 0.0, 1.0)
    shape = np.where(time < held, 1.0, fall)
    if zone.attack_seconds > HEAD_ATTACK_SECONDS:
        shape *= np.minimum(time / zone.attack_seconds, 1.0)
    shape -= zone.sustain
    shape[-1] = 0.0
    return np.asarray(shape, np.float32)


def shape_seconds(zone: Zone) -> float:
    """How long attack, hold and decay of a zone last."""
    return max(zone.attack_seconds + zone.hold_seconds + zone.decay_seconds, 0.001)


def _shaped(zone: Zone) -> bool:
    """Whether a zone's level moves by itself while it is held."""
    return zone.sustain < 1.0 or zone.attack_seconds > HEAD_ATTACK_SECONDS


class Gate(Envelope):
    """Opens within a moment and closes in the time that each note's recording asks for."""

    def __init__(self, rack: Rack, gate: Any) -> None:
        super().__init__(rack, gate, QUICKEST_ATTACK_SECONDS, 0.0005, 1.0, 0.1, 4)
        rack.group.envelopes.append(self)

    def tune(self, attack_seconds: float, release_seconds: float) -> None:
        """Set both times, before a note starts."""
        self._line.setAttack(attack_seconds)
        self._line.setRelease(release_seconds)
        self._release_seconds = release_seconds


class Reader:
    """Reads one region at a time, on one or two sides."""

    def __init__(self, rack: Rack, tables: SetTables, strike: Any, samples: SampleSet) -> None:
        self._tables, self._sample_rate = tables, rack.sample_rate
        pyo, silent = rack.pyo, tables.silence
        sides = range(1 + samples.stereo)
        heads = [
            rack.add(pyo.TrigEnv(strike, silent, dur=0.1, interp=INTERPOLATION)) for _ in sides
        ]
        self._heads = [head.getBaseObjects()[0] for head in heads]
        sounds, self._rings = heads, []
        if any(region.loop is not None for region in samples.regions):
            rings = self._loops(rack, heads[0], strike, len(sides))
            self._rings = [ring.getBaseObjects()[0] for ring in rings]
            sounds = [rack.sum(head, ring) for head, ring in zip(heads, rings, strict=True)]
        self._shape = None
        if any(_shaped(region.zone) for region in samples.regions):
            shape = rack.add(pyo.TrigEnv(strike, silent, dur=1.0, interp=2, add=1.0))
            self._shape = shape.getBaseObjects()[0]
            sounds = [rack.times(sound, shape) for sound in sounds]
        self._levels: list[Level] = [rack.level(sound, 0.0) for sound in sounds]
        self.left, self.right = self._levels[0].stream, self._levels[-1].stream

    def _loops(self, rack: Rack, head: Any, strike: Any, sides: int) -> list[Any]:
        """Oscillators that are heard from the frame after the head's last until the next note."""
        pyo = rack.pyo
        ended = rack.add(head["trig"])
        handed = rack.add(pyo.Delay1(ended))
        playing = rack.add(pyo.Sig(strike, mul=-1.0, add=1.0))  # 0 at the start of a note, else 1
        turn = rack.add(pyo.Max(handed, strike))
        switch = rack.add(pyo.TrigVal(turn, value=playing))
        silent = self._tables.silence
        return [
            rack.add(pyo.OscTrig(silent, handed, freq=0.0, interp=INTERPOLATION, mul=switch))
            for _ in range(sides)
        ]

    def rest(self) -> None:
        """Read silence with the next note."""
        for side, level in enumerate(self._levels):
            level.set(0.0)
            self._heads[side].setTable(self._tables.silence)
            if self._rings:
                self._rings[side].setTable(self._tables.silence)

    def tune(self, region: Region, pitch: float) -> float | None:
        """Make ready for a note; returns how many seconds it lasts, None for as long as held."""
        ratio, zone = region.zone.ratio(pitch), region.zone
        reading = plan_reading(len(region.head), ratio, self._sample_rate)
        gain = 10.0 ** (zone.gain_db / 20.0)
        gains = panned(gain, zone.pan) if len(self._levels) > 1 else (gain,)
        for side, level in enumerate(self._levels):
            level.set(gains[side])
            self._heads[side].setTable(self._tables.side(region.head, side))
            self._heads[side].setDur(reading.seconds)
        for side, ring in enumerate(self._rings):
            ring.setTable(self._tables.side(region.loop, side))
            if region.loop is not None:
                ring.setFreq(ratio * self._sample_rate / region.loop_frames)
                entry = region.loop_entry + reading.beyond
                ring.setPhase(entry / region.loop_frames % 1.0)
        if self._shape is not None:
            self._shape.setTable(self._tables.shape(zone))
            self._shape.setDur(shape_seconds(zone))
            self._shape.setAdd(zone.sustain)
        lasts = reading.frames / self._sample_rate if region.loop is None else math.inf
        if zone.sustain <= 0.0:
            lasts = min(lasts, shape_seconds(zone))
        return None if math.isinf(lasts) else lasts


class SamplePatch(BasePatch):
    """One voice of a sampled instrument: as many readers as regions sound at once."""

    attack_seconds = 0.005

    def __init__(self, samples: SampleSet, rack: Rack, gate: Any, freq: Any) -> None:
        self._samples = samples
        self._tables = rack.once(samples, lambda: SetTables(rack, samples))
        strike = rack.strike()
        self._gate = Gate(rack, gate)
        self._readers = [Reader(rack, self._tables, strike, samples) for _ in range(samples.layers)]
        left = rack.sum(*(reader.left for reader in self._readers))
        self.left = self.right = rack.times(left, self._gate.stream)
        if samples.stereo:
            right = rack.sum(*(reader.right for reader in self._readers))
            self.right = rack.times(right, self._gate.stream)
        self._lasts: float | None = None

    def tune(self, touch: Touch) -> None:
        pitch, velocity = touch.pitch, min(max(round(127 * touch.loudness), 1), 127)
        key = min(max(round(pitch), 0), 127)
        regions = self._samples.choose(pitch, velocity, self._tables.turns[key])
        self._tables.turns[key] += 1
        lasts: list[float | None] = []
        for reader, region in zip(self._readers, regions, strict=False):
            lasts.append(reader.tune(region, pitch))
        for reader in self._readers[len(regions) :]:
            reader.rest()
        zones = [region.zone for region in regions]
        self._lasts = None if None in lasts else max(t for t in lasts if t is not None)
        self.one_shot = all(zone.one_shot for zone in zones)
        release = RELEASE_SHARE * max(zone.release_seconds for zone in zones)
        self.release_seconds = max(release, SHORTEST_RELEASE_SECONDS)
        soft = max(1.0 - touch.attack / NEUTRAL, 0.0)
        self._gate.tune(
            max(soft * SOFT_ATTACK_SECONDS, QUICKEST_ATTACK_SECONDS), self.release_seconds
        )

    def ring_seconds(self, pitch: float) -> float | None:
        return self._lasts
