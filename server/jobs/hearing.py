"""Functions of sound as such: the whole analysis, loudness, timbre, what a studio would say."""

from typing import Any

import numpy as np

from ... import analysis
from ...analysis.report.told import analysis_dict
from ...analysis.sound.audio import measure_audio
from ...analysis.sound.loudness import loudness_curve
from ...analysis.spectra import RATE
from . import options as o
from .given import Answer, Given, Tell

CURVE_ARRAYS = ("momentary_seconds", "momentary_lufs")


def analyze(given: Given, options: o.Analyze, tell: Tell) -> dict[str, Any]:
    """The report of `segue analyze`."""
    found = analysis.analyze_file(given.path(), only=options.only, progress=tell)
    told = analysis_dict(found)
    told["path"] = given.title
    told.get("sound", {}).pop("path", None)
    return told


def loudness(given: Given, options: o.Options, tell: Tell) -> Answer:
    """Loudness by BS.1770 and EBU R 128; the momentary curve as a buffer [shape=(n, 2)]."""
    samples, rate = given.samples()
    found, curve = measure_audio(samples, rate), loudness_curve(samples, rate)
    told = {name: value for name, value in vars(found).items() if name != "clicks"}
    told |= {"clicks": len(found.clicks), "range_lu": curve.range_lu, "columns": CURVE_ARRAYS}
    return Answer(told, (np.stack([curve.momentary_seconds, curve.momentary_lufs], axis=1),))


def features(given: Given, options: o.Features, tell: Tell) -> Answer:
    """Summaries of all features; their frames as buffers, in the order of `arrays`."""
    found = analysis.extract_features(*given.samples())
    value: dict[str, Any] = {"summary": found.summary(), "frames": len(found), "arrays": []}
    if not options.frames:
        return Answer(value)
    single = [(name, values) for name, values in found.named() if values.ndim == 1]
    wide = [(name, values) for name, values in found.named() if values.ndim > 1]
    table = np.stack([found.times_seconds, *(values for _, values in single)], axis=1)
    value["columns"] = ["times_seconds", *(name for name, _ in single)]
    groups = np.concatenate([values for _, values in wide], axis=1)
    value["wide"] = {name: values.shape[1] for name, values in wide}
    value["arrays"] = ["columns", "wide"]
    return Answer(value, (table, groups))


def roughness(given: Given, options: o.Options, tell: Tell) -> dict[str, Any]:
    """Dissonance, its mean and its course."""
    found = analysis.find_roughness(*given.samples())
    return {
        "mean": found.mean,
        "times_seconds": found.times_seconds,
        "roughness": found.roughness,
        "level": found.level,
    }


def separate(given: Given, options: o.Options, tell: Tell) -> Answer:
    """Two buffers of sound at 22,050 Hz: what is held, what is struck."""
    found = analysis.separate_harmonic(given.mono(), RATE, signals=True)
    assert found.harmonic is not None and found.percussive is not None
    value = {"percussive_share": found.percussive_share, "arrays": ["harmonic", "percussive"]}
    return Answer(value, (found.harmonic, found.percussive), RATE)


def listen(given: Given, options: o.Options, tell: Tell) -> dict[str, Any]:
    """Every measure, and those that lie outside the usual."""
    found = analysis.listen(*given.samples())
    findings = [
        {
            "name": one.name,
            "value": one.value,
            "low": one.low,
            "high": one.high,
            "excess": one.excess,
            "meaning": one.meaning,
        }
        for one in found.findings()
    ]
    return found.to_dict() | {"findings": findings}
