"""Form of a recording, found without any model of styles: sections, and which of them are alike.

Bars are compared with each other (`bar_features`). The sections are those stretches of bars that
hang together best, with a liking for the lengths that music has and for bar lines where something
new begins; sections in which the same happens get the same letter.

Sources: A. Marmoret, J. Cohen and F. Bimbot, TISMIR 6, 2023 (block matching, lengths); J. Foote,
"Automatic audio segmentation using a measure of audio novelty", ICME 2000 (novelty).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..rhythm.beats import Beats, find_beats
from ..spectra import RATE, to_mono
from .bar_features import Bars, FloatArray, hear_bars

LONGEST_BARS = 32
"""No section is longer; one that goes on is told as several with one letter."""

_BAND_BARS = 8  # how far apart bars are that must be alike within a section
_LENGTH_SHARE = 0.4  # what an odd length costs, as a share of what hanging together can gain
_NOVELTY_SHARE = 0.3  # what a new beginning gains
_LEAST_NOVELTY = 0.5  # what counts as the newest beginning of a recording, at least
_KERNEL_BARS = 8  # before and after a bar line, whose difference is its novelty
_ALIKE = 0.3  # at least, of sections with one letter
_SURE = 0.6  # by which a section is more alike to its twins than to others, if that is certain
_ALIKE_SHARE = 0.5  # of the most alike two of the recording, that they must reach too


@dataclass(frozen=True)
class FormSection:
    """A stretch of a recording from one bar line to another."""

    start_seconds: float
    end_seconds: float
    label: str  # "A", "B", ..., in the order of first appearance; equal where the same happens
    start_bar: int  # counted from 0
    bars: int
    confidence: float  # 0..1: that something begins there, and that the letter is right


@dataclass(frozen=True)
class Repeat:
    """Two sections in which the same happens, by their positions among the sections."""

    first: int
    second: int
    likeness: float  # 0..1


@dataclass(frozen=True)
class Form:
    """Sections from the start of a recording to its end, without gaps."""

    sections: tuple[FormSection, ...]
    repeats: tuple[Repeat, ...]  # pairs with one letter

    @property
    def pattern(self) -> str:
        """The letters in order, e.g. "AABA"."""
        return "".join(section.label for section in self.sections)


def find_form(samples: NDArray[np.floating], sample_rate: int, beats: Beats | None = None) -> Form:
    """The form of a recording; without beats, in steps of two seconds; empty of no sound.

    Raises SegueError for samples that are no sound.

    :param beats: from `find_beats`, if they are already known
    """
    mono = to_mono(samples, sample_rate)
    found = find_beats(mono, RATE) if beats is None else beats
    return form_of(hear_bars(mono, found))


def form_of(bars: Bars) -> Form:
    """The form of bars that were heard."""
    if not len(bars) or float(bars.level_db.max()) < -90.0:
        return Form((), ())
    alike = bars.likeness()
    edges = section_edges(alike, metric=bars.metric)
    pairs = section_likeness(alike, edges)
    letters = _letters(pairs)
    fresh = novelty(alike)
    scale = max(float(fresh.max()), _LEAST_NOVELTY)
    sections = []
    for number, letter in enumerate(letters):
        start, stop = edges[number], edges[number + 1]
        begins = 1.0 if start == 0 else float(fresh[start]) / scale
        sections.append(
            FormSection(
                float(bars.edges_seconds[start]),
                float(bars.edges_seconds[stop]),
                _name(letter),
                start * bars.bars_each,
                (stop - start) * bars.bars_each,
                float(np.clip((begins + _sureness(pairs, letters, number)) / 2, 0.0, 1.0)),
            )
        )
    repeats = tuple(
        Repeat(one, other, float(np.clip(pairs[one, other], 0.0, 1.0)))
        for one in range(len(letters))
        for other in range(one + 1, len(letters))
        if letters[one] == letters[other]
    )
    return Form(tuple(sections), repeats)


def novelty(alike: FloatArray) -> FloatArray:
    """How new what begins at each bar is [shape=(n + 1,)]: 0 where all goes on, 2 at most.

    Likeness within the bars before and within those after, less that across: a checkerboard with
    soft edges along the diagonal (Foote 2000). The ends of the recording count 0.
    """
    count, reach = len(alike), _KERNEL_BARS
    places = np.arange(-reach, reach) + 0.5
    soft = np.exp(-0.5 * np.square(places / (0.5 * reach)))
    kernel = np.outer(soft * np.sign(places), soft * np.sign(places))
    kernel /= soft.sum() ** 2 / 2.0
    found = np.zeros(count + 1)
    for bar in range(1, count):
        near = min(reach, bar, count - bar)
        part = slice(reach - near, reach + near)
        inside = slice(bar - near, bar + near)
        found[bar] = (kernel[part, part] * alike[inside, inside]).sum()
    return np.maximum(found, 0.0)


def section_edges(alike: FloatArray, *, metric: bool = True) -> list[int]:
    """Bar lines between sections, the ends too, by the best sum over all ways to divide.

    :param alike: likeness of bars [shape=(n, n)]
    :param metric: whether lengths of eight, four and two bars are liked
    """
    count = len(alike)
    fits = _block_scores(alike)
    typical = max(float(np.nanmax(fits)), 1e-6)
    fresh = novelty(alike)
    gain = _NOVELTY_SHARE * typical * fresh / max(float(fresh.max()), _LEAST_NOVELTY)
    cost = (
        typical * _LENGTH_SHARE * np.array([_oddness(n, metric) for n in range(LONGEST_BARS + 1)])
    )
    best, back = np.full(count + 1, -np.inf), np.zeros(count + 1, np.intp)
    best[0] = 0.0
    for stop in range(1, count + 1):
        starts = np.arange(max(stop - LONGEST_BARS, 0), stop)
        lengths = stop - starts
        sums = best[starts] + fits[starts, lengths] - cost[lengths] + gain[stop]
        back[stop] = starts[int(sums.argmax())]
        best[stop] = sums.max()
    edges = [count]
    while edges[-1]:
        edges.append(int(back[edges[-1]]))
    return edges[::-1]


def _oddness(bars: int, metric: bool) -> float:
    """What a length costs, 0 to 1."""
    if not metric:
        return 1.0 if bars < 4 else 0.0
    if bars == 8:
        return 0.0
    return 0.25 if bars % 4 == 0 else 0.5 if bars % 2 == 0 else 1.0


def _block_scores(alike: FloatArray) -> FloatArray:
    """How well bars hang together, by the first and their number [shape=(n, LONGEST_BARS + 1)].

    Sum of the likeness of bars at most `_BAND_BARS` - 1 apart, divided by the number of bars, so
    that longer stretches count more up to that length.
    """
    count = len(alike)
    scores = np.full((count, LONGEST_BARS + 1), np.nan)
    for length in range(1, min(LONGEST_BARS, count) + 1):
        total = np.zeros(count - length + 1)
        for apart in range(1, min(length, _BAND_BARS)):
            sums = np.concatenate([[0.0], np.cumsum(np.diagonal(alike, apart))])
            total += (
                2.0 * (sums[length - apart :] - sums[: len(sums) - (length - apart)])[: len(total)]
            )
        scores[: count - length + 1, length] = total / length
    return scores


def section_likeness(alike: FloatArray, edges: list[int]) -> FloatArray:
    """Likeness of sections bar by bar from their beginnings [shape=(m, m)].

    Of sections of different lengths the shorter one counts; one more than twice as long is another.
    """
    count = len(edges) - 1
    pairs = np.eye(count)
    for one in range(count):
        for other in range(one + 1, count):
            lengths = edges[one + 1] - edges[one], edges[other + 1] - edges[other]
            least, most = min(lengths), max(lengths)
            diagonal = np.arange(least)
            mean = float(alike[edges[one] + diagonal, edges[other] + diagonal].mean())
            pairs[one, other] = pairs[other, one] = mean if 2 * least >= most else 0.0
    return pairs


def _letters(pairs: FloatArray) -> list[int]:
    """A number for each section, equal ones for sections that are alike, from 0 in order.

    Groups are joined, the most alike first, by the mean over their pairs, while they are alike.
    """
    groups = [[number] for number in range(len(pairs))]
    apart = pairs[~np.eye(len(pairs), dtype=bool)]
    least = max(_ALIKE, _ALIKE_SHARE * float(apart.max(initial=0.0)))
    while len(groups) > 1:
        means = np.full((len(groups), len(groups)), -np.inf)
        for one in range(len(groups)):
            for other in range(one + 1, len(groups)):
                means[one, other] = pairs[np.ix_(groups[one], groups[other])].mean()
        one, other = divmod(int(means.argmax()), len(groups))
        if means[one, other] < least:
            break
        groups[one] += groups.pop(other)
    order = {member: number for number, group in enumerate(groups) for member in group}
    renamed: dict[int, int] = {}
    return [renamed.setdefault(order[number], len(renamed)) for number in range(len(pairs))]


def _sureness(pairs: FloatArray, letters: list[int], number: int) -> float:
    """0 to 1: how much more alike a section is to those of its letter than to the nearest other.

    One without a twin is as sure as the nearest other section is unlike it.
    """
    others = [pairs[number, k] for k, letter in enumerate(letters) if letter != letters[number]]
    twins = [
        pairs[number, k]
        for k, letter in enumerate(letters)
        if letter == letters[number] and k != number
    ]
    nearest = max(others, default=0.0)
    own = float(np.mean(twins)) if twins else _SURE
    return float(np.clip((own - nearest) / _SURE, 0.0, 1.0))


def _name(number: int) -> str:
    """A, B, ..., Z, AA, AB, ..."""
    turn, letter = divmod(number, 26)
    return (_name(turn - 1) if turn else "") + chr(ord("A") + letter)
