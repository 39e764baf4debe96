"""The melodic patches: one voice each of piano, strings, pad, pluck, bass, flute, brass and bells.

A patch is built once per voice and tuned before each note: velocity changes brightness as well as
level, and long decays follow the pitch. Waves are band-limited tables; see `rack`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .instrument import BasePatch, Touch
from .rack import Rack
from .tables import Partials, pitch_hz, saw, square


def _band(low: int, high: int, slope: float, notch: int = 0) -> Partials:
    """Partials low..high at n**-slope, with dips at multiples of `notch` as a struck string has."""

    def amplitudes(number: NDArray[np.float64]) -> NDArray[np.float64]:
        inside = (number >= low) & (number <= high)
        dip = np.abs(np.sin(np.pi * number / notch)) if notch else 1.0
        return np.where(inside, number**-slope * dip, 0.0)

    return amplitudes


def _listed(*levels: float) -> Partials:
    """Partials 1, 2, ... with the levels given, and none above."""

    def amplitudes(number: NDArray[np.float64]) -> NDArray[np.float64]:
        result = np.zeros(len(number))
        count = min(len(levels), len(number))
        result[:count] = levels[:count]
        return result

    return amplitudes


STRING_LOW = _band(1, 2, 0.8, notch=9)
STRING_MIDDLE = _band(3, 7, 1.1, notch=9)
STRING_HIGH = _band(8, 40, 1.3, notch=9)
FLUTE = _listed(1.0, 0.32, 0.12, 0.035, 0.02, 0.008)
SINE = _listed(1.0)
BOWED = _band(1, 200, 0.85)
BLOWN = _band(1, 200, 0.6)


class Piano(BasePatch):
    """Three groups of partials that die at their own pace, two strings, and the hammer's thud."""

    attack_seconds = 0.03
    release_seconds = 0.35

    def __init__(self, rack: Rack, gate: Any, freq: Any) -> None:
        release = self.release_seconds
        self._low = rack.envelope(gate, 0.002, 6.0, 0.0, release, power=4)
        self._middle = rack.envelope(gate, 0.0015, 3.0, 0.0, release, power=4)
        self._high = rack.envelope(gate, 0.001, 1.0, 0.0, release * 0.7, power=4)
        strings = [rack.times(freq, ratio) for ratio in (1.00025, 0.99975)]
        # stiff strings: upper partials lie a little sharp
        stiff = [rack.times(freq, ratio) for ratio in (1.0008, 1.0022)]
        self._lows = [rack.oscillator(STRING_LOW, hz, self._low.stream) for hz in strings]
        self._middles = rack.oscillator(STRING_MIDDLE, stiff[0], self._middle.stream)
        self._highs = rack.oscillator(STRING_HIGH, stiff[1], self._high.stream)
        self._middle_level = rack.level(self._middles.stream)
        self._high_level = rack.level(self._highs.stream)
        knock = rack.envelope(gate, 0.001, 0.05, 0.0, 0.03, power=2)
        thud = rack.add(rack.pyo.ButBP(rack.noise(), 420.0, 0.8, mul=knock.stream))
        self._thud = rack.level(thud)
        shared = rack.sum(self._middle_level.stream, self._high_level.stream, self._thud.stream)
        self.left = rack.sum(self._lows[0].stream, shared)
        self.right = rack.sum(self._lows[1].stream, shared)

    def tune(self, touch: Touch) -> None:
        pitch, velocity = touch.pitch, touch.velocity
        ring = self.ring_seconds(pitch)
        self._low.set(decay=ring)
        self._middle.set(decay=0.6 * ring)
        self._high.set(decay=ring * (0.12 + 0.22 * velocity))
        for oscillator in (*self._lows, self._middles, self._highs):
            oscillator.tune(pitch)
        self._middle_level.set(0.45 + 1.0 * velocity)
        self._high_level.set(3.0 * velocity**1.7)
        self._thud.set(0.12 + 0.5 * velocity)

    def ring_seconds(self, pitch: float) -> float:
        return float(np.clip(7.5 * 2.0 ** ((60.0 - pitch) / 16.0), 0.9, 16.0))


