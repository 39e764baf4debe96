"""Measures of how notes are written: density, roughness, clashes, mud in the bass, repetition.

Two pitched notes count as held against each other while both sound, if they do for at least
`HELD_SECONDS`: passing notes that touch are no clash. Durations are those written; how long an
instrument rings on is not known here. Shares of time refer to the time in which pitched notes
sound.
"""

from bisect import bisect_right
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ...music.midi import DRUM_CHANNEL
from ...music.score import NOTE, Notes, Score, Track
from ...music.tempo import TempoMap

FloatArray = NDArray[np.float64]

HELD_SECONDS = 0.15
"""Notes that overlap for less are not heard together."""

ROUGH_CLASSES = (1, 6, 11)
"""Intervals in semitones, octaves left out, that are rough: semitone, tritone, major seventh."""

LOW_PITCH, LOW_INTERVAL = 48, 7
"""Two notes below the first (C3) that are closer than the second (a fifth) blur."""

MEMORY_BARS = 16
"""How far back a bar is compared with others."""

_SLOTS = 48  # of a bar in which onsets count as equal


@dataclass(frozen=True)
class ChordSpan:
    """A chord from a beat on, until the next one."""

    start_beats: float
    pitch_classes: frozenset[int]  # 0..11


@dataclass(frozen=True)
class TrackWriting:
    """One track that holds notes."""

    notes: int
    bars_share: float  # of bars in which it begins a note
    repeated_bar_share: float  # of its bars, those that equal its bar before
    pitch_low: int
    pitch_high: int


@dataclass(frozen=True)
class Writing:
    """What the notes of a score are like; shares are 0..1."""

    bars: int
    notes_per_second: float  # unpitched ones too
    voices: float  # different pitches at a time, while any sounds
    doubled_share: float  # of pitched notes, those that another track plays as well
    rough_share: float  # of time with one of `ROUGH_CLASSES` held
    clash_share: float  # the same, where a note of the two is foreign to the chord
    crowded_low_share: float  # of time with notes that blur in the bass
    velocity_sd: float
    repeated_bar_share: float  # of bars, those that equal the bar before
    bar_similarity: float  # mean likeness (Jaccard index) to the likest of the bars before
    tracks: dict[str, TrackWriting]


def measure_writing(score: Score, chords: Sequence[ChordSpan] = ()) -> Writing:
    """Measure a score; notes on channel 9 are unpitched.

    :param chords: what is meant to sound, in order; without any, nothing counts as a clash
    """
    every = _joined([track.notes for track in score.tracks])
    pitched = _joined([track.notes for track in score.tracks if track.channel != DRUM_CHANNEL])
    held = _Held.find(pitched, score.tempo)
    foreign = held.rough & held.foreign(pitched, chords, score.tempo) if chords else held.none
    tracks = {track.name: _bars(track.notes, score) for track in _filled(score)}
    whole = [
        frozenset((name, *note) for name, bars in tracks.items() for note in bars[number])
        for number in range(_bar_count(score))
    ]
    seconds = score.tempo.seconds(score.end_beats)
    return Writing(
        bars=len(whole),
        notes_per_second=len(every) / seconds if seconds else 0.0,
        voices=held.voices,
        doubled_share=_doubled(score),
        rough_share=held.share(held.rough),
        clash_share=held.share(foreign),
        crowded_low_share=held.share(held.crowded),
        velocity_sd=float(every["velocity"].std()) if len(every) else 0.0,
        repeated_bar_share=_repeated(whole),
        bar_similarity=_similarity(whole),
        tracks={track.name: _track(track.notes, tracks[track.name]) for track in _filled(score)},
    )


def _joined(parts: list[Notes]) -> Notes:
    return np.concatenate([np.zeros(0, NOTE), *parts])


