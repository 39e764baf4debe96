"""What an instrument is: patches that a voice can play, and how they sit in the mix.

One file in `synth.instruments` holds one instrument; `docs/instruments.md` shows how to add one.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from .material import material
from .recipes import Recipe
from .tables import pitch_hz
from .tape import Take, Tape

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


@dataclass(slots=True)
class Strand:
    """One thing that a note reads.

    :param take: on the tape; counted as read, which whoever plays the sound takes off in the end
    :param left: level on the left, and so `right`
    :param power: of the note's envelope that shapes it: 1, 2, 4 or 8, or 0 for what stands outside
        of the envelope
    :param start: frames into the take
    """

    take: Take
    left: float = 1.0
    right: float = 1.0
    power: int = 2
    start: int = 0


@dataclass(slots=True)
class Sound:
    """One note: what it reads, under an envelope of straight lines to the powers of its strands.

    The envelope rises to 1 in `attack`, falls to `sustain` in `decay`, and from where the gate
    closes to zero in `release` (seconds).
    """

    strands: Sequence[Strand]
    attack: float = 0.0005
    decay: float = 0.0005
    sustain: float = 1.0
    release: float = 0.25
    shortest_seconds: float = 0.01  # the gate stays open at least so long
    ring_seconds: float | None = None  # after which it is silent by itself; None: lasts while held
    one_shot: bool = False  # rings to its end however short the note


class Patch(Protocol):
    """How the notes of an instrument are played; one for all voices of a pool."""

    def sound(self, touch: Touch) -> Sound:
        """What a note sounds like."""


PatchFactory = Callable[[Tape], Patch]
"""Called with the tape that the takes are to lie on."""


class StruckPatch:
    """Reads material made by a recipe once, damped when the key is released."""

    release_seconds = 0.25
    recipe: Recipe
    stereo = False

    def __init__(self, tape: Tape) -> None:
        self._material = material(tape, self.recipe)

    def sound(self, touch: Touch) -> Sound:
        layer = self._material.layer(touch.loudness)
        takes = [self._material.once(touch.pitch, layer, side) for side in range(1 + self.stereo)]
        return Sound(
            on_sides(takes),
            release=self.release_seconds,
            shortest_seconds=0.02,
            ring_seconds=self._material.seconds(touch.pitch),
        )


def on_sides(takes: Sequence[Take], power: int = 2) -> list[Strand]:
    """One take in the middle, or two on the left and right."""
    if len(takes) == 1:
        return [Strand(takes[0], power=power)]
    return [Strand(takes[0], 1.0, 0.0, power), Strand(takes[1], 0.0, 1.0, power)]


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
    shaped_by: tuple[str, ...] = ()  # of brightness, attack, density
    caps: Mapping[str, int] = field(default_factory=dict)  # most voices of a kind, if few

    def kind(self, pitch: float) -> str:
        """The patch that plays `pitch`."""
        return next(iter(self.patches))

    def levels(self, pitch: float, velocity: float) -> tuple[float, float]:
        """Factors left and right of a note."""
        pan = min(max(self.spread * (pitch - 60.0) / 48.0, -1.0), 1.0)
        return panned(velocity**VELOCITY_POWER, pan)


def panned(level: float, pan: float) -> tuple[float, float]:
    """A level at a place -1 left .. 1 right, at constant power."""
    angle = math.pi / 4 * (1.0 + pan)
    scale = level * math.sqrt(2.0)
    return scale * math.cos(angle), scale * math.sin(angle)


def simple(patch: PatchFactory, **options: Any) -> Instrument:
    """An instrument of one patch."""
    return Instrument({"note": patch}, **options)