class _Saws(BasePatch):
    """Detuned saws on either side through low-pass filters: the base of strings, pad and brass."""

    detune: tuple[float, ...] = (0.9985, 1.0012)  # ratios on the left; mirrored on the right
    attack, decay, sustain = 0.1, 0.3, 0.85
    blend: tuple[float, ...] = (1.0, 1.0)  # levels of the same
    wave: Partials = staticmethod(saw)
    vibrato_hz, vibrato_depth, vibrato_onset = 5.1, 0.0025, 0.7

    def __init__(self, rack: Rack, gate: Any, freq: Any) -> None:
        self._envelope = rack.envelope(
            gate, self.attack, self.decay, self.sustain, self.release_seconds, power=2
        )
        depth = rack.envelope(gate, self.vibrato_onset, 1.0, 1.0, self.release_seconds)
        wobble = rack.add(
            rack.pyo.Sine(self.vibrato_hz, mul=rack.times(depth.stream, self.vibrato_depth), add=1)
        )
        moving = rack.times(freq, wobble)
        self._cutoff = rack.value(1000.0)
        cutoff = self._shape_cutoff(rack, gate)
        self._oscillators = []
        sides = []
        for mirrored in (False, True):
            voices = []
            for ratio, level in zip(self.detune, self.blend, strict=True):
                hz = rack.times(moving, 1 / ratio if mirrored else ratio)
                voices.append(rack.oscillator(self.wave, hz, level))
            self._oscillators += voices
            mixed = rack.sum(*(voice.stream for voice in voices))
            low = rack.add(rack.pyo.ButLP(mixed, cutoff, mul=self._envelope.stream))
            sides.append(low)
        self.left, self.right = sides

    def _shape_cutoff(self, rack: Rack, gate: Any) -> Any:
        return self._cutoff.stream

    def tune(self, touch: Touch) -> None:
        pitch, velocity = touch.pitch, touch.velocity
        for oscillator in self._oscillators:
            oscillator.tune(pitch)


class Strings(_Saws):
    """A section of bowed strings: swells in, faster when played hard."""

    attack_seconds = 0.06
    release_seconds = 0.45
    detune, blend = (0.9972, 1.0004, 1.0031), (0.8, 1.0, 0.8)
    wave = staticmethod(BOWED)

    def tune(self, touch: Touch) -> None:
        pitch, velocity = touch.pitch, touch.velocity
        super().tune(touch)
        self._envelope.set(attack=0.22 - 0.15 * velocity)
        hz = pitch_hz(pitch)
        self._cutoff.set(min(500.0 + 1.2 * hz + 5200.0 * velocity**1.5, 9000.0))


class Pad(_Saws):
    """Warm, slow and wide, with a sweep that opens and settles."""

    attack_seconds = 0.12
    release_seconds = 1.4
    detune, blend = (0.9967, 1.0031), (1.0, 1.0)
    attack, decay, sustain = 0.5, 1.5, 0.8
    vibrato_hz, vibrato_depth, vibrato_onset = 0.23, 0.0012, 0.5

    def _shape_cutoff(self, rack: Rack, gate: Any) -> Any:
        sweep = rack.envelope(gate, 1.1, 2.5, 0.55, self.release_seconds)
        return rack.times(self._cutoff.stream, sweep.stream)

    def tune(self, touch: Touch) -> None:
        pitch, velocity = touch.pitch, touch.velocity
        super().tune(touch)
        self._envelope.set(attack=0.65 - 0.3 * velocity)
        self._cutoff.set(350.0 + 2.0 * pitch_hz(pitch) + 3600.0 * velocity**1.5)


