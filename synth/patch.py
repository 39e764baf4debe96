"""A small synthesizer whose knobs are turned while it sounds: n voices of one pyo graph.

A voice is a sine with modulated phase, as FM synthesizers have it (J. Chowning, "The synthesis of
complex audio spectra by means of frequency modulation", JAES 21, 1973), and a sawtooth, blended;
noise is added; a resonant low-pass of four poles and a level follow. All voices are computed in one
call of pyo's `manual` mode, so the cost of calling it is shared.

Same knobs, same samples, whatever the number of voices and of other patches in the process: the
noise is a table, and phases begin at zero.

Conventions: knobs are 0..1 of their ranges; samples are float32, full scale 1, never above it.
"""

import weakref
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..music.errors import SegueError, check_range
from .pyo_host import PyoHost, Samples

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Knob:
    """What a knob turns, and how far."""

    name: str
    unit: str
    low: float
    high: float
    logarithmic: bool = False
    stepped: bool = False  # only whole numbers

    def value(self, turned: FloatArray) -> FloatArray:
        """In its unit, of 0..1."""
        if self.logarithmic:
            return np.asarray(self.low * (self.high / self.low) ** turned)
        straight = self.low + (self.high - self.low) * turned
        return np.asarray(np.rint(straight) if self.stepped else straight)


KNOBS = (
    Knob("pitch", "MIDI", 36.0, 84.0),
    Knob("ratio", "modulator over carrier", 1.0, 4.0, stepped=True),
    Knob("index", "of modulation, radians", 0.0, 4.0),
    Knob("saw", "share, rest is FM", 0.0, 1.0),
    Knob("noise", "amplitude, of tone 0.5", 0.0, 0.5),
    Knob("cutoff", "Hz", 150.0, 9_000.0, logarithmic=True),
    Knob("resonance", "0..1", 0.0, 0.9),
    Knob("level", "dB", -30.0, 0.0),
)
"""The knobs, in the order of their numbers."""

BLOCK_SECONDS = 0.02
RAMP_SECONDS = 0.02  # in which a knob that is turned arrives
LOWEST_RATE = 16_000  # Hz

_TONE, _SHARPNESS = 0.5, 0.9  # amplitude of the oscillators; of the sawtooth's corners
_TURN = 2.0 * np.pi
_NOISE_SECONDS = 1.0  # length of the table


def knob_values(knobs: FloatArray) -> dict[str, float]:
    """Knobs [shape=(8,)] of one voice by name, in their units."""
    return {
        knob.name: float(knob.value(np.asarray(turned)))
        for knob, turned in zip(KNOBS, knobs, strict=True)
    }


class Patch:
    """n voices that sound side by side, each with knobs of its own.

    Raises RangeError for options out of range, SegueError for knobs of another shape or not finite.

    :param knobs: where they stand at first [shape=(n, 8)], 1 to 256 voices
    :param sample_rate: in Hz, 16000 to 192000, a multiple of 50
    """

    def __init__(self, knobs: FloatArray, sample_rate: int) -> None:
        check_range("sample rate in Hz", sample_rate, LOWEST_RATE, 192_000)
        check_range("number of voices", len(knobs), 1, 256)
        self.voices, self.sample_rate = len(knobs), int(sample_rate)
        self.block_frames = round(BLOCK_SECONDS * sample_rate)
        self._host = PyoHost(self.sample_rate, self.block_frames, seed=0, outputs=self.voices)
        weakref.finalize(self, self._host.close)
        self._build(self._values(knobs))

    def _build(self, values: dict[str, list[float]]) -> None:
        with self._host.building() as pyo:
            hands = {
                name: pyo.SigTo(value, time=RAMP_SECONDS, init=value)
                for name, value in values.items()
            }
            frames = round(_NOISE_SECONDS * self.sample_rate)
            table = pyo.DataTable(size=frames)
            np.asarray(table.getBuffer())[:] = np.random.default_rng(0).uniform(-1.0, 1.0, frames)
            hiss = pyo.TableRead(table, freq=1.0 / _NOISE_SECONDS, loop=1, interp=1).play()
            noise = pyo.Sig([hiss] * self.voices, mul=hands["noise"])
            # pyo's FM and Sine read beyond their tables at some phases below zero: this computes
            overtone = pyo.Sig(hands["pitch"], mul=hands["ratio"])
            swing = pyo.Sin(pyo.Phasor(overtone, mul=_TURN), mul=hands["index"])
            bell = pyo.Sin(pyo.Phasor(hands["pitch"], mul=_TURN, add=swing), mul=_TONE)
            saw = pyo.LFO(hands["pitch"], sharp=_SHARPNESS, type=0, mul=_TONE)
            tone = pyo.Interp(bell, saw, hands["saw"])
            mixed = pyo.Sig(tone, add=noise)
            filtered = pyo.MoogLP(mixed, hands["cutoff"], hands["resonance"], mul=hands["level"])
            voices = pyo.Clip(filtered, -1.0, 1.0)
            for output, base in enumerate(voices.getBaseObjects()):
                base.out(output)
        self._hands: dict[str, Any] = hands
        self._keep = table, hiss, noise, overtone, swing, bell, saw, tone, mixed, filtered, voices

    def turn(self, knobs: FloatArray) -> None:
        """Turn the knobs to where they are to stand [shape=(n, 8)], from the next block on."""
        for name, value in self._values(knobs).items():
            self._hands[name].setValue(value)

    def play(self, frames: int) -> Samples:
        """The next sound of all voices [shape=(frames, n)]; whole blocks of `block_frames`."""
        blocks, rest = divmod(frames, self.block_frames)
        if rest or blocks < 1:
            raise SegueError(
                f"a patch cannot play {frames} frames; ask for a multiple of {self.block_frames}"
            )
        sound = np.empty((blocks, self.block_frames, self.voices), np.float32)
        for block in sound:
            block[:] = self._host.process()
        return sound.reshape(frames, self.voices)

    def close(self) -> None:
        """Free the graph; it cannot play any more."""
        self._host.close()

    def _values(self, knobs: FloatArray) -> dict[str, list[float]]:
        """What the graph takes: Hz and amplitudes."""
        turned = np.asarray(knobs, np.float64)
        if turned.shape != (self.voices, len(KNOBS)) or not np.isfinite(turned).all():
            raise SegueError(
                f"knobs have the shape {turned.shape} or are not finite; give "
                f"{(self.voices, len(KNOBS))} numbers in 0..1"
            )
        turned = np.clip(turned, 0.0, 1.0)
        values = {knob.name: knob.value(turned[:, at]) for at, knob in enumerate(KNOBS)}
        values["pitch"] = 440.0 * 2.0 ** ((values["pitch"] - 69.0) / 12.0)
        values["level"] = 10.0 ** (values["level"] / 20.0)
        return {name: value.tolist() for name, value in values.items()}


def play_knobs(knobs: FloatArray, sample_rate: int, step_frames: int) -> Samples:
    """What one voice sounds whose knobs are turned at each step [shape=(steps * step_frames,)].

    :param knobs: [shape=(steps, 8)]
    """
    patch = Patch(knobs[:1], sample_rate)
    sound = []
    for turned in knobs:
        patch.turn(turned[None])
        sound.append(patch.play(step_frames)[:, 0])
    patch.close()
    return np.concatenate(sound)
