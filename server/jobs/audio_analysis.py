"""Audio analysis in the shape of the endpoint that Spotify withdrew: bars to segments of a sound.

Bars, beats, tatums (halves of beats), sections and segments each have `start`, `duration` in
seconds, and `confidence`. Segments lie between attacks. Their twelve `pitches` are pitch classes
from C, the strongest 1; their twelve `timbre` values are the level in dB and MFCC 1 to 11, not the
unpublished basis of the original. Loudness is in dB relative to full scale.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import analysis
from ...analysis.rhythm.beats import Beats
from ...analysis.sound.audio import decibels
from ...analysis.sound.features import Features
from ...analysis.spectra import RATE
from . import options as o
from .given import Given, Samples, Tell

FloatArray = NDArray[np.float64]

SHORTEST_SECONDS = 0.08
MOST_SEGMENTS = 20_000


def audio_analysis(given: Given, options: o.Options, tell: Tell) -> dict[str, Any]:
    """Everything in one map."""
    samples, rate = given.samples()
    mono, seconds = given.mono(), len(samples) / rate
    tell(0.1, "beats")
    beats, onsets = analysis.find_beats(mono, RATE), analysis.find_onsets(mono, RATE)
    tell(0.4, "key")
    key = analysis.find_key(mono, RATE)
    tell(0.5, "sections")
    form = analysis.find_form(mono, RATE, beats)
    tell(0.7, "segments")
    heard = analysis.extract_features(mono, RATE)
    level = analysis.measure_audio(samples, rate)
    whole = _keyed(key.key, key.confidence) | _timed(beats)
    sections = [
        _span(one.start_seconds, one.end_seconds, one.confidence)
        | {"loudness": _level(mono, one.start_seconds, one.end_seconds)}
        | _keyed(key.at((one.start_seconds + one.end_seconds) / 2), key.confidence)
        | _timed(beats)
        for one in form.sections
    ]
    return {
        "meta": {"analyzer_version": "segue", "status_code": 0, "input_process": "segue"},
        "track": {
            "num_samples": len(samples),
            "duration": seconds,
            "analysis_sample_rate": RATE,
            "analysis_channels": 1,
            "end_of_fade_in": 0.0,
            "start_of_fade_out": seconds,
            "loudness": max(level.loudness_lufs, -120.0),
            **whole,
        },
        "bars": _spans(beats.downbeat_times_seconds, seconds, beats.confidence[beats.numbers == 1]),
        "beats": _spans(beats.times_seconds, seconds, beats.confidence),
        "tatums": _tatums(beats, seconds),
        "sections": sections,
        "segments": _segments(mono, onsets.times_seconds, onsets.confidence, heard, seconds),
    }


def _tatums(beats: Beats, seconds: float) -> list[dict[str, float]]:
    times = beats.times_seconds
    halves = np.sort(np.concatenate([times, (times[:-1] + times[1:]) / 2]))
    return _spans(halves, seconds, np.repeat(beats.confidence, 2)[: len(halves)])


def _segments(
    mono: Samples, onsets: FloatArray, sure: FloatArray, heard: Features, seconds: float
) -> list[dict[str, Any]]:
    """Between attacks that are not too near each other."""
    starts, confidence = [0.0], [1.0]
    for time, chance in zip(onsets.tolist(), sure.tolist(), strict=True):
        if time - starts[-1] >= SHORTEST_SECONDS and seconds - time >= SHORTEST_SECONDS:
            starts.append(time)
            confidence.append(chance)
    edges = np.append(starts[:MOST_SEGMENTS], seconds)
    spans = _spans(edges[:-1], seconds, np.array(confidence[:MOST_SEGMENTS]))
    means = heard.per_beat(edges)
    pitches = means.chroma / np.maximum(means.chroma.max(axis=1, keepdims=True), 1e-9)
    db = np.array([decibels(float(one)) for one in heard.rms])
    bounds = np.searchsorted(heard.times_seconds, edges)
    found = []
    for number, span in enumerate(spans):
        first = min(int(bounds[number]), len(db) - 1)
        inside = db[first : max(int(bounds[number + 1]), first + 1)]
        peak = int(inside.argmax())
        timbre = [float(inside.mean()), *means.mfcc[number, 1:12].tolist()]
        loudest = float(heard.times_seconds[first + peak]) - span["start"]
        found.append(
            {
                **span,
                "loudness_start": float(inside[0]),
                "loudness_max_time": max(loudest, 0.0),
                "loudness_max": float(inside[peak]),
                "loudness_end": float(inside[-1]),
                "pitches": pitches[number].tolist(),
                "timbre": timbre,
            }
        )
    return found


def _spans(starts: FloatArray, end: float, confidence: FloatArray) -> list[dict[str, float]]:
    edges = np.append(starts, max(end, float(starts[-1]) if len(starts) else 0.0))
    pairs = zip(edges[:-1].tolist(), edges[1:].tolist(), confidence.tolist(), strict=True)
    return [_span(start, stop, sure) for start, stop, sure in pairs]


def _span(start: float, stop: float, sure: float) -> dict[str, Any]:
    return {"start": start, "duration": stop - start, "confidence": sure}


def _level(mono: Samples, start: float, stop: float) -> float:
    part = mono[int(start * RATE) : max(int(stop * RATE), int(start * RATE) + 1)]
    return decibels(float(np.sqrt(np.mean(np.square(part)))) if len(part) else 0.0)


def _keyed(key: Any, confidence: float) -> dict[str, Any]:
    return {
        "key": key.tonic if key is not None else -1,
        "key_confidence": confidence,
        "mode": int(key is not None and key.mode == "ionian"),
        "mode_confidence": confidence,
    }


def _timed(beats: Beats) -> dict[str, Any]:
    return {
        "tempo": beats.tempo_bpm,
        "tempo_confidence": beats.tempo_confidence,
        "time_signature": beats.meter_beats,
        "time_signature_confidence": beats.meter_confidence,
    }
