"""What patches build with: shared tables, and groups of pyo objects that can sleep.

A pyo object that plays costs time even when silent, so the objects of a voice are stopped while the
voice rests and started again with its next note.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from .pyo_host import Bus, PyoHost, Samples
from .recipes import Recipe, bake
from .tables import Partials, one_cycle, pitch_hz

T = TypeVar("T")

MAX_PARTIALS = 240
BAND_SEMITONES = 6
LOWEST_BAND, HIGHEST_BAND = 24, 126  # MIDI pitches


class Sleepers:
    """A group of pyo objects that start and stop together."""

    def __init__(self) -> None:
        self.awake = True
        self.envelopes: list[Envelope] = []
        self.strikes: list[Bus] = []
        self._bases: list[Any] = []

    def add(self, thing: Any) -> None:
        """Take in a pyo object and the input fader that pyo puts before some of them."""
        fader = getattr(thing, "_in_fader", None)
        if fader is not None:
            self._bases += fader.getBaseObjects()
        self._bases += thing.getBaseObjects()

    def wake(self) -> None:
        """Start computing."""
        if not self.awake:
            self.awake = True
            for base in self._bases:
                base.play()

    def sleep(self, *, again: bool = False) -> None:
        """Stop computing; outputs are zero from here on. `again` for what has been added since."""
        if self.awake or again:
            self.awake = False
            for base in self._bases:
                base.stop()


class Rack:
    """Makes pyo objects and files them under the group being built."""

    def __init__(self, host: PyoHost, sample_rate: int) -> None:
        self.host = host
        self.pyo = host.pyo
        self.sample_rate = sample_rate
        self.group = Sleepers()
        self._made: dict[Any, Any] = {}

    def new_group(self) -> Sleepers:
        """Start a group; every object made from here on belongs to it."""
        self.group = Sleepers()
        return self.group

    def add(self, thing: T) -> T:
        """File a pyo object under the current group and return it."""
        self.group.add(thing)
        return thing

    def once(self, key: Any, make: Callable[[], T]) -> T:
        """What `make` returned the first time it was asked for under this key."""
        if key not in self._made:
            self._made[key] = make()
        made: T = self._made[key]
        return made

    # sums and products

    def bus(self) -> Bus:
        """A block that the host writes, filed under the current group."""
        bus = Bus(self.pyo, self.host.block_frames)
        self.group.add(bus.stream)
        return bus

    def sum(self, first: Any, *others: Any) -> Any:
        """The sum of pyo objects, as one."""
        for other in others:
            first = self.add(self.pyo.Sig(first, add=other))
        return first

    def times(self, thing: Any, factor: Any) -> Any:
        """A pyo object times another or a number."""
        return self.add(self.pyo.Sig(thing, mul=factor))

    def value(self, value: float) -> "Value":
        """A settable constant."""
        return Value(self, value)

    def level(self, thing: Any, factor: float = 1.0, add: Any = 0.0) -> "Level":
        """A pyo object times a settable factor, plus another."""
        return Level(self, thing, factor, add)

    # sources

    def noise(self) -> Any:
        """White noise, by pyo's cheap generator."""
        noise = self.add(self.pyo.Noise())
        noise.setType(1)
        return noise

    def strike(self) -> Any:
        """A trigger of one sample on the frame where a note of the voice being built begins."""
        bus = self.bus()
        self.group.strikes.append(bus)
        return bus.stream

    def envelope(
        self, gate: Any, attack: float, decay: float, sustain: float, release: float, power: int = 1
    ) -> "Envelope":
        """Straight-line ADSR (seconds) to the `power` 1, 2 or 4: near-exponential, and cheap."""
        envelope = Envelope(self, gate, attack, decay, sustain, release, power)
        self.group.envelopes.append(envelope)
        return envelope

    def oscillator(self, partials: Partials, freq: Any, mul: Any = 1.0) -> "Oscillator":
        """A band-limited single-cycle oscillator; pick its table per note with `tune`."""
        return Oscillator(self, partials, freq, mul)

    def loop(
        self, recipe: Recipe, freq: Any, mul: Any = 1.0, phase: float = 0.0, side: int = 0
    ) -> "Loop":
        """Reads endless material (`tables.spread_loop`) from a place 0..1; `tune` it per note."""
        return Loop(self, recipe, freq, mul, phase, side)

    def shot(self, recipe: Recipe, strike: Any, mul: Any = 1.0, side: int = 0) -> "Shot":
        """Reads struck material once from each strike; `tune` it per note."""
        return Shot(self, recipe, strike, mul, side)

    # tables

    def material(self, recipe: Recipe) -> "Material":
        """The tables of a recipe, shared by all voices of this engine."""
        return self.once(recipe, lambda: Material(self, recipe))

    def table(self, samples: Samples) -> Any:
        """A pyo table of samples [shape=(frames,)]."""
        table = self.pyo.DataTable(size=len(samples))
        np.asarray(table.getBuffer())[:] = samples
        return table

    def tables(self, partials: Partials) -> list[Any]:
        """Tables of one wave, one for each `BAND_SEMITONES` from `LOWEST_BAND` up."""
        bands = range(LOWEST_BAND, HIGHEST_BAND + 1, BAND_SEMITONES)
        return self.once(partials, lambda: [self._cycle(partials, pitch) for pitch in bands])

    def _cycle(self, partials: Partials, lowest_pitch: int) -> Any:
        top_hz = pitch_hz(lowest_pitch + BAND_SEMITONES)
        count = max(1, min(MAX_PARTIALS, int(0.45 * self.sample_rate / top_hz)))
        return self.table(one_cycle(partials, count))