class Brass(_Saws):
    """A small brass section: brightness grows with the blow and with loudness."""

    attack_seconds = 0.05
    release_seconds = 0.22
    detune, blend = (0.9996, 1.0029), (1.0, 0.6)
    wave = staticmethod(BLOWN)
    attack, decay, sustain = 0.05, 0.25, 0.82
    vibrato_hz, vibrato_depth, vibrato_onset = 5.4, 0.0022, 0.9

    def _shape_cutoff(self, rack: Rack, gate: Any) -> Any:
        self._blow = rack.envelope(gate, 0.07, 0.35, 0.62, self.release_seconds, power=2)
        return rack.times(self._cutoff.stream, self._blow.stream)

    def tune(self, touch: Touch) -> None:
        pitch, velocity = touch.pitch, touch.velocity
        super().tune(touch)
        self._envelope.set(attack=0.075 - 0.045 * velocity)
        self._blow.set(attack=0.12 - 0.07 * velocity)
        self._cutoff.set(min(350.0 + 1.5 * pitch_hz(pitch) + 5500.0 * velocity**1.7, 11000.0))


class Pluck(BasePatch):
    """A plucked string, between harp and koto: bright at once, round soon after."""

    attack_seconds = 0.02
    release_seconds = 0.4

    def __init__(self, rack: Rack, gate: Any, freq: Any) -> None:
        self._body = rack.envelope(gate, 0.002, 1.6, 0.0, self.release_seconds, power=4)
        self._snap = rack.envelope(gate, 0.001, 0.5, 0.0, 0.2, power=4)
        self._base_cutoff, self._snap_cutoff = rack.value(500.0), rack.value(3000.0)
        cutoff = rack.sum(
            self._base_cutoff.stream, rack.times(self._snap_cutoff.stream, self._snap.stream)
        )
        self._oscillators = []
        sides = []
        for ratio in (1.0007, 0.9993):
            string = rack.oscillator(saw, rack.times(freq, ratio))
            self._oscillators.append(string)
            sides.append(rack.add(rack.pyo.ButLP(string.stream, cutoff, mul=self._body.stream)))
        self.left, self.right = sides

    def tune(self, touch: Touch) -> None:
        pitch, velocity = touch.pitch, touch.velocity
        for oscillator in self._oscillators:
            oscillator.tune(pitch)
        hz = pitch_hz(pitch)
        self._body.set(decay=self.ring_seconds(pitch))
        self._snap.set(decay=0.35 + 0.4 * velocity)
        self._base_cutoff.set(min(250.0 + 1.5 * hz, 8000.0))
        self._snap_cutoff.set(min(600.0 + 2.0 * hz + 7000.0 * velocity**1.4, 12000.0))

    def ring_seconds(self, pitch: float) -> float:
        return float(np.clip(2.4 * 2.0 ** ((60.0 - pitch) / 18.0), 0.6, 5.0))


class Bass(BasePatch):
    """A round finger bass: a sine that carries, and a saw that speaks."""

    attack_seconds = 0.02
    release_seconds = 0.12

    def __init__(self, rack: Rack, gate: Any, freq: Any) -> None:
        amp = rack.envelope(gate, 0.006, 2.5, 0.45, self.release_seconds, power=2)
        self._bite = rack.envelope(gate, 0.003, 0.35, 0.08, 0.1, power=4)
        self._base_cutoff, self._bite_cutoff = rack.value(300.0), rack.value(1500.0)
        cutoff = rack.sum(
            self._base_cutoff.stream, rack.times(self._bite_cutoff.stream, self._bite.stream)
        )
        self._saw = rack.oscillator(saw, freq)
        self._square = rack.oscillator(square, freq, 0.5)
        bright = rack.sum(self._saw.stream, self._square.stream)
        low = rack.add(rack.pyo.ButLP(bright, cutoff, mul=1.1))
        sine = rack.add(rack.pyo.Sine(freq))
        self.left = self.right = rack.times(rack.sum(low, sine), amp.stream)

    def tune(self, touch: Touch) -> None:
        pitch, velocity = touch.pitch, touch.velocity
        self._saw.tune(pitch)
        self._square.tune(pitch)
        self._base_cutoff.set(200.0 + 3.0 * pitch_hz(pitch))
        self._bite_cutoff.set(300.0 + 3400.0 * velocity**1.5)


