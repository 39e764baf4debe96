"""Functions of scores: written down from sound, measured, and what they express."""

from pathlib import Path
from typing import Any

import numpy as np

from ... import analysis
from ...analysis.emotion.model import LIMIT, load_emotion_model, tension
from ...analysis.notation.transcribe_file import transcribe_file, write_score
from ...analysis.report.told import analysis_dict, key_text
from ...music.errors import SegueError, UnknownNameError
from ...music.midi import write_midi
from ...music.mood import MOOD_PER_SD
from ...music.score import Score
from . import options as o
from .given import Answer, Given, Tell

FORMATS = ("midi", "musicxml")
MOOD_COLUMNS = ("valence", "arousal", "tension")


def transcribe(given: Given, options: o.Transcribe, tell: Tell) -> Answer:
    """What was written, and the score itself."""
    if options.format not in FORMATS:
        raise UnknownNameError("format of a score", options.format, FORMATS)
    as_text = options.format == "musicxml"
    made = transcribe_file(
        given.path(),
        quantised=options.quantise or as_text,
        lines=options.lines,
        drums=options.drums,
        progress=tell,
    )
    value = made.to_dict() | {"title": given.title}
    if made.key is not None:
        value["key"] = key_text(made.key)
    target = given.scratch / ("score.musicxml" if as_text else "score.mid")
    write_score(made, target)
    if as_text:
        return Answer(value | {"musicxml": target.read_text("utf-8")})
    return Answer(value, (file_bytes(target),))


def score(given: Given, options: o.Options, tell: Tell) -> dict[str, Any]:
    """The symbolic twin of the analysis of sound."""
    told = analysis_dict(analysis.analyze_file(given.path()))
    told["path"] = given.title
    return told


def emotion(given: Given, options: o.Emotion, tell: Tell) -> dict[str, Any]:
    """What bars express, in [-1, 1] each, and their mean over bars that sound.

    Of sound, the notes that are heard are judged; the models learned from notes alone.
    """
    tell(0.0, "notes")
    notes = given.score() if given.kind == "notes" else analysis.transcribe(*given.samples()).score
    tell(0.9, "emotion")
    moods, starts = moods_of(notes, options.model)
    if not len(moods):
        raise SegueError("there are no notes whose emotion could be told; give music")
    return {
        **dict(zip(MOOD_COLUMNS, moods.mean(axis=0).tolist(), strict=True)),
        "bars": [
            {"start_seconds": start, **dict(zip(MOOD_COLUMNS, mood, strict=True))}
            for start, mood in zip(starts.tolist(), moods.tolist(), strict=True)
        ],
        "model": options.model,
    }


def moods_of(notes: Score, model: str) -> tuple["np.ndarray[Any, Any]", "np.ndarray[Any, Any]"]:
    """Mood [shape=(n, 3)] of the bars in which notes begin, and when they begin in seconds [n]."""
    found = analysis.score_features(notes)
    bars = found.symbolic[found.sounds]
    if not len(bars):
        return np.zeros((0, 3)), np.zeros(0)
    rated = np.clip(load_emotion_model(model).predict(bars) * MOOD_PER_SD, -LIMIT, LIMIT)
    moods = np.concatenate([rated, tension(bars)[:, None]], axis=1)
    return np.clip(moods, -1.0, 1.0), found.times_seconds[found.sounds]


def midi_bytes(notes: Score, scratch: Path) -> "np.ndarray[Any, Any]":
    """A score as the bytes of a MIDI file [shape=(n,)], uint8."""
    target = scratch / "made.mid"
    write_midi(notes, target)
    return file_bytes(target)


def file_bytes(path: Path) -> "np.ndarray[Any, Any]":
    """A file's bytes [shape=(n,)], uint8."""
    return np.frombuffer(path.read_bytes(), np.uint8)
