"""What an instrument is: patches that a voice can play, and how they sit in the mix.

One file in `synth.instruments` holds one instrument; `docs/instruments.md` shows how to add one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from .rack import Rack
from .recipes import Recipe
from .tables import pitch_hz

VELOCITY_POWER = 1.2  # velocity 0.5 is about 7 dB softer than 1
NEUTRAL = 0.5


@dataclass(slots=True)
class Touch:
    """How one note is to be played. The last three come from the layer's controls, 0..1."""

    pitch: float
    velocity: float
    brightness: float = NEUTRAL  # dark .. bright
    attack: float = NEUTRAL  # soft, slow .. hard, quick
    density: float = NEUTRAL  # thin .. thick

    @property
    def hz(self) -> float:
        """Frequency of the pitch."""
        return pitch_hz(self.pitch)

    @property
    def loudness(self) -> float:
        """Which loudness the colour of the sound is of, 0..1: of velocity and brightness."""
        return min(max(self.velocity + 0.8 * (self.brightness - NEUTRAL), 0.0), 0.999)

    def slower(self, seconds: float) -> float:
        """An attack time as the attack control wants it: twice as long .. half as long."""
        return float(seconds * 2.0 ** (2.0 * (NEUTRAL - self.attack)))


class Patch(Protocol):
    """The graph of one voice: built once, tuned before each note."""

    left: Any  # pyo object
    right: Any  # pyo object, may be the same as `left`
    attack_seconds: float  # the shortest time a gate is held
    release_seconds: float  # from the end of the gate to silence
    one_shot: bool  # True: rings to its end however short the note

    def tune(self, touch: Touch) -> None:
        """Set what depends on the note, while the voice rests."""

    def ring_seconds(self, pitch: float) -> float | None:
        """From onset to silence where the sound dies by itself; None where it lasts while held."""


PatchFactory = Callable[[Rack, Any, Any], Patch]
"""Called with the rack and two pyo streams: the gate (0 or 1) and the frequency in Hz."""


class BasePatch:
    """What most patches share; see `Patch`."""

    attack_seconds = 0.01
    release_seconds = 0.3
    one_shot = False
    left: Any
    right: Any

    def tune(self, touch: Touch) -> None:
        """Nothing depends on the note."""

    def ring_seconds(self, pitch: float) -> float | None:
        """Lasts as long as it is held."""
        return None


class StruckPatch(BasePatch):
    """Reads material made by a recipe once, damped when the key is released."""

    attack_seconds = 0.02
    release_seconds = 0.25
    recipe: Recipe
    stereo = False

    def __init__(self, rack: Rack, gate: Any, freq: Any) -> None:
        strike = rack.strike()
        damper = rack.envelope(gate, 0.0005, 0.0005, 1.0, self.release_seconds, power=2)
        self._shots = [
            rack.shot(self.recipe, strike, damper.stream, side) for side in range(1 + self.stereo)
        ]
        self.left, self.right = self._shots[0].stream, self._shots[-1].stream

    def tune(self, touch: Touch) -> None:
        for shot in self._shots:
            shot.tune(touch.pitch, touch.loudness)

    def ring_seconds(self, pitch: float) -> float:
        return self._shots[0].material.seconds(pitch)


class LoopedPatch(BasePatch):
    """Reads endless material on both sides, under an envelope: ensembles, pads, organs.

    Vibrato sets in late, as players do it; `vibrato_cents` 0 leaves it out, and saves its cost.
    """

    recipe: Recipe
    attack, decay, sustain = 0.1, 0.3, 0.9
    attack_seconds, release_seconds = 0.06, 0.4
    vibrato_hz, vibrato_cents, vibrato_onset = 5.2, 0.0, 0.6

    def __init__(self, rack: Rack, gate: Any, freq: Any) -> None:
        self._envelope = rack.envelope(
            gate, self.attack, self.decay, self.sustain, self.release_seconds, power=2
        )
        if self.vibrato_cents:
            depth = rack.envelope(gate, self.vibrato_onset, 0.1, 1.0, self.release_seconds)
            width = 2.0 ** (self.vibrato_cents / 1200.0) - 1.0
            wobble = rack.pyo.Sine(self.vibrato_hz, mul=rack.times(depth.stream, width), add=1)
            freq = rack.times(freq, rack.add(wobble))
        self._loops = [
            rack.loop(self.recipe, freq, self._envelope.stream, phase, side)
            for side, phase in enumerate((0.0, 0.37))
        ]
        self.left, self.right = (loop.stream for loop in self._loops)

    def tune(self, touch: Touch) -> None:
        self._envelope.set(attack=touch.slower(self.attack))
        for loop in self._loops:
            loop.tune(touch.pitch, touch.loudness)


Effects = Callable[[Rack, Any, Any], tuple[Any, Any]]
"""What a whole channel of an instrument goes through: left and right in, left and right out."""


@dataclass(frozen=True)
class Instrument:
    """One instrument; its patches by kind (kits have many, others one).

    `level_db` balances instruments against each other: at velocity 0.6 and gain 0 dB, a line and
    a chord of each measure about -20 LUFS before the master. `shaped_by` names the controls of a
    layer that change the sound of its notes; all instruments have `brightness`, by the layer's
    filter at least.
    """

    patches: Mapping[str, PatchFactory]
    level_db: float = 0.0
    polyphony: int = 8  # notes that may sound at once
    spread: float = 0.0  # pan of a note four octaves from middle C
    effects: Effects | None = None
    shaped_by: tuple[str, ...] = ()  # of brightness, attack, density
    caps: Mapping[str, int] = field(default_factory=dict)  # most voices of a kind, if few

    def kind(self, pitch: float) -> str:
        """The patch that plays `pitch`."""
        return next(iter(self.patches))

    def levels(self, pitch: float, velocity: float) -> tuple[float, float]:
        """Factors left and right of a note."""
        pan = float(np.clip(self.spread * (pitch - 60.0) / 48.0, -1.0, 1.0))
        return panned(velocity**VELOCITY_POWER, pan)


def panned(level: float, pan: float) -> tuple[float, float]:
    """A level at a place -1 left .. 1 right, at constant power."""
    angle = np.pi / 4 * (1.0 + pan)
    scale = level * np.sqrt(2.0)
    return float(scale * np.cos(angle)), float(scale * np.sin(angle))


def simple(patch: PatchFactory, **options: Any) -> Instrument:
    """An instrument of one patch."""
    return Instrument({"note": patch}, **options)