class Flute(BasePatch):
    """A flute: few partials, breath round the tone, vibrato that comes late."""

    attack_seconds = 0.05
    release_seconds = 0.18

    def __init__(self, rack: Rack, gate: Any, freq: Any) -> None:
        self._amp = rack.envelope(gate, 0.06, 0.2, 0.88, self.release_seconds)
        depth = rack.envelope(gate, 0.8, 1.0, 1.0, self.release_seconds)
        wave = rack.add(rack.pyo.Sine(5.0, mul=rack.times(depth.stream, 0.0035), add=1))
        tremolo = rack.add(rack.pyo.Sine(5.0, mul=rack.times(depth.stream, 0.06), add=1))
        pitch = rack.times(freq, wave)
        self._tone = rack.oscillator(FLUTE, pitch, self._amp.stream)
        self._pure = rack.add(rack.pyo.Sine(pitch, mul=self._amp.stream))
        self._bright, self._dull = rack.level(self._tone.stream), rack.level(self._pure)
        chiff = rack.envelope(gate, 0.02, 0.12, 0.3, 0.1)
        air = rack.add(rack.pyo.Reson(rack.noise(), rack.times(freq, 2.0), 3.0, mul=chiff.stream))
        self._air = rack.level(air)
        total = rack.sum(self._bright.stream, self._dull.stream, self._air.stream)
        self.left = self.right = rack.times(total, tremolo)

    def tune(self, touch: Touch) -> None:
        pitch, velocity = touch.pitch, touch.velocity
        self._tone.tune(pitch)
        self._amp.set(attack=0.09 - 0.05 * velocity)
        self._bright.set(0.15 + 0.85 * velocity)
        self._dull.set(0.85 - 0.85 * velocity)
        self._air.set(0.05 + 0.06 * velocity)


class Bells(BasePatch):
    """A celesta-like bell: a pure strike tone and inharmonic partials that leave quickly."""

    attack_seconds = 0.02
    release_seconds = 1.2
    PARTIALS = ((1.0, 1.0, 1.0), (2.0, 0.10, 0.6), (3.98, 0.35, 0.35), (6.1, 0.16, 0.2))
    # each: ratio to the pitch, level at velocity 1, decay relative to the first

    def __init__(self, rack: Rack, gate: Any, freq: Any) -> None:
        self._envelopes, self._levels, parts = [], [], []
        for ratio, _, _ in self.PARTIALS:
            envelope = rack.envelope(gate, 0.001, 3.0, 0.0, self.release_seconds, power=4)
            sine = rack.add(rack.pyo.Sine(rack.times(freq, ratio), mul=envelope.stream))
            level = rack.level(sine)
            self._envelopes.append(envelope)
            self._levels.append(level)
            parts.append(level.stream)
        self.left = self.right = rack.sum(*parts)
        self._highest_hz = 0.42 * rack.sample_rate

    def tune(self, touch: Touch) -> None:
        pitch, velocity = touch.pitch, touch.velocity
        ring = self.ring_seconds(pitch)
        for (ratio, amount, decay), envelope, level in zip(
            self.PARTIALS, self._envelopes, self._levels, strict=True
        ):
            envelope.set(decay=ring * decay)
            audible = pitch_hz(pitch) * ratio < self._highest_hz
            soft = 1.0 if ratio == 1.0 else velocity**0.8
            level.set(amount * soft if audible else 0.0)

    def ring_seconds(self, pitch: float) -> float:
        return float(np.clip(4.5 * 2.0 ** ((72.0 - pitch) / 24.0), 1.2, 8.0))
