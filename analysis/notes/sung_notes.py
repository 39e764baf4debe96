"""Notes in a sung pitch: where each begins and ends, and the pitch it is held at.

The pitch of a voice shakes, slides and is seldom in tune. Its notes are the levels of the piecewise
constant line that fits it best, when each change of level costs something and distances count up to
a limit: vibrato and slides then cost less than a note of their own. This is the Potts functional
(M. Storath and A. Weinmann, "Jump-sparse and sparse recovery using Potts functionals", IEEE TSP 62,
2014) with "no note" as a level of its own, minimised exactly by a Viterbi search as in Tony
(M. Mauch et al., "Computer-aided melody note transcription using the Tony software", TENOR 2015).

Conventions: pitch as fractional MIDI note numbers, time in seconds.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..pitch.voice import HOP_SECONDS, PitchTrack

SHORTEST_SECONDS = 0.08
"""Shorter notes are not told."""

_LOWEST, _HIGHEST, _STEP = 33.0, 93.0, 0.25  # levels
_CHANGE_COST = 8.0  # of a change of level
_FAR = 2.0  # squared semitones: more distance than its root costs no more
_GAP_COST = 1.2  # of a hop without voice inside a note
_STRAY_COST = 0.8  # of a hop with voice outside of notes
_GUESS_HOPS = 5  # that a pitch must stand to be told before it is decided
_STEADY = 0.4  # semitones that it may move meanwhile
_ELSEWHERE = 0.8  # semitones from the last note
_SAME = 0.6  # semitones by which the level of a note may wander while it is followed
_NEAR = 1.0  # semitones within which pitches belong to one note


@dataclass(frozen=True)
class SungNote:
    """One note of a voice."""

    onset_seconds: float
    duration_seconds: float
    pitch: float  # median, as sung

    @property
    def end_seconds(self) -> float:
        """Where it ends."""
        return self.onset_seconds + self.duration_seconds


def find_notes(track: PitchTrack) -> list[SungNote]:
    """The notes of a whole recording in order; they do not overlap."""
    search = _Levels(float("inf"))
    states: list[int] = []
    for pitch in track.midi.tolist():
        states += search.push(pitch)
    states += search.finish()
    edges = np.flatnonzero(np.diff(np.concatenate([[-1], states, [-1]])))
    notes = []
    for start, end in pairwise(edges.tolist()):
        held = track.midi[start:end]
        held = held[np.isfinite(held)]
        if states[start] == _NONE or not len(held):
            continue
        note = SungNote(
            float(track.times_seconds[start]), (end - start) * HOP_SECONDS, float(np.median(held))
        )
        if note.duration_seconds >= SHORTEST_SECONDS:
            notes.append(note)
    return notes


@dataclass(frozen=True)
class Held:
    """A note that a voice has begun to hold, while it is still held."""

    at_seconds: float  # when it began
    pitch: float  # so far


class NoteFollower:
    """Finds notes while they are sung; each is told `latency_seconds` after its pitch is.

    A first guess is told as soon as the pitch stands elsewhere, and taken back if it was wrong.

    :param look_ahead_seconds: of pitch that is waited for before a note is decided
    """

    def __init__(self, look_ahead_seconds: float = 0.06) -> None:
        self._hops = round(look_ahead_seconds / HOP_SECONDS)
        self.latency_seconds = self._hops * HOP_SECONDS
        self.guess_seconds = _GUESS_HOPS * HOP_SECONDS
        self._search = _Levels(self._hops)
        self._recent: list[tuple[float, float]] = []  # time and pitch of hops that wait
        self._told: Held | None = None
        self._trusted = 0  # hops that a guess still has to come true

    def push(self, track: PitchTrack) -> list[Held | None]:
        """Take the next hops; what changed: a note that is held now, or None where one ended."""
        told: list[Held | None] = []
        for hop in zip(track.times_seconds.tolist(), track.midi.tolist(), strict=True):
            self._recent.append(hop)
            self._trusted = max(self._trusted - 1, 0)
            decided = self._search.push(hop[1])
            if not self._guess(told) and decided and not self._trusted:
                self._decide(decided[0], told)
            if decided:
                self._recent.pop(0)
        return told

    def _decide(self, state: int, told: list[Held | None]) -> None:
        """Tell what was decided, if it is not what was told last."""
        if state == _NONE:
            if self._told is not None:
                self._tell(None, told)
            return
        level = float(_GRID[state])
        near = [pitch for _, pitch in self._recent if abs(pitch - level) < _NEAR]  # false for NaN
        pitch = float(np.median(near)) if near else level
        if self._told is None or abs(pitch - self._told.pitch) >= _SAME:
            self._tell(Held(self._recent[0][0], pitch), told)

    def _guess(self, told: list[Held | None]) -> bool:
        """Tell a pitch that stands elsewhere than the note that was told last."""
        last = [pitch for _, pitch in self._recent[-_GUESS_HOPS:]]
        if len(last) < _GUESS_HOPS or not all(abs(p - last[-1]) < _STEADY for p in last):
            return False
        pitch = sum(last) / len(last)
        if self._told is not None and abs(pitch - self._told.pitch) < _ELSEWHERE:
            return False
        self._tell(Held(self._recent[-_GUESS_HOPS][0], pitch), told)
        self._trusted = self._hops
        return True

    def _tell(self, held: Held | None, told: list[Held | None]) -> None:
        self._told = held
        told.append(held)


_GRID = np.arange(_LOWEST, _HIGHEST + _STEP / 2, _STEP)
_NONE = len(_GRID)  # the state without a note


class _Levels:
    """Viterbi search for the level of each hop.

    :param look_ahead: hops that are known before one is decided, may be inf
    """

    def __init__(self, look_ahead: float) -> None:
        self._look_ahead = look_ahead
        self._cost = np.zeros(_NONE + 1)
        self._waiting: list[NDArray[np.int16]] = []
        self._stay = np.arange(_NONE + 1, dtype=np.int16)

    def push(self, pitch: float) -> list[int]:
        """Take the pitch of a hop (NaN: no voice); the state of the hop that is decided, if any."""
        here = np.empty(_NONE + 1)
        if pitch == pitch:
            here[:_NONE] = np.minimum(np.square(_GRID - pitch), _FAR)
            here[_NONE] = _STRAY_COST
        else:
            here[:_NONE] = _GAP_COST
            here[_NONE] = 0.0
        best = int(self._cost.argmin())
        change = self._cost[best] + _CHANGE_COST
        self._waiting.append(np.where(self._cost <= change, self._stay, np.int16(best)))
        self._cost = np.minimum(self._cost, change) + here
        self._cost -= self._cost.min()
        if len(self._waiting) <= self._look_ahead:
            return []
        state = int(self._cost.argmin())
        for back in reversed(self._waiting[1:]):
            state = int(back[state])
        self._waiting.pop(0)
        return [state]

    def finish(self) -> list[int]:
        """The states of all hops that were not decided yet."""
        state = int(self._cost.argmin())
        states = []
        for back in reversed(self._waiting):
            states.append(state)
            state = int(back[state])
        self._waiting.clear()
        return states[::-1]
