"""A cue in another key."""

from dataclasses import replace

import numpy as np

from .cue import Cue
from .errors import check_range
from .score import Notes
from .theory import Chord, Key

MOST_SEMITONES = 11


def transpose(cue: Cue, semitones: int) -> Cue:
    """The cue with key, chords and theme moved by some semitones, -11 to 11, else RangeError.

    Tracks that only a drum kit plays stay as they are.
    """
    check_range("transposition in semitones", semitones, -MOST_SEMITONES, MOST_SEMITONES)
    if not semitones:
        return cue
    sections = tuple(
        replace(
            section,
            chords=tuple(
                tuple(_moved(chord, semitones) for chord in bar) for bar in section.chords
            ),
        )
        for section in cue.sections
    )
    tracks = {
        name: notes if name in cue.kit_tracks else _shifted(notes, semitones)
        for name, notes in cue.tracks.items()
    }
    key = Key((cue.key.tonic + semitones) % 12, cue.key.mode)
    return replace(cue, key=key, sections=sections, tracks=tracks)


def _moved(chord: Chord, semitones: int) -> Chord:
    bass = None if chord.bass is None else (chord.bass + semitones) % 12
    return replace(chord, root=(chord.root + semitones) % 12, bass=bass)


def _shifted(notes: Notes, semitones: int) -> Notes:
    moved = notes.copy()
    moved["pitch"] = np.clip(notes["pitch"].astype(np.int64) + semitones, 0, 127)
    return moved
