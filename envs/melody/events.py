"""The events of a melody on a grid of eighth notes: hold, off, and 36 pitches.

Event 0 lets what sounds go on, event 1 ends it, event e >= 2 begins the pitch 46 + e, from C3 (48)
to B5 (83), as in Jaques et al. (2016), arXiv:1611.02796.
"""

import numpy as np
from numpy.typing import NDArray

from ...music.score import NOTE, Notes

HOLD, OFF, FIRST_PITCH = 0, 1, 2
LOWEST, PITCHES = 48, 36
EVENTS = FIRST_PITCH + PITCHES
STEP_BEATS = 0.5
BAR_STEPS, PHRASE_BARS = 8, 4
PIECE_STEPS = BAR_STEPS * PHRASE_BARS
VELOCITY = 0.7

IntArray = NDArray[np.int64]

_PITCH_CLASSES = (np.arange(EVENTS) - FIRST_PITCH) % 12
IS_NOTE = np.arange(EVENTS) >= FIRST_PITCH
"""Which events begin a note."""

IS_TONIC = IS_NOTE & (_PITCH_CLASSES == 0)
"""Which events are a C."""

IS_FIFTH = IS_NOTE & (_PITCH_CLASSES == 7)
"""Which events are a G."""

IN_KEY = ~IS_NOTE | np.isin(_PITCH_CLASSES, [0, 2, 4, 5, 7, 9, 11])
"""Which events belong to C major: its notes, and what is no note."""


def events_of(notes: Notes, steps: int) -> IntArray:
    """The events [shape=(steps,)] of a melody whose pitches lie in the range.

    Of notes that begin within one step the first counts; gaps of a step or more are rests.
    """
    events = np.zeros(steps, np.int64)
    end = 0
    for note in notes:
        at = round(float(note["onset_beats"]) / STEP_BEATS + 1e-6)
        if at >= steps or events[at] >= FIRST_PITCH:
            continue
        if end < at:
            events[end] = OFF
        events[at] = int(note["pitch"]) - LOWEST + FIRST_PITCH
        length = float(note["duration_beats"]) / STEP_BEATS
        end = max(at + 1, round(at + length))
    if end < steps:
        events[end] = OFF
    return events


def notes_of(events: IntArray) -> Notes:
    """The notes of events [shape=(steps,)]; what sounds at the end ends there."""
    rows: list[tuple[float, float, int, float]] = []
    begun, pitch = 0, 0

    def close(at: int) -> None:
        if pitch:
            rows.append((begun * STEP_BEATS, (at - begun) * STEP_BEATS, pitch, VELOCITY))

    for at, event in enumerate(events.tolist()):
        if event == HOLD:
            continue
        close(at)
        begun, pitch = at, 0 if event == OFF else event - FIRST_PITCH + LOWEST
    close(len(events))
    return np.array(rows, NOTE)
