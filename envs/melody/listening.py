"""What the rules of melody look at, found event by event for n pieces at once.

The detectors are those of RL Tuner (Jaques et al. 2016, arXiv:1611.02796; magenta/models/rl_tuner):
excessive repeats, motifs and repeated motifs of a bar, leaps of a fifth or more and what becomes of
them, autocorrelation, unique extremes.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .events import BAR_STEPS, EVENTS, FIRST_PITCH, HOLD, IN_KEY, IS_NOTE, OFF, IntArray

FloatArray = NDArray[np.float64]
Flags = NDArray[np.bool_]

LEAP = 7
"""Semitones of the smallest leap: a fifth."""

LAGS = (1, 2, 3)
MOTIF_NOTES = 3
"""Distinct pitches that make a bar a motif."""

_LEAP_BACK_STEPS = 6  # a leap that is leapt back sooner is not resolved
_SAME, _SAME_SPACED, _RESTS = 4, 6, 1  # more equal notes, equal notes with gaps, rests: excessive


class Heard(NamedTuple):
    """What an event was, for each of n pieces [shape=(n,)]."""

    is_note: Flags
    in_key: Flags
    repeated: Flags  # excessively
    motif_notes: IntArray  # distinct pitches of the last bar; 0 before there is one
    repeated_motif: Flags  # the last bar is a motif that was there before
    interval: IntArray  # semitones from the last note, signed; 0 if there is none
    is_leap: Flags
    resolved: Flags  # a leap before, as RL Tuner counts it
    doubled: Flags  # a leap before by one in the same direction
    answered: Flags  # the event is a note, the one before was a leap: a step back?
    unanswered: Flags  # ... or something else


class Listening:
    """Follows n pieces of so many steps.

    :param n: how many pieces
    :param steps: of a piece
    """

    def __init__(self, n: int, steps: int) -> None:
        self.n, self.steps = n, steps
        self.rows = np.arange(n)
        self.begin()

    def begin(self) -> None:
        """Forget all: the pieces begin anew."""
        n = self.n
        self.step = 0
        self.events = np.zeros((n, self.steps), np.int64)
        self.last = np.zeros(n, np.int64)  # the last note as an event; 0: none yet
        self.direction = np.zeros(n, np.int64)  # of a leap that waits for its resolution
        self.leapt_from = np.zeros(n, np.int64)
        self.since_leap = np.zeros(n, np.int64)  # steps
        self.leapt = np.zeros(n, np.int64)  # direction of the last interval, if it was a leap
        self.leaps = np.zeros(n, np.int64)
        self.holds, self.rests = np.zeros(n, np.int64), np.zeros(n, np.int64)  # since the last note
        self.same = np.zeros(n, np.int64)  # how often the last note was begun in a row
        self.spaced = np.zeros(n, bool)  # with holds or rests before or between
        self.counts = np.zeros((n, EVENTS), np.int64)
        self.seen_at = np.full((n, EVENTS), -BAR_STEPS)  # the last step of each event
        self.alike = np.zeros((n, self.steps), np.int64)  # events in a row equal to those i ago

    def hear(self, events: IntArray) -> Heard:
        """Add an event to each piece [shape=(n,)]."""
        is_note = IS_NOTE[events]
        repeated = self._repeat(events, is_note)
        interval = np.where(is_note & (self.last > 0), events - self.last, 0)
        is_leap = np.abs(interval) >= LEAP
        answer = is_note & (self.leapt != 0)
        steps_back = (interval * self.leapt < 0) & (np.abs(interval) <= 2)
        resolved, doubled = self._leap(events, is_note, interval, is_leap)
        self.leapt = np.where(is_note, np.where(is_leap, np.sign(interval), 0), self.leapt)
        self.last = np.where(is_note, events, self.last)
        self.events[:, self.step] = events
        self.counts[self.rows, events] += 1
        self.seen_at[self.rows, events] = self.step
        motif_notes = self._motif()
        repeated_motif = self._alike(events) & (motif_notes >= MOTIF_NOTES)
        self.step += 1
        return Heard(
            is_note,
            IN_KEY[events],
            repeated,
            motif_notes,
            repeated_motif,
            interval,
            is_leap,
            resolved,
            doubled,
            answer & steps_back,
            answer & ~steps_back,
        )

    def _repeat(self, events: IntArray, is_note: Flags) -> Flags:
        """Whether events are repeated excessively; counts on."""
        again = is_note & (events == self.last)
        holds, rests = events == HOLD, events == OFF
        excessive = again & (self.same > np.where(self.spaced, _SAME_SPACED, _SAME))
        excessive |= holds & (self.holds > np.where(self.rests > 0, _SAME_SPACED, _SAME))
        excessive |= rests & (self.rests > _RESTS)
        gap = self.holds + self.rests > 0
        self.spaced = np.where(is_note & ~again, gap, self.spaced | ~is_note)
        self.same = np.where(again, self.same + 1, np.where(is_note, 1, self.same))
        self.holds = np.where(is_note, 0, self.holds + holds)
        self.rests = np.where(is_note, 0, self.rests + rests)
        return np.asarray(excessive)

    def _leap(
        self, events: IntArray, is_note: Flags, interval: IntArray, is_leap: Flags
    ) -> tuple[Flags, Flags]:
        """Which leaps are resolved and doubled by events.

        A leap is resolved when the melody has come back to where it leapt from, or leaps back
        after a while; a second one in the same direction doubles it.
        """
        towards = np.sign(interval)
        waits = self.direction != 0
        back = is_leap & waits & (towards != self.direction)
        doubled = is_leap & waits & (towards == self.direction)
        home = is_note & ~is_leap & waits & ((events - self.leapt_from) * self.direction <= 0)
        resolved = home | (back & (self.since_leap > _LEAP_BACK_STEPS))
        fresh = is_leap & ~waits
        self.leapt_from = np.where(fresh, self.last, self.leapt_from)
        self.direction = np.where(fresh, towards, np.where(back | home, 0, self.direction))
        self.since_leap = np.where(is_leap, 0, self.since_leap + 1)
        self.leaps += is_leap
        return resolved, doubled

    def _motif(self) -> IntArray:
        if self.step < BAR_STEPS - 1:
            return np.zeros(self.n, np.int64)
        recent: IntArray = (self.seen_at[:, FIRST_PITCH:] > self.step - BAR_STEPS).sum(axis=1)
        return recent

    def _alike(self, events: IntArray) -> Flags:
        """Whether the last bar was there before, and not within itself."""
        step = self.step
        if step < BAR_STEPS:
            return np.zeros(self.n, bool)
        before = self.events[:, step - BAR_STEPS :: -1]
        alike = self.alike[:, BAR_STEPS : step + 1]
        alike[:] = np.where(before == events[:, None], alike + 1, 0)
        return np.asarray((alike >= BAR_STEPS).any(axis=1))

    def autocorrelation(self) -> FloatArray:
        """Of the events so far, as numbers, at each of the lags [shape=(n, 3)].

        0 where there is one event, 1 where all are equal.
        """
        x = self.events[:, : self.step].astype(float)
        x -= x.mean(axis=1, keepdims=True)
        variance = (x * x).mean(axis=1)
        flat = variance < 1e-12
        scale = np.where(flat, 1.0, variance * self.step)
        found = np.stack([(x[:, lag:] * x[:, : -lag or None]).sum(axis=1) for lag in LAGS], axis=1)
        found /= scale[:, None]
        return np.where(flat[:, None], float(self.step > 1), found)

    def unique_extremes(self) -> tuple[Flags, Flags]:
        """Whether the highest and the lowest note so far were begun once [shape=(n,)] each."""
        pitches = self.counts[:, FIRST_PITCH:]
        begun = pitches > 0
        highest = begun.shape[1] - 1 - begun[:, ::-1].argmax(axis=1)
        lowest = begun.argmax(axis=1)
        return pitches[self.rows, highest] == 1, pitches[self.rows, lowest] == 1
