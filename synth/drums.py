"""The drum kit: one patch per kind of drum, and which General MIDI number plays which.

Drums ring to their end however short the note. Velocity opens filters as well as raising the level.
"""

from functools import lru_cache
from typing import Any

import numpy as np

from .instrument import BasePatch, Touch
from .patches import SINE
from .pyo_host import Samples
from .rack import Rack

METAL_FRAMES = 1 << 16
METAL_HZ = (327.0, 421.3, 523.9, 641.7, 789.1, 947.3)


class _Drum(BasePatch):
    """Rings `ring` seconds, then rests."""

    one_shot = True
    attack_seconds = 0.02
    release_seconds = 0.02
    ring = 0.5

    def ring_seconds(self, pitch: float) -> float:
        return self.ring


class _Skin(_Drum):
    """A drum head: a sine that starts at its zero and drops in pitch."""

    sweep_seconds = 0.08

    def _head(self, rack: Rack, gate: Any, base_hz: float, sweep_hz: float, decay: float) -> Any:
        self._base = rack.value(base_hz)
        sweep = rack.envelope(gate, 0.0005, self.sweep_seconds, 0.0, 0.05, power=4)
        self._sweep = rack.level(sweep.stream, sweep_hz)
        self._amp = rack.envelope(gate, 0.0015, decay, 0.0, 0.02, power=2)
        hz = rack.sum(self._base.stream, self._sweep.stream)
        table = rack.tables(SINE)[0]
        strike = rack.strike(gate)
        return rack.add(rack.pyo.OscTrig(table, strike, hz, mul=self._amp.stream))

    def _click(self, rack: Rack, gate: Any, cutoff_hz: float, seconds: float) -> Any:
        self._cutoff = rack.value(cutoff_hz)
        snap = rack.envelope(gate, 0.0007, seconds, 0.0, 0.01, power=2)
        noise = rack.add(rack.pyo.ButLP(rack.noise(), self._cutoff.stream, mul=snap.stream))
        self._snap = rack.level(noise)
        return self._snap.stream


class Kick(_Skin):
    """Bass drum: 50 Hz under a quick drop, and a beater."""

    ring = 0.42

    def __init__(self, rack: Rack, gate: Any, freq: Any) -> None:
        head = self._head(rack, gate, 49.0, 190.0, 0.4)
        self.left = self.right = rack.sum(head, self._click(rack, gate, 2500.0, 0.02))

    def tune(self, touch: Touch) -> None:
        pitch, velocity = touch.pitch, touch.velocity
        self._sweep.set(110.0 + 130.0 * velocity)
        self._cutoff.set(1200.0 + 4500.0 * velocity)
        self._snap.set(0.08 + 0.35 * velocity)


class Tom(_Skin):
    """Toms, tuned by their number."""

    ring = 0.6
    sweep_seconds = 0.16
    HZ = ((41, 74.0), (43, 88.0), (45, 104.0), (47, 124.0), (48, 148.0), (50, 176.0))

    def __init__(self, rack: Rack, gate: Any, freq: Any) -> None:
        head = self._head(rack, gate, 100.0, 60.0, 0.55)
        self.left = self.right = rack.sum(head, self._click(rack, gate, 1500.0, 0.05))

    def tune(self, touch: Touch) -> None:
        pitch, velocity = touch.pitch, touch.velocity
        _, hz = min(self.HZ, key=lambda row: abs(row[0] - pitch))
        self._base.set(hz)
        self._sweep.set(hz * (0.35 + 0.5 * velocity))
        self._cutoff.set(600.0 + 3000.0 * velocity)
        self._snap.set(0.05 + 0.2 * velocity)


class Snare(_Drum):
    """Snare: two modes of the head, and wires that hiss longer than they."""

    ring = 0.3

    def __init__(self, rack: Rack, gate: Any, freq: Any) -> None:
        table, strike = rack.tables(SINE)[0], rack.strike(gate)
        drop = rack.envelope(gate, 0.0005, 0.05, 0.0, 0.02, power=2)
        body = rack.envelope(gate, 0.001, 0.14, 0.0, 0.02, power=2)
        modes = []
        for hz, level in ((182.0, 0.75), (331.0, 0.35)):
            pitch = rack.add(rack.pyo.Sig(drop.stream, mul=0.35 * hz, add=hz))
            tone = rack.add(rack.pyo.OscTrig(table, strike, pitch, mul=body.stream))
            modes.append(rack.times(tone, level))
        self._wires = rack.envelope(gate, 0.001, 0.26, 0.0, 0.02, power=4)
        self._cutoff = rack.value(6000.0)
        hiss = rack.add(rack.pyo.ButHP(rack.noise(), 900.0))
        hiss = rack.add(rack.pyo.ButLP(hiss, self._cutoff.stream, mul=self._wires.stream))
        self._hiss = rack.level(hiss)
        self.left = self.right = rack.sum(*modes, self._hiss.stream)

    def tune(self, touch: Touch) -> None:
        pitch, velocity = touch.pitch, touch.velocity
        self._cutoff.set(3000.0 + 9000.0 * velocity)
        self._hiss.set(0.35 + 0.5 * velocity)
        self._wires.set(decay=0.2 + 0.08 * velocity)


