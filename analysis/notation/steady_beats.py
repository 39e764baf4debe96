"""Beats of a steady performance from the onsets of its notes alone.

The period and phase are chosen on whose grid the onsets lie best and read most simply. For music
in which no other tracker finds beats: a single line, a MIDI file that was played in freely.
"""

import numpy as np
from numpy.typing import NDArray

from .quantise import division_costs

FloatArray = NDArray[np.float64]

_SLOWEST, _FASTEST = 50.0, 190.0
_USUAL_BPM, _SPREAD_OCTAVES = 100.0, 1.0  # of tempos, before anything is heard
_STEP = 1.01
_MOST_ONSETS = 200


def steady_beats(onset_seconds: FloatArray, end_seconds: float) -> FloatArray:
    """Beat times [shape=(n,)] up to the end, the first at or before the first onset.

    Empty without onsets; of one onset, two beats a second from it on.
    """
    onsets = np.unique(np.asarray(onset_seconds, np.float64))
    if not len(onsets):
        return np.zeros(0)
    first = float(onsets[0])
    if len(onsets) < 3:
        return np.arange(first, max(end_seconds, first + 1.0), 0.5)
    heard = onsets[:_MOST_ONSETS]
    best = (np.inf, 0.5, first)
    count = int(np.log(_FASTEST / _SLOWEST) / np.log(_STEP)) + 1
    for period in (60.0 / (_SLOWEST * _STEP ** np.arange(count))).tolist():
        usual = (np.log2(60.0 / period / _USUAL_BPM) / _SPREAD_OCTAVES) ** 2
        for shift in range(2):  # the first note is on a beat, or half a beat after one
            start = first - 0.5 * shift * period
            fitted = _fitted(heard, period, start)
            cost = _cost(heard, *fitted) + usual + 1.5 * shift
            best = min(best, (cost, *fitted))
    _, period, start = best
    last = int(np.ceil((max(end_seconds, first) - start) / period))
    return np.asarray(start + period * np.arange(max(last, 1) + 1), np.float64)


def _fitted(onsets: FloatArray, period: float, start: float) -> tuple[float, float]:
    """Period and start by least squares to the quarters of beats that the onsets are near."""
    for grid in (4, 12):
        places = np.rint((onsets - start) / period * grid) / grid
        near = np.abs((onsets - start) / period - places) < 0.12 / grid * 4
        if near.sum() < 3 or np.ptp(places[near]) < 1.0:
            continue
        slope, offset = np.polyfit(places[near], onsets[near], 1)
        if abs(slope / period - 1.0) < 0.02:
            return float(slope), float(offset)
    return period, start


def _cost(onsets: FloatArray, period: float, start: float) -> float:
    """What it costs a beat and an onset to write the onsets on a grid."""
    positions = np.maximum((onsets - start) / period + 0.02, 0.0)
    which = np.floor(positions).astype(np.int64)
    total = 0.0
    for beat in np.unique(which).tolist():
        inside = positions[which == beat] - beat - 0.02
        total += min(division_costs(inside))
    return total / len(onsets) * 8.0