class Material:
    """The pyo tables of one recipe."""

    def __init__(self, rack: Rack, recipe: Recipe) -> None:
        self._roots = recipe.roots
        self._step = recipe.step
        self._sample_rate = rack.sample_rate
        zones = bake(recipe, rack.sample_rate)
        self._keep = [[[rack.table(s) for s in layer] for layer in zone] for zone in zones]
        self._bases = [
            [[table.getBaseObjects()[0] for table in layer] for layer in zone]
            for zone in self._keep
        ]
        self._seconds = [zone.shape[-1] / rack.sample_rate for zone in zones]
        self.layers = len(zones[0])
        self.any = self._keep[0][0][0]

    def zone(self, pitch: float) -> int:
        """The zone whose root is nearest to a pitch."""
        number = round((pitch - self._roots[0]) / self._step)
        return min(max(number, 0), len(self._roots) - 1)

    def layer(self, loudness: float) -> int:
        """The layer for a loudness 0..1."""
        return min(max(int(loudness * self.layers), 0), self.layers - 1)

    def table(self, pitch: float, loudness: float, side: int) -> Any:
        """The table to read."""
        layer = self._bases[self.zone(pitch)][self.layer(loudness)]
        return layer[min(side, len(layer) - 1)]

    def seconds(self, pitch: float) -> float:
        """How long reading it once lasts at a pitch.

        A trace less than its length: a TrigEnv that comes to the very end reads on behind it.
        """
        zone = self.zone(pitch)
        return float(0.999999 * self._seconds[zone] * 2.0 ** ((self._roots[zone] - pitch) / 12.0))

    def cycles_per_hz(self, pitch: float) -> float:
        """How often a second a looped table is read for each Hz of the note."""
        zone = self.zone(pitch)
        return float(1.0 / (self._seconds[zone] * pitch_hz(self._roots[zone])))


