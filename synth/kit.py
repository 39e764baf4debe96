"""Drum kits: which drum plays which General MIDI percussion number, how loud and where.

A kit is an `Instrument` whose patches are drums by name; every kit has all of `DRUMS`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log2
from typing import Any

from .instrument import VELOCITY_POWER, BasePatch, Instrument, PatchFactory, Touch, panned
from .pyo_host import Samples
from .rack import Rack
from .recipes import Recipe
from .tables import pitch_hz

DRUM_OF_NUMBER = {
    35: "kick",
    36: "kick",
    37: "rim",
    38: "snare",
    39: "clap",
    40: "snare",
    41: "tom",
    42: "hihat",
    43: "tom",
    44: "hihat",
    45: "tom",
    46: "hihat",
    47: "tom",
    48: "tom",
    49: "crash",
    50: "tom",
    51: "ride",
    54: "tambourine",
    57: "crash",
    70: "shaker",
}
"""The drum that sounds a General MIDI percussion number; others go to the nearest of these."""

DRUMS = tuple(dict.fromkeys(DRUM_OF_NUMBER.values()))

PAN_OF_NUMBER = {37: -0.2, 41: 0.35, 42: 0.28, 43: 0.25, 44: 0.28, 45: 0.1, 46: 0.28, 47: -0.1}
PAN_OF_NUMBER |= {48: -0.25, 49: -0.3, 50: -0.4, 51: -0.35, 54: 0.45, 57: 0.35, 70: -0.5}
"""Place in the stereo picture, -1 left .. 1 right; the middle where not listed."""


def nearest_number(pitch: float) -> int:
    """The percussion number of `DRUM_OF_NUMBER` nearest to `pitch`."""
    return min(DRUM_OF_NUMBER, key=lambda number: (abs(number - pitch), number))


@dataclass(frozen=True)
class Kit(Instrument):
    """A kit; `drum_levels` are factors by drum, 1 where not listed."""

    drum_levels: tuple[tuple[str, float], ...] = ()

    def kind(self, pitch: float) -> str:
        return DRUM_OF_NUMBER[nearest_number(pitch)]

    def levels(self, pitch: float, velocity: float) -> tuple[float, float]:
        number = nearest_number(pitch)
        level = dict(self.drum_levels).get(DRUM_OF_NUMBER[number], 1.0)
        return panned(level * velocity**VELOCITY_POWER, PAN_OF_NUMBER.get(number, 0.0))


STROKES_DIFFER = 0.01  # in speed, at most
GOLDEN = 0.618  # of a step along the strokes: they never come round

Render = Callable[[int], Samples]
"""Called with the sample rate; gives the layers of a drum [shape=(layers, [sides,] frames)]."""


class Drum(BasePatch):
    """Reads what was struck once, to its end, however short the note.

    No two strokes are quite alike: each is read a trace faster or slower than the one before.
    """

    one_shot = True
    attack_seconds = release_seconds = 0.005
    recipe: Recipe
    numbers: tuple[int, ...]  # percussion numbers that sound different, in the recipe's order
    sides = 1

    def __init__(self, rack: Rack, gate: Any, freq: Any) -> None:
        strike = rack.strike()
        self._shots = [rack.shot(self.recipe, strike, side=side) for side in range(self.sides)]
        self.left, self.right = self._shots[0].stream, self._shots[-1].stream
        self._strokes = 0

    def tune(self, touch: Touch) -> None:
        variant = self._variant(touch.pitch)
        self._strokes += 1
        quicker = 1.0 - STROKES_DIFFER * ((self._strokes * GOLDEN) % 1.0)
        for shot in self._shots:
            shot.tune(variant, touch.loudness)
            shot.stream.setDur(shot.material.seconds(variant) * quicker)

    def ring_seconds(self, pitch: float) -> float:
        return self._shots[0].material.seconds(self._variant(pitch))

    def _variant(self, pitch: float) -> int:
        """Which of the recipe's zones plays a percussion number."""
        wanted = nearest_number(pitch)
        distances = [abs(number - wanted) for number in self.numbers]
        return distances.index(min(distances))


def drum(kit: str, name: str, sounds: Mapping[int, Render], sides: int = 1) -> PatchFactory:
    """The patch of one drum of a kit; `sounds` by the percussion numbers that sound different."""
    renders = tuple(sounds.values())

    def render(hz: float, sample_rate: int) -> Samples:
        return renders[round(12.0 * log2(hz / pitch_hz(0.0)))](sample_rate)

    recipe = Recipe(f"{kit}-{name}", render, 0, len(renders) - 1, step=1, keep=True)
    members = {"recipe": recipe, "numbers": tuple(sounds), "sides": sides}
    return type(name.title(), (Drum,), members)
