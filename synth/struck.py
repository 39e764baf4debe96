"""Struck sounds that ring for long: a rich head, and a tail that needs less memory.

Both are tables, read at once from the stroke on. The head holds the first second in every loudness
layer; the tail goes on from there in one layer, without the highs that have died by then, and so at
a third of the sample rate. `tables.head` and `tables.tail` make them.
"""

from collections.abc import Callable
from typing import Any

from .instrument import BasePatch, Touch
from .rack import Rack, Shot
from .recipes import Recipe
from .tables import TAIL_STEP, Struck, finish, head, head_step, pitch_hz, tail

Sound = Callable[[float], Struck]
"""The modes of a note, given its frequency in Hz."""


class ThinShot(Shot):
    """Reads a table whose samples lie more than a frame apart."""

    def __init__(
        self,
        rack: Rack,
        recipe: Recipe,
        strike: Any,
        mul: Any,
        side: int,
        step: Callable[[float], int],
    ) -> None:
        super().__init__(rack, recipe, strike, mul, side)
        self._roots, self._step_of = recipe.roots, step

    def seconds(self, pitch: float) -> float:
        """How long reading it once lasts at a pitch."""
        root = self._roots[self.material.zone(pitch)]
        return self.material.seconds(pitch) * self._step_of(pitch_hz(root))

    def tune(self, pitch: float, loudness: float) -> None:
        super().tune(pitch, loudness)
        self._base.setDur(self.seconds(pitch))


def long_recipes(
    name: str, sound: Sound, lowest: int, highest: int, step: int = 4, keep: bool = False
) -> tuple[Recipe, Recipe]:
    """Head and tail of a sound, made even in loudness over its range."""

    def make_head(hz: float, sample_rate: int) -> Any:
        return head(sound(hz).evened(), sample_rate, head_step(hz))

    def make_tail(hz: float, sample_rate: int) -> Any:
        return tail(sound(hz).evened(), sample_rate)

    make_head.__module__ = make_tail.__module__ = sound.__module__  # what is kept depends on it
    return (
        Recipe(f"{name}-head", make_head, lowest, highest, step, keep),
        Recipe(f"{name}-tail", make_tail, lowest, highest, step, keep),
    )


def short_recipe(name: str, sound: Sound, lowest: int, highest: int, step: int = 4) -> Recipe:
    """A sound that is soon over, whole, made even in loudness over its range; for StruckPatch."""

    def make(hz: float, sample_rate: int) -> Any:
        note = sound(hz).evened()
        return finish(note.render(note.seconds, sample_rate), fade=0.3, attack_frames=2)

    return Recipe(name, make, lowest, highest, step)


class LongPatch(BasePatch):
    """Reads head and tail once, on both sides, damped when the key is released."""

    attack_seconds = 0.02
    release_seconds = 0.25
    recipes: tuple[Recipe, Recipe]
    sides = 2

    def __init__(self, rack: Rack, gate: Any, freq: Any) -> None:
        strike = rack.strike()
        damper = rack.envelope(gate, 0.0005, 0.0005, 1.0, self.release_seconds, power=2)
        self._heads, self._tails, outputs = [], [], []
        for side in range(self.sides):
            first, last = (
                ThinShot(rack, recipe, strike, damper.stream, side, step)
                for recipe, step in zip(self.recipes, (head_step, _tail_step), strict=True)
            )
            self._heads.append(first)
            self._tails.append(last)
            outputs.append(rack.sum(first.stream, last.stream))
        self.left, self.right = outputs[0], outputs[-1]

    def tune(self, touch: Touch) -> None:
        for shot in (*self._heads, *self._tails):
            shot.tune(touch.pitch, touch.loudness)

    def ring_seconds(self, pitch: float) -> float:
        return max(self._heads[0].seconds(pitch), self._tails[0].seconds(pitch))


def _tail_step(hz: float) -> int:
    return TAIL_STEP
