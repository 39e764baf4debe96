"""Clips of songs, the episodes of `segue/Accompany-v0`: drawn to train, fixed to evaluate."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .chords import Ints, transpose_chords
from .perception import (
    BEGINNING,
    Floats,
    frames_held,
    melody_features,
    meter_features,
    observations,
)
from .songs import CLIP_FRAMES, REST, Song

LOWEST_SHIFT, HIGHEST_SHIFT = -5, 6
"""Semitones by which clips are transposed in training."""

CLIPS_OF_A_SONG = 2
"""Clips, one after the other, that evaluation takes of each song from its first note on."""


@dataclass(frozen=True)
class Clips:
    """n clips of a melody and its true chords; arrays [shape=(n, frames)], names [n]."""

    names: tuple[str, ...]
    melody: Ints  # MIDI pitch, or REST
    onset: NDArray[np.bool_]
    chords: Ints
    place: Ints  # frame within the bar
    bar: Ints  # frames of the bar

    def __len__(self) -> int:
        return len(self.names)

    def take(self, rows: Ints) -> "Clips":
        """Some of the clips."""
        names = tuple(self.names[row] for row in rows)
        return Clips(
            names,
            self.melody[rows],
            self.onset[rows],
            self.chords[rows],
            self.place[rows],
            self.bar[rows],
        )

    def transposed(self, semitones: Ints, from_frame: Ints | int = 0) -> "Clips":
        """Melody and chords moved up, each clip by its own semitones, from a frame on."""
        frames = np.arange(self.melody.shape[1])
        first = np.broadcast_to(from_frame, len(self))
        shift = semitones[:, None] * (frames >= first[:, None])
        melody = np.where(self.melody == REST, REST, np.clip(self.melody + shift, 1, 127))
        chords = transpose_chords(self.chords, shift)
        return Clips(self.names, melody, self.onset, chords, self.place, self.bar)


def _cut(songs: list[tuple[Song, int]]) -> Clips:
    def column(name: str) -> NDArray[np.int64]:
        return np.stack([getattr(song, name)[at : at + CLIP_FRAMES] for song, at in songs])

    melody, chords, place, bar = (
        column(name).astype(np.int64) for name in ("melody", "chords", "place", "bar")
    )
    names = tuple(f"{song.name}@{at // 2}" for song, at in songs)
    return Clips(names, melody, column("onset").astype(bool), chords, place, bar)


def draw_clips(
    songs: tuple[Song, ...], n: int, rng: np.random.Generator, *, modulating: float = 0.0
) -> Clips:
    """n clips that begin at any bar of any song, in any key; longer songs are drawn more often.

    :param modulating: share of the clips that go into another key at some frame
    """
    lengths = np.array([len(song) - CLIP_FRAMES + 1 for song in songs], float)
    chosen = []
    for number in rng.choice(len(songs), n, p=lengths / lengths.sum()):
        song = songs[number]
        starts = np.flatnonzero(song.place[: len(song) - CLIP_FRAMES + 1] == 0)
        chosen.append((song, int(rng.choice(starts))))
    clips = _cut(chosen).transposed(rng.integers(LOWEST_SHIFT, HIGHEST_SHIFT + 1, n))
    if modulating == 0.0:
        return clips
    moves = rng.integers(LOWEST_SHIFT, HIGHEST_SHIFT + 1, n) * (rng.random(n) < modulating)
    return clips.transposed(moves, rng.integers(0, CLIP_FRAMES, n))


def fixed_clips(songs: tuple[Song, ...]) -> Clips:
    """The clips of evaluation: of each song up to two, from the bar of the first note on."""
    chosen = []
    for song in songs:
        bars = np.flatnonzero(song.place == 0)
        first = int(bars[np.searchsorted(bars, np.argmax(song.melody != REST), "right") - 1])
        first = min(first, len(song) - CLIP_FRAMES)
        for number in range(CLIPS_OF_A_SONG):
            start = first + number * CLIP_FRAMES
            if start + CLIP_FRAMES <= len(song):
                chosen.append((song, start))
    return _cut(chosen)


def forced_observations(clips: Clips, chords: Ints) -> Floats:
    """Observations of all frames where given chords were played [shape=(n, frames, SIZE)].

    :param chords: what was played [shape=(n, frames)]
    """
    blocks, plain = melody_features(clips.melody, clips.onset)
    n = len(clips)
    last = np.concatenate([np.full((n, 1), BEGINNING), chords[:, :-1]], 1)
    held = np.concatenate([np.zeros((n, 1), np.int64), frames_held(chords)[:, :-1]], 1)
    return observations(blocks, plain, meter_features(clips.place, clips.bar), last, held)