class Rim(_Drum):
    """Side stick: two short wooden modes."""

    ring = 0.1

    def __init__(self, rack: Rack, gate: Any, freq: Any) -> None:
        table, strike = rack.tables(SINE)[0], rack.strike(gate)
        amp = rack.envelope(gate, 0.0005, 0.06, 0.0, 0.02, power=4)
        tones = [
            rack.add(rack.pyo.OscTrig(table, strike, hz, mul=rack.times(amp.stream, level)))
            for hz, level in ((1720.0, 0.5), (463.0, 0.6))
        ]
        tick = rack.envelope(gate, 0.0005, 0.012, 0.0, 0.01, power=2)
        noise = rack.add(rack.pyo.ButBP(rack.noise(), 3200.0, 1.0, mul=tick.stream))
        self.left = self.right = rack.sum(*tones, noise)


class _Bursts(_Drum):
    """Filtered noise under a drawn envelope: hands and jingles."""

    bursts: tuple[tuple[float, float, float], ...] = ()  # start seconds, decay seconds, level
    band_hz, quality = 1200.0, 1.2

    def __init__(self, rack: Rack, gate: Any, freq: Any) -> None:
        table = rack.pyo.DataTable(size=4096)
        shape = np.asarray(table.getBuffer())
        seconds = np.linspace(0.0, self.ring, len(shape))
        for start, decay, level in self.bursts:
            passed = seconds - start
            rise = np.clip(passed / 0.001, 0.0, 1.0)
            shape += level * rise * np.exp(-np.maximum(passed, 0.0) / decay) * (passed > 0)
        shape *= np.clip((self.ring - seconds) / (0.2 * self.ring), 0.0, 1.0)
        amp = rack.add(rack.pyo.TrigEnv(rack.strike(gate), table, dur=self.ring, interp=2))
        self._band = rack.value(self.band_hz)
        source = self._source(rack)
        tone = rack.add(rack.pyo.Biquad(source, self._band.stream, self.quality, type=2, mul=amp))
        self.left = self.right = tone

    def _source(self, rack: Rack) -> Any:
        return rack.noise()

    def tune(self, touch: Touch) -> None:
        pitch, velocity = touch.pitch, touch.velocity
        self._band.set(self.band_hz * (0.8 + 0.35 * velocity))


class Clap(_Bursts):
    """Hand clap: three quick slaps and the room's answer."""

    ring = 0.32
    bursts = ((0.0, 0.004, 1.0), (0.011, 0.004, 0.9), (0.022, 0.05, 1.1))
    band_hz, quality = 1300.0, 1.4


class Tambourine(_Bursts):
    """Jingles: two bursts of high metal."""

    ring = 0.25
    bursts = ((0.0, 0.012, 0.8), (0.028, 0.045, 1.0))
    band_hz, quality = 9000.0, 1.5

    def _source(self, rack: Rack) -> Any:
        return _metal(rack)


class Shaker(_Drum):
    """Shaker: a soft rise and fall of high noise."""

    ring = 0.16

    def __init__(self, rack: Rack, gate: Any, freq: Any) -> None:
        self._amp = rack.envelope(gate, 0.035, 0.11, 0.0, 0.02, power=2)
        self._band = rack.value(7000.0)
        band = rack.add(rack.pyo.Biquad(rack.noise(), self._band.stream, 1.2, type=2))
        self.left = self.right = rack.times(band, self._amp.stream)

    def tune(self, touch: Touch) -> None:
        pitch, velocity = touch.pitch, touch.velocity
        self._amp.set(attack=0.045 - 0.025 * velocity)
        self._band.set(5200.0 + 2800.0 * velocity)


