"""What a song is here: a melody and its chords on a grid of eighth notes."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

FRAMES_PER_BEAT = 2
CLIP_FRAMES = 128
"""Frames of an episode: 64 beats."""

REST = 0
"""What a melody holds while it is silent, instead of a MIDI pitch."""

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Song:
    """A melody and its chords, frame by frame; arrays [shape=(frames,)]."""

    name: str
    melody: Bytes  # MIDI pitch, or REST
    onset: NDArray[np.bool_]  # a note begins
    chords: Bytes  # numbers of `chords`
    place: Bytes  # frame within its bar
    bar: Bytes  # frames of its bar

    def __len__(self) -> int:
        return len(self.melody)


COLUMNS = tuple(item.name for item in fields(Song))[1:]
"""The names of a song's arrays."""


def lay(
    name: str,
    notes: list[tuple[int, int, int]],
    chords: Bytes,
    place: Bytes,
    bar: Bytes,
) -> Song:
    """A song from notes (first frame, end frame, pitch); a later note cuts an earlier one."""
    frames = len(chords)
    melody, onset = np.zeros(frames, np.uint8), np.zeros(frames, bool)
    for start, end, pitch in sorted(notes):
        if 0 <= start < frames:
            melody[start : max(end, start + 1)] = pitch
            onset[start] = True
    return _looped(Song(name, melody, onset, chords, place, bar))


def _looped(song: Song) -> Song:
    """The song played again until it lasts a clip, as tunes are."""
    times = -(-CLIP_FRAMES // len(song))
    if times == 1:
        return song
    return Song(song.name, *(np.tile(getattr(song, column), times) for column in COLUMNS))
