"""Features of a score, bar by bar and as a whole: the symbolic twin of `features`.

What a bar is like comes from `symbolic` (sums over its notes, relative to the key), how the notes
lie against the beat from here. A note belongs to the bar of its onset. Notes of channel 9 are
drums: they have no pitch.

Syncopation is that of H. C. Longuet-Higgins and C. S. Lee, "The rhythmic interpretation of
monophonic music", Music Perception 1, 1984: a note that is held or followed by a rest over a
stronger place than its own counts by how much stronger that is. Dissonance weighs interval classes
as D. Huron, "Interval-class content in equally tempered pitch-class sets", Music Perception 11,
1994.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...music.errors import SegueError
from ...music.midi import DRUM_CHANNEL
from ...music.score import NOTE, Notes, Score
from ...music.score_analysis import find_key
from ...music.tempo import Meter
from ...music.theory import Key
from ..sound.features import Summary
from .symbolic import FEATURES, STATISTICS, features_from_statistics, grouped_statistics

FloatArray = NDArray[np.float64]

MOST_BARS = 100_000
"""A longer score is taken to be a mistake: a damaged file, or one whose clock ran on."""

UNITS = {
    "notes_per_second": "pitched notes that begin, a second",
    "percussion_per_second": "unpitched notes that begin, a second",
    "polyphony": "notes that sound at a time, mean over the bar",
    "register_midi": "MIDI note number, mean of the notes",
    "register_sd_semitones": "semitones, spread of the notes",
    "velocity": "0..1, mean",
    "mode": "-1 minor .. 1 major: fits of the pitch classes to both profiles on the tonic",
    "dissonance": "0..1, of the pitch classes of the bar with each other; a triad about 0.2",
    "foreign_share": "0..1, share of time of notes outside the key",
    "tension": "0..1, mean of dissonance and of the distance from the key's own notes",
    "pitch_entropy": "nats, of the pitch classes, 0..2.48",
    "rhythm_entropy": "nats, of the onsets over sixteen slots, 0..2.77",
    "offbeat_share": "0..1, onsets on no beat",
    "syncopation": "levels of the meter, mean over the notes; 0 straight, 1 strongly syncopated",
    "silence_share": "0..1, slots of sixteen where nothing begins",
}
"""The features of a bar and their units, in the order of the fields of `ScoreFeatures`."""

_CONSONANCE = np.array([-1.428, -0.582, 0.594, 0.386, 1.240, -0.453])  # of interval classes 1..6
_SLOTS_A_BEAT = 12  # to which onsets are moved: sixteenths and triplets
_EARLY, _LATE = 0.45, 0.8  # phases of a beat where a swung eighth may lie
_NEAR = 0.06  # of the middle phase: that swung eighths agree
_CHANCE = 2 * _NEAR / (_LATE - _EARLY)  # share that is so near by chance
_COLUMN = {name: index for index, name in enumerate(FEATURES)}


@dataclass(frozen=True)
class ScoreFeatures:
    """Features of n bars [shape=(n,)], and of the whole score; `UNITS` says what each is."""

    times_seconds: FloatArray  # starts of the bars
    start_beats: FloatArray
    notes_per_second: FloatArray
    percussion_per_second: FloatArray
    polyphony: FloatArray
    register_midi: FloatArray
    register_sd_semitones: FloatArray
    velocity: FloatArray
    mode: FloatArray
    dissonance: FloatArray
    foreign_share: FloatArray
    tension: FloatArray
    pitch_entropy: FloatArray
    rhythm_entropy: FloatArray
    offbeat_share: FloatArray
    syncopation: FloatArray
    silence_share: FloatArray
    symbolic: FloatArray  # [n, F] as in `symbolic.FEATURES`
    sounds: NDArray[np.bool_]  # [n] bars in which a note begins
    note_count: int
    track_count: int  # of those that hold notes
    key: Key
    swing_ratio: float  # first eighth over second: 1 straight, 2 triplets
    swing_confidence: float  # 0..1, by how many eighths there are
    timing_sd_beats: float  # of onsets around the nearest twelfth of a beat: 0 on the grid

    def __len__(self) -> int:
        return len(self.times_seconds)

    def summary(self) -> dict[str, Summary]:
        """What each feature is like over the bars in which a note begins."""
        return {
            name: Summary.of(getattr(self, name)[self.sounds].astype(np.float32)) for name in UNITS
        }


def score_features(score: Score, key: Key | None = None) -> ScoreFeatures:
    """Features of a score's bars; SegueError for one of more than `MOST_BARS`.

    :param key: of the whole; None: it is found from the notes
    """
    notes, drums, tracks = _gathered(score)
    if key is None:
        key = find_key(notes[~drums]) if (~drums).any() else Key()
    bar_beats = score.meter.bar_beats
    bars = _bar_count(notes, bar_beats)
    starts = np.asarray(np.arange(bars) * bar_beats)
    times = np.array([score.tempo.seconds(float(beat)) for beat in [*starts, bars * bar_beats]])
    bar = np.minimum((notes["onset_beats"] / bar_beats + 1e-9).astype(np.intp), max(bars - 1, 0))
    inside = notes.copy()
    inside["onset_beats"] -= bar * bar_beats
    statistics = grouped_statistics(
        inside, 2 * bar + drums, np.arange(2 * bars) % 2 == 1, bar_beats, tonic=key.tonic
    )
    statistics = statistics.reshape(bars, 2, len(STATISTICS)).sum(axis=1)
    table = features_from_statistics(statistics, np.maximum(np.diff(times), 1e-6))
    column = {name: table[:, index] for name, index in _COLUMN.items()}
    dissonance = _dissonance(table)
    foreign, distance = _from_key(notes[~drums], bar[~drums], bars, key)
    swing, sure = _swing(notes)
    return ScoreFeatures(
        times_seconds=times[:-1],
        start_beats=starts,
        notes_per_second=np.expm1(column["note_density"]),
        percussion_per_second=np.expm1(column["percussion_density"]),
        polyphony=np.expm1(column["polyphony"]),
        register_midi=column["pitch_mean"],
        register_sd_semitones=column["pitch_sd"],
        velocity=column["velocity_mean"],
        mode=np.clip(column["major_fit"] - column["minor_fit"], -1.0, 1.0),
        dissonance=dissonance,
        foreign_share=foreign,
        tension=(dissonance + distance) / 2.0,
        pitch_entropy=column["degree_entropy"],
        rhythm_entropy=column["rhythm_entropy"],
        offbeat_share=column["offbeat_share"],
        syncopation=_syncopation(notes, tracks, bar, bars, score.meter),
        silence_share=column["silence"],
        symbolic=table,
        sounds=np.bincount(bar, minlength=bars)[:bars] > 0,
        note_count=len(notes),
        track_count=len(np.unique(tracks)),
        key=key,
        swing_ratio=swing,
        swing_confidence=sure,
        timing_sd_beats=_timing_sd(notes),
    )


def _gathered(score: Score) -> tuple[Notes, NDArray[np.bool_], NDArray[np.intp]]:
    """All notes in order, which of them are drums, and of which track each is."""
    filled = [track for track in score.tracks if len(track.notes)]
    if not filled:
        return np.zeros(0, NOTE), np.zeros(0, bool), np.zeros(0, np.intp)
    notes = np.concatenate([track.notes for track in filled])
    counts = [len(track.notes) for track in filled]
    drums = np.repeat([track.channel == DRUM_CHANNEL for track in filled], counts)
    tracks = np.repeat(np.arange(len(filled)), counts)
    order = np.lexsort((notes["pitch"], notes["onset_beats"]))
    return notes[order], drums[order], tracks[order]


def _bar_count(notes: Notes, bar_beats: float) -> int:
    if not len(notes):
        return 0
    bars = float(notes["onset_beats"].max()) / bar_beats + 1.0
    if bars > MOST_BARS:
        raise SegueError(
            f"the last note of this score begins in bar {bars:.0f}; scores of up to {MOST_BARS} "
            "bars are measured: look for a note that is out of place"
        )
    return int(bars + 1e-9)


def _dissonance(table: FloatArray) -> FloatArray:
    """0..1 from the chances of interval classes; 0 of a bar whose notes are all one class."""
    intervals = table[:, _COLUMN["interval_1"] : _COLUMN["interval_6"] + 1]
    chance = intervals.sum(axis=1)
    mean = intervals @ _CONSONANCE / np.maximum(chance, 1e-9)
    low, high = _CONSONANCE.min(), _CONSONANCE.max()
    return np.where(chance > 1e-6, (high - mean) / (high - low), 0.0)


def _from_key(
    notes: Notes, bar: NDArray[np.intp], bars: int, key: Key
) -> tuple[FloatArray, FloatArray]:
    """Share of time outside the key; and distance 0..1, where the tonic triad is 0."""
    classes = np.arange(12)
    scale = np.isin(classes, list(key.scale))
    weight = np.where(scale, 0.5, 1.0)
    third = 3 if (key.tonic + 3) % 12 in key.scale else 4
    weight[[(key.tonic + step) % 12 for step in (0, third, 7)]] = 0.0
    duration, pitch = notes["duration_beats"], notes["pitch"].astype(np.intp) % 12
    whole = np.bincount(bar, duration, minlength=bars)[:bars]
    shares = [
        np.bincount(bar, duration * values[pitch], minlength=bars)[:bars] / np.maximum(whole, 1e-9)
        for values in (1.0 - scale, weight)
    ]
    return shares[0], shares[1]


def _levels(meter: Meter) -> list[int]:
    """Spans in slots of the meter's levels, the bar first, the finest last."""
    bar = round(meter.bar_beats * _SLOTS_A_BEAT)
    beat = (
        3 * _SLOTS_A_BEAT // 2
        if meter.denominator == 8 and not meter.numerator % 3
        else (4 * _SLOTS_A_BEAT // meter.denominator)
    )
    spans = [bar]
    if beat and not bar % (2 * beat) and bar > 2 * beat:
        spans.append(bar // 2)
    for span in (beat, beat // 3 if beat == 18 else beat // 2, 3):
        if 0 < span < spans[-1]:
            spans.append(span)
    return spans


def _syncopation(
    notes: Notes, tracks: NDArray[np.intp], bar: NDArray[np.intp], bars: int, meter: Meter
) -> FloatArray:
    """Mean over the onsets of a bar, each track for itself [shape=(bars,)]."""
    total, count = np.zeros(bars), np.zeros(bars)
    spans = _levels(meter)
    for track in np.unique(tracks):
        own = tracks == track
        slots, first = np.unique(
            np.rint(notes["onset_beats"][own] * _SLOTS_A_BEAT).astype(np.int64), return_index=True
        )
        where = bar[own][first]
        until = np.append(slots[1:], slots[-1] + 1)  # after the last note nothing is missed
        until = np.minimum(until, slots + spans[0] + 1)
        strength = np.zeros(len(slots))
        strongest = np.zeros(len(slots))
        for level, span in enumerate(spans):
            height = len(spans) - level
            strength = np.maximum(strength, (slots % span == 0) * height)
            crossed = (until - 1) // span > slots // span
            strongest = np.maximum(strongest, crossed * height)
        on_grid = strength > 0
        excess = np.where(on_grid, np.maximum(strongest - strength, 0.0), 0.0)
        total += np.bincount(where, excess, minlength=bars)[:bars]
        count += np.bincount(where, on_grid, minlength=bars)[:bars]
    return np.asarray(total / np.maximum(count, 1.0))


def _swing(notes: Notes) -> tuple[float, float]:
    """Long over short eighth, and how sure that is."""
    phases = np.unique(notes["onset_beats"]) % 1.0
    between = phases[(phases > _EARLY) & (phases < _LATE)]
    if not len(between):
        return 1.0, 0.0
    middle = float(np.median(between))
    share = float((np.abs(between - middle) < _NEAR).mean())
    sure = max(share - _CHANCE, 0.0) / (1.0 - _CHANCE)
    return middle / (1.0 - middle), sure * min(1.0, len(between) / 16.0)


def _timing_sd(notes: Notes) -> float:
    if not len(notes):
        return 0.0
    slots = notes["onset_beats"] * _SLOTS_A_BEAT
    return float(np.std(slots - np.rint(slots)) / _SLOTS_A_BEAT)
