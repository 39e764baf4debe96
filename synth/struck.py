"""Struck and plucked sounds that ring: tables read once from the stroke on.

What is over within some seconds is one table, `whole`. What rings longer is two, `head_and_tail`:
the head holds the first second in every loudness layer; the tail goes on from there in one layer,
without the highs that have died by then, and so at a third of the sample rate.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .instrument import BasePatch, Touch
from .pyo_host import Samples
from .rack import Rack, Shot
from .recipes import Recipe
from .tables import TAIL_STEP, Struck, finish, head, head_step, pitch_hz, tail

Sound = Callable[[float], Struck]
"""The modes of a note, given its frequency in Hz."""


@dataclass(frozen=True)
class Reel:
    """A recipe whose samples lie some frames apart: how many, `thin` says of the root in Hz."""

    recipe: Recipe
    thin: Callable[[float], int] = head_step


def whole(
    name: str, sound: Sound, lowest: int, highest: int, *, step: int = 4, keep: bool = False
) -> tuple[Reel]:
    """A sound in one table, made even in loudness over its range."""

    def make(hz: float, sample_rate: int) -> Samples:
        note, rate = sound(hz).evened(), sample_rate / head_step(hz)
        return finish(note.thinned(rate).render(note.seconds, rate), fade=0.3, attack_frames=1)

    return (Reel(_recipe(name, make, sound, (lowest, highest, step), keep)),)


def head_and_tail(
    name: str, sound: Sound, lowest: int, highest: int, *, step: int = 4, keep: bool = False
) -> tuple[Reel, Reel]:
    """A sound in two tables, made even in loudness over its range."""

    def make_head(hz: float, sample_rate: int) -> Samples:
        return head(sound(hz).evened(), sample_rate, head_step(hz))

    def make_tail(hz: float, sample_rate: int) -> Samples:
        return tail(sound(hz).evened(), sample_rate)

    zones = lowest, highest, step
    return (
        Reel(_recipe(f"{name}-head", make_head, sound, zones, keep)),
        Reel(_recipe(f"{name}-tail", make_tail, sound, zones, keep), _tail_step),
    )


def _recipe(
    name: str,
    render: Callable[[float, int], Samples],
    sound: Sound,
    zones: tuple[int, int, int],
    keep: bool,
) -> Recipe:
    render.__module__ = sound.__module__  # what is kept depends on the instrument's code
    return Recipe(name, render, *zones, keep)


def _tail_step(hz: float) -> int:
    return TAIL_STEP


class _ReelShot(Shot):
    """Reads a reel once, from its trigger's very frame."""

    def __init__(self, rack: Rack, reel: Reel, strike: Any, mul: Any, side: int) -> None:
        super().__init__(rack, reel.recipe, strike, mul, side)
        self._reel = reel

    def seconds(self, pitch: float) -> float:
        """How long reading it once lasts at a pitch."""
        root = self._reel.recipe.roots[self.material.zone(pitch)]
        return self.material.seconds(pitch) * self._reel.thin(pitch_hz(root))

    def tune(self, pitch: float, loudness: float) -> None:
        super().tune(pitch, loudness)
        self._base.setDur(self.seconds(pitch))


class RungPatch(BasePatch):
    """Reads its reels once, on one side or both, damped when the key is released."""

    attack_seconds = 0.02
    release_seconds = 0.25
    reels: tuple[Reel, ...]
    sides = 2

    def __init__(self, rack: Rack, gate: Any, freq: Any) -> None:
        strike = rack.strike()
        damper = rack.envelope(gate, 0.0005, 0.0005, 1.0, self.release_seconds, power=2)
        by_side = [
            [_ReelShot(rack, reel, strike, damper.stream, side) for reel in self.reels]
            for side in range(self.sides)
        ]
        outputs = [rack.sum(*(shot.stream for shot in shots)) for shots in by_side]
        self._shots = [shot for shots in by_side for shot in shots]
        self.left, self.right = outputs[0], outputs[-1]

    def tune(self, touch: Touch) -> None:
        for shot in self._shots:
            shot.tune(touch.pitch, touch.loudness)

    def ring_seconds(self, pitch: float) -> float:
        return max(shot.seconds(pitch) for shot in self._shots)
