"""The 109 chords of an accompaniment: nine qualities on twelve roots, and none.

A chord is a number: `quality * 12 + root` for qualities in the order of `QUALITIES` and roots as
pitch classes (C = 0), and `NONE` for no chord.
"""

import numpy as np
from numpy.typing import NDArray

from ...music.theory import QUALITIES as SEMITONES
from ...music.theory import Chord

QUALITIES = ("", "m", "dim", "aug", "sus2", "sus4", "7", "maj7", "m7")
"""Names of the qualities, as `music.theory` has them."""

CLASSES = 12
NONE = len(QUALITIES) * CLASSES
CHORDS = NONE + 1

TRIAD_NOTES = 3
"""Root, third (or what is suspended for it) and fifth come first in `music.theory.QUALITIES`."""

FIRST_SEVENTH = QUALITIES.index("7")

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

_READ_AS = {  # other qualities of `music.theory`, and of Harte's notation as POP909 writes it
    "maj": "",
    "min": "m",
    "min7": "m7",
    "minmaj7": "m",
    "maj6": "",
    "min6": "m",
    "hdim7": "dim",
    "sus4(b7)": "sus4",
    "6": "",
    "m6": "m",
    "5": "",
    "dim7": "dim",
    "m7b5": "dim",
    "add9": "",
    "madd9": "m",
}


def _tones(first: int) -> Bools:
    """Which pitch classes the first notes of each chord are [shape=(109, 12)]."""
    table = np.zeros((CHORDS, CLASSES), bool)
    for number in range(NONE):
        steps = SEMITONES[QUALITIES[number // CLASSES]][:first]
        table[number, [(number + step) % CLASSES for step in steps]] = True
    return table


TONES = _tones(4)
"""Which pitch classes sound in each chord [shape=(109, 12)]."""

TRIADS = _tones(TRIAD_NOTES)
"""Which are its root, third or fifth [shape=(109, 12)]."""

IS_SEVENTH = np.arange(CHORDS) // CLASSES >= FIRST_SEVENTH
IS_SEVENTH[NONE] = False


def chord_number(root: int, quality: str) -> int:
    """The number of a chord; qualities beyond the nine are read as the nearest of them.

    KeyError for a quality that neither `music.theory` nor POP909 knows.
    """
    name = quality if quality in QUALITIES else _READ_AS[quality]
    return QUALITIES.index(name) * CLASSES + root % CLASSES


def chord_of(number: int) -> Chord | None:
    """The chord of a number; None for no chord."""
    if number == NONE:
        return None
    return Chord(int(number) % CLASSES, QUALITIES[int(number) // CLASSES])


def transpose_chords(chords: Ints, semitones: NDArray[np.int64] | int) -> Ints:
    """Chords moved up by semitones; no chord stays none."""
    moved = chords - chords % CLASSES + (chords + semitones) % CLASSES
    return np.where(chords == NONE, NONE, moved)
