"""What goes with a sung melody over a cue: chords in time, parts, their shifts and choir notes."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...analysis.notes.sung_notes import SungNote
from ...music.cue import Cue
from ...music.direction import Direction
from ...music.errors import check_range
from ...music.events import EVENT, Events
from ...music.harmony_parts import Moment, Pitches, chord_scale, write_parts
from ...music.theory import Chord
from ...music.world import Bar, World

FloatArray = NDArray[np.float64]

GLIDE_SECONDS = 0.06
"""What a part takes from one interval to the next."""

_SHORTEST_STRETCH_SECONDS = 0.12  # a chord change so near to a note's edge does not divide it
_REST_SECONDS = 0.25
_STRONG_SECONDS = 0.1  # how far from a strong beat a note still begins on it
_HALVED = (4, 6, 8, 12)  # numerators of meters with a second strong beat in the middle


@dataclass(frozen=True)
class ChordSpan:
    """One chord of a cue in play."""

    start_beats: float
    beats: float
    name: str
    chord: tuple[int, ...]  # pitch classes
    scale: frozenset[int]


class Course:
    """A cue from the first bar of a section on, at one tempo, in its own mode.

    Raises UnknownNameError for an unknown section, RangeError for a tempo that the cue does not
    know.

    :param seconds: how long it lasts at least
    :param section: default: the first one
    :param bpm: default: the middle of the cue's range
    :param direction: how it is arranged; tempo and mode are set here
    """

    def __init__(
        self,
        cue: Cue,
        seconds: float,
        *,
        section: str | None = None,
        bpm: float | None = None,
        direction: Direction | None = None,
        seed: int = 0,
    ) -> None:
        world = World(cue, seed)
        if section is not None:
            world.restore(world.snapshot() | {"section": cue.section_index(section)})
        mode = (cue.modes.index(cue.key.mode) + 0.5) / len(cue.modes)
        settled = (direction or Direction()).with_changes(mode=mode, tempo=_tempo_knob(cue, bpm))
        self.cue, self.bars = cue, [world.advance(settled)]
        self.bpm = self.bars[0].bpm
        while world.tempo.seconds(world.beats) < seconds:
            self.bars.append(world.advance(settled))
        self.spans = [span for bar in self.bars for span in _spans(bar)]
        self._starts = [span.start_beats for span in self.spans]
        self.strong_beats = [beat for bar in self.bars for beat in _strong_beats(bar, cue)]

    def seconds(self, beats: float) -> float:
        """When a beat is."""
        return beats * 60.0 / self.bpm

    def span_at(self, seconds: float) -> ChordSpan:
        """The chord that sounds at a time; the first one before the beginning."""
        return self.spans[max(bisect_right(self._starts, seconds * self.bpm / 60.0) - 1, 0)]

    def is_strong(self, start_seconds: float, end_seconds: float) -> bool:
        """Whether a strong beat lies in a stretch of time, or just before it."""
        first = bisect_right(self.strong_beats, (start_seconds - _STRONG_SECONDS) * self.bpm / 60.0)
        return (
            first < len(self.strong_beats)
            and self.seconds(self.strong_beats[first]) < end_seconds - _STRONG_SECONDS / 2
        )


def _tempo_knob(cue: Cue, bpm: float | None) -> float:
    slowest, fastest = cue.tempo_bpm
    if bpm is None or fastest == slowest:
        return 0.5
    check_range(f"tempo of cue {cue.name!r} in bpm", bpm, slowest, fastest)
    return float(np.clip(np.log(bpm / slowest) / np.log(fastest / slowest), 0.0, 1.0))


def _spans(bar: Bar) -> list[ChordSpan]:
    beats = bar.beats / len(bar.chords)
    spans = []
    for at, name in enumerate(bar.chords):
        chord = Chord.parse(name).pitch_classes
        start = bar.start_beats + at * beats
        spans.append(ChordSpan(start, beats, name, chord, chord_scale(chord, bar.key)))
    return spans


def _strong_beats(bar: Bar, cue: Cue) -> list[float]:
    if cue.meter.numerator in _HALVED:
        return [bar.start_beats, bar.start_beats + bar.beats / 2]
    return [bar.start_beats]


@dataclass(frozen=True)
class Stretch:
    """Part of a sung note under one chord; seconds from the start of the recording."""

    start_seconds: float
    end_seconds: float
    chord: str
    moment: Moment


def stretches(notes: Sequence[SungNote], course: Course, at_seconds: float) -> list[Stretch]:
    """The notes cut where the chord changes.

    :param at_seconds: where in the course the recording begins
    """
    found: list[Stretch] = []
    for note in notes:
        start = note.onset_seconds
        while start < note.end_seconds - 1e-9:
            middle = start + min(_SHORTEST_STRETCH_SECONDS, note.end_seconds - start) / 2
            span = course.span_at(middle + at_seconds)
            end = course.seconds(span.start_beats + span.beats) - at_seconds
            last = span is course.spans[-1]
            if last or end > note.end_seconds - _SHORTEST_STRETCH_SECONDS:
                end = note.end_seconds
            rest = not found or start - found[-1].end_seconds > _REST_SECONDS
            strong = course.is_strong(start + at_seconds, end + at_seconds)
            moment = Moment(note.pitch, span.chord, span.scale, strong, rest)
            found.append(Stretch(start, end, span.name, moment))
            start = end
    return found


class Plan:
    """The parts of a whole recording.

    `pitches` [shape=(stretches, parts)] are those of the parts, as MIDI numbers in tune; each is
    sung as far from there as the voice is from its own tone.
    """

    def __init__(self, found: list[Stretch], style: str, parts: int) -> None:
        self.stretches, self.parts = found, parts
        self.pitches: Pitches = write_parts([s.moment for s in found], style, parts)
        melody = np.array([s.moment.melody for s in found])
        self.intervals = self.pitches - melody[:, None]
        self._starts = np.array([s.start_seconds for s in found])
        self._ends = np.array([s.end_seconds for s in found])
        self._knots, self._values = self._glides()

    def _glides(self) -> tuple[FloatArray, FloatArray]:
        """Times [knots], and intervals [parts, knots] with straight lines between."""
        if not len(self._starts):
            return np.zeros(1), np.zeros((self.parts, 1))
        borders = (self._ends[:-1] + self._starts[1:]) / 2
        room = np.minimum(self._ends - self._starts, GLIDE_SECONDS) / 2
        before, after = borders - room[:-1], borders + room[1:]
        times = np.concatenate([[self._starts[0]], np.stack([before, after], axis=1).ravel()])
        rows = np.concatenate(
            [[0], np.repeat(np.arange(len(borders)), 2) + np.tile([0, 1], len(borders))]
        )
        return times, self.intervals[rows].T.astype(np.float64)

    def ratios(self, times_seconds: FloatArray) -> FloatArray:
        """Shift of each part at some times, new pitch over old [shape=(parts, n)]."""
        return np.stack(
            [2.0 ** (np.interp(times_seconds, self._knots, row) / 12.0) for row in self._values]
        )

    def sung(self, times_seconds: FloatArray, margin_seconds: float = 0.0) -> NDArray[np.bool_]:
        """Whether a note is sung at some times, or at most a margin away [shape=(n,)]."""
        at = np.searchsorted(self._starts, times_seconds, side="right") - 1
        after = times_seconds < self._ends[np.maximum(at, 0)] + margin_seconds
        following = np.append(self._starts, np.inf)[at + 1]
        return np.asarray(((at >= 0) & after) | (times_seconds > following - margin_seconds))


def choir_events(plan: Plan, levels: FloatArray, sample_rate: int, channel: int = 0) -> Events:
    """The parts as notes of a choir that tunes itself to the singer.

    A part that keeps its pitch from one stretch to the next holds its note.

    :param levels: how loud each stretch is sung, 0..1 [shape=(stretches,)]
    """
    rows: list[tuple[int, int, float, float, int]] = []
    for part in range(plan.parts):
        first = 0
        pitches = plan.pitches[:, part]
        for at in range(1, len(pitches) + 1):
            if at < len(pitches) and _held(plan, part, at):
                continue
            group = plan.stretches[first:at]
            lengths = np.array([s.end_seconds - s.start_seconds for s in group])
            tuning = np.average([s.moment.tuning for s in group], weights=lengths)
            velocity = np.average(levels[first:at], weights=lengths)
            start = round(group[0].start_seconds * sample_rate)
            end = round(group[-1].end_seconds * sample_rate)
            pitch = float(pitches[first] + np.clip(tuning, -0.5, 0.5))
            rows.append((start, max(end - start, 1), pitch, float(velocity), channel))
            first = at
    return np.sort(np.array(rows, EVENT), order=["at_frame", "pitch"])


def _held(plan: Plan, part: int, at: int) -> bool:
    """Whether a part goes on with its note at a stretch."""
    gap = plan.stretches[at].start_seconds - plan.stretches[at - 1].end_seconds
    return bool(plan.pitches[at, part] == plan.pitches[at - 1, part]) and gap < GLIDE_SECONDS
