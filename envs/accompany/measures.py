"""Measures of an accompaniment: of clips, and of whole sets of clips against the true chords.

Conventions: melodies are MIDI pitches with 0 for a rest, chords numbers of `chords`, both integers
[shape=(n, frames)] at two frames a beat; the order is (reference, estimated).

Note-in-chord, the interval from chord onsets to note onsets, and the entropy of chord lengths are
those of ReaLchords (Wu et al., "Adaptive Accompaniment with ReaLchords", ICML 2024). Paying for
the notes of a chord favours chords of four notes: the share of sevenths, and note-in-chord by
triads, tell that. Diversity is the Vendi score (Friedman and Dieng, arXiv:2210.02410).
"""

import numpy as np
from numpy.typing import NDArray

from .chords import CHORDS, CLASSES, IS_SEVENTH, NONE, TONES, TRIADS, Ints
from .songs import FRAMES_PER_BEAT, REST

FloatArray = NDArray[np.float64]

LONGEST_INTERVAL = 16
"""Frames at which the histogram of onset intervals ends."""


def _share(hits: NDArray[np.bool_], counted: NDArray[np.bool_]) -> FloatArray:
    """Row by row, the share of hits among what is counted; 0 where nothing is."""
    counts = counted.sum(-1)
    return np.asarray((hits & counted).sum(-1) / np.maximum(counts, 1), np.float64)


def note_in_chord(melody: Ints, chords: Ints, *, triads: bool = False) -> FloatArray:
    """The share of sounding frames whose note is in the chord [shape=(n,)].

    :param triads: only root, third and fifth count as in the chord
    """
    table = TRIADS if triads else TONES
    return _share(table[chords, melody % CLASSES], melody != REST)


def seventh_share(chords: Ints) -> FloatArray:
    """The share of frames with a seventh chord [shape=(n,)]."""
    return np.asarray(IS_SEVENTH[chords].mean(-1), np.float64)


def distinct_chords(chords: Ints) -> FloatArray:
    """How many different chords each clip has [shape=(n,)]; no chord is none."""
    present = np.zeros((len(chords), CHORDS), bool)
    np.put_along_axis(present, chords, True, 1)
    return np.asarray(present[:, :NONE].sum(-1), np.float64)


def _begins(chords: Ints) -> NDArray[np.bool_]:
    begins = np.ones(chords.shape, bool)
    begins[:, 1:] = chords[:, 1:] != chords[:, :-1]
    return begins


def mean_length(chords: Ints) -> FloatArray:
    """Mean length of a chord, beats [shape=(n,)]."""
    return np.asarray(chords.shape[1] / _begins(chords).sum(-1) / FRAMES_PER_BEAT, np.float64)


def chord_lengths(chords: Ints) -> Ints:
    """The lengths of all chords of a set, frames [shape=(chords,)]."""
    starts = np.flatnonzero(_begins(chords))
    return np.diff(np.append(starts, chords.size))


def entropy(counts: NDArray[np.integer]) -> float:
    """Entropy of a histogram, nats."""
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def length_entropy(chords: Ints) -> float:
    """Entropy of the lengths of all chords of a set, nats."""
    return entropy(np.bincount(chord_lengths(chords)))


def onset_intervals(onset: NDArray[np.bool_], chords: Ints) -> Ints:
    """Frames from the nearest earlier note onset to each chord onset of a set, as a histogram.

    :param onset: where notes of the melody begin [shape=(n, frames)]
    :return: counts of 0 .. `LONGEST_INTERVAL` frames, longer ones in the last
    """
    frames = np.arange(onset.shape[1])
    latest = np.maximum.accumulate(np.where(onset, frames, -1), 1)
    since = np.minimum(frames - latest, LONGEST_INTERVAL)
    counted = _begins(chords) & (chords != NONE) & (latest >= 0)
    return np.bincount(since[counted], minlength=LONGEST_INTERVAL + 1)


def onset_interval_distance(onset: NDArray[np.bool_], true: Ints, chords: Ints) -> float:
    """Earth mover's distance between the onset intervals of two sets of chords, frames."""
    shares = []
    for played in (true, chords):
        counts = onset_intervals(onset, played)
        shares.append(counts / max(counts.sum(), 1))
    return float(np.abs(np.cumsum(shares[0] - shares[1])).sum())


def vendi(chords: Ints) -> float:
    """How many truly different accompaniments a set holds, 1 .. n.

    The Vendi score of cosine similarity between square roots of the counts of chords and of
    changes from one to another.
    """
    n = len(chords)
    features = np.zeros((n, CHORDS + CHORDS * CHORDS))
    rows = np.repeat(np.arange(n), chords.shape[1])
    np.add.at(features, (rows, chords.ravel()), 1.0)
    before, after = chords[:, :-1], chords[:, 1:]
    changes = np.nonzero(before != after)
    np.add.at(features, (changes[0], CHORDS + before[changes] * CHORDS + after[changes]), 1.0)
    roots = np.sqrt(features)
    unit = roots / np.linalg.norm(roots, axis=1, keepdims=True)
    values = np.linalg.eigvalsh(unit @ unit.T / n)
    kept = values[values > 1e-12]
    return float(np.exp(-(kept * np.log(kept)).sum()))


def adaptation(
    melody: Ints, chords: Ints, windows_beats: tuple[tuple[int, int], ...]
) -> list[float]:
    """Note-in-chord by triads within windows (first beat, end beat), over a set of clips."""
    found = []
    for first, end in windows_beats:
        span = slice(first * FRAMES_PER_BEAT, end * FRAMES_PER_BEAT)
        heard, played = melody[:, span], chords[:, span]
        sounds = heard != REST
        found.append(float(TRIADS[played[sounds], heard[sounds] % CLASSES].mean()))
    return found
