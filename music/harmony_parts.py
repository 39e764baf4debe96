"""Parts that go with a sung melody: which pitches, given the chord and the key of each moment.

Each part has its window of intervals from the melody, so that parts never cross. Among the tones of
the scale in these windows a dynamic program finds the cheapest way through the song: chord tones on
strong beats, thirds and sixths rather than bare or rough intervals, small steps, no parallel fifths
or octaves (common-practice voice leading; the search as in T. Tymoczko, "The Geometry of Musical
Chords", Science 313, 2006). Live, the same costs are weighed from one moment to the next.

Pitches are MIDI note numbers, pitch classes 0..11 with C = 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from .errors import RangeError, UnknownNameError
from .theory import Key

Pitches = NDArray[np.int64]
FloatArray = NDArray[np.float64]

STYLES: dict[str, tuple[tuple[int, int], ...]] = {
    "above": ((2, 7), (5, 11), (8, 12)),
    "below": ((-7, -2), (-11, -5), (-12, -8)),
    "around": ((2, 9), (-9, -2), (-12, -5)),
}
"""Windows of a first, second and third part, in semitones from the melody, both ends included."""

MAX_PARTS = 3

_IN_TUNE = 0.75  # semitones within which a sung pitch is heard as a tone of the scale
_STRONG_COST, _WEAK_COST = 4.0, 0.8  # of a tone outside of the chord
_INTERVAL_COST = (2.0, 5.0, 3.0, 0.0, 0.0, 0.8, 2.5, 0.6, 0.0, 0.0, 2.0, 4.0)  # mod 12, two voices
_CLOSE_COST = 1.5  # of two parts nearer than a minor third
_COMFORT, _DISCOMFORT_COST = (43, 81), 0.4  # of a semitone outside of these pitches
_STEP_COST = 0.22  # of a semitone that a part moves
_LEAP, _LEAP_COST = 7, 1.5
_PARALLEL_COST = {0: 4.0, 7: 2.0}  # of octaves and fifths that move together
_AFTER_REST = 0.25  # share of what movement costs then


@dataclass(frozen=True)
class Moment:
    """A stretch of one sung note under one chord."""

    sung: float  # fractional pitch
    chord: tuple[int, ...]  # pitch classes
    scale: frozenset[int]  # pitch classes that may sound, those of the chord among them
    strong: bool = True  # on a strong beat
    after_rest: bool = False  # nothing was sung just before

    @property
    def melody(self) -> int:
        """The tone that is meant: the nearest of the scale, or the nearest at all."""
        near = min((pitch for pitch in range(128) if pitch % 12 in self.scale), key=self._away)
        return near if self._away(near) <= _IN_TUNE else round(self.sung)

    @property
    def tuning(self) -> float:
        """How far above the tone that is meant the voice sings, in semitones."""
        return self.sung - self.melody

    def _away(self, pitch: int) -> float:
        return abs(pitch - self.sung)


def chord_scale(chord: Sequence[int], key: Key) -> frozenset[int]:
    """The pitch classes that go with a chord in a key.

    They are the chord's and those of the key, but for those that a tone of the chord outside of the
    key stands for: under A major in D minor, C gives way to C sharp.
    """
    foreign = {tone for tone in chord if tone not in key.scale}
    kept = {
        tone for tone in key.scale if not any((tone - other) % 12 in (1, 11) for other in foreign)
    }
    return frozenset(kept | set(chord))


def windows(style: str, parts: int) -> tuple[tuple[int, int], ...]:
    """The windows of so many parts; UnknownNameError or RangeError for what there is not."""
    if style not in STYLES:
        raise UnknownNameError("style of harmony", style, STYLES)
    if not 1 <= parts <= MAX_PARTS:
        raise RangeError("number of parts", parts, 1, MAX_PARTS)
    return STYLES[style][:parts]


def write_parts(moments: Sequence[Moment], style: str = "around", parts: int = 2) -> Pitches:
    """The pitches of all parts at each moment [shape=(moments, parts)], the best for the whole."""
    places = windows(style, parts)
    if not moments:
        return np.zeros((0, parts), np.int64)
    choices = [_choices(moment, places) for moment in moments]
    cost = _cost(moments[0], choices[0])
    came_from = []
    for last, moment in enumerate(moments[1:]):
        ways = cost[:, None] + _movement(moments[last], choices[last], moment, choices[last + 1])
        came_from.append(ways.argmin(axis=0))
        cost = ways.min(axis=0) + _cost(moment, choices[last + 1])
    best = int(cost.argmin())
    path = [best]
    for back in reversed(came_from):
        best = int(back[best])
        path.append(best)
    return np.stack([rows[row] for rows, row in zip(choices, reversed(path), strict=True)])


class PartWriter:
    """Writes parts as the melody comes, knowing nothing of what follows."""

    def __init__(self, style: str = "around", parts: int = 2) -> None:
        self._places = windows(style, parts)
        self._last: tuple[Moment, Pitches] | None = None

    def next(self, moment: Moment) -> tuple[int, ...]:
        """The pitch of each part at the next moment."""
        choices = _choices(moment, self._places)
        cost = _cost(moment, choices)
        if self._last is not None:
            before, pitches = self._last
            cost = cost + _movement(before, pitches[None], moment, choices)[0]
        pitches = choices[int(cost.argmin())]
        self._last = moment, pitches
        return tuple(pitches.tolist())


def _choices(moment: Moment, places: tuple[tuple[int, int], ...]) -> Pitches:
    """All ways to set the parts at a moment [shape=(ways, parts)], none crossing another."""
    melody = moment.melody
    tones = [
        [melody + step for step in range(low, high + 1) if (melody + step) % 12 in moment.scale]
        for low, high in places
    ]
    ways = [way for way in product(*tones) if _ordered(way, places)]
    return np.array(ways or [_stacked(tones)], np.int64)


def _ordered(way: tuple[int, ...], places: tuple[tuple[int, int], ...]) -> bool:
    """Whether the parts lie as their windows do."""
    return all(
        (way[one] < way[other]) == (places[one] < places[other]) and way[one] != way[other]
        for one, other in combinations(range(len(way)), 2)
    )


def _stacked(tones: list[list[int]]) -> tuple[int, ...]:
    """Any tones, for scales so poor that no order can be kept."""
    return tuple(row[0] if row else 0 for row in tones)


def _cost(moment: Moment, choices: Pitches) -> FloatArray:
    """What each way costs by itself [shape=(ways,)]."""
    foreign = ~np.isin(choices % 12, moment.chord)
    cost = foreign.sum(axis=1) * (_STRONG_COST if moment.strong else _WEAK_COST)
    low, high = _COMFORT
    outside = np.maximum(low - choices, 0) + np.maximum(choices - high, 0)
    cost = cost + _DISCOMFORT_COST * outside.sum(axis=1)
    table = np.array(_INTERVAL_COST)
    voices = np.column_stack([np.full(len(choices), moment.melody), choices])
    for one, other in combinations(range(voices.shape[1]), 2):
        distance = np.abs(voices[:, one] - voices[:, other])
        cost = cost + table[distance % 12] + _CLOSE_COST * (distance < 3)
    return np.asarray(cost, np.float64)


def _movement(before: Moment, olds: Pitches, moment: Moment, news: Pitches) -> FloatArray:
    """What it costs to go from each way to each other [shape=(old ways, new ways)]."""
    moved = np.abs(news[None] - olds[:, None])
    cost = (_STEP_COST * moved + _LEAP_COST * (moved > _LEAP)).sum(axis=2)
    old = np.column_stack([np.full(len(olds), before.melody), olds])
    new = np.column_stack([np.full(len(news), moment.melody), news])
    for one, other in combinations(range(old.shape[1]), 2):
        together = _parallel(old, new, one, other)
        for interval, price in _PARALLEL_COST.items():
            cost = cost + price * (together == interval)
    return np.asarray(cost * (_AFTER_REST if moment.after_rest else 1.0))


def _parallel(old: Pitches, new: Pitches, one: int, other: int) -> Pitches:
    """The interval mod 12 that two voices keep while both move [old ways, new ways], else -1."""
    interval = np.abs(old[:, None, one] - old[:, None, other]) % 12
    after = np.abs(new[None, :, one] - new[None, :, other]) % 12
    step = new[None, :, one] - old[:, None, one]
    same_way = step * (new[None, :, other] - old[:, None, other]) > 0
    return np.where((interval == after) & same_way, interval, -1)


@dataclass(frozen=True)
class Review:
    """How well parts fit their melody."""

    scale_share: float  # of tones in the scale of their moment
    chord_share: float  # of tones in the chord
    strong_chord_share: float  # the same on strong beats
    parallels: int  # fifths and octaves that two voices keep while both move, without a rest
    crossings: int  # of a part with another or with the melody
    mean_step: float  # semitones that a part moves from a moment to the next


def review(moments: Sequence[Moment], pitches: Pitches) -> Review:
    """Measure parts [shape=(moments, parts)]; shares are 1 where there is nothing to share."""
    scale = [
        pitch % 12 in m.scale for m, row in zip(moments, pitches, strict=True) for pitch in row
    ]
    chord = [
        pitch % 12 in m.chord for m, row in zip(moments, pitches, strict=True) for pitch in row
    ]
    strong = [m.strong for m, row in zip(moments, pitches, strict=True) for _ in row]
    voices = np.column_stack([[m.melody for m in moments], pitches]) if len(moments) else pitches
    parallels = crossings = 0
    for one, other in combinations(range(voices.shape[1]), 2):
        order = np.sign(voices[:, one] - voices[:, other])
        crossings += int((order != order[:1]).sum() + (order == 0).sum())
        for at in range(1, len(voices)):
            kept = _parallel(voices[at - 1 : at], voices[at : at + 1], one, other)[0, 0]
            parallels += int(kept in _PARALLEL_COST and not moments[at].after_rest)
    steps = np.abs(np.diff(pitches, axis=0))
    return Review(
        scale_share=_share(scale),
        chord_share=_share(chord),
        strong_chord_share=_share([yes for yes, on in zip(chord, strong, strict=True) if on]),
        parallels=parallels,
        crossings=crossings,
        mean_step=float(steps.mean()) if steps.size else 0.0,
    )


def _share(values: list[bool]) -> float:
    return sum(values) / len(values) if values else 1.0
