"""How well a real voice is followed, harmonised and shifted, and what that costs.

The voice is track 1 of vocadito (R. Bittner et al., "vocadito: a dataset of solo vocals with f0,
note and lyric annotations", ISMIR late-breaking demo, 2021), in the folder `vocadito_1` of the data
that the environment variable SEGUE_DATA names. One track is a check, not a benchmark of singers.
"""

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..analysis.notes.sung_notes import SungNote, find_notes
from ..analysis.pitch.voice import PitchTrack, hz_at, hz_to_midi, track_pitch
from ..analysis.pitch.voice_quality import shift_quality
from ..music.cue_file import load_cue
from ..music.errors import MissingPartError
from ..music.harmony_parts import review
from ..music.transpose import transpose
from ..server.harmonies.harmonize_live import LiveHarmonizer
from ..server.harmonies.harmonize_stems import sing_parts
from ..server.harmonies.harmony_plan import Course, Plan, stretches
from ..server.harmonies.voice_file import Samples, read_voice
from ..server.sounding.sound import SAMPLE_RATE
from ..synth.pitch_shift import shift_pitch

FloatArray = NDArray[np.float64]
Row = dict[str, Any]

CUE, TRANSPOSITION = "dungeon", 5  # into the singer's key
SHIFTS = (-8, -5, -3, 3, 4, 7)  # semitones
NOISES_DB = (None, -12, -4)  # of white noise against the voice
BLOCKS = (64, 256, 1024)

_ONSET_SECONDS, _RIGHT_CENTS = 0.05, 50.0
_LOUDER = 4.0  # what a live input would have


def run(data: str | None = None) -> tuple[dict[str, float], dict[str, list[Row]]]:
    """Pitch, notes, parts, shifts and live latencies; `data` instead of SEGUE_DATA."""
    folder = Path(data or os.environ.get("SEGUE_DATA", "")) / "vocadito_1"
    if not (folder / "vocadito_1.flac").is_file():
        raise MissingPartError(
            f"{folder} holds no vocadito_1.flac; set SEGUE_DATA to the folder that holds vocadito_1"
        )
    samples = read_voice(folder / "vocadito_1.flac").samples
    pitch = [_pitch(samples, folder, noise_db) for noise_db in NOISES_DB]
    track = track_pitch(samples, SAMPLE_RATE)
    notes = find_notes(track)
    noted = _notes(notes, folder)
    course = Course(transpose(load_cue(CUE), TRANSPOSITION), len(samples) / SAMPLE_RATE)
    plan = Plan(stretches(notes, course, 0.0), "around", 2)
    shifts = _shifts(samples, track)
    live = [_live(samples * _LOUDER, course, plan, size) for size in BLOCKS]
    offline = _in_tune(sing_parts(samples, track, plan), plan, 0.0)
    found = review([s.moment for s in plan.stretches], plan.pitches)
    results = {
        "raw_pitch_accuracy": pitch[0]["raw_pitch_accuracy"],
        "voicing_recall": pitch[0]["voicing_recall"],
        "voicing_false_alarm": pitch[0]["voicing_false_alarm"],
        "pitch_times_real_time": pitch[0]["times_real_time"],
        "note_f1": noted[0]["f1"],
        "note_f1_of_annotators": noted[-1]["f1"],
        "parts_scale_share": found.scale_share,
        "parts_strong_chord_share": found.strong_chord_share,
        "parts_parallels": float(found.parallels),
        "parts_crossings": float(found.crossings),
        "shift_error_cents_mean": max(row["error_cents"] for row in shifts),
        "shift_error_cents_p95": max(row["p95_cents"] for row in shifts),
        "shift_envelope_db": max(row["envelope_db"] for row in shifts),
        "offline_on_scale": offline,
        "live_on_scale": live[1]["on_scale"],
        "live_core_percent": live[1]["core_percent"],
        "live_shift_latency_ms": live[1]["shift_latency_ms"],
        "live_guess_latency_ms": live[1]["guess_latency_ms"],
    }
    tables = {"pitch": pitch, "notes": noted, "shifts": shifts, "live": live}
    return results, tables


def _pitch(samples: Samples, folder: Path, noise_db: int | None) -> Row:
    """Against the labels, as mir_eval counts: within half a semitone."""
    noise = np.random.default_rng(0).standard_normal(len(samples)) * np.std(samples)
    heard = samples + (0.0 if noise_db is None else 10 ** (noise_db / 20)) * noise
    start = time.process_time()
    track = track_pitch(heard, SAMPLE_RATE)
    seconds = time.process_time() - start
    labels = np.loadtxt(folder / "vocadito_1_f0.csv", delimiter=",")
    hz = hz_at(track, labels[:, 0])
    sung, found = labels[:, 1] > 0.0, hz > 0.0
    both = sung & found
    cents = np.abs(1200.0 * np.log2(hz[both] / labels[both, 1]))
    right = float((cents < _RIGHT_CENTS).sum())
    return {
        "noise": "none" if noise_db is None else f"{noise_db} dB",
        "raw_pitch_accuracy": right / float(sung.sum()),
        "median_error_cents": float(np.median(cents)),
        "voicing_recall": float(both.sum() / sung.sum()),
        "voicing_false_alarm": float((found & ~sung).sum() / (~sung).sum()),
        "overall_accuracy": (right + float((~found & ~sung).sum())) / len(labels),
        "times_real_time": len(samples) / SAMPLE_RATE / seconds,
    }


