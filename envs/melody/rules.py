"""What the rules of melody pay: RL Tuner's as published, and repaired.

As published (Jaques et al. 2016, arXiv:1611.02796; magenta/models/rl_tuner) they are gamed at once:
a bonus for each leap that is resolved makes two notes bounce thirty times. Repaired, what is wanted
once is paid once, what makes a piece better or worse as a whole is paid as it changes, and what
people do not do costs.
"""

from typing import Protocol

import numpy as np

from .events import BAR_STEPS, HOLD, IS_FIFTH, IS_NOTE, IS_TONIC, OFF, PITCHES, IntArray
from .listening import MOTIF_NOTES, FloatArray, Heard, Listening

GROUPS = (
    "key",
    "tonic",
    "repeats",
    "motif",
    "repeated_motif",
    "intervals",
    "leaps",
    "autocorrelation",
    "extremes",
)
"""The groups of rules, each a term of the reward."""

BEAT_STEPS, LONG_STEPS = 2, 4  # of a quarter note, of the longest end that is paid

Paid = dict[str, FloatArray]


class Rules(Protocol):
    """What each group of rules pays for an event of n pieces."""

    def begin(self, n: int) -> None:
        """New pieces."""

    def judge(self, heard: Heard, listening: Listening, before: IntArray) -> Paid:
        """By `GROUPS`, each [shape=(n,)], for what has just been heard.

        :param before: the last note before the event, 0 if there was none
        """
        ...


_INTERVAL_PAY = np.zeros(PITCHES)
_INTERVAL_PAY[[2, 4, 5, 7, 9, 11]] = 0.08, 0.09, 0.07, 0.02, 0.05, -0.3
_INTERVAL_PAY[13:] = -1.0


class PublishedRules:
    """The rules and amounts of RL Tuner; any C counts as the tonic."""

    _SCALE = 5.0  # of all that intervals pay
    _CORRELATED = 0.15  # less costs nothing

    def begin(self, n: int) -> None:
        pass

    def judge(self, heard: Heard, listening: Listening, before: IntArray) -> Paid:
        events = listening.events[:, listening.step - 1]
        notes = heard.motif_notes
        motif = notes >= MOTIF_NOTES
        correlated = np.abs(listening.autocorrelation())
        over = listening.step == listening.steps
        extremes = np.sum(listening.unique_extremes(), axis=0) if over else np.zeros(len(events))
        return {
            "key": -1.0 * ~heard.in_key,
            "tonic": 3.0 * self._tonic(events, listening),
            "repeats": -100.0 * heard.repeated,
            "motif": motif * (3.0 + 0.3 * np.maximum(notes - 3, 0)),
            "repeated_motif": heard.repeated_motif * (4.0 + np.maximum(notes - 3, 0)),
            "intervals": self._SCALE * self._interval(heard, events, before),
            "leaps": 5.0 * heard.resolved - 5.0 * heard.doubled,
            "autocorrelation": -3.0 * (correlated * (correlated > self._CORRELATED)).sum(axis=1),
            "extremes": 3.0 * extremes,
        }

    @staticmethod
    def _tonic(events: IntArray, listening: Listening) -> FloatArray:
        """The first note and the middle of the last bar are the tonic, and then it is held."""
        last_note, step = listening.steps - 4, listening.step - 1
        if step in (0, last_note):
            return np.asarray(IS_TONIC[events], float)
        if step <= last_note:
            return np.zeros(len(events))
        return np.asarray((events == HOLD) | ((events == OFF) & (step > last_note + 1)), float)

    def _interval(self, heard: Heard, events: IntArray, before: IntArray) -> FloatArray:
        size = np.abs(heard.interval)
        stable = IS_TONIC[before] | IS_FIFTH[before]
        of_third = IS_TONIC[before] | (IS_NOTE[before] & ((before - 2) % 12 == 4))
        paid = _INTERVAL_PAY[np.minimum(size, PITCHES - 1)]
        paid = np.where((size == 7) & stable, 0.1, paid)
        paid = np.where((size == 4) & of_third, 0.15, paid)
        paid = np.where(events == HOLD, np.where(stable, 0.3, 0.075), paid)
        paid = np.where(events == OFF, np.where(stable, 0.15, 0.05), paid)
        return np.where(before > 0, paid, 0.0)


