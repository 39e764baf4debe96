"""Chords to the melody of a score, played as they would be live: the future is not looked at."""

import numpy as np
from numpy.typing import NDArray

from ...envs.accompany.chords import NONE, Ints
from ...envs.accompany.core import chord_notes
from ...envs.accompany.songs import FRAMES_PER_BEAT
from ...music.errors import SegueError
from ...music.score import Score, Track
from .players import MODELS, TEMPERATURE, Accompanist, load_network
from .study import BEST_SEED, SEEDS

LONGEST_BEATS = 10_000.0


def accompany(
    score: Score, *, track: str = "", temperature: float = TEMPERATURE, seed: int = 0
) -> tuple[Score, Ints]:
    """A score with the chords of the shipped accompanist to its melody, as a further track.

    The highest note that sounds in an eighth is the melody there.

    :param score: whose meter begins with its first beat
    :param track: name of the melody's track; the first with notes by default
    :param temperature: as of `players.NetworkPlayer`
    :param seed: of what is drawn
    :return: the melody with its chords, and their numbers, one for each eighth [shape=(frames,)]
    """
    melody = score.track(track) if track else _first(score)
    if not len(melody.notes):
        raise SegueError(f"the track {melody.name!r} has no notes to accompany; name another")
    if melody.end_beats > LONGEST_BEATS:
        raise SegueError(
            f"the melody lasts {melody.end_beats:.0f} beats; give one of at most {LONGEST_BEATS:g}"
        )
    player = Accompanist(
        load_network(MODELS / f"{SEEDS[BEST_SEED]}.json"),
        bar_frames=max(round(score.meter.bar_beats * FRAMES_PER_BEAT), 1),
        temperature=temperature,
        seed=seed,
    )
    pitches, onsets = on_grid(melody)
    chords = np.full(len(pitches), NONE)
    for at, (pitch, onset) in enumerate(zip(pitches, onsets, strict=True)):
        chords[at] = player.number
        player.hear(int(pitch) or None, bool(onset))
    harmony = Track("pad", chord_notes(chords), program=89, channel=1)
    return Score((melody, harmony), score.tempo, score.meter, score.title), chords


def _first(score: Score) -> Track:
    found = next((track for track in score.tracks if len(track.notes)), None)
    if found is None:
        raise SegueError("the score has no notes; give one with a melody")
    return found


def on_grid(melody: Track) -> tuple[Ints, NDArray[np.bool_]]:
    """The highest pitch of each eighth, 0 where nothing sounds, and where notes begin."""
    notes = melody.notes
    starts = np.round(notes["onset_beats"] * FRAMES_PER_BEAT).astype(np.int64)
    ends = np.round((notes["onset_beats"] + notes["duration_beats"]) * FRAMES_PER_BEAT)
    ends = np.maximum(ends.astype(np.int64), starts + 1)
    pitches, onsets = np.zeros(ends.max(), np.int64), np.zeros(ends.max(), bool)
    for start, end, pitch in zip(starts, ends, notes["pitch"], strict=True):
        higher = pitch > pitches[start:end]
        onsets[start] |= higher[0]
        pitches[start:end][higher] = pitch
    return pitches, onsets