def _notes(notes: list[SungNote], folder: Path) -> list[Row]:
    """Onset within 50 ms and pitch within half a semitone, against each annotator."""
    ours = np.array([[note.onset_seconds, note.pitch] for note in notes])
    people = []
    for name in ("A1", "A2"):
        rows = np.loadtxt(folder / f"vocadito_1_notes{name}.csv", delimiter=",")
        people.append(np.stack([rows[:, 0], hz_to_midi(rows[:, 1])], axis=1))
    pairs = {
        "found, annotator 1": (ours, people[0]),
        "found, annotator 2": (ours, people[1]),
        "annotator 2, annotator 1": (people[1], people[0]),
    }
    return [
        {"notes": name, "first": len(first), "second": len(second), "f1": _f1(first, second)}
        for name, (first, second) in pairs.items()
    ]


def _f1(found: FloatArray, true: FloatArray) -> float:
    """Each note counts once, the nearest in time first."""
    apart = np.abs(found[:, None] - true[None])
    pairs = np.argwhere((apart[..., 0] <= _ONSET_SECONDS) & (apart[..., 1] <= _RIGHT_CENTS / 100))
    used_found: set[int] = set()
    used_true: set[int] = set()
    for one, other in sorted(pairs.tolist(), key=lambda pair: apart[pair[0], pair[1], 0]):
        if one not in used_found and other not in used_true:
            used_found.add(one)
            used_true.add(other)
    return 2.0 * len(used_found) / (len(found) + len(true))


def _shifts(samples: Samples, track: PitchTrack) -> list[Row]:
    times = np.arange(len(samples)) / SAMPLE_RATE
    hz = hz_at(track, times)
    rows = []
    for semitones in SHIFTS:
        ratio = 2.0 ** (semitones / 12.0)
        start = time.process_time()
        part = shift_pitch(samples, SAMPLE_RATE, hz, np.full((1, len(samples)), ratio))[0]
        seconds = time.process_time() - start
        found = shift_quality(samples, part, SAMPLE_RATE, track, np.full(len(track), ratio))
        rows.append(
            {
                "semitones": semitones,
                "error_cents": found.pitch_error_cents,
                "p95_cents": found.pitch_error_p95_cents,
                "envelope_db": found.envelope_difference_db,
                "voiced_share": found.voiced_share,
                "times_real_time": len(samples) / SAMPLE_RATE / seconds,
            }
        )
    return rows


def _live(samples: Samples, course: Course, plan: Plan, size: int) -> Row:
    live = LiveHarmonizer(course, parts=2)
    pieces, costs = [], []
    for at in range(0, len(samples) - size + 1, size):
        start = time.process_time()
        pieces.append(live.push(samples[at : at + size]).parts)
        costs.append(time.process_time() - start)
    parts = np.concatenate(pieces, axis=1)
    return {
        "block": size,
        "pitch_latency_ms": 1e3 * live.pitch_latency_seconds,
        "guess_latency_ms": 1e3 * live.guess_latency_seconds,
        "note_latency_ms": 1e3 * live.note_latency_seconds,
        "shift_latency_ms": 1e3 * live.shift_latency_seconds,
        "block_us_p50": 1e6 * float(np.median(costs)),
        "block_us_p99": 1e6 * float(np.percentile(costs, 99)),
        "core_percent": 100.0 * sum(costs) * SAMPLE_RATE / (size * len(costs)),
        "on_scale": _in_tune(parts, plan, live.shift_latency_seconds),
    }


def _in_tune(parts: NDArray[np.floating], plan: Plan, late_seconds: float) -> float:
    """Share of the time that parts, heard again, are on tones of the scale with the singer."""
    right = []
    for part in parts:
        heard = track_pitch(part, SAMPLE_RATE)
        times = heard.times_seconds - late_seconds
        for stretch in plan.stretches:
            inside = (times > stretch.start_seconds) & (times < stretch.end_seconds)
            midi = heard.midi[inside & heard.voiced] - stretch.moment.tuning
            right += [round(pitch) % 12 in stretch.moment.scale for pitch in midi.tolist()]
    return float(np.mean(right))
