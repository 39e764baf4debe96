"""Chords of a recording: which, from when to when, over which bass, and how surely.

A small network (`training.train_chords`) hears in each frame of 46 ms how likely each chord is;
`chord_decoder` finds the likeliest sequence. `ChordFollower` does the same block by block.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...music.errors import UnknownNameError
from ...music.theory import NAMES, Chord
from ..spectra import Floats
from .chord_decoder import (
    NO_CHORD,
    QUALITIES,
    THEORY,
    as_triads,
    best_sequence,
    shipped_moves,
    viterbi,
)
from .harmony_frames import FRAME_SECONDS, HarmonyFrames, hear_harmony

FloatArray = NDArray[np.float64]
Vocabulary = Literal["majmin", "sevenths"]

VOCABULARIES = ("majmin", "sevenths")
"""Triads only; or triads, sevenths, sixths and suspended chords."""

DEGREES = ("1", "b2", "2", "b3", "3", "4", "b5", "5", "b6", "6", "b7", "7")
"""Names of a bass by its semitones above the root, in Harte's syntax."""

_ROOT_BONUS = 1.0  # nats, for the root in the bass
_FOREIGN = -3.0  # nats, for a bass that the chord does not hold
_BASS_CHANGE = 40.0  # nats, against a bass that moves under a chord
_DEAF = -6.0  # nats, the least that a frame can say of a bass


@dataclass(frozen=True)
class Chords:
    """Chords one after another; they follow each other without gaps."""

    start_seconds: FloatArray  # [shape=(n,)]
    end_seconds: FloatArray  # [n]
    chords: tuple[Chord | None, ...]  # None where there is no chord
    confidence: FloatArray  # [n] 0..1: mean probability of the chord while it lasts

    def __len__(self) -> int:
        return len(self.chords)

    def labels(self) -> tuple[str, ...]:
        """The chords in the syntax of C. Harte and mir_eval, e.g. 'Eb:min7/b3' or 'N'."""
        return tuple(chord_label(chord) for chord in self.chords)

    def at(self, seconds: float) -> Chord | None:
        """The chord that sounds at a time."""
        index = int(np.searchsorted(self.start_seconds, seconds, "right")) - 1
        inside = 0 <= index < len(self) and seconds < self.end_seconds[index]
        return self.chords[index] if inside else None


def chord_label(chord: Chord | None) -> str:
    """A chord in Harte's syntax; 'N' for None.

    Qualities that the syntax lacks are written as their triad with what is added.
    """
    if chord is None:
        return "N"
    known = dict(zip(THEORY, QUALITIES, strict=True))
    quality = known.get(chord.quality) or _ADDED[chord.quality]
    above = (chord.bass_class - chord.root) % 12
    return f"{NAMES[chord.root]}:{quality}" + (f"/{DEGREES[above]}" if above else "")


_ADDED = {"5": "5", "add9": "maj(9)", "madd9": "min(9)"}


def find_chords(
    samples: NDArray[np.floating], sample_rate: int, *, vocabulary: Vocabulary = "sevenths"
) -> Chords:
    """The chords of a recording, in order and without gaps.

    Raises UnknownNameError for another vocabulary, SegueError for samples that are no sound.
    """
    check_vocabulary(vocabulary)
    return chords_of(hear_harmony(samples, sample_rate), vocabulary=vocabulary)


def chords_of(frames: HarmonyFrames, *, vocabulary: Vocabulary = "sevenths") -> Chords:
    """The chords in what `hear_harmony` heard."""
    check_vocabulary(vocabulary)
    if not len(frames):
        return Chords(np.zeros(0), np.zeros(0), (), np.zeros(0))
    logs = as_triads(frames.chord) if vocabulary == "majmin" else frames.chord
    path = best_sequence(logs, shipped_moves(), FRAME_SECONDS)
    bass = _basses(path, frames.bass)
    firsts = np.flatnonzero((np.diff(path, prepend=-1) != 0) | (np.diff(bass, prepend=-1) != 0))
    starts = np.clip((firsts - 0.5) * FRAME_SECONDS, 0.0, frames.seconds)
    ends = np.append(starts[1:], frames.seconds)
    sure = np.exp(logs[np.arange(len(path)), path])
    confidence = np.add.reduceat(sure, firsts) / np.diff(firsts, append=len(path))
    kept = np.flatnonzero(ends > starts)
    chords = tuple(_with_bass(chord_of(int(path[at])), int(bass[at])) for at in firsts[kept])
    return Chords(starts[kept], ends[kept], chords, confidence[kept])


def _basses(path: NDArray[np.int64], logs: Floats) -> NDArray[np.int64]:
    """The bass under each frame [shape=(n,)], constant where the chord gives no reason to move."""
    found = np.zeros(len(path), np.int64)
    ways = np.full((12, 12), -_BASS_CHANGE, np.float32)
    np.fill_diagonal(ways, 0.0)
    firsts = np.flatnonzero(np.diff(path, prepend=-1))
    for first, stop in zip(firsts, np.append(firsts[1:], len(path)), strict=True):
        chord = chord_of(int(path[first]))
        if chord is not None:
            heard = np.maximum(logs[first:stop, :12], _DEAF) + _liking(chord) / (stop - first)
            found[first:stop] = viterbi(heard.astype(np.float32), ways)
    return found


def _liking(chord: Chord) -> FloatArray:
    """What speaks for each bass under a chord beforehand, in nats [shape=(12,)]."""
    nats = np.full(12, _FOREIGN)
    nats[list(chord.pitch_classes)] = 0.0
    nats[chord.root] = _ROOT_BONUS
    return nats


def _with_bass(chord: Chord | None, bass: int) -> Chord | None:
    """The chord over a bass, which is left out if it is the root."""
    if chord is None or bass == chord.root:
        return chord
    return Chord(chord.root, chord.quality, bass)


def check_vocabulary(vocabulary: str) -> None:
    """Raises UnknownNameError for a vocabulary that is not one of `VOCABULARIES`."""
    if vocabulary not in VOCABULARIES:
        raise UnknownNameError("vocabulary", vocabulary, VOCABULARIES)


def chord_of(label: int, bass: Floats | None = None) -> Chord | None:
    """The chord of a class, over the likeliest bass for log probabilities [shape=(13,)]."""
    if label == NO_CHORD:
        return None
    root, quality = divmod(label, len(QUALITIES))
    chord = Chord(root, THEORY[quality])
    return chord if bass is None else _with_bass(chord, int((bass[:12] + _liking(chord)).argmax()))
