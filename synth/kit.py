"""Drum kits: which drum plays which General MIDI percussion number, how loud and where.

A kit is an `Instrument` whose patches are drums by name; every kit has all of `DRUMS`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log2

from .instrument import (
    VELOCITY_POWER,
    Instrument,
    PatchFactory,
    Sound,
    Touch,
    on_sides,
    panned,
)
from .material import material
from .pyo_host import Samples
from .recipes import Recipe
from .tables import pitch_hz
from .tape import Tape

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
STROKES = 5  # that are not quite alike, in turn

Render = Callable[[int], Samples]
"""Called with the sample rate; gives the layers of a drum [shape=(layers, [sides,] frames)]."""


class Drum:
    """Reads what was struck once, to its end, however short the note.

    No stroke is quite like the one before: each is read a trace faster or slower.
    """

    recipe: Recipe
    numbers: tuple[int, ...]  # percussion numbers that sound different, in the recipe's order
    sides = 1

    def __init__(self, tape: Tape) -> None:
        self._tape, self._material = tape, material(tape, self.recipe)

    def sound(self, touch: Touch) -> Sound:
        variant, layer = self._variant(touch.pitch), self._material.layer(touch.loudness)
        strokes = self._tape.turn(self.recipe.name)
        slower = 1.0 - STROKES_DIFFER * (2 * strokes % STROKES + 0.5) / STROKES
        takes = [self._material.once(variant, layer, side, slower) for side in range(self.sides)]
        seconds = self._material.seconds(variant) / slower
        return Sound(
            on_sides(takes, power=0),
            release=0.005,
            shortest_seconds=0.005,
            ring_seconds=seconds,
            one_shot=True,
        )

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

    recipe = Recipe(f"{kit}-{name}", render, 0, len(renders) - 1, step=1)
    members = {"recipe": recipe, "numbers": tuple(sounds), "sides": sides}
    return type(name.title(), (Drum,), members)
