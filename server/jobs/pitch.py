"""Functions of pitch and notes: `analysis.pitch`, `analysis.notes`."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import analysis
from ...analysis.spectra import RATE
from ...music.errors import UnknownNameError
from . import options as o
from .given import Answer, Given, Tell

COLUMNS = ("times_seconds", "hz", "confidence")
METHODS = {"net": analysis.find_melody, "hmm": analysis.find_melody_hmm}


def tuning(given: Given, options: o.Options, tell: Tell) -> Any:
    """What the notes are tuned to."""
    return analysis.find_tuning(*given.samples())


def f0(given: Given, options: o.Pitch, tell: Tell) -> Answer:
    """Pitch of an instrument each 10 ms, as a buffer [shape=(n, 3)]."""
    found = analysis.track_f0(*given.samples(), low_hz=options.low_hz, high_hz=options.high_hz)
    return _track(found.times_seconds, found.hz, found.confidence)


def voice(given: Given, options: o.Pitch, tell: Tell) -> Answer:
    """Pitch of a voice, as a buffer [shape=(n, 3)]."""
    found = analysis.track_pitch(given.mono(), RATE, low_hz=options.low_hz, high_hz=options.high_hz)
    return _track(found.times_seconds, found.hz, found.confidence)


def melody(given: Given, options: o.Melody, tell: Tell) -> Answer:
    """Leading pitch of a mix each 10 ms, as a buffer [shape=(n, 3)]."""
    if options.method not in METHODS:
        raise UnknownNameError("method", options.method, METHODS)
    found = METHODS[options.method](given.mono(), RATE)
    return _track(found.times_seconds, found.hz, found.confidence)


def notes(given: Given, options: o.Options, tell: Tell) -> Any:
    """Notes by onset; pitches are MIDI numbers."""
    return analysis.find_notes(given.mono(), RATE)


def drums(given: Given, options: o.Options, tell: Tell) -> Any:
    """Strokes by time; pitches are General MIDI drums."""
    return analysis.find_drums(given.mono(), RATE)


def _track(times: NDArray[Any], hz: NDArray[Any], confidence: NDArray[Any]) -> Answer:
    voiced = hz > 0.0
    value = {
        "columns": COLUMNS,
        "voiced_share": float(voiced.mean()) if len(hz) else 0.0,
        "median_hz": float(np.median(hz[voiced])) if voiced.any() else None,
    }
    return Answer(value, (np.stack([times, hz, confidence], axis=1),))
