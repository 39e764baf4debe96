"""Tempo: of the beats, from beat to beat, and what else one might count.

Tempo in beats a minute (bpm). The tempo that one would tap is a matter of taste up to a factor of
2 or 3; a network that has learned how music is written and counted gives each its chance.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .beat_spectrum import TEMPO_CLASSES

FloatArray = NDArray[np.float64]

RELATIVES = (1.0, 2.0, 0.5, 3.0, 1.0 / 3.0, 1.5, 2.0 / 3.0)
"""Tempos as which one may be taken."""

_NEAR = 0.04  # as a share: what counts as the same tempo


@dataclass(frozen=True)
class TempoCandidate:
    """A tempo that one might tap."""

    bpm: float
    weight: float  # 0..1; those of a recording sum to 1


def tempo_of_beats(times_seconds: FloatArray) -> float:
    """The tempo that most beats keep [shape=(n,)]; 0 for fewer than two."""
    intervals = np.diff(times_seconds)
    intervals = intervals[intervals > 1e-3]
    if not len(intervals):
        return 0.0
    median = float(np.median(intervals))
    close = intervals[np.abs(np.log(intervals / median)) < 0.1]
    return 60.0 / float(close.mean() if len(close) else median)


def tempo_curve(times_seconds: FloatArray) -> FloatArray:
    """The tempo in bpm at each beat [shape=(n,)]: a straight line through five beats around it."""
    count = len(times_seconds)
    if count < 2:
        return np.zeros(count)
    curve = np.empty(count)
    for index in range(count):
        start, stop = max(0, index - 2), min(count, index + 3)
        near = times_seconds[start:stop]
        steps = np.arange(stop - start) - (stop - start - 1) / 2
        slope = float((steps * (near - near.mean())).sum() / np.square(steps).sum())
        curve[index] = 60.0 / max(slope, 1e-3)
    return curve


def candidates_around(bpm: float, chances: NDArray[np.floating]) -> tuple[TempoCandidate, ...]:
    """A tempo and its relatives by the chance of their classes [shape=(len(TEMPO_CLASSES),)]."""
    if bpm <= 0.0:
        return ()
    found = []
    for ratio in RELATIVES:
        near = np.abs(np.log(TEMPO_CLASSES / (bpm * ratio))) < _NEAR
        found.append((bpm * ratio, float(chances[near].sum())))
    total = max(sum(chance for _, chance in found), 1e-9)
    found.sort(key=lambda one: -one[1])
    return tuple(
        TempoCandidate(tempo, chance / total) for tempo, chance in found if chance > 0.01 * total
    )
