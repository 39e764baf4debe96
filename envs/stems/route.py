"""Where recorded music goes next: the rules of `music.worlds` on plain arrays of any shape.

A search tries thousands of plans a bar, and needs no notes for it. What a cue does by itself after
its repeats is left out: a plan holds only for what was asked.
"""

from typing import NamedTuple

import numpy as np

from ...music.book import AT_BAR, AT_PHRASE, AT_SECTION
from ...music.cue import PHRASE_BARS
from ...music.worlds import Worlds
from .library import NOWHERE, IntArray, Library


class Place(NamedTuple):
    """Where performances are before a bar is decided [each any shape]; as in `Worlds`."""

    cue: IntArray
    section: IntArray
    number: IntArray
    turn: IntArray
    pending: IntArray

    @classmethod
    def of(cls, worlds: Worlds) -> "Place":
        """Where n worlds are [each shape=(n,)]."""
        return cls(worlds.cue, worlds.section, worlds.number, worlds.turn, worlds.pending)


def ask(library: Library, place: Place, go: IntArray) -> Place:
    """Where performances are once they were asked to go [NOWHERE: they were not].

    Ways that are not allowed are ignored; one at the next bar and without a fill is taken at once.
    """
    there = np.maximum(go, 0)
    rule = library.leave_at[place.section, there]
    asked = (go != NOWHERE) & (rule >= 0)
    pending = np.where(asked, go, place.pending)
    there = np.maximum(pending, 0)
    now = (
        (pending != NOWHERE)
        & (library.leave_at[place.section, there] == AT_BAR)
        & ~library.leave_fill[place.section, there]
    )
    return Place(
        place.cue,
        np.where(now, there, place.section),
        np.where(now, 0, place.number),
        np.where(now, 0, place.turn),
        np.where(now, NOWHERE, pending),
    )


def play_on(library: Library, place: Place) -> Place:
    """Where performances are after the bar at which they are has been played."""
    cue, section, number, turn, pending = place
    last = number == library.bars[section] - 1
    phrase_end = last | (number % PHRASE_BARS == PHRASE_BARS - 1)
    rule = library.leave_at[section, np.maximum(pending, 0)]
    leaving = (pending != NOWHERE) & (
        (rule == AT_BAR) | ((rule == AT_PHRASE) & phrase_end) | ((rule == AT_SECTION) & last)
    )
    return Place(
        cue,
        np.where(leaving, pending, section),
        np.where(leaving | last, 0, number + 1),
        np.where(leaving, 0, turn + last),
        np.where(leaving, NOWHERE, pending),
    )
