"""Where a cue's tempo has to be for its bars to fall on those of a machine or a player."""

import logging
import math
from typing import Protocol

from ...music.cue import Cue

log = logging.getLogger(__name__)

MOST_CORRECTION = 0.06  # of the tempo, to bring the bars under the others
LOOK_SECONDS = 0.2  # between two looks at the other tempo
SLIGHT_TEMPO = 0.004  # smaller changes of the knob wait


def tempo_knob(cue: Cue, bpm: float) -> float:
    """Where the tempo knob has to be for a tempo within the cue's range."""
    slowest, fastest = cue.tempo_bpm
    if slowest == fastest:
        return 0.5
    return min(max(math.log(bpm / slowest) / math.log(fastest / slowest), 0.0), 1.0)


class Clock(Protocol):
    """A tempo and a place that somebody else keeps."""

    @property
    def bpm(self) -> float | None:
        """Quarter notes a minute; None while it is not known."""

    @property
    def running(self) -> bool:
        """Whether the place moves on."""

    def beat_at(self, seconds: float) -> float | None:
        """The place at a time, in quarter notes; None while it is not known."""


class TempoFollower:
    """Says where a cue's tempo knob must be for its bars to fall on a clock's.

    :param grid_beats: what has to fall together, in quarter notes; None: whole bars
    """

    def __init__(self, cue: Cue, clock: Clock, grid_beats: float | None = None) -> None:
        self.clock = clock
        self._cue = cue
        self._slowest, self._fastest = cue.tempo_bpm
        self._bar_beats = cue.meter.bar_beats
        self.grid_beats = grid_beats or self._bar_beats
        self._told = False  # that the clock is out of range

    def knob(self, at_seconds: float, beat: float) -> float | None:
        """The tempo knob for a bar that begins at a time and beat; None while nothing is known.

        The bar is made so much longer or shorter that its end falls on a line of the clock's grid,
        as far as `MOST_CORRECTION` allows.
        """
        bpm = self.clock.bpm
        if bpm is None or self._slowest >= self._fastest:
            return None
        self._tell_range(bpm)
        there = self.clock.beat_at(at_seconds)
        if self.clock.running and there is not None:
            behind = (there - beat) % self.grid_beats
            if behind > self.grid_beats / 2:
                behind -= self.grid_beats
            share = self._bar_beats / max(self._bar_beats - behind, 0.1)
            bpm *= min(max(share, 1.0 - MOST_CORRECTION), 1.0 + MOST_CORRECTION)
        return tempo_knob(self._cue, min(max(bpm, self._slowest), self._fastest))

    def _tell_range(self, bpm: float) -> None:
        inside = self._slowest * 0.995 <= bpm <= self._fastest * 1.005
        if not inside and not self._told:
            log.warning(
                "the clock runs at %.1f bpm, beyond the cue's %g..%g; the music keeps to its own "
                "range",
                bpm,
                self._slowest,
                self._fastest,
            )
        self._told = not inside
