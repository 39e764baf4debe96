"""From what a network hears in each frame to chords that last.

A class of chord is root * len(QUALITIES) + quality; the last class is no chord. A hidden Markov
model over the classes finds the likeliest sequence. How often chords follow each other does not
depend on the key, so `Moves` counts them by the interval between roots.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..cards import MODELS, load_weights
from ..spectra import Floats

QUALITIES = (
    "maj",
    "min",
    "7",
    "maj7",
    "min7",
    "dim",
    "dim7",
    "hdim7",
    "aug",
    "sus2",
    "sus4",
    "maj6",
    "min6",
)
"""Qualities that are told apart, by their names in chord labels (Harte's syntax)."""

THEORY = ("", "m", "7", "maj7", "m7", "dim", "dim7", "m7b5", "aug", "sus2", "sus4", "6", "m6")
"""The same qualities by their names in `music.theory`."""

NO_CHORD = 12 * len(QUALITIES)
CLASSES = NO_CHORD + 1

_MINOR = ("min", "min7", "min6", "dim", "dim7", "hdim7")  # what a major or minor triad stands for
_PLAIN = ("maj", "min", "7", "maj7", "min7", "maj6", "min6")  # what is one
_LEAST = 0.02  # probability that a class must reach somewhere to be searched
_CHANGE = 0.0  # nats that a change costs beyond what its rarity does
_TRUST = 1.5  # share of a frame's evidence that its neighbours do not repeat


@dataclass(frozen=True)
class Moves:
    """How chords follow each other.

    :param change: natural log of the chance of a class after another, given that there is a change
    :param change_rate: changes a second
    """

    change: NDArray[np.float32]  # [shape=(CLASSES, CLASSES)]
    change_rate: float

    @classmethod
    def of_counts(cls, counts: NDArray[np.float64], change_rate: float) -> "Moves":
        """From counts [shape=(12, qualities + 1, qualities + 1)] by interval, from and to.

        Quality index `len(QUALITIES)` is no chord; its rows are summed over intervals.
        """
        size = len(QUALITIES)
        table = np.zeros((CLASSES, CLASSES))
        for root in range(12):
            here = slice(root * size, (root + 1) * size)
            for step in range(12):
                to = (root + step) % 12
                table[here, to * size : (to + 1) * size] = counts[step, :size, :size]
            table[here, NO_CHORD] = counts[:, :size, size].sum(axis=0)
            table[NO_CHORD, here] = counts[:, size, :size].sum(axis=0) / 12
        np.fill_diagonal(table, 0.0)
        usual = table.sum(axis=0) + 1.0
        table += 20.0 * usual / usual.sum()
        np.fill_diagonal(table, 0.0)
        chance = table / table.sum(axis=1, keepdims=True)
        return cls(np.log(np.maximum(chance, 1e-6)).astype(np.float32), change_rate)


@lru_cache(maxsize=1)
def shipped_moves() -> Moves:
    """The moves that were counted in the corpus."""
    _, arrays = load_weights(MODELS / "chord_moves.json")
    return Moves.of_counts(arrays["counts"], float(arrays["change_rate"]))


def best_sequence(
    logs: Floats,
    moves: Moves,
    frame_seconds: float,
    *,
    trust: float = _TRUST,
    change: float = _CHANGE,
) -> NDArray[np.int64]:
    """The likeliest class of each frame [shape=(n,)] for log probabilities [shape=(n, CLASSES)].

    :param trust: what each frame's log probabilities are multiplied with
    :param change: nats that each change costs on top
    """
    if not len(logs):
        return np.zeros(0, np.int64)
    likely = logs.max(axis=0) > np.log(_LEAST)
    likely[logs.argmax(axis=1)] = True
    searched = np.flatnonzero(likely)
    rate = min(0.5, moves.change_rate * frame_seconds)
    ways = moves.change[np.ix_(searched, searched)] + np.float32(np.log(rate) - change)
    np.fill_diagonal(ways, np.log1p(-rate))
    path = viterbi(np.float32(trust) * logs[:, searched], ways)
    return np.asarray(searched[path], np.int64)


def viterbi(scores: Floats, ways: Floats) -> NDArray[np.intp]:
    """The best path [shape=(n,)] for scores [shape=(n, states)] and the cost of each way.

    :param ways: what a step from one state to another adds [shape=(states, states)]
    """
    count, states = scores.shape
    came_from = np.empty((count, states), np.int32)
    into = np.ascontiguousarray(ways.T)  # a row for each state that is reached
    rows = np.arange(states)
    total = scores[0].copy()
    for frame in range(1, count):
        sums = into + total
        best = sums.argmax(axis=1)
        came_from[frame] = best
        total = sums[rows, best] + scores[frame]
    path = np.empty(count, np.intp)
    path[-1] = total.argmax()
    for frame in range(count - 1, 0, -1):
        path[frame - 1] = came_from[frame, path[frame]]
    return path


@lru_cache(maxsize=1)
def majmin_of() -> NDArray[np.int64]:
    """For each class the class of its major or minor triad, -1 where it has none."""
    found = np.full(CLASSES, -1)
    for root in range(12):
        for index, name in enumerate(QUALITIES):
            if name in _PLAIN:
                found[root * len(QUALITIES) + index] = root * len(QUALITIES) + (name in _MINOR)
    found[NO_CHORD] = NO_CHORD
    return found


def as_triads(logs: Floats) -> Floats:
    """Log probabilities with all of a root's qualities given to its major or minor triad."""
    size = len(QUALITIES)
    chances = np.exp(logs[:, :NO_CHORD]).reshape(-1, 12, size)
    minor = np.array([name in _MINOR for name in QUALITIES])
    found = np.full_like(logs, -30.0)
    with np.errstate(divide="ignore"):
        found[:, :NO_CHORD:size] = np.log(chances[:, :, ~minor].sum(axis=2))
        found[:, 1:NO_CHORD:size] = np.log(chances[:, :, minor].sum(axis=2))
    found[:, NO_CHORD] = logs[:, NO_CHORD]
    return np.maximum(found, np.float32(-30.0))
