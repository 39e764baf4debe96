"""What a bar is worth: how near the felt mood is, what moving costs, which rules it breaks."""

import numpy as np
from numpy.typing import NDArray

from ...music.direction import KNOBS

FloatArray = NDArray[np.float64]

REWARDS = ("mood", "continuity", "rules", "feedback")
"""The named terms of the reward; they add up to it."""

_MOVE_WEIGHTS = np.array(
    [{"tempo": 2.0, "mode": 2.0, "register": 1.5}.get(name, 1.0) for name in KNOBS]
)
_SMALLEST_MOVE = 0.02  # of a knob's range; smaller ones cost nothing
_ON_PHRASE, _OFF_PHRASE = 0.35, 1.3  # share of a movement's cost where a phrase begins, elsewhere
_RULED = [
    KNOBS.index(name)
    for name in ("harmony", "bass", "drums", "register", "articulation", "dynamics")
]
"""The knobs that the rules of arranging look at."""

_LITTLE = np.array([0.4, 0.3, 0.6, 0.4, 0.4, 0.3])
"""Below these, each of those knobs is little (drums: where excitement is wanted)."""

_MUCH, _CALM_DRUMS = 0.6, 0.4
"""Above these, harmony, bass or drums are much, drums too much for calm."""


def distance(felt: FloatArray, wanted: FloatArray) -> FloatArray:
    """Mean absolute difference over the axes [shape=(...)] of moods [shape=(..., 2)]."""
    apart: FloatArray = np.abs(felt - wanted)
    return (apart[..., 0] + apart[..., 1]) * 0.5


def movement_cost(moved: FloatArray, on_phrase: NDArray[np.bool_]) -> FloatArray:
    """What a movement of the knobs [shape=(n, 9)] costs [n], less where a phrase begins [n].

    Tempo, mode and register count more than the others, movements below .02 nothing.
    """
    size = np.abs(moved)
    movement = np.where(size > _SMALLEST_MOVE, size, 0.0) @ _MOVE_WEIGHTS
    share: FloatArray = np.where(on_phrase, _ON_PHRASE, _OFF_PHRASE)
    return np.asarray(share * movement)


def broken_rules(knobs: FloatArray, wanted_arousal: FloatArray) -> FloatArray:
    """How far directions [shape=(n, 9)] go against good arranging [n], each rule from 0 to 1.

    * thin: little harmony to carry the melody
    * extreme: a register at either end
    * tame: few drums where excitement is wanted; restless: many where calm is
    * choppy: short notes where calm is wanted
    * muddy: full harmony and a busy bass in the low register
    * hollow: full drums over little bass; weak: full drums in a soft bar

    `wanted_arousal` [n] in sd counts from 0 to 1 either way.
    """
    ruled = knobs[:, _RULED]
    drums, register = ruled[:, 2], ruled[:, 3]
    # All rules at once, as a call of numpy costs more than its work for few performances.
    little = (np.maximum(_LITTLE - ruled, 0.0) / _LITTLE).T
    much = (np.maximum(ruled[:, :3] - _MUCH, 0.0) / (1.0 - _MUCH)).T
    excited = np.minimum(np.maximum(wanted_arousal, 0.0), 1.0)
    calm = np.minimum(np.maximum(-wanted_arousal, 0.0), 1.0)
    thin, weak_bass, tame, low, choppy, soft = little
    full_harmony, busy_bass, full_drums = much
    extreme = np.maximum(np.abs(register - 0.5) * 2.0 - _MUCH, 0.0) / (1.0 - _MUCH)
    restless = np.maximum(drums - _CALM_DRUMS, 0.0) / (1.0 - _CALM_DRUMS)
    broken = (
        thin
        + extreme
        + excited * tame
        + calm * (restless + choppy)
        + full_harmony * busy_bass * low
        + full_drums * (weak_bass + soft)
    )
    return np.asarray(broken)
