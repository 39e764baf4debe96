"""Harmonic tension over time, measured in the spiral array.

Pitches lie on a helix on which fifths are neighbours and thirds lie close (E. Chew, "Towards a
mathematical model of tonality", MIT 2000). What sounds at a time is a cloud of points, and three
numbers tell its tension (D. Herremans and E. Chew, "Tension ribbons: quantifying and visualising
tonal tension", TENOR 2016): how wide the cloud is, how far it moved from the one before, and how
far it lies from the key.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...music.errors import SegueError, check_range
from ...music.theory import QUALITIES, Chord, Key
from .chords import Chords
from .key import KeyTrack

FloatArray = NDArray[np.float64]

RISE = float(np.sqrt(2.0 / 15.0))
"""Height of a fifth on the helix of radius 1 (Chew)."""

_IN_CHORD = (0.536, 0.274, 0.19)  # weights of root, fifth and third (Chew)
_IN_KEY = (0.516, 0.315, 0.168)  # weights of tonic, dominant and subdominant
_MAJOR_DOMINANT = 0.75  # share of the major dominant in minor; likewise of the minor subdominant
_WIDEST, _LONGEST, _FARTHEST = 4.0, 2.5, 2.0  # what makes a tension of 1, chosen by hand


@dataclass(frozen=True)
class Tension:
    """Tension of clouds of notes, one after another; distances in radii of the helix."""

    start_seconds: FloatArray  # [shape=(n,)]
    end_seconds: FloatArray  # [n]
    diameter: FloatArray  # [n] between the two farthest notes of the cloud
    momentum: FloatArray  # [n] from the middle of the cloud before; 0 for the first
    strain: FloatArray  # [n] from the middle of the cloud to that of the key
    overall: FloatArray  # [n] 0..1: the three together
    confidence: FloatArray  # [n] 0..1

    def __len__(self) -> int:
        return len(self.start_seconds)


def tension_of_chords(chords: Chords, keys: KeyTrack) -> Tension:
    """Tension of each chord in its local key; where there is no chord it is 0."""
    middles = (chords.start_seconds + chords.end_seconds) / 2
    clouds = [{} if chord is None else _tones(chord) for chord in chords.chords]
    local = [keys.at(float(middle)) or Key() for middle in middles]
    return _tension(
        chords.start_seconds, chords.end_seconds, clouds, local, chords.confidence.copy()
    )


def tension_of_notes(
    onset_seconds: FloatArray,
    end_seconds: FloatArray,
    pitches: NDArray[np.integer],
    keys: KeyTrack,
    *,
    step_seconds: float = 1.0,
) -> Tension:
    """Tension of the notes, all [shape=(n,)], that sound in each step.

    Raises SegueError for columns of different lengths, RangeError for a step that is not 0.05 to
    60 seconds.
    """
    check_range("step_seconds", step_seconds, 0.05, 60.0)
    if not len(onset_seconds) == len(end_seconds) == len(pitches):
        raise SegueError(
            f"there are {len(onset_seconds)} onsets, {len(end_seconds)} ends and {len(pitches)} "
            "pitches; give one of each for a note"
        )
    seconds = float(np.max(end_seconds)) if len(end_seconds) else 0.0
    count = int(np.ceil(seconds / step_seconds - 1e-9))
    starts = np.asarray(np.arange(count) * step_seconds, np.float64)
    ends = np.minimum(starts + step_seconds, seconds)
    clouds, local = [], []
    for start, end in zip(starts, ends, strict=True):
        shares = np.minimum(end_seconds, end) - np.maximum(onset_seconds, start)
        cloud: dict[int, float] = {}
        for index in np.flatnonzero(shares > 0):
            pitch_class = int(pitches[index]) % 12
            cloud[pitch_class] = cloud.get(pitch_class, 0.0) + float(shares[index])
        clouds.append(cloud)
        local.append(keys.at(float((start + end) / 2)) or Key())
    return _tension(starts, ends, clouds, local, np.full(len(starts), keys.confidence))


def spiral(fifths: NDArray[np.number]) -> FloatArray:
    """Points [shape=(..., 3)] of places on the line of fifths, C being 0, G 1, F -1."""
    at = np.asarray(fifths, np.float64)
    turn = at * np.pi / 2
    return np.stack([np.sin(turn), np.cos(turn), at * RISE], axis=-1)


def spelled(classes: Sequence[int], key: Key) -> NDArray[np.int64]:
    """Pitch classes as places on the line of fifths, spelled as the key suggests."""
    tonic = _tonic(key)
    low = tonic - (5 if _is_minor(key) else 4)
    return np.array([low + (7 * pitch - low) % 12 for pitch in classes], np.int64)


def key_centre(key: Key) -> FloatArray:
    """The middle of a key [shape=(3,)], of its tonic, dominant and subdominant chords."""
    tonic = _tonic(key)
    if not _is_minor(key):
        parts = [_triad(tonic, True), _triad(tonic + 1, True), _triad(tonic - 1, True)]
    else:
        share = _MAJOR_DOMINANT
        dominant = share * _triad(tonic + 1, True) + (1 - share) * _triad(tonic + 1, False)
        below = share * _triad(tonic - 1, False) + (1 - share) * _triad(tonic - 1, True)
        parts = [_triad(tonic, False), dominant, below]
    return np.asarray(np.average(parts, axis=0, weights=_IN_KEY))


def _triad(root: int, major: bool) -> FloatArray:
    third = root + (4 if major else -3)
    points = spiral(np.array([root, root + 1, third]))
    return np.asarray(np.average(points, axis=0, weights=_IN_CHORD))


def _is_minor(key: Key) -> bool:
    return key.mode in ("aeolian", "dorian", "phrygian")


def _tonic(key: Key) -> int:
    """The tonic on the line of fifths, from Db to F sharp."""
    return (7 * key.tonic + 5) % 12 - 5


def _tones(chord: Chord) -> dict[int, float]:
    """Pitch classes with their weights: the root most, then the fifth, then all others."""
    root, fifth, other = _IN_CHORD
    cloud = dict.fromkeys((*chord.pitch_classes, chord.bass_class), other)
    for step, pitch_class in zip(QUALITIES[chord.quality], chord.pitch_classes, strict=True):
        if step in (6, 7, 8):
            cloud[pitch_class] = fifth
    return cloud | {chord.root: root}


def _tension(
    starts: FloatArray,
    ends: FloatArray,
    clouds: Sequence[dict[int, float]],
    keys: Sequence[Key],
    confidence: FloatArray,
) -> Tension:
    measured = np.zeros((len(clouds), 3))
    before: FloatArray | None = None
    for index, (cloud, key) in enumerate(zip(clouds, keys, strict=True)):
        if not cloud:
            before = None
            continue
        points = spiral(spelled(tuple(cloud), key))
        centre = np.average(points, axis=0, weights=list(cloud.values()))
        measured[index, 0] = np.linalg.norm(points[:, None] - points, axis=-1).max()
        if before is not None:
            measured[index, 1] = np.linalg.norm(centre - before)
        measured[index, 2] = np.linalg.norm(centre - key_centre(key))
        before = centre
    scaled = np.clip(measured / (_WIDEST, _LONGEST, _FARTHEST), 0.0, 1.0)
    return Tension(
        np.asarray(starts, np.float64),
        np.asarray(ends, np.float64),
        measured[:, 0],
        measured[:, 1],
        measured[:, 2],
        scaled.mean(axis=1),
        confidence,
    )
