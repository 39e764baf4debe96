"""Functions of keys and chords: `analysis.harmony`."""

from typing import Any

from ... import analysis
from ...analysis.harmony.chords import Vocabulary, check_vocabulary
from ...analysis.report.told import key_text
from . import options as o
from .given import Given, Tell


def key(given: Given, options: o.Options, tell: Tell) -> dict[str, Any]:
    """The key as people write it, candidates, and where it changes."""
    if given.kind == "notes":
        found = analysis.key_of_score(given.score())
    else:
        found = analysis.find_key(*given.samples())
    candidates = [{"key": key_text(one), "confidence": sure} for one, sure in found.candidates]
    return {
        "key": key_text(found.key) if found.key else None,
        "tonic": found.key.tonic if found.key else None,
        "mode": found.key.mode if found.key else None,
        "confidence": found.confidence,
        "candidates": candidates,
        "local": found.local,
    }


def chords(given: Given, options: o.Chords, tell: Tell) -> dict[str, Any]:
    """Chords one after another, in Harte's syntax."""
    vocabulary: Vocabulary = options.vocabulary  # type: ignore[assignment]
    check_vocabulary(vocabulary)
    found = analysis.find_chords(*given.samples(), vocabulary=vocabulary)
    return {
        "chords": found.labels(),
        "start_seconds": found.start_seconds,
        "end_seconds": found.end_seconds,
        "confidence": found.confidence,
    }


def harmony(given: Given, options: o.Options, tell: Tell) -> dict[str, Any]:
    """What the chords do in their keys."""
    samples, rate = given.samples()
    found, keys = analysis.find_chords(samples, rate), analysis.find_key(samples, rate)
    numerals = [
        {
            "start_seconds": one.start_seconds,
            "end_seconds": one.end_seconds,
            "key": key_text(one.key) if one.key else None,
            "numeral": str(one.numeral) if one.numeral else None,
            "confidence": one.confidence,
        }
        for one in analysis.roman_spans(found, keys)
    ]
    return {
        "numerals": numerals,
        "cadences": analysis.find_cadences(found, keys),
        "tension": analysis.tension_of_chords(found, keys),
    }
