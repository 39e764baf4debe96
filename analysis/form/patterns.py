"""Patterns: passages that come again, in the notes of a line or in the bars of a recording.

In notes, a passage comes again if its rhythm and its intervals do, at any pitch; all of those that
cannot be made longer are found by a suffix array, and those that explain most notes are told. In
sound, bars come again that are alike one after another (`bar_features`).

Source of the choice by what a pattern explains: D. Meredith, "COSIATEC and SIATECCompress", MIREX,
2013.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...music.errors import SegueError, check_range
from ...music.score import Notes
from ...music.score_analysis import skyline
from ..rhythm.beats import Beats, find_beats
from ..spectra import RATE, to_mono
from .bar_features import Bars, FloatArray, hear_bars

LEAST_NOTES = 4
LEAST_BARS = 2
GRID = 12
"""Steps of a beat to which onsets are rounded."""

MOST_NOTES = 50_000

_COVERED = 0.5  # share of a passage that may lie in one that was told already
_SURE_BITS = 8.0  # information at which a pattern is even odds to be no accident
_ALIKE = 0.5  # of bars that come again, less than which is another


@dataclass(frozen=True)
class Occurrence:
    """One place of a pattern."""

    start_beats: float
    end_beats: float
    first_note: int  # in the line that was searched
    transposed_semitones: int  # above its first occurrence


@dataclass(frozen=True)
class Pattern:
    """A passage of notes that comes again."""

    notes: int
    occurrences: tuple[Occurrence, ...]  # in order; they do not overlap
    confidence: float  # 0..1: that it is no accident


@dataclass(frozen=True)
class BarPattern:
    """Bars of a recording that come again."""

    bars: int
    start_bars: tuple[int, ...]  # counted from 0
    start_seconds: tuple[float, ...]
    end_seconds: tuple[float, ...]
    confidence: float  # 0..1: mean likeness of the bars


def find_patterns(
    notes: Notes, *, least_notes: int = LEAST_NOTES, most: int = 20
) -> tuple[Pattern, ...]:
    """Patterns of the upper line of some notes, those first that explain most.

    Raises SegueError for more than `MOST_NOTES`, RangeError for numbers below 2 notes or 1 pattern.
    """
    check_range("least notes of a pattern", least_notes, 2, 1_000)
    check_range("most patterns", most, 1, 10_000)
    if len(notes) > MOST_NOTES:
        raise SegueError(
            f"the score has {len(notes)} notes; search for patterns in {MOST_NOTES} at most"
        )
    line = skyline(notes) if len(notes) else notes
    if len(line) < 2 * least_notes:
        return ()
    steps = np.stack(
        [
            np.round(np.diff(line["onset_beats"]) * GRID).astype(np.int64),
            np.diff(line["pitch"].astype(np.int64)),
        ],
        axis=1,
    )
    _, tokens = np.unique(steps, axis=0, return_inverse=True)
    found = []
    for length, starts in _repeats(tokens.reshape(-1), least_notes - 1):
        places = _apart(starts, length + 1)
        if len(places) > 1:
            found.append((length * (len(places) - 1), length, places))
    bits = _information(tokens.reshape(-1))
    covered = np.zeros(len(line), bool)
    chosen = []
    for _, length, places in sorted(found, key=lambda one: (-one[0], -one[1], one[2])):
        inside = np.concatenate([np.arange(first, first + length + 1) for first in places])
        if covered[inside].mean() > _COVERED:
            continue
        covered[inside] = True
        chosen.append(_pattern(line, length, places, float(bits[places[0] :][:length].sum())))
        if len(chosen) == most:
            break
    return tuple(chosen)


def _pattern(line: Notes, length: int, places: list[int], bits: float) -> Pattern:
    ends = line["onset_beats"] + line["duration_beats"]
    return Pattern(
        length + 1,
        tuple(
            Occurrence(
                float(line["onset_beats"][first]),
                float(ends[first + length]),
                first,
                int(line["pitch"][first]) - int(line["pitch"][places[0]]),
            )
            for first in places
        ),
        float(1.0 - 2.0 ** (-bits / _SURE_BITS)),
    )


def _information(tokens: NDArray[np.int64]) -> FloatArray:
    """Bits of each step by how rare it is in the line."""
    counts = Counter(tokens.tolist())
    return np.array([-np.log2(counts[token] / len(tokens)) for token in tokens.tolist()])


def _apart(starts: NDArray[np.intp], notes: int) -> list[int]:
    """Places from the first on that do not overlap; two may share one note."""
    chosen: list[int] = []
    for first in sorted(starts.tolist()):
        if not chosen or first >= chosen[-1] + notes - 1:
            chosen.append(first)
    return chosen


def _repeats(tokens: NDArray[np.int64], least: int) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Lengths and places of all passages that come again and cannot be made longer."""
    order, common = _suffixes(tokens)
    before = np.concatenate([[-1], tokens])[order]  # what stands before each suffix
    open_runs: list[tuple[int, int]] = []  # first position in `order`, length in common
    for at, length in enumerate([*common.tolist(), 0]):
        first = at
        while open_runs and open_runs[-1][1] > length:
            first, longest = open_runs.pop()
            if longest >= least and len(set(before[first : at + 1].tolist())) > 1:
                yield longest, order[first : at + 1]
        if length and (not open_runs or open_runs[-1][1] < length):
            open_runs.append((first, length))


