"""Functions of beats: `analysis.rhythm`."""

from typing import Any

from ... import analysis
from .given import Given, Tell
from .options import Options


def tempo(given: Given, options: Options, tell: Tell) -> dict[str, Any]:
    """Tempo in beats a minute, 0 where no beat is heard."""
    heard = analysis.find_beats(*given.samples())
    return {
        "tempo_bpm": heard.tempo_bpm,
        "confidence": heard.tempo_confidence,
        "candidates": heard.tempo_candidates,
    }


def beats(given: Given, options: Options, tell: Tell) -> Any:
    """Everything that is known of beats."""
    return analysis.find_beats(*given.samples())


def downbeats(given: Given, options: Options, tell: Tell) -> dict[str, Any]:
    """Where bars begin."""
    heard = analysis.find_beats(*given.samples())
    return {
        "times_seconds": heard.downbeat_times_seconds,
        "meter_beats": heard.meter_beats,
        "confidence": heard.meter_confidence,
    }


def onsets(given: Given, options: Options, tell: Tell) -> Any:
    """Attacks."""
    return analysis.find_onsets(*given.samples())


def swing(given: Given, options: Options, tell: Tell) -> Any:
    """How eighths are swung."""
    samples, rate = given.samples()
    return analysis.find_swing(
        analysis.find_beats(samples, rate), analysis.find_onsets(samples, rate)
    )
