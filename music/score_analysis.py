"""What a score consists of: its key, its melody and its chords.

Key by the profiles of Krumhansl and Kessler (Psychological Review 89, 1982) on pitch classes
weighted by duration; chords by the overlap of sounding pitch classes with triads and sevenths, half
bar by half bar.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .score import ONSET_TOLERANCE_BEATS, Notes, Track, make_notes
from .tempo import Meter
from .theory import Chord, Key

MAJOR_PROFILE = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
MINOR_PROFILE = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])
"""Ratings of how well each pitch class fits a key, from the tonic up (Krumhansl and Kessler)."""

_RARITY = {  # what speaks against a quality when the fit is equal
    "7": 0.05,
    "m7": 0.07,
    "maj7": 0.08,
    "dim": 0.06,
    "m7b5": 0.09,
    "dim7": 0.1,
    "aug": 0.12,
    "sus4": 0.13,
}
_ACCOMPANIMENT_SEMITONES = 7  # that far below a held note nothing belongs to the melody
_LOW_PITCH, _LOW_GAIN = 52, 1.5  # notes below E3 say more about the chord
_KEY_LIKING, _STAY_LIKING = 0.03, 0.02  # for chords of the key, and for the chord before
_CHANGE_GAIN = 0.1  # how much better two chords must fit a bar than one

FloatArray = NDArray[np.float64]


def find_key(notes: Notes) -> Key:
    """The major or minor key whose profile correlates best with the notes, weighted by duration."""
    durations = np.minimum(notes["duration_beats"], 4.0)
    weights = np.bincount(notes["pitch"] % 12, weights=durations, minlength=12)
    if weights.std() == 0:
        return Key()
    fits = {
        Key(tonic, mode): float(np.corrcoef(np.roll(profile, tonic), weights)[0, 1])
        for mode, profile in (("ionian", MAJOR_PROFILE), ("aeolian", MINOR_PROFILE))
        for tonic in range(12)
    }
    return max(fits, key=fits.__getitem__)


def find_melody(tracks: Sequence[Track]) -> Track:
    """The track most like a melody: high, one note at a time, sounding for much of the piece."""
    end = max(track.end_beats for track in tracks)

    def likeness(track: Track) -> float:
        if not len(track.notes):
            return -np.inf
        line = skyline(track.notes)
        single = len(line) / len(track.notes)
        sounding = float(line["duration_beats"].sum()) / end
        variety = len(np.unique(line["pitch"]))
        named = any(word in track.name.lower() for word in ("melod", "lead", "vocal", "solo"))
        height = float(np.mean(line["pitch"])) / 127
        return 2 * height + single + min(sounding, 1.0) + 0.1 * min(variety, 8) + 1.0 * named

    return max(tracks, key=likeness)


def skyline(notes: Notes) -> Notes:
    """The highest note at each onset, each cut where the next begins; notes under it are dropped.

    Source: Uitdenbogerd and Zobel, "Melodic matching techniques for large music databases", ACM
    Multimedia 1999 (their algorithm all-mono).
    """
    line: list[tuple[float, float, int, float]] = []
    order = np.lexsort((-notes["pitch"].astype(int), notes["onset_beats"]))
    for onset, duration, pitch, velocity in notes[order].tolist():
        if line:
            last, length, top, loud = line[-1]
            near = onset - last < ONSET_TOLERANCE_BEATS
            overlaps = onset < last + length - ONSET_TOLERANCE_BEATS
            if overlaps and (near or top > pitch + _ACCOMPANIMENT_SEMITONES):
                continue  # under a note of this onset, or an accompaniment far below a held one
            line[-1] = (last, min(length, onset - last), top, loud)
        line.append((onset, duration, pitch, velocity))
    return make_notes(line)


def find_chords(notes: Notes, bars: int, meter: Meter, key: Key) -> tuple[tuple[Chord, ...], ...]:
    """One or two chords for each bar, from all that sounds in it; a silent bar keeps the last."""
    halves = _class_weights(notes, 2 * bars, meter.bar_beats / 2)
    chord = Chord(key.tonic, "m" if key.mode == "aeolian" else "")
    chords: list[tuple[Chord, ...]] = []
    for bar in range(bars):
        first, second = halves[2 * bar], halves[2 * bar + 1]
        whole, fit = _match(first + second, chord, key)
        if not (first + second).any():
            chords.append((chord,))
            continue
        one, fit_one = _match(first, whole, key)
        two, fit_two = _match(second, whole, key)
        split = one != two and (fit_one + fit_two) / 2 > fit + _CHANGE_GAIN
        split = split and meter.numerator % 3 != 0 and first.any() and second.any()
        chords.append((one, two) if split else (whole,))
        chord = chords[-1][-1]
    return tuple(chords)


def _class_weights(notes: Notes, spans: int, span_beats: float) -> FloatArray:
    """Beats that each pitch class sounds in each span [shape=(spans, 12)]; low notes count more."""
    weights = np.zeros((spans, 12))
    for onset, duration, pitch, _ in notes.tolist():
        end = onset + duration
        gain = _LOW_GAIN if pitch < _LOW_PITCH else 1.0
        for span in range(int(onset / span_beats), min(int(np.ceil(end / span_beats)), spans)):
            inside = min(end, (span + 1) * span_beats) - max(onset, span * span_beats)
            weights[span, pitch % 12] += gain * max(inside, 0.0)
    return weights


@dataclass(frozen=True)
class _Templates:
    """Unit vectors of all chords [shape=(chords, 12)] and what speaks against each."""

    chords: tuple[Chord, ...]
    vectors: FloatArray
    costs: FloatArray


def _templates() -> _Templates:
    chords = tuple(Chord(root, quality) for quality in ("", "m", *_RARITY) for root in range(12))
    vectors = np.zeros((len(chords), 12))
    for row, chord in enumerate(chords):
        vectors[row, list(chord.pitch_classes)] = 1.0
        vectors[row, chord.root] = 1.3
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    costs = np.array([_RARITY.get(chord.quality, 0.0) for chord in chords])
    return _Templates(chords, vectors, costs)


_TEMPLATES = _templates()


def _match(weights: FloatArray, before: Chord, key: Key) -> tuple[Chord, float]:
    """The best chord and its fit, 0..1; chords of the key and the last one are preferred."""
    norm = float(np.linalg.norm(weights))
    if norm == 0:
        return before, 0.0
    fits = _TEMPLATES.vectors @ weights / norm
    scale = set(key.scale)
    liking = np.array(
        [
            _KEY_LIKING * (set(chord.pitch_classes) <= scale) + _STAY_LIKING * (chord == before)
            for chord in _TEMPLATES.chords
        ]
    )
    best = int(np.argmax(fits - _TEMPLATES.costs + liking))
    return _TEMPLATES.chords[best], float(fits[best])
