"""Performed notes to written ones: onsets and lengths on a grid that fits each beat best.

Each beat is divided in 1, 2, 4, 3, 6 or 8 parts. A division costs what the onsets must be moved
and what it takes to read; a Viterbi search over the beats finds the cheapest divisions, since a
triplet is likelier beside triplets (after D. Temperley, "Music and Probability", 2007, chapter 3).
Lengths then follow: a note that fades shortly before the next is written up to it.

Conventions: times in beats, where a beat is what the music is counted in; see `music.score`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...music.score import Notes, sort_notes
from ...music.tempo import MAX_BPM, MIN_BPM, TempoMap

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

DIVISIONS = (1, 2, 4, 3, 6, 8)
"""Into how many equal parts a beat may be divided."""

IN_THIRDS = (1, 3, 6)
"""The same in compound meters."""

_READING = {1: 0.0, 2: 0.3, 4: 1.5, 3: 1.5, 6: 6.0, 8: 6.0}  # cost of a division
_OFF = {1: 0.0, 2: 0.2, 3: 0.6, 4: 0.8, 6: 1.5, 8: 1.8}  # of an onset by its finest division
_CHANGE = 0.7  # between halves and thirds
_SPREAD = 0.03  # beats: standard deviation of an onset
_FAR = 4.5  # standard deviations beyond which an onset costs no more
_MERGED = 5.0  # of two onsets that become one
_CHORD = 0.07  # beats: onsets nearer than this are one
_LEGATO = 0.5  # share of the time to the next onset from which a note is written up to it
_SHORT_GAP = 0.3  # beats: so short a rest is never written
_BRIEF = 0.5  # beats or share of the next note's time: so short an overlap is not written
_LAST = {0.5: 0.1, 0.75: 0.4, 1: 0, 1.5: 0.3, 2: 0, 3: 0.2, 4: 0, 6: 0.4, 8: 0.1}
"""Lengths of a last note, which fades or rings on, and what each costs against an octave off."""

_EXACT = 1e-3  # beats: on the grid already


@dataclass(frozen=True)
class Quantised:
    """Notes on the grid."""

    notes: Notes
    divisions: IntArray  # [shape=(beats,)] of the beats from 0 on
    moved_beats: float  # root mean square of how far onsets were moved
    cost: float  # of an onset, for being moved and read: about 0.5 of what is played to these beats

    @property
    def in_thirds(self) -> float:
        """Share of the beats that are divided at all that are divided in thirds."""
        divided = self.divisions > 1
        thirds = (self.divisions == 3) | (self.divisions == 6)
        return float(thirds.sum() / divided.sum()) if divided.any() else 0.0


def is_written(notes: Notes) -> bool:
    """Whether notes lie on a grid of a twelfth or an eighth of a beat already."""
    times = np.concatenate([notes["onset_beats"], notes["duration_beats"]])
    off = np.minimum(*(np.abs(times * parts - np.rint(times * parts)) / parts for parts in (12, 8)))
    return bool((off < _EXACT).all())


def quantise(notes: Notes, allowed: tuple[int, ...] = DIVISIONS) -> Quantised:
    """Onsets on the grid, and each note at least one step of its grid long.

    :param allowed: divisions of a beat, some of `DIVISIONS`; `IN_THIRDS` for compound meters
    """
    if not len(notes):
        return Quantised(notes, np.ones(0, np.int64), 0.0, 0.0)
    ordered = sort_notes(notes)
    onsets = ordered["onset_beats"].astype(np.float64)
    group, moments = _moments(onsets)
    divisions, cost = _divisions(moments, allowed)
    placed = _place(moments, divisions)
    moved = placed[group] - onsets
    ordered["onset_beats"] = placed[group]
    ends = onsets + ordered["duration_beats"]
    beat = np.minimum(placed[group].astype(np.int64), len(divisions) - 1)
    least = 2 if 2 in allowed else 3  # parts, on which notes may end in a beat that is not divided
    step = 1.0 / np.maximum(divisions[beat], least)
    fine = np.where(
        group == group[-1], np.minimum(step, 0.25 if 4 in allowed else step), step
    )  # nothing ends the last
    lengths = _snapped(ends, divisions, fine) - placed[group]
    ordered["duration_beats"] = np.maximum(lengths, step)
    rms = float(np.sqrt(np.mean(np.square(moved))))
    return Quantised(_without_doubles(sort_notes(ordered)), divisions, rms, cost / len(moments))


def settle_lengths(notes: Notes) -> Notes:
    """Notes of one hand or instrument with lengths as a copyist would write them.

    A note reaches to the next onset if the rest between would be short, does not overlap it a
    little, and notes that begin together and end almost together end together.
    """
    if not len(notes):
        return notes
    written = sort_notes(notes)
    onsets = np.unique(written["onset_beats"])
    following = np.append(onsets, onsets[-1] + 1e9)
    index = np.searchsorted(onsets, written["onset_beats"])
    till = following[index + 1] - onsets[index]
    after = np.append(following, following[-1] + 1e9)
    next_till = after[index + 2] - following[index + 1]
    length = written["duration_beats"].astype(np.float64)
    gap = till - length
    up_to = (gap > 0) & ((gap <= _SHORT_GAP) | ((length >= _LEGATO * till) & (till <= 2.0)))
    brief = (gap < 0) & (-gap <= np.maximum(_BRIEF, _BRIEF * np.minimum(next_till, 4.0)))
    length = np.where(up_to | brief, till, length)
    last = index == len(onsets) - 1
    length[last] = [_usual(one) for one in length[last].tolist()]
    written["duration_beats"] = _together(written["onset_beats"], length)
    return written


def one_line(notes: Notes) -> Notes:
    """The same notes so that each ends when the next begins, the highest of a chord alone."""
    ordered = sort_notes(notes)
    onsets = ordered["onset_beats"]
    last = np.append(np.diff(onsets) > 1e-6, True)  # the highest of each moment
    line = ordered[last]
    till = np.append(np.diff(line["onset_beats"]), np.inf)
    line["duration_beats"] = np.minimum(line["duration_beats"], till)
    return settle_lengths(line)


def tempo_map(
    beat_times: FloatArray, beats: FloatArray, tolerance_seconds: float = 0.03
) -> TempoMap:
    """The tempo steps by which `beats` (in quarter notes, rising) fall on `beat_times`.

    Beats in a row that lie on one tempo to within the tolerance share it. The first beat is where
    the map begins: it is beat 0 of the map if it is 0.
    """
    if len(beats) < 2:
        return TempoMap()
    steps: list[tuple[float, float]] = []
    start = 0
    while start < len(beats) - 1:
        stop = _steady(beat_times, beats, start, tolerance_seconds)
        seconds = beat_times[stop] - beat_times[start]
        bpm = 60.0 * (beats[stop] - beats[start]) / max(seconds, 1e-6)
        steps.append((float(beats[start]), float(np.clip(bpm, MIN_BPM, MAX_BPM))))
        start = stop
    tempo = TempoMap(steps[0][1])
    for at, bpm in steps[1:]:
        tempo.change(at, bpm)
    return tempo


def beat_positions(
    times_seconds: FloatArray | Sequence[float], beat_times: FloatArray
) -> FloatArray:
    """Where times lie among beats, which are counted from 0; beyond the ends the tempo goes on."""
    times = np.asarray(times_seconds, np.float64)
    if len(beat_times) < 2:
        period = 0.5
        first = float(beat_times[0]) if len(beat_times) else 0.0
        return np.asarray((times - first) / period)
    count = len(beat_times)
    found = np.interp(times, beat_times, np.arange(count))
    intervals = np.diff(beat_times)
    before, after = np.median(intervals[:4]), np.median(intervals[-4:])
    found = np.where(times < beat_times[0], (times - beat_times[0]) / before, found)
    late = count - 1 + (times - beat_times[-1]) / after
    return np.asarray(np.where(times > beat_times[-1], late, found))


def _steady(times: FloatArray, beats: FloatArray, start: int, tolerance: float) -> int:
    """The last beat up to which one tempo from `start` on fits."""
    good = start + 1
    for stop in range(start + 2, len(beats)):
        share = (beats[start : stop + 1] - beats[start]) / (beats[stop] - beats[start])
        line = times[start] + share * (times[stop] - times[start])
        if np.abs(times[start : stop + 1] - line).max() > tolerance:
            break
        good = stop
    return good


def _moments(onsets: FloatArray) -> tuple[IntArray, FloatArray]:
    """Which moment each onset belongs to, and the moments: chords are played nearly at once."""
    group = np.zeros(len(onsets), np.int64)
    first = onsets[0]
    for index in range(1, len(onsets)):
        apart = onsets[index] - first > _CHORD
        group[index] = group[index - 1] + apart
        first = onsets[index] if apart else first
    sums = np.bincount(group, weights=onsets)
    return group, sums / np.bincount(group)


def _divisions(moments: FloatArray, allowed: tuple[int, ...]) -> tuple[IntArray, float]:
    """The division of each beat from 0 to the last, and what they cost."""
    beats = int(np.floor(moments[-1])) + 1
    costs = np.zeros((beats, len(DIVISIONS)))
    barred = [division not in allowed for division in DIVISIONS]
    which = np.floor(moments).astype(np.int64)
    for beat in np.unique(which).tolist():
        inside = moments[which == beat] - beat
        costs[beat] = division_costs(inside)
    costs[:, barred] = np.inf
    thirds = np.array([division % 3 == 0 for division in DIVISIONS])
    change = _CHANGE * (thirds[:, None] != thirds[None, :])
    total, came = costs[0], np.zeros((beats, len(DIVISIONS)), np.int64)
    for beat in range(1, beats):
        ways = total[None, :] + change
        came[beat] = ways.argmin(axis=1)
        total = ways.min(axis=1) + costs[beat]
    state = int(total.argmin())
    found = np.ones(beats, np.int64)
    for beat in range(beats - 1, -1, -1):
        found[beat] = DIVISIONS[state]
        state = int(came[beat, state])
    found[np.setdiff1d(np.arange(beats), which)] = 1
    return found, float(total.min())


def division_costs(inside: FloatArray) -> list[float]:
    """What each of `DIVISIONS` costs for the onsets 0..1 of one beat."""
    return [_cost(inside, division) for division in DIVISIONS]


def _cost(inside: FloatArray, division: int) -> float:
    place = np.rint(inside * division).astype(np.int64)
    far = np.minimum(np.abs(inside - place / division) / _SPREAD, _FAR)
    fine = [division // int(np.gcd(step, division)) for step in place.tolist()]
    merged = len(place) - len(np.unique(place))
    moving = 0.5 * float(np.square(far).sum())
    return _READING[division] + moving + sum(_OFF[part] for part in fine) + _MERGED * merged


def _place(moments: FloatArray, divisions: IntArray) -> FloatArray:
    beat = np.floor(moments).astype(np.int64)
    parts = divisions[beat]
    return np.asarray(beat + np.rint((moments - beat) * parts) / parts)


def _snapped(ends: FloatArray, divisions: IntArray, step: FloatArray) -> FloatArray:
    """Ends on the grid of the beat they fall in, or on that of their note where it may be finer.

    Halves and thirds never mix in a beat that is divided.
    """
    beat = np.clip(np.floor(ends).astype(np.int64), 0, len(divisions) - 1)
    parts = divisions[beat]
    own = 1.0 / parts
    thirds = np.abs(step * 3.0 - np.rint(step * 3.0)) < 1e-9
    alike = (parts == 1) | (np.isin(parts, (3, 6)) == thirds)
    finer = np.where(alike, np.minimum(own, step), own)
    return np.asarray(np.floor(ends) + np.rint((ends - np.floor(ends)) / finer) * finer)


def _together(onsets: FloatArray, length: FloatArray) -> FloatArray:
    """Lengths of each chord: those of at least half the longest become so long."""
    found = length.copy()
    for onset in np.unique(onsets):
        here = np.flatnonzero(onsets == onset)
        order = here[np.argsort(-length[here])]
        longest = length[order[0]]
        for index in order:
            if length[index] < 0.5 * longest:
                longest = length[index]
            found[index] = longest
    return found


def _usual(length: float) -> float:
    """A length near to this one that a last note is likely to have."""
    if length < min(_LAST) - _EXACT:
        return length
    return min(_LAST, key=lambda usual: abs(np.log2(length / usual)) + _LAST[usual])


def _without_doubles(notes: Notes) -> Notes:
    """Of notes of one pitch at one moment only the longest; one pitch never overlaps itself."""
    order = np.lexsort((-notes["duration_beats"], notes["onset_beats"], notes["pitch"]))
    ordered = notes[order]
    same = np.diff(ordered["pitch"].astype(np.int64)) == 0
    near = np.diff(ordered["onset_beats"]) < 1e-6
    kept = ordered[~np.append(False, same & near)]
    again = np.diff(kept["pitch"].astype(np.int64)) == 0
    till = np.where(np.append(again, False), np.append(np.diff(kept["onset_beats"]), 0.0), np.inf)
    kept["duration_beats"] = np.minimum(kept["duration_beats"], till)
    return sort_notes(kept)
