"""Loop points: stretches of whole bars after which their beginning may follow again.

A good loop is one whose last bar leads to the bar after it as it does to its first one, and whose
ends meet without a step in level or colour. Times are moved from the bar line to just before the
attack that is there, so that it is neither cut nor heard twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...music.errors import check_range
from ..rhythm.beats import Beats, find_beats
from ..spectra import RATE, Floats, magnitudes, mel_bank, to_mono
from .bar_features import Bars, FloatArray, hear_bars

LENGTHS_BARS = (2, 4, 8, 12, 16)
"""Lengths that are tried."""

SEAM_SECONDS = 0.06
"""What is compared on either side of a seam."""

EARLY_SECONDS = 0.004
"""How long before an attack the cut is made."""

_SEARCH_SECONDS = 0.04  # how far an attack may lie from its bar line
_RISE_DB = 6.0  # of an attack: 12 ms from it on against the 20 before
_FLOOR = 1e-9  # mean square that counts as silence
_MATCH_SECONDS = 0.2  # of the beginning that is looked for at the end
_MATCH_DB = 3.0  # mean difference of envelopes that is a match
_COLOUR_DB, _LEVEL_DB = 12.0, 9.0  # steps at which a seam is worth nothing
_BANDS = 24
_APART_BARS = 0.5  # of a loop's length by which two loops must differ to be both told


@dataclass(frozen=True)
class Seam:
    """How a loop's end meets its beginning: what differs from the recording going on there."""

    level_step_db: float
    colour_step_db: float  # mean over mel bands

    @property
    def smoothness(self) -> float:
        """0..1: 1 where nothing is different."""
        colour = 1.0 - self.colour_step_db / _COLOUR_DB
        level = 1.0 - self.level_step_db / _LEVEL_DB
        return float(np.clip(min(colour, level), 0.0, 1.0))


@dataclass(frozen=True)
class Loop:
    """A stretch that can be played round and round."""

    start_seconds: float
    end_seconds: float
    start_bar: int  # counted from 0
    bars: int
    seam: Seam
    confidence: float  # 0..1


@dataclass(frozen=True)
class Loops:
    """Loops of a recording, the best first."""

    loops: tuple[Loop, ...]

    def __len__(self) -> int:
        return len(self.loops)


def find_loops(
    samples: NDArray[np.floating],
    sample_rate: int,
    beats: Beats | None = None,
    *,
    lengths_bars: Sequence[int] = LENGTHS_BARS,
    most: int = 8,
) -> Loops:
    """The best loops of a recording; none without beats.

    Raises SegueError for samples that are no sound, RangeError for lengths that are not 1 to 256.

    :param beats: from `find_beats`, if they are already known
    :param most: how many are told; loops that are nearly the same count once
    """
    for length in lengths_bars:
        check_range("length of a loop in bars", length, 1, 256)
    check_range("most loops", most, 1, 1_000)
    mono = to_mono(samples, sample_rate)
    found = find_beats(mono, RATE) if beats is None else beats
    bars = hear_bars(mono, found)
    if not bars.metric or not len(bars) or float(bars.level_db.max()) < -90.0:
        return Loops(())
    return Loops(tuple(_best(mono, bars, sorted(set(lengths_bars)), most)))


def _best(mono: Floats, bars: Bars, lengths: Sequence[int], most: int) -> list[Loop]:
    alike = bars.likeness()
    heard = bars.level_db > bars.level_db.max() - 40.0
    ways = []
    for length in lengths:
        for start in range(len(bars) - length + 1):
            if heard[start : start + length].all():
                ways.append((_fit(alike, start, start + length), length, start))
    chosen: list[Loop] = []
    for fit, length, start in sorted(ways, key=lambda way: (-way[0], -way[1], way[2])):
        if any(_same(start, length, loop) for loop in chosen):
            continue
        edges = bars.edges_seconds[start], bars.edges_seconds[start + length]
        first, last = loop_times(mono, float(edges[0]), float(edges[1]))
        inner = bars.edges_seconds[start + 1 : start + length] + (first - edges[0])
        seam = measure_seam(mono, first, last, inner.tolist())
        sure = float(np.clip(fit, 0.0, 1.0)) * (0.5 + 0.5 * seam.smoothness)
        chosen.append(
            Loop(first, last, start * bars.bars_each, length * bars.bars_each, seam, sure)
        )
        if len(chosen) >= 3 * most:
            break
    return sorted(chosen, key=lambda loop: -loop.confidence)[:most]


def _fit(alike: FloatArray, start: int, stop: int) -> float:
    """0..1: whether the bar after a loop is like its first one, and the bar before like its last.

    At the ends of the recording only one of both is known, and counts less.
    """
    known = []
    if stop < len(alike):
        known.append(alike[start, stop])
    if start > 0:
        known.append(alike[start - 1, stop - 1])
    share = {0: 0.3, 1: 0.8, 2: 1.0}[len(known)]
    return share * float(np.clip(np.mean(known) if known else 1.0, 0.0, 1.0))


def _same(start: int, length: int, loop: Loop) -> bool:
    return loop.bars == length and abs(loop.start_bar - start) < _APART_BARS * length


