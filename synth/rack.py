"""What patches build with: shared wavetables, and groups of pyo objects that can sleep.

A pyo object that plays costs time even when silent, so the objects of a voice are stopped while the
voice rests and started again with its next note.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from .pyo_host import Bus, PyoHost, Samples

T = TypeVar("T")
Partials = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Amplitudes of the partials 1, 2, ... [shape=(n,)], given their numbers."""

TABLE_FRAMES = 8192
MAX_PARTIALS = 240
BAND_SEMITONES = 6
LOWEST_BAND, HIGHEST_BAND = 24, 126  # MIDI pitches


def pitch_hz(pitch: float) -> float:
    """Frequency in Hz of a MIDI pitch (69 = 440 Hz)."""
    return float(440.0 * 2.0 ** ((pitch - 69.0) / 12.0))


def saw(number: NDArray[np.float64]) -> NDArray[np.float64]:
    """All partials at 1/n."""
    return 1.0 / number


def square(number: NDArray[np.float64]) -> NDArray[np.float64]:
    """Odd partials at 1/n."""
    return np.where(number % 2 == 1, 1.0 / number, 0.0)


@lru_cache(maxsize=256)
def one_cycle(partials: Partials, count: int) -> Samples:
    """One period of the first `count` partials in sine phase [shape=(TABLE_FRAMES,)].

    Sine phase makes the first sample zero, as the guard point behind a pyo table is.
    """
    spectrum = np.zeros(TABLE_FRAMES // 2 + 1, dtype=complex)
    numbers = np.arange(1, count + 1, dtype=float)
    spectrum[1 : count + 1] = -0.5j * TABLE_FRAMES * partials(numbers)
    return np.fft.irfft(spectrum).astype(np.float32)


class Sleepers:
    """A group of pyo objects that start and stop together."""

    def __init__(self) -> None:
        self.awake = True
        self.envelopes: list[Envelope] = []
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

    def sleep(self) -> None:
        """Stop computing; outputs are zero from here on."""
        if self.awake:
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
        self._tables: dict[Partials, list[Any]] = {}
        self._made: dict[str, Any] = {}

    def new_group(self) -> Sleepers:
        """Start a group; every object made from here on belongs to it."""
        self.group = Sleepers()
        return self.group

    def add(self, thing: T) -> T:
        """File a pyo object under the current group and return it."""
        self.group.add(thing)
        return thing

    def once(self, name: str, make: Callable[[], T]) -> T:
        """What `make` returned the first time it was asked for under this name."""
        if name not in self._made:
            self._made[name] = make()
        made: T = self._made[name]
        return made

    def bus(self) -> Bus:
        """A block that the host writes, filed under the current group."""
        bus = Bus(self.pyo, self.host.block_frames)
        self.group.add(bus.stream)
        return bus

    def sum(self, *things: Any) -> Any:
        """The sum of pyo objects, as one."""
        return self.add(self.pyo.Mix(list(things), voices=1))

    def times(self, thing: Any, factor: Any) -> Any:
        """A pyo object times another or a number."""
        return self.add(self.pyo.Sig(thing, mul=factor))

    def noise(self) -> Any:
        """White noise, by pyo's cheap generator."""
        noise = self.add(self.pyo.Noise())
        noise.setType(1)
        return noise

    def value(self, value: float) -> "Value":
        """A settable constant."""
        return Value(self, value)

    def level(self, thing: Any, factor: float = 1.0) -> "Level":
        """A pyo object times a settable factor."""
        return Level(self, thing, factor)

    def envelope(
        self, gate: Any, attack: float, decay: float, sustain: float, release: float, power: int = 1
    ) -> "Envelope":
        """Straight-line ADSR (seconds) to the `power` 1, 2 or 4: near-exponential, and cheap."""
        envelope = Envelope(self, gate, attack, decay, sustain, release, power)
        self.group.envelopes.append(envelope)
        return envelope

    def oscillator(self, partials: Partials, freq: Any, mul: Any = 1.0) -> "Oscillator":
        """A band-limited wavetable oscillator; pick its table per note with `tune`."""
        return Oscillator(self, partials, freq, mul)

    def tables(self, partials: Partials) -> list[Any]:
        """Tables of one wave, one for each `BAND_SEMITONES` from `LOWEST_BAND` up."""
        if partials not in self._tables:
            bands = range(LOWEST_BAND, HIGHEST_BAND + 1, BAND_SEMITONES)
            self._tables[partials] = [self._table(partials, pitch) for pitch in bands]
        return self._tables[partials]

    def _table(self, partials: Partials, lowest_pitch: int) -> Any:
        top_hz = pitch_hz(lowest_pitch + BAND_SEMITONES)
        count = max(1, min(MAX_PARTIALS, int(0.45 * self.sample_rate / top_hz)))
        table = self.pyo.DataTable(size=TABLE_FRAMES)
        np.asarray(table.getBuffer())[:] = one_cycle(partials, count)
        return table


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
    """A stream times a factor that the host sets between blocks."""

    def __init__(self, rack: Rack, thing: Any, factor: float) -> None:
        self.stream = rack.add(rack.pyo.Sig(thing, mul=factor))
        self._base = self.stream.getBaseObjects()[0]

    def set(self, factor: float) -> None:
        """Multiply by `factor` from the next block on."""
        self._base.setMul(factor)


class Oscillator:
    """Wavetable oscillator with a table for each pitch band."""

    def __init__(self, rack: Rack, partials: Partials, freq: Any, mul: Any) -> None:
        self._tables = [table.getBaseObjects()[0] for table in rack.tables(partials)]
        self.stream = rack.add(rack.pyo.Osc(rack.tables(partials)[0], freq, mul=mul))
        self._base = self.stream.getBaseObjects()[0]

    def tune(self, pitch: float) -> None:
        """Pick the table whose partials stay below half the sample rate at `pitch`."""
        band = int((pitch - LOWEST_BAND) // BAND_SEMITONES)
        self._base.setTable(self._tables[min(max(band, 0), len(self._tables) - 1)])
