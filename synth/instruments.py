"""The instruments: which patches they play, how loud, how wide, and through what effects.

`instrument(name)` looks one up. Levels are balanced against each other, so that a melody, pad,
bass, arpeggio and drums at velocity 0.6 and gain 0 dB come out near -16 LUFS.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..music.errors import UnknownNameError
from .drums import (
    DRUM_OF_NUMBER,
    LEVEL_OF_DRUM,
    PAN_OF_NUMBER,
    Clap,
    Crash,
    HiHat,
    Kick,
    Ride,
    Rim,
    Shaker,
    Snare,
    Tambourine,
    Tom,
    nearest_number,
)
from .patches import Bass, Bells, Brass, Flute, Pad, Piano, Pluck, Strings
from .rack import Rack
from .voices import PatchFactory

Effects = Callable[[Rack, Any, Any], tuple[Any, Any]]
VELOCITY_POWER = 1.6  # velocity 0.5 is about 10 dB softer than 1


def no_effects(rack: Rack, left: Any, right: Any) -> tuple[Any, Any]:
    """Left and right as they are."""
    return left, right


def ensemble(rack: Rack, left: Any, right: Any) -> tuple[Any, Any]:
    """A slow stereo chorus: each side mixed with a wandering copy of itself."""
    sides = []
    for source, hz in ((left, 0.31), (right, 0.37)):
        wander = rack.add(rack.pyo.Sine(hz, mul=0.0016, add=0.012))
        copy = rack.add(rack.pyo.Delay(source, wander, maxdelay=0.05))
        sides.append(rack.sum(source, rack.times(copy, 0.6)))
    return sides[0], sides[1]


@dataclass(frozen=True)
class Instrument:
    """One instrument; its patches by kind (drums have many, others one)."""

    patches: Mapping[str, PatchFactory]
    level_db: float = 0.0
    spread: float = 0.0  # pan of a note four octaves from middle C
    effects: Effects = no_effects
    caps: Mapping[str, int] = field(default_factory=dict)  # most voices of a kind, if few

    def kind(self, pitch: float) -> str:
        """The patch that plays `pitch`."""
        if len(self.patches) == 1:
            return next(iter(self.patches))
        return DRUM_OF_NUMBER[nearest_number(pitch)]

    def levels(self, pitch: float, velocity: float) -> tuple[float, float]:
        """Factors left and right of a note."""
        level = velocity**VELOCITY_POWER
        if len(self.patches) == 1:
            pan = float(np.clip(self.spread * (pitch - 60.0) / 48.0, -1.0, 1.0))
        else:
            number = nearest_number(pitch)
            pan = PAN_OF_NUMBER.get(number, 0.0)
            level *= LEVEL_OF_DRUM[DRUM_OF_NUMBER[number]]
        angle = np.pi / 4 * (1.0 + pan)
        scale = level * np.sqrt(2.0)
        return float(scale * np.cos(angle)), float(scale * np.sin(angle))


DRUM_KIT: dict[str, PatchFactory] = {
    "kick": Kick,
    "snare": Snare,
    "rim": Rim,
    "clap": Clap,
    "hihat": HiHat,
    "tom": Tom,
    "crash": Crash,
    "ride": Ride,
    "tambourine": Tambourine,
    "shaker": Shaker,
}

REGISTRY: dict[str, Instrument] = {
    "piano": Instrument({"piano": Piano}, level_db=-8.9, spread=0.6),
    "strings": Instrument({"strings": Strings}, level_db=-26.2, spread=0.3, effects=ensemble),
    "pad": Instrument({"pad": Pad}, level_db=-26.0, effects=ensemble),
    "pluck": Instrument({"pluck": Pluck}, level_db=-18.5, spread=0.7),
    "bass": Instrument({"bass": Bass}, level_db=-21.3),
    "flute": Instrument({"flute": Flute}, level_db=-13.2, spread=0.1),
    "brass": Instrument({"brass": Brass}, level_db=-17.8, spread=0.2),
    "bells": Instrument({"bells": Bells}, level_db=-14.3, spread=0.6),
    "drums": Instrument(DRUM_KIT, level_db=0.0, caps={kind: 2 for kind in DRUM_KIT} | {"hihat": 1}),
}
"""Instruments by name; the same names as `music.events.INSTRUMENTS`."""


def instrument(name: str) -> Instrument:
    """The instrument of that name, or UnknownNameError that names the nearest."""
    if name not in REGISTRY:
        raise UnknownNameError("instrument", name, REGISTRY)
    return REGISTRY[name]