@lru_cache(maxsize=4)
def _metal_samples(sample_rate: int) -> Samples:
    """A loop of inharmonic squares and noise, for cymbals [shape=(METAL_FRAMES,)]."""
    random = np.random.default_rng(1)
    bins = METAL_FRAMES // 2 + 1
    spectrum = 0.012 * (random.standard_normal(bins) + 1j * random.standard_normal(bins))
    for base_hz in METAL_HZ:
        for number in range(1, 80, 2):
            bin_index = round(base_hz * number * METAL_FRAMES / sample_rate)
            if bin_index < bins:
                spectrum[bin_index] += np.exp(2j * np.pi * random.random()) / number**0.6
    spectrum[: round(200.0 * METAL_FRAMES / sample_rate)] = 0.0
    spectrum /= 1.0 + (np.arange(bins) * (sample_rate / METAL_FRAMES) / 9000.0) ** 2
    samples = np.fft.irfft(spectrum)
    loop: Samples = (samples / samples.std() * 0.4).astype(np.float32)
    return loop


def _metal(rack: Rack) -> Any:
    """The metal loop, played at its own rate."""
    table = rack.once("metal", lambda: _metal_table(rack))
    return rack.add(rack.pyo.Osc(table, rack.sample_rate / METAL_FRAMES))


def _metal_table(rack: Rack) -> Any:
    samples = _metal_samples(rack.sample_rate)
    table = rack.pyo.DataTable(size=METAL_FRAMES)
    # a loop may start anywhere: at its zero crossing it fits the guard point, which is zero
    start = int(np.argmin(np.abs(samples)))
    np.asarray(table.getBuffer())[:] = np.roll(samples, -start)
    return table


class HiHat(_Drum):
    """Closed, pedal and open hat; a pool of one, so that closing cuts the open one short."""

    ring = 0.66
    DECAY = {42: 0.11, 44: 0.08, 46: 0.55}  # noqa: RUF012 (a table)

    def __init__(self, rack: Rack, gate: Any, freq: Any) -> None:
        self._amp = rack.envelope(gate, 0.0008, 0.1, 0.0, 0.02, power=4)
        self._cutoff = rack.value(6000.0)
        source = rack.sum(_metal(rack), rack.times(rack.noise(), 0.25))
        self._top = rack.level(rack.add(rack.pyo.ButHP(source, self._cutoff.stream)))
        once = rack.add(rack.pyo.ButHP(self._top.stream, 3500.0, mul=self._amp.stream))
        self.left = self.right = once

    def tune(self, touch: Touch) -> None:
        pitch, velocity = touch.pitch, touch.velocity
        self._amp.set(decay=self._decay(pitch) * (0.7 + 0.5 * velocity))
        self._cutoff.set(7600.0 - 2600.0 * velocity)

    def ring_seconds(self, pitch: float) -> float:
        return 1.2 * self._decay(pitch)

    def _decay(self, pitch: float) -> float:
        return self.DECAY[min(self.DECAY, key=lambda number: abs(number - pitch))]


class Ride(_Drum):
    """Ride cymbal: a ping over a long wash."""

    ring = 1.6

    def __init__(self, rack: Rack, gate: Any, freq: Any) -> None:
        wash = rack.envelope(gate, 0.002, 1.6, 0.0, 0.02, power=4)
        ping = rack.envelope(gate, 0.0008, 0.5, 0.0, 0.02, power=4)
        metal = _metal(rack)
        high = rack.add(rack.pyo.ButHP(metal, 5500.0, mul=wash.stream))
        stick = rack.add(rack.pyo.Biquad(metal, 3800.0, 2.0, type=2, mul=ping.stream))
        self._stick = rack.level(stick)
        self.left = self.right = rack.sum(rack.times(high, 0.5), self._stick.stream)

    def tune(self, touch: Touch) -> None:
        pitch, velocity = touch.pitch, touch.velocity
        self._stick.set(0.5 + 1.2 * velocity)


class Crash(_Drum):
    """Crash cymbal: broad metal that opens and falls for two seconds."""

    ring = 2.4

    def __init__(self, rack: Rack, gate: Any, freq: Any) -> None:
        amp = rack.envelope(gate, 0.004, 2.4, 0.0, 0.02, power=4)
        self._cutoff = rack.value(9000.0)
        sides = []
        for _ in range(2):
            source = rack.sum(_metal(rack), rack.times(rack.noise(), 0.5))
            high = rack.add(rack.pyo.ButHP(source, 2400.0))
            sides.append(
                rack.add(rack.pyo.ButLP(high, self._cutoff.stream, mul=amp.stream)),
            )
        self.left, self.right = sides

    def tune(self, touch: Touch) -> None:
        pitch, velocity = touch.pitch, touch.velocity
        self._cutoff.set(5000.0 + 9000.0 * velocity)
