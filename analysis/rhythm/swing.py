"""Swing: how long the first of two eighths is against the second."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .beats import Beats
from .onsets import Onsets

FloatArray = NDArray[np.float64]

_EARLY, _LATE = 0.42, 0.80  # where in the beat the second eighth may lie
_WIDTH = 0.025  # of the bump that each onset leaves, in beats
_ENOUGH = 12.0  # onsets that make one sure


@dataclass(frozen=True)
class Swing:
    """The ratio of the long to the short eighth: 1 straight, 2 triplets, 3 dotted."""

    ratio: float
    confidence: float  # 0..1; 0 where no eighths are heard


def find_swing(beats: Beats, onsets: Onsets) -> Swing:
    """The swing of a recording, from its beats and attacks."""
    phase, weight = phases(beats.times_seconds, onsets)
    between = (phase > _EARLY) & (phase < _LATE)
    if len(beats) < 4 or not between.any():
        return Swing(1.0, 0.0)
    phase, weight = phase[between], weight[between]
    grid = np.linspace(_EARLY, _LATE, 153)
    bumps = np.exp(-0.5 * ((grid[:, None] - phase) / _WIDTH) ** 2) @ weight
    top = float(grid[int(bumps.argmax())])
    near = np.abs(phase - top) < 2.0 * _WIDTH
    middle = float(np.average(phase[near], weights=weight[near]))
    share = float(weight[near].sum() / weight.sum())
    confidence = share * min(1.0, float(near.sum()) / _ENOUGH)
    return Swing(middle / (1.0 - middle), confidence)


def phases(beats_seconds: FloatArray, onsets: Onsets) -> tuple[FloatArray, FloatArray]:
    """Where in its beat each onset lies, 0..1, and its weight [shape=(n,) each]."""
    if len(beats_seconds) < 2:
        return np.zeros(0), np.zeros(0)
    inside = (onsets.times_seconds >= beats_seconds[0]) & (onsets.times_seconds < beats_seconds[-1])
    times = onsets.times_seconds[inside]
    beat = np.interp(times, beats_seconds, np.arange(len(beats_seconds)))
    weight = np.sqrt(np.maximum(onsets.strengths[inside], 0.0)) * onsets.confidence[inside]
    return beat % 1.0, weight