class RepairedRules:
    """Rules that hold the same statistics without being gamed."""

    WANTED_LEAPS = 2  # that are paid a piece; tunes have 1.2
    WANTED_REPEATS = 3  # steps of repeated motif that are paid
    CORRELATED = 0.2  # less autocorrelation, of either sign, costs nothing

    def begin(self, n: int) -> None:
        self._correlated = np.zeros(n)
        self._unique = np.zeros(n)
        self._repeats = np.zeros(n, np.int64)
        self._note = np.zeros(n)  # what the last note is worth as the end
        self._ending = np.zeros(n)

    def judge(self, heard: Heard, listening: Listening, before: IntArray) -> Paid:
        size = np.abs(heard.interval)
        return {
            "key": -3.0 * ~heard.in_key,
            "tonic": self._tonic(heard, listening, before),
            "repeats": -5.0 * heard.repeated,
            "motif": 2.5 * ((heard.motif_notes >= MOTIF_NOTES) - 1.0) * (listening.step > 7),
            "repeated_motif": self._repeat(heard),
            "intervals": -1.0 * ((size == 6) | (size == 10) | (size == 11) | (size > 12)),
            "leaps": self._leaps(heard, listening),
            "autocorrelation": self._correlation(listening),
            "extremes": self._extremes(listening),
        }

    def _tonic(self, heard: Heard, listening: Listening, before: IntArray) -> FloatArray:
        """The tonic begins a piece, and ends it: by a step or from the fifth, on a beat, for long.

        What the end is worth is paid as it changes within the last bar.
        """
        events, begun = listening.events[:, listening.step - 1], listening.step - 1
        cadence = IS_FIFTH[before] | ((np.abs(heard.interval) <= 2) & (heard.interval != 0))
        worth = IS_TONIC[events] * (7.0 + 3.0 * cadence + 0.5 * (begun % BEAT_STEPS == 0))
        self._note = np.where(heard.is_note, worth, self._note)
        if begun < listening.steps - BAR_STEPS:
            return 2.0 * IS_TONIC[events] if begun == 0 else np.zeros(len(events))
        held = 0.5 * np.minimum(listening.holds + listening.rests, LONG_STEPS - 1)
        now = self._note + held * (self._note > 0)
        paid = now - self._ending
        self._ending = now
        return np.asarray(paid)

    def _repeat(self, heard: Heard) -> FloatArray:
        """A bar that comes again is paid for a few steps; a piece that only repeats costs."""
        self._repeats += heard.repeated_motif
        paid = np.where(self._repeats > self.WANTED_REPEATS, -2.0, 3.0)
        return np.where(heard.repeated_motif, paid, 0.0)

    def _leaps(self, heard: Heard, listening: Listening) -> FloatArray:
        """Some leaps, answered by a step back and resolved; the others cost.

        One in the last bar, where nothing may follow that answers it, is not paid.
        """
        few = listening.leaps <= self.WANTED_LEAPS
        last_bar = listening.step > listening.steps - BAR_STEPS
        paid = np.where(few, 0.0 if last_bar else 2.5, -2.0) * heard.is_leap
        paid += few * heard.answered - 1.0 * heard.unanswered
        paid += few * 2.0 * heard.resolved - 3.0 * heard.doubled
        return paid

    def _correlation(self, listening: Listening) -> FloatArray:
        excess = np.maximum(np.abs(listening.autocorrelation()) - self.CORRELATED, 0.0).sum(axis=1)
        now = -8.0 * excess if listening.step >= BAR_STEPS else np.zeros(len(excess))
        paid = now - self._correlated
        self._correlated = now
        return paid

    def _extremes(self, listening: Listening) -> FloatArray:
        now = np.sum(listening.unique_extremes(), axis=0, dtype=float)
        paid = now - self._unique
        self._unique = now
        return np.asarray(paid)


RULES: dict[str, type[PublishedRules] | type[RepairedRules]] = {
    "repaired": RepairedRules,
    "published": PublishedRules,
}