def _suffixes(tokens: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The suffixes in order, and how many tokens each has in common with the one after it.

    Source: U. Manber and G. Myers, "Suffix arrays", SIAM Journal on Computing 22, 1993 (doubling);
    T. Kasai et al., CPM 2001 (what is common).
    """
    count = len(tokens)
    rank = np.unique(tokens, return_inverse=True)[1].reshape(-1)
    reach = 1
    while True:
        later = np.full(count, -1)
        later[: max(count - reach, 0)] = rank[reach:]
        order = np.lexsort((later, rank))
        new = (np.diff(rank[order]) != 0) | (np.diff(later[order]) != 0)
        rank = np.empty(count, np.int64)
        rank[order] = np.concatenate([[0], np.cumsum(new)])
        if reach >= count or rank[order[-1]] == count - 1:
            break
        reach *= 2
    listed, ranks = tokens.tolist(), rank.tolist()
    common = [0] * max(count - 1, 0)
    same = 0
    for start in range(count):
        if ranks[start] == count - 1:
            same = 0
            continue
        other = int(order[ranks[start] + 1])
        while max(start, other) + same < count and listed[start + same] == listed[other + same]:
            same += 1
        common[ranks[start]] = same
        same = max(same - 1, 0)
    return order, np.array(common, np.intp)


def find_bar_patterns(
    samples: NDArray[np.floating], sample_rate: int, beats: Beats | None = None, *, most: int = 20
) -> tuple[BarPattern, ...]:
    """Bars of a recording that come again, the longest first; SegueError for what is no sound.

    :param beats: from `find_beats`, if they are already known
    """
    check_range("most patterns", most, 1, 10_000)
    mono = to_mono(samples, sample_rate)
    found = find_beats(mono, RATE) if beats is None else beats
    return bar_patterns(hear_bars(mono, found), most)


def bar_patterns(bars: Bars, most: int = 20) -> tuple[BarPattern, ...]:
    """As `find_bar_patterns`, of bars that were heard."""
    if not len(bars) or float(bars.level_db.max()) < -90.0:
        return ()
    alike = bars.likeness()
    runs = sorted(_runs(alike), key=lambda run: (-run[0], -run[3]))
    taken: list[tuple[int, int]] = []
    chosen = []
    for length, one, other, _ in runs:
        if any(
            _overlap(first, length, part) > _COVERED for first in (one, other) for part in taken
        ):
            continue
        starts = _places(alike, one, length)
        taken += [(first, length) for first in starts]
        chosen.append(_bar_pattern(bars, alike, length, starts))
        if len(chosen) == most:
            break
    return tuple(chosen)


def _runs(alike: FloatArray) -> Iterator[tuple[int, int, int, float]]:
    """Length, both starts and likeness of stretches that come again later, without overlap."""
    for apart in range(LEAST_BARS, len(alike)):
        diagonal = np.diagonal(alike, apart)
        again = np.concatenate([[False], diagonal >= _ALIKE, [False]])
        edges = np.flatnonzero(again[1:] != again[:-1])
        for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            length = min(last - first, apart)
            if length >= LEAST_BARS:
                mean = float(diagonal[first : first + length].mean())
                yield length, first, first + apart, mean


def _places(alike: FloatArray, first: int, length: int) -> list[int]:
    """Where a stretch comes, itself included; those most alike first are kept apart."""
    last = len(alike) - length
    steps = np.arange(length)
    fits = np.array([alike[first + steps, at + steps].min() for at in range(last + 1)])
    fits[first] = 2.0
    kept: list[int] = []
    for at in np.argsort(-fits, kind="stable").tolist():
        if fits[at] >= _ALIKE and all(abs(at - other) >= length for other in kept):
            kept.append(at)
    return sorted(kept)


def _overlap(first: int, length: int, part: tuple[int, int]) -> float:
    return max(0, min(first + length, sum(part)) - max(first, part[0])) / length


def _bar_pattern(bars: Bars, alike: FloatArray, length: int, starts: list[int]) -> BarPattern:
    steps = np.arange(length)
    likeness = [alike[starts[0] + steps, at + steps].mean() for at in starts[1:]]
    return BarPattern(
        length * bars.bars_each,
        tuple(at * bars.bars_each for at in starts),
        tuple(float(bars.edges_seconds[at]) for at in starts),
        tuple(float(bars.edges_seconds[at + length]) for at in starts),
        float(np.clip(np.mean(likeness), 0.0, 1.0)),
    )