class Shot:
    """Material read once, from its trigger's very frame."""

    def __init__(self, rack: Rack, recipe: Recipe, strike: Any, mul: Any, side: int) -> None:
        self.material, self._side = rack.material(recipe), side
        self.stream = rack.add(
            rack.pyo.TrigEnv(strike, self.material.any, dur=1.0, interp=2, mul=mul)
        )
        self._base = self.stream.getBaseObjects()[0]

    def tune(self, pitch: float, loudness: float) -> None:
        """Pick table and speed for a note, while the voice rests."""
        self._base.setTable(self.material.table(pitch, loudness, self._side))
        self._base.setDur(self.material.seconds(pitch))


class Loop:
    """Material read round and round, at a frequency that may move."""

    def __init__(
        self, rack: Rack, recipe: Recipe, freq: Any, mul: Any, phase: float, side: int
    ) -> None:
        self.material, self._side = rack.material(recipe), side
        speed = rack.level(freq)
        self._speed = speed
        self.stream = rack.add(
            rack.pyo.Osc(self.material.any, speed.stream, phase=phase, mul=mul, interp=2)
        )
        self._base = self.stream.getBaseObjects()[0]

    def tune(self, pitch: float, loudness: float) -> None:
        """Pick table and speed for a note, while the voice rests."""
        self._base.setTable(self.material.table(pitch, loudness, self._side))
        self._speed.set(self.material.cycles_per_hz(pitch))


class Envelope:
    """An ADSR whose `stream` is the straight-line envelope to the power 1, 2 or 4."""

    def __init__(
        self,
        rack: Rack,
        gate: Any,
        attack: float,
        decay: float,
        sustain: float,
        release: float,
        power: int,
    ) -> None:
        root = sustain ** (1.0 / power)
        line = rack.add(rack.pyo.MidiAdsr(gate, attack, decay, root, release))
        self._line = line.getBaseObjects()[0]
        self._release_seconds = release
        for _ in range(power.bit_length() - 1):
            line = rack.times(line, line)
        self.stream = line

    def set(self, *, attack: float | None = None, decay: float | None = None) -> None:
        """Change seconds of attack or decay, before a note starts."""
        if attack is not None:
            self._line.setAttack(attack)
        if decay is not None:
            self._line.setDecay(decay)

    def drain(self, draining: bool) -> None:
        """Let a closed envelope drop to zero in the next block, or give it its release back."""
        self._line.setRelease(1e-4 if draining else self._release_seconds)


class Value:
    """A constant stream whose value the host sets between blocks."""

    def __init__(self, rack: Rack, value: float) -> None:
        self.stream = rack.add(rack.pyo.Sig(value))
        self._base = self.stream.getBaseObjects()[0]

    def set(self, value: float) -> None:
        """Hold `value` from the next block on."""
        self._base.setValue(value)


class Level:
    """A stream times a factor that the host sets between blocks, plus another stream."""

    def __init__(self, rack: Rack, thing: Any, factor: float, add: Any) -> None:
        self.stream = rack.add(rack.pyo.Sig(thing, mul=factor, add=add))
        self._base = self.stream.getBaseObjects()[0]

    def set(self, factor: float) -> None:
        """Multiply by `factor` from the next block on."""
        self._base.setMul(factor)

    def add(self, other: "Level | None") -> None:
        """Add another level's stream, or nothing, from the next block on."""
        self._base.setAdd(0.0 if other is None else other._base)


class Oscillator:
    """Single-cycle oscillator with a table for each pitch band."""

    def __init__(self, rack: Rack, partials: Partials, freq: Any, mul: Any) -> None:
        self._tables = [table.getBaseObjects()[0] for table in rack.tables(partials)]
        self.stream = rack.add(rack.pyo.Osc(rack.tables(partials)[0], freq, mul=mul))
        self._base = self.stream.getBaseObjects()[0]

    def tune(self, pitch: float) -> None:
        """Pick the table whose partials stay below half the sample rate at `pitch`."""
        band = int((pitch - LOWEST_BAND) // BAND_SEMITONES)
        self._base.setTable(self._tables[min(max(band, 0), len(self._tables) - 1)])
