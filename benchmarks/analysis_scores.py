"""How right an answer is: the field's own measures, by mir_eval, and intervals by bootstrap.

Rhythm: tempo within 4 % (`acc1`), or of its double, half, triple, third (`acc2`); F of beats and
downbeats within 70 ms, the first five seconds left out. Key: MIREX weights. Chords: share of the
time, major and minor triads or sevenths. Notes: F of onsets within 50 ms at the right pitch, also
with offsets. Pitch: share of sounding frames within 50 cents. Form: F of boundaries, and of pairs
of frames that have one letter.

Source: C. Raffel et al., "mir_eval: a transparent implementation of common MIR metrics", ISMIR,
2014.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from .analysis_material import Take

Scores = dict[str, float]

TEMPO_SHARE = 0.04
SHORTEST_NOTE_SECONDS = 0.02
RESAMPLINGS = 10_000


def _mir_eval(part: str) -> Any:
    return import_module(f"mir_eval.{part}")


def score_rhythm(take: Take, answer: Mapping[str, Any]) -> Scores:
    """`acc1`, `acc2`, and `beat_f`, `downbeat_f` where they were asked for and said."""
    if not take.tempo_bpm:
        return {}
    ratio = float(answer["tempo"] or 0.0) / take.tempo_bpm
    scores = {
        "acc1": float(abs(ratio - 1) <= TEMPO_SHARE),
        "acc2": float(any(abs(ratio / k - 1) <= TEMPO_SHARE for k in (1, 2, 3, 1 / 2, 1 / 3))),
    }
    beats, downbeats = answer["beats"], answer["downbeats"]
    if beats is not None:
        scores["beat_f"] = _beat_f(take.beats_seconds, beats)
    if downbeats is not None and take.downbeats_seconds:
        scores["downbeat_f"] = _beat_f(take.downbeats_seconds, downbeats)
    return scores


def _beat_f(true: Sequence[float], found: Sequence[float]) -> float:
    beat = _mir_eval("beat")
    true_times, times = (
        beat.trim_beats(np.sort(np.asarray(listed, float))) for listed in (true, found)
    )
    if not len(true_times) or not len(times):
        return 0.0
    return float(beat.f_measure(true_times, times))


def score_key(take: Take, answer: str | None) -> Scores:
    """`mirex`: 1 for the key, part of it for a fifth, the relative or the parallel one."""
    if take.key is None:
        return {}
    if not answer:
        return {"mirex": 0.0}
    tonic, mode = answer.split()[:2]
    return {"mirex": float(_mir_eval("key").weighted_score(take.key, f"{tonic} {mode.lower()}"))}


def score_chords(take: Take, answer: Sequence[Sequence[Any]]) -> Scores:
    """`majmin` and `sevenths`, of takes with at least three chords."""
    if len(take.chords) < 3:
        return {}
    rows = [row for row in answer if row[1] > row[0]]
    if not rows:
        return {"majmin": 0.0, "sevenths": 0.0}
    true, found = (
        (np.array([row[:2] for row in listed], float), [row[2] for row in listed])
        for listed in (take.chords, rows)
    )
    scores = _mir_eval("chord").evaluate(*true, *found)
    return {name: float(scores[name]) for name in ("majmin", "sevenths")}


def score_notes(take: Take, answer: Sequence[Sequence[float]]) -> Scores:
    """`onset_f1`, `onset_offset_f1`; `onset_f1_piano` too if only a piano plays."""
    true = [row for row in take.notes if row[1] - row[0] > SHORTEST_NOTE_SECONDS]
    if not true:
        return {}
    found = [(row[0], max(row[1], row[0] + 0.01), row[2]) for row in answer]
    with_ends, onsets = 0.0, 0.0
    if found:
        transcription = _mir_eval("transcription")
        arrays = [*_spans_and_hz(true), *_spans_and_hz(found)]
        measure = transcription.precision_recall_f1_overlap
        onsets = float(measure(*arrays, offset_ratio=None)[2])
        with_ends = float(measure(*arrays)[2])
    scores = {"onset_f1": onsets, "onset_offset_f1": with_ends}
    return scores | ({"onset_f1_piano": onsets} if take.piano else {})


def _spans_and_hz(rows: Sequence[Sequence[float]]) -> tuple[Any, Any]:
    table = np.array([row[:3] for row in rows], float)
    return table[:, :2], 440.0 * 2.0 ** ((table[:, 2] - 69.0) / 12.0)


def score_pitch(take: Take, answer: Mapping[str, Sequence[float]]) -> Scores:
    """`rpa` of takes of one line, up to their last tone."""
    if not any(take.pitch_hz):
        return {}
    true_hz = np.array(take.pitch_hz)
    last = int(np.flatnonzero(true_hz)[-1])
    times, hz = np.array(answer["times"], float), np.array(answer["hz"], float)
    kept = times >= 0
    if not kept.any():
        return {"rpa": 0.0}
    true_times = np.arange(last) * take.pitch_hop_seconds
    scores = _mir_eval("melody").evaluate(true_times, true_hz[:last], times[kept], hz[kept])
    return {"rpa": float(scores["Raw Pitch Accuracy"])}


def score_form(take: Take, answer: Sequence[Sequence[Any]]) -> Scores:
    """`boundary_f` within half a second, `boundary_f_3s`, and `pair_f` of frames with one letter.

    The last is left out where a listener gives no letters.
    """
    if not take.sections:
        return {}
    if not answer:
        return {"boundary_f": 0.0, "boundary_f_3s": 0.0}
    segment, adjust = _mir_eval("segment"), _mir_eval("util").adjust_intervals
    last = float(take.sections[-1][1])
    (true, letters), (found, named) = (
        adjust(np.array([row[:2] for row in rows], float), [row[2] for row in rows], 0.0, last)
        for rows in (take.sections, answer)
    )
    scores = {
        name: float(segment.detection(true, found, window=window, trim=True)[2])
        for name, window in (("boundary_f", 0.5), ("boundary_f_3s", 3.0))
    }
    if all(answer[0][2:]):
        scores["pair_f"] = float(segment.pairwise(true, letters, found, named)[2])
    return scores


SCORERS: dict[str, Callable[[Take, Any], Scores]] = {
    "rhythm": score_rhythm,
    "key": score_key,
    "chords": score_chords,
    "notes": score_notes,
    "f0": score_pitch,
    "form": score_form,
}
"""By what is asked for; a scorer gives nothing for a take of which the truth is not known."""


@dataclass(frozen=True)
class Interval:
    """A mean over pieces and its 95 % interval."""

    mean: float
    low: float
    high: float
    pieces: int

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.2f}, {self.high:.2f}]"


def interval(values: Sequence[float], seed: int = 0) -> Interval:
    """Percentiles of the mean over pieces drawn again with replacement."""
    drawn = np.asarray(values, float)
    rng = np.random.default_rng(seed)
    means = drawn[rng.integers(len(drawn), size=(RESAMPLINGS, len(drawn)))].mean(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    return Interval(float(drawn.mean()), float(low), float(high), len(drawn))
