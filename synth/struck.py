"""Struck and plucked sounds that ring: tables read once from the stroke on.

What is over within some seconds is one table, `whole`. What rings longer is two, `head_and_tail`:
the head holds the first second in every loudness layer; the tail goes on from there in one layer,
without the highs that have died by then, and so at a third of the sample rate.
"""

from collections.abc import Callable
from dataclasses import dataclass

from .instrument import Sound, Strand, Touch, on_sides
from .material import material
from .pyo_host import Samples
from .recipes import Recipe
from .tables import TAIL_STEP, Struck, finish, head, head_step, tail
from .tape import Tape

Note = Callable[[float], Struck]
"""The modes of a note, given its frequency in Hz."""


@dataclass(frozen=True)
class Reel:
    """A recipe whose samples lie some frames apart: how many, `thin` says of the root in Hz."""

    recipe: Recipe
    thin: Callable[[float], int] = head_step


def whole(name: str, sound: Note, lowest: int, highest: int, *, step: int = 4) -> tuple[Reel]:
    """A sound in one table, made even in loudness over its range."""

    def make(hz: float, sample_rate: int) -> Samples:
        note, rate = sound(hz).evened(), sample_rate / head_step(hz)
        return finish(note.thinned(rate).render(note.seconds, rate), fade=0.3, attack_frames=1)

    return (Reel(_recipe(name, make, sound, (lowest, highest, step))),)


def head_and_tail(
    name: str, sound: Note, lowest: int, highest: int, *, step: int = 4
) -> tuple[Reel, Reel]:
    """A sound in two tables, made even in loudness over its range."""

    def make_head(hz: float, sample_rate: int) -> Samples:
        return head(sound(hz).evened(), sample_rate, head_step(hz))

    def make_tail(hz: float, sample_rate: int) -> Samples:
        return tail(sound(hz).evened(), sample_rate)

    zones = lowest, highest, step
    return (
        Reel(_recipe(f"{name}-head", make_head, sound, zones)),
        Reel(_recipe(f"{name}-tail", make_tail, sound, zones), _tail_step),
    )


def _recipe(
    name: str,
    render: Callable[[float, int], Samples],
    sound: Note,
    zones: tuple[int, int, int],
) -> Recipe:
    render.__module__ = sound.__module__  # what is kept depends on the instrument's code
    return Recipe(name, render, *zones)


def _tail_step(hz: float) -> int:
    return TAIL_STEP


class RungPatch:
    """Reads its reels once, on one side or both, damped when the key is released."""

    release_seconds = 0.25
    reels: tuple[Reel, ...]
    sides = 2

    def __init__(self, tape: Tape) -> None:
        self._materials = [material(tape, reel.recipe) for reel in self.reels]

    def sound(self, touch: Touch) -> Sound:
        strands: list[Strand] = []
        ring = 0.0
        for reel, tables in zip(self.reels, self._materials, strict=True):
            thin = reel.thin(tables.root_hz(touch.pitch))
            layer = tables.layer(touch.loudness)
            strands += on_sides(
                [tables.once(touch.pitch, layer, side, 1.0 / thin) for side in range(self.sides)]
            )
            ring = max(ring, thin * tables.seconds(touch.pitch))
        return Sound(
            strands, release=self.release_seconds, shortest_seconds=0.02, ring_seconds=ring
        )