@dataclass(frozen=True)
class _Held:
    """Pairs of notes that are held against each other, and for how long any note sounds."""

    pair: NDArray[np.intp]  # [shape=(2, pairs)] into the notes
    start: FloatArray  # [shape=(pairs,)], seconds
    end: FloatArray
    rough: NDArray[np.bool_]  # [shape=(pairs,)]
    crowded: NDArray[np.bool_]
    seconds: float  # in which at least one note sounds
    voices: float

    @classmethod
    def find(cls, notes: Notes, tempo: TempoMap) -> "_Held":
        """All pairs among notes in any order."""
        on = np.array([tempo.seconds(beat) for beat in notes["onset_beats"]])
        ends = notes["onset_beats"] + notes["duration_beats"]
        off = np.array([tempo.seconds(beat) for beat in ends])
        order = np.argsort(on, kind="stable")
        later = np.searchsorted(on[order], off[order]) - np.arange(len(order)) - 1
        later = np.maximum(later, 0)  # notes that begin while this one sounds
        first = np.repeat(np.arange(len(order)), later)
        second = first + 1 + np.arange(len(first)) - np.repeat(np.cumsum(later) - later, later)
        pair = np.stack([order[first], order[second]])
        start, end = on[pair].max(axis=0), off[pair].min(axis=0)
        kept = end - start >= HELD_SECONDS
        pair, start, end = pair[:, kept], start[kept], end[kept]
        low, high = np.sort(notes["pitch"][pair].astype(np.intp), axis=0)
        seconds = _union(on, off)
        pitches = [notes["pitch"] == pitch for pitch in np.unique(notes["pitch"])]
        sounding = sum(_union(on[one], off[one]) for one in pitches)
        return cls(
            pair,
            start,
            end,
            rough=np.isin((high - low) % 12, ROUGH_CLASSES),
            crowded=(high < LOW_PITCH) & (high > low) & (high - low < LOW_INTERVAL),
            seconds=seconds,
            voices=sounding / seconds if seconds else 0.0,
        )

    @property
    def none(self) -> NDArray[np.bool_]:
        """No pair."""
        return np.zeros(len(self.start), bool)

    def share(self, chosen: NDArray[np.bool_]) -> float:
        """Of the time in which notes sound, that of the chosen pairs."""
        return _union(self.start[chosen], self.end[chosen]) / self.seconds if self.seconds else 0.0

    def foreign(
        self, notes: Notes, chords: Sequence[ChordSpan], tempo: TempoMap
    ) -> NDArray[np.bool_]:
        """Pairs of which a note is not of the chord that sounds in the middle of their time."""
        starts = [tempo.seconds(chord.start_beats) for chord in chords]
        classes = notes["pitch"] % 12
        found = self.none
        for number, middle in enumerate((self.start + self.end) / 2):
            chord = chords[max(bisect_right(starts, middle) - 1, 0)]
            found[number] = not chord.pitch_classes.issuperset(classes[self.pair[:, number]])
        return found


def _union(start: FloatArray, end: FloatArray) -> float:
    """Length of the time that any of some spans covers."""
    order = np.argsort(start)
    start, reach = start[order], np.maximum.accumulate(end[order])
    before = np.concatenate([start[:1], reach[:-1]])
    return float(np.maximum(reach - np.maximum(start, before), 0.0).sum())


def _doubled(score: Score) -> float:
    """Share of pitched notes with the onset and pitch of a note of another track."""
    tracks = [track for track in _filled(score) if track.channel != DRUM_CHANNEL]
    keys = [_slots(track.notes, score) * 128 + track.notes["pitch"] for track in tracks]
    if not keys:
        return 0.0
    known, counts = np.unique(np.concatenate([np.unique(own) for own in keys]), return_counts=True)
    return float(np.isin(np.concatenate(keys), known[counts > 1]).mean())


Bar = frozenset[tuple[int, int]]  # (slot of the onset, pitch) of each note


def _bar_count(score: Score) -> int:
    return max((int(_slots(t.notes, score).max()) // _SLOTS + 1 for t in _filled(score)), default=0)


def _filled(score: Score) -> list[Track]:
    return [track for track in score.tracks if len(track.notes)]


def _slots(notes: Notes, score: Score) -> NDArray[np.intp]:
    """The slot from the start of the score in which each note begins."""
    slots = notes["onset_beats"] / score.meter.bar_beats * _SLOTS
    return np.asarray(np.floor(slots + 0.5), dtype=np.intp)


def _bars(notes: Notes, score: Score) -> list[Bar]:
    """What begins in each bar."""
    bars: list[set[tuple[int, int]]] = [set() for _ in range(_bar_count(score))]
    for slot, pitch in zip(_slots(notes, score).tolist(), notes["pitch"].tolist(), strict=True):
        bars[slot // _SLOTS].add((slot % _SLOTS, pitch))
    return [frozenset(bar) for bar in bars]


def _track(notes: Notes, bars: list[Bar]) -> TrackWriting:
    return TrackWriting(
        notes=len(notes),
        bars_share=float(np.mean([bool(bar) for bar in bars])),
        repeated_bar_share=_repeated(bars),
        pitch_low=int(notes["pitch"].min()),
        pitch_high=int(notes["pitch"].max()),
    )


def _repeated(bars: Sequence[AbstractSet[object]]) -> float:
    """Of the bars with notes, from the second on, those that equal the bar before."""
    pairs = [(bar, before) for before, bar in pairwise(bars) if bar]
    return float(np.mean([bar == before for bar, before in pairs])) if pairs else 0.0


def _similarity(bars: Sequence[AbstractSet[object]]) -> float:
    """Mean over bars with notes, from the second on."""
    best = [
        max(len(bar & other) / len(bar | other) for other in bars[max(at - MEMORY_BARS, 0) : at])
        for at, bar in enumerate(bars)
        if at and bar
    ]
    return float(np.mean(best)) if best else 0.0