def loop_times(mono: Floats, start_seconds: float, end_seconds: float) -> tuple[float, float]:
    """Both ends of a loop at the attacks next to them, in seconds.

    Where no attack is at the end, it is put where the envelope goes on as it does from the start.

    :param mono: sound at `RATE`
    """
    begin = cut_before_attack(mono, start_seconds)
    attack = cut_before_attack(mono, end_seconds)
    if attack != end_seconds:
        return begin, attack
    wanted, around = round(_MATCH_SECONDS * 1e3), round(_SEARCH_SECONDS * 1e3)
    model = _envelope_db(mono, begin, wanted)
    expected = end_seconds + begin - start_seconds
    first = expected - _SEARCH_SECONDS
    there = _envelope_db(mono, first, wanted + 2 * around)
    inside = first >= 0.0 and first + len(there) / 1e3 <= len(mono) / RATE
    if inside and model.std() > 1.0:
        places = np.lib.stride_tricks.sliding_window_view(there, wanted)
        apart = np.abs(places - model).mean(axis=1)
        nearest = int(apart.argmin())
        if apart[nearest] <= _MATCH_DB and 0 < nearest < len(apart) - 1:
            return begin, first + nearest / 1e3
    return begin, min(expected, len(mono) / RATE)


def cut_before_attack(mono: Floats, seconds: float) -> float:
    """Just before the strongest attack within 40 ms of a time; that time if there is none.

    :param mono: sound at `RATE`
    """
    around, past, coming = round(1e3 * _SEARCH_SECONDS), 20, 12  # milliseconds
    first = seconds - _SEARCH_SECONDS - past / 1e3
    power = _power(mono, first, past + 2 * around + coming)
    sums = np.concatenate([[0.0], np.cumsum(power)])
    places = past + np.arange(2 * around + 1)
    before = (sums[places] - sums[places - past]) / past
    after = (sums[np.minimum(places + coming, len(power))] - sums[places]) / coming
    rise = 10.0 * np.log10((after + _FLOOR) / (before + _FLOOR))
    at = int(rise.argmax())
    if rise[at] < _RISE_DB:
        return seconds
    attack = first + float(places[at]) / 1e3 - EARLY_SECONDS
    return min(max(attack, 0.0), len(mono) / RATE)


def _envelope_db(mono: Floats, first_seconds: float, count: int) -> FloatArray:
    """Levels of milliseconds from a time on [shape=(count,)], over ten of them each."""
    power = np.convolve(_power(mono, first_seconds, count), np.ones(10) / 10, mode="same")
    return np.asarray(10.0 * np.log10(power + _FLOOR))


def _power(mono: Floats, first_seconds: float, count: int) -> FloatArray:
    """Mean squares of milliseconds from a time on [shape=(count,)]; 0 beyond the recording."""
    edges = np.round((first_seconds + np.arange(count + 1) / 1e3) * RATE).astype(np.intp)
    inside = np.clip(edges, 0, len(mono))
    squares = np.square(mono[inside[0] : inside[-1]], dtype=np.float64)
    sums = np.concatenate([[0.0], np.cumsum(squares)])[inside - inside[0]]
    return np.asarray(np.diff(sums) / np.maximum(np.diff(edges), 1))


def measure_seam(
    mono: Floats, start_seconds: float, end_seconds: float, lines_seconds: Sequence[float] = ()
) -> Seam:
    """How the sound before the end is followed by what begins at the start.

    The two are compared with what meets at bar lines of the recording: at the start itself, at the
    end, and at others if they are named. The one counts that is nearest: if the recording has a
    passage like this somewhere, so may the loop.

    :param mono: sound at `RATE`
    :param lines_seconds: bar lines within the loop
    """
    length = round(SEAM_SECONDS * RATE)
    start, stop = round(start_seconds * RATE), round(end_seconds * RATE)
    before, after = _bands(mono, stop - length), _bands(mono, start)
    seams = []
    for line in (start_seconds, end_seconds, *lines_seconds):
        at = round(line * RATE)
        ends, begins = _step(before, _bands(mono, at - length)), _step(after, _bands(mono, at))
        seams.append(Seam(max(ends[0], begins[0]), max(ends[1], begins[1])))
    return max(seams, key=lambda seam: (seam.smoothness, -seam.level_step_db))


def _bands(mono: Floats, first: int) -> FloatArray:
    """Mel levels in dB of a seam's length of sound from a sample on, and last its level."""
    length = round(SEAM_SECONDS * RATE)
    part = np.zeros(length, np.float32)
    low, high = max(first, 0), min(first + length, len(mono))
    if high > low:
        part[low - first : high - first] = mono[low:high]
    window = 1024
    spectrum = magnitudes(part, window, window // 4)
    power = np.square(spectrum) @ mel_bank(window, _BANDS, 40.0, 10_000.0)
    both = np.append(power.mean(axis=0), np.square(part, dtype=np.float64).mean())
    return np.asarray(10.0 * np.log10(np.maximum(both, _FLOOR)))


def _step(one: FloatArray, other: FloatArray) -> tuple[float, float]:
    """Differences of levels and, on average, of bands; 50 dB below the top is as low as it gets."""
    floor = max(one[:-1].max(), other[:-1].max()) - 50.0
    first, second = np.maximum(one[:-1], floor), np.maximum(other[:-1], floor)
    quiet = max(one[-1], other[-1]) - 50.0
    level = abs(max(one[-1], quiet) - max(other[-1], quiet))
    return float(level), float(np.abs(first - second).mean())
