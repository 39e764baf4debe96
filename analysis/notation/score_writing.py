"""Notes in seconds to a score in bars: on which beats, on the grid, in hands.

Beats that were heard are believed unless the notes lie far better on others; the score begins with
the bar of its first note; a beat that is mostly divided in thirds makes the meter compound.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...music.midi import DRUM_CHANNEL
from ...music.score import MAX_BEATS, NOTE, Marker, Notes, Score, Track, sort_notes
from ...music.tempo import Meter, TempoMap
from ..rhythm.beats import Beats
from .quantise import (
    DIVISIONS,
    IN_THIRDS,
    beat_positions,
    one_line,
    quantise,
    settle_lengths,
    tempo_map,
)
from .staves import needs_two_staves, split_hands
from .steady_beats import steady_beats

FloatArray = NDArray[np.float64]

_TRUSTED = 0.25  # mean confidence of beats that are believed
_SUSPECT = 1.5  # cost of an onset on beats that may be wrong
_BETTER = 0.5  # times the cost: beats that fit so much better are right
_USUAL = 4  # beats of a bar
_SURE = 0.44  # confidence of a meter that is believed
_PARTS = 4  # of a beat, in which rhythms are compared
_RECURS = 0.1  # by which a rhythm must recur better to be in another meter
_EARLY = 0.15  # beats by which a note of the first bar may come before it
_THIRDS, _LEAST_DIVIDED = 0.6, 4  # share of divided beats in thirds that makes a meter compound


@dataclass(frozen=True)
class Part:
    """Notes in seconds (in the columns named for beats) of one instrument to be."""

    name: str
    program: int
    channel: int
    rows: Notes
    single: bool = False


@dataclass(frozen=True)
class Bars:
    """Beats in seconds and which of them begin bars."""

    times: FloatArray
    first_downbeat: int  # index, may lie before the first beat
    meter_beats: int
    confidence: float

    @property
    def bpm(self) -> float:
        """Of most beats."""
        return 60.0 / float(np.median(np.diff(self.times))) if len(self.times) > 1 else 120.0


@dataclass(frozen=True)
class Written:
    score: Score
    start_seconds: float
    first_beat: float  # of `Bars` that is beat 0 of the score
    scale: float  # quarter notes of a beat
    moved_seconds: float


def bars_of(beats: Beats, parts: list[Part], seconds: float) -> Bars:
    """Bars of the beats that were heard, or guessed from the notes where these fit far better."""
    if len(beats) < 4 or float(beats.confidence.mean()) < _TRUSTED:
        return _guessed_bars(_onsets(parts), seconds)
    meter = _meter(beats, parts)
    confidence = float(beats.confidence.mean())
    found = Bars(beats.times_seconds, _first_downbeat(beats, parts, meter), meter, confidence)
    return better_bars(parts, _cost(parts, found), seconds) or found


def _meter(beats: Beats, parts: list[Part]) -> int:
    """Beats of a bar: as heard if that is sure, else four unless the rhythm recurs better so."""
    heard = max(beats.meter_beats, 1)
    if heard == _USUAL or beats.meter_confidence >= _SURE:
        return heard
    onsets = _onsets(parts)
    at = np.rint(beat_positions(onsets, beats.times_seconds) * _PARTS).astype(np.int64)
    till = np.minimum(np.diff(onsets, append=onsets[-1:]), 2.0)
    curve = np.bincount(at - at.min(), weights=till).astype(np.float64)
    gain = _recurrence(curve, heard * _PARTS) - _recurrence(curve, _USUAL * _PARTS)
    return heard if gain > _RECURS else _USUAL


def _recurrence(curve: FloatArray, lag: int) -> float:
    """How like a curve is to itself some steps later, -1..1; 0 if it is too short or flat."""
    if len(curve) < 2 * lag:
        return 0.0
    one, other = curve[:-lag] - curve.mean(), curve[lag:] - curve.mean()
    scale = float(np.sqrt(np.square(one).sum() * np.square(other).sum()))
    return float((one * other).sum()) / scale if scale > 0.0 else 0.0


def _first_downbeat(beats: Beats, parts: list[Part], meter: int) -> int:
    """Which of the first beats begins a bar.

    The less sure the beats are of their bars, the more it counts that music likes to begin with a
    bar and that long notes do.
    """
    votes = np.bincount(np.flatnonzero(beats.numbers == 1) % meter, minlength=meter)
    onsets = _onsets(parts)
    at = np.rint(beat_positions(onsets, beats.times_seconds)).astype(np.int64)
    first = np.bincount(at[:1] % meter, minlength=meter)
    till = np.minimum(np.diff(onsets, append=onsets[-1:]), 2.0)
    long = np.bincount(at % meter, weights=till, minlength=meter)
    by_chance = 1.0 / max(meter, 2)
    sure = float(np.clip((beats.meter_confidence - by_chance) / (1.0 - by_chance), 0.0, 1.0))
    evidence = np.stack([part / max(float(part.sum()), 1e-9) for part in (votes, first, long)])
    weights = np.array([sure, 0.6 * (1.0 - sure), 0.4 * (1.0 - sure)])
    return int((weights @ evidence).argmax())


def better_bars(parts: list[Part], cost: float, seconds: float) -> Bars | None:
    """Guessed bars if notes lie so much better on them that others, of this cost, are wrong."""
    if cost <= _SUSPECT:
        return None
    guessed = _guessed_bars(_onsets(parts), seconds)
    return guessed if _cost(parts, guessed) < _BETTER * cost else None


def _cost(parts: list[Part], bars: Bars) -> float:
    placed = [_in_beats(part.rows, bars, _ahead(parts, bars)) for part in parts]
    return quantise(sort_notes(np.concatenate(placed))).cost


def plain(notes: Notes) -> Notes:
    """Notes as `NOTE`, whatever else they held."""
    rows = np.zeros(len(notes), NOTE)
    for name in NOTE.names or ():
        rows[name] = notes[name]
    return rows


def _onsets(parts: list[Part]) -> FloatArray:
    return np.sort(np.concatenate([part.rows["onset_beats"] for part in parts]))


def _guessed_bars(onsets: FloatArray, seconds: float) -> Bars:
    times = steady_beats(onsets, seconds)
    if len(onsets) and times[0] < onsets.min() - 0.02:  # an upbeat
        return Bars(times, 1, 4, 0.0)
    return Bars(times, 0, 4, 0.0)


def write_bars(parts: list[Part], bars: Bars, *, quantised: bool) -> Written:
    """Parts in seconds on bars."""
    ahead = _ahead(parts, bars)
    placed = [_in_beats(part.rows, bars, ahead) for part in parts]
    together = quantise(sort_notes(np.concatenate(placed)))
    compound = quantised and together.in_thirds >= _THIRDS and (together.divisions > 1).sum() >= 4
    scale = 1.5 if compound else 1.0
    if quantised:
        allowed = IN_THIRDS if compound else DIVISIONS
        placed = [quantise(rows, allowed).notes for rows in placed]
    earliest = min(float(rows["onset_beats"].min()) for rows in placed) - ahead
    length = bars.meter_beats
    early = 1e-6 if quantised else _EARLY  # played before the beat it belongs to
    bar = np.floor((earliest + early - bars.first_downbeat) / length)
    first = bars.first_downbeat + bar * length
    tracks = []
    for part, rows in zip(parts, placed, strict=True):
        rows["onset_beats"] = np.maximum((rows["onset_beats"] - ahead - first) * scale, 0.0)
        rows["duration_beats"] *= scale
        tracks += _tracks(part, rows, quantised=quantised)
    start = float(_times_at(np.array([first]), bars.times)[0])
    tempo = _tempo(bars, first, scale)
    meter = Meter(3 * length, 8) if compound else Meter(length, 4)
    moved = together.moved_beats * 60.0 / bars.bpm if quantised else 0.0
    return Written(Score(tuple(tracks), tempo, meter), start, first, scale, moved)


def _ahead(parts: list[Part], bars: Bars) -> int:
    """Beats, whole bars of them, that make the positions of all notes positive meanwhile."""
    earliest = float(beat_positions(_onsets(parts)[:1], bars.times)[0])
    return bars.meter_beats * (int(max(-earliest, 0.0) // bars.meter_beats) + 2)


def _in_beats(rows: Notes, bars: Bars, ahead: int) -> Notes:
    found = rows.copy()
    onset = beat_positions(rows["onset_beats"], bars.times) + ahead
    end = beat_positions(rows["onset_beats"] + rows["duration_beats"], bars.times) + ahead
    found["onset_beats"] = np.maximum(onset, 0.0)
    found["duration_beats"] = np.maximum(end - onset, 0.01)
    return found


def _tracks(part: Part, rows: Notes, *, quantised: bool) -> list[Track]:
    if not quantised or part.channel == DRUM_CHANNEL:
        return [Track(part.name, rows, part.program, part.channel)]
    return [settled(Track(part.name, rows, part.program, part.channel), rows, part.single)]


def settled(track: Track, rows: Notes, single: bool = False) -> Track:
    """The track with rows whose lengths are those of notation, hand by hand."""
    if track.channel == DRUM_CHANNEL:
        return replace(track, notes=rows)
    if single:
        return replace(track, notes=one_line(rows))
    hands = split_hands(rows) if needs_two_staves(rows) else (rows,)
    settled = np.concatenate([settle_lengths(hand) for hand in hands])
    return replace(track, notes=sort_notes(settled))


def _tempo(bars: Bars, first: float, scale: float) -> TempoMap:
    """The tempo map of a score whose beat 0 is beat `first` of the bars."""
    if len(bars.times) < 2:
        return TempoMap(bars.bpm * scale)
    beats = np.arange(len(bars.times), dtype=np.float64)
    if first < 0:  # the score begins before the first beat that was heard
        lead = np.arange(first, 0.0)
        times = np.concatenate([_times_at(lead, bars.times), bars.times])
        beats = np.concatenate([lead, beats])
    else:
        times, beats = bars.times[int(first) :], beats[int(first) :]
    if len(beats) < 2:
        return TempoMap(bars.bpm * scale)
    return tempo_map(times, (beats - first) * scale)


def _times_at(positions: FloatArray, beat_times: FloatArray) -> FloatArray:
    """Seconds of positions among beats; beyond the ends the tempo goes on."""
    if len(beat_times) < 2:
        return np.zeros(len(positions))
    intervals = np.diff(beat_times)
    before, after = np.median(intervals[:4]), np.median(intervals[-4:])
    last = len(beat_times) - 1
    inside = np.interp(positions, np.arange(last + 1), beat_times)
    early = beat_times[0] + positions * before
    late = beat_times[-1] + (positions - last) * after
    return np.asarray(np.where(positions < 0, early, np.where(positions > last, late, inside)))


def section_marker(made: Written, bars: Bars, second: float, name: str) -> Marker | None:
    """The marker of a section, at the nearest beat; none before the score begins."""
    beat = float(np.rint(beat_positions([second], bars.times)[0]) - made.first_beat) * made.scale
    return Marker(beat, name) if 0.0 <= beat <= MAX_BEATS else None
