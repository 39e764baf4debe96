"""Where music lies on the audio clock: decided bars, and when `at` is.

Beats become frames through the world's tempo map plus one offset, which is 0 unless the session was
restored or had to catch up.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np

from ...agents.live import Performed
from ...music.cue import PHRASE_BARS, Cue
from ...music.errors import SegueError, check_range
from ...music.events import EVENT, Events
from ...music.tempo import TempoMap

AT = (
    "now",
    "beat",
    "bar",
    "phrase",
    "section",
    "grid:B",
    "bars:N",
    "marker:NAME",
    "section:NAME",
    "beat:N",
    "frame:N",
)
GRIDS = ("bar", "phrase", "section")
LOOK_BARS = 128
"""So far ahead is looked for a marker or a section, as the music would go by itself."""

NEAR_BARS = 10  # the sounding bar is one of the last: those ahead are few
LEAST_GRID_BEATS, MOST_GRID_BEATS = 1 / 32, 1024.0

Place = tuple[str, int]
"""A section and a bar of it."""


@dataclass(frozen=True)
class Told:
    """Something said to the performer, kept so that a decision can be taken again."""

    command: str
    verb: str
    names: tuple[str, ...] = ()
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def plain(self) -> list[Any]:
        """The same as plain JSON values."""
        return [self.command, self.verb, list(self.names), self.values]


@dataclass
class Slot:
    """A decided bar in its place."""

    performed: Performed
    start_frame: int
    end_frame: int
    before: dict[str, Any] | None  # the performer just before it decided this bar
    told: list[Told] = field(default_factory=list)  # since it decided this bar
    events: Events = field(default_factory=lambda: np.zeros(0, EVENT))  # as they are performed
    repeats: int | None = None  # index of the bar that it plays again

    @property
    def place(self) -> Place:
        """Where it lies in its section."""
        bar = self.performed.bar
        return bar.section, bar.bar_in_section


@dataclass(frozen=True)
class Due:
    """When something is to happen."""

    frame: int
    beat: float
    bar: int
    estimated: bool  # tempo or way up to there are not settled yet


class Timeline:
    """The decided bars of a session in order, and the conversions that go with them.

    :param coming: the places of the bars beyond the decided ones, as far as they can be foreseen
    """

    def __init__(
        self,
        cue: Cue,
        sample_rate: int,
        tempo: Callable[[], TempoMap],
        coming: Callable[[], Iterator[Place]],
    ) -> None:
        self.cue, self.sample_rate = cue, sample_rate
        self._coming = coming
        self.slots: list[Slot] = []
        self.offset_frames = 0
        self._tempo = tempo

    def frame_of(self, beat: float) -> int:
        """The frame nearest to a beat; an estimate beyond the decided bars."""
        return self._tempo().frame(beat, self.sample_rate) + self.offset_frames

    def beat_of(self, frame: int) -> float:
        """The beat at a frame."""
        return self._tempo().beats((frame - self.offset_frames) / self.sample_rate)

    @property
    def end_frame(self) -> int:
        """Where the last decided bar ends."""
        return self.slots[-1].end_frame if self.slots else self.offset_frames

    @property
    def end_beat(self) -> float:
        """Where the last decided bar ends, in beats."""
        if not self.slots:
            return 0.0
        bar = self.slots[-1].performed.bar
        return bar.start_beats + bar.beats

    def add(self, performed: Performed, before: dict[str, Any]) -> Slot:
        """Place the next bar behind the others."""
        bar = performed.bar
        start, end = self.frame_of(bar.start_beats), self.frame_of(bar.start_beats + bar.beats)
        self.slots.append(Slot(performed, start, end, before))
        return self.slots[-1]

    def number_at(self, frame: int) -> int:
        """Position in `slots` of the bar that sounds at a frame, within the decided ones."""
        last = len(self.slots) - 1
        for number in range(last, max(last - NEAR_BARS, -1), -1):  # most asked for
            if self.slots[number].start_frame <= frame:
                return number
        return max(bisect_right(self.slots, frame, key=lambda slot: slot.start_frame) - 1, 0)

    def at_frame(self, frame: int) -> Slot:
        """The decided bar that sounds at a frame."""
        return self.slots[self.number_at(frame)]

    def slot(self, index: int) -> Slot:
        """A decided bar by its index."""
        return self.slots[index - self.slots[0].performed.bar.index]

    def forget_states(self, frame: int) -> None:
        """Drop the performer's states that no decision can return to any more."""
        for slot in reversed(self.slots[: self.number_at(frame)]):
            if slot.before is None:
                break
            slot.before = None
            slot.told.clear()

    def due(self, at: str, earliest_frame: int) -> Due:
        """The first moment at or after a frame that `at` allows."""
        word, _, number = at.partition(":")
        if word == "now" and not number:
            return self._due_frame(earliest_frame)
        if word == "frame" and number:
            return self._due_frame(_future(at, _number(at, number), earliest_frame, "frame"))
        if word == "beat" and number:
            earliest = self.beat_of(earliest_frame)
            return self._due_beat(_future(at, _number(at, number), earliest, "beat"))
        if word == "beat":
            return self._next_beat(earliest_frame)
        if word == "grid" and number:
            return self._next_multiple(_step(at, number), earliest_frame)
        if word == "bars" and number:
            return self.bar_start(
                self.at_frame(earliest_frame).performed.bar.index + _count(at, number)
            )
        if at in GRIDS:
            return self._next_line(at, earliest_frame)
        if (place := self.place(at)) is not None:
            slot = self.at_frame(earliest_frame)
            passed = slot.start_frame < earliest_frame
            return self.next_place(place, slot.performed.bar.index + passed)
        raise SegueError(f"at is {at!r}; write one of: {', '.join(AT)}")

    def place(self, at: str) -> Place | None:
        """Where the music has to be for `marker:NAME` or `section:NAME`; None for any other `at`.

        UnknownNameError if the cue has no such marker or section.
        """
        word, _, name = at.partition(":")
        if word == "marker" and name:
            marker = self.cue.marker(name)
            return marker.section, marker.bar
        if word == "section" and name:
            return self.cue.sections[self.cue.section_index(name)].name, 0
        return None

    def next_place(self, place: Place, first: int) -> Due:
        """When a place is reached, from the bar of index `first` on.

        Beyond the decided bars it is estimated: the next time that it comes if nobody asks for
        anything, or `LOOK_BARS` on if it does not come by itself.
        """
        skipped = first - self.slots[0].performed.bar.index if self.slots else 0
        for slot in self.slots[max(skipped, 0) :]:
            if slot.place == place:
                return self.bar_start(slot.performed.bar.index)
        index = self.slots[-1].performed.bar.index + 1 if self.slots else 0
        for ahead, here in enumerate(islice(self._coming(), LOOK_BARS)):
            if here == place and index + ahead >= first:
                return replace(self.bar_start(index + ahead), estimated=True)
        return replace(self.bar_start(index + LOOK_BARS), estimated=True)

    def line_from(self, due: Due) -> Due:
        """The first bar line at or after a moment."""
        inside = due.frame != self.bar_start(due.bar).frame
        return self.bar_start(due.bar + inside) if inside else due

    def at_beat(self, beat: float) -> Due:
        """When a beat is, by what is decided now."""
        return self._due_beat(beat)

    def _due_frame(self, frame: float) -> Due:
        whole = math.ceil(frame)
        beat = self.beat_of(whole)
        return Due(whole, beat, self._bar_index(beat, whole), whole > self.end_frame)

    def _due_beat(self, beat: float) -> Due:
        frame = self.frame_of(beat)
        return Due(frame, beat, self._bar_index(beat, frame), frame > self.end_frame)

    def _next_beat(self, frame: int) -> Due:
        bar = self.at_frame(frame).performed.bar
        beat = bar.start_beats + max(math.floor(self.beat_of(frame) - bar.start_beats), 0)
        while self.frame_of(beat) < frame:
            beat = (
                min(beat + 1.0, bar.start_beats + bar.beats) if beat < self.end_beat else beat + 1
            )
        return self._due_beat(beat)

    def _next_multiple(self, step: float, frame: int) -> Due:
        """The next multiple of some beats."""
        number = math.ceil(self.beat_of(frame) / step - 1e-9)
        while self.frame_of(number * step) < frame:
            number += 1
        return self._due_beat(number * step)

    def _next_line(self, at: str, frame: int) -> Due:
        """The next bar line of a grid, counted from the start of the section."""
        for slot in self.slots[self.number_at(frame) :]:
            if slot.start_frame >= frame and self._on_grid(at, slot.performed.bar.bar_in_section):
                return self.bar_start(slot.performed.bar.index)
        last = self.slots[-1].performed.bar
        bars = self.cue.sections[self.cue.section_index(last.section)].bars
        ahead = 1
        while not self._on_grid(at, (last.bar_in_section + ahead) % bars):
            ahead += 1
        return self.bar_start(last.index + ahead)

    @staticmethod
    def _on_grid(at: str, bar_in_section: int) -> bool:
        if at == "phrase":
            return bar_in_section % PHRASE_BARS == 0
        return at == "bar" or bar_in_section == 0

    def bar_start(self, index: int) -> Due:
        """When a bar begins; an estimate unless it or the one before is decided."""
        first = self.slots[0].performed.bar.index if self.slots else 0
        if 0 <= index - first < len(self.slots):
            slot = self.slots[index - first]
            return Due(slot.start_frame, slot.performed.bar.start_beats, index, False)
        beyond = index - (first + len(self.slots))
        beat = self.end_beat + beyond * self.cue.meter.bar_beats
        return Due(self.frame_of(beat), beat, index, beyond > 0)

    def _bar_index(self, beat: float, frame: int) -> int:
        """Index of the bar of a beat, which lies at a frame."""
        slot = self.at_frame(frame)
        past = (beat - slot.performed.bar.start_beats) / self.cue.meter.bar_beats
        return slot.performed.bar.index + max(math.floor(past + 1e-9), 0)


def _number(at: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < 1e12:
        raise SegueError(f"at is {at!r}: {text!r} is not a number from 0 on; write e.g. beat:64")
    return value


def _step(at: str, text: str) -> float:
    beats = _number(at, text)
    return check_range(f"beats of at {at!r}", beats, LEAST_GRID_BEATS, MOST_GRID_BEATS)


def _count(at: str, text: str) -> int:
    value = _number(at, text)
    if value != int(value) or not 1 <= value <= 10_000:
        raise SegueError(f"at is {at!r}: {text!r} is not a whole number of bars; write e.g. bars:4")
    return int(value)


def _future(at: str, value: float, now: float, unit: str) -> float:
    if value < now:
        raise SegueError(
            f"at is {at!r}, but {unit} {now:.6g} has been reached; name a later {unit}"
        )
    return value
