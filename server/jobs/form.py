"""Functions of form: `analysis.form`."""

from typing import Any

import numpy as np

from ... import analysis
from ...analysis.spectra import RATE
from ...music.midi import DRUM_CHANNEL
from ...music.score import sort_notes
from . import options as o
from .given import Given, Tell


def sections(given: Given, options: o.Options, tell: Tell) -> dict[str, Any]:
    """Sections with letters."""
    mono = given.mono()
    tell(0.1, "beats")
    beats = analysis.find_beats(mono, RATE)
    tell(0.5, "sections")
    found = analysis.find_form(mono, RATE, beats)
    return {"pattern": found.pattern, "sections": found.sections, "repeats": found.repeats}


def patterns(given: Given, options: o.Options, tell: Tell) -> dict[str, Any]:
    """Bars of sound, or passages of notes, that come again."""
    if given.kind == "notes":
        tracks = [track.notes for track in given.score().tracks if track.channel != DRUM_CHANNEL]
        if not tracks:
            return {"patterns": []}
        return {"patterns": analysis.find_patterns(sort_notes(np.concatenate(tracks)))}
    mono = given.mono()
    return {"patterns": analysis.find_bar_patterns(mono, RATE, analysis.find_beats(mono, RATE))}


def loops(given: Given, options: o.Loops, tell: Tell) -> Any:
    """Stretches that can go round, the best first."""
    mono = given.mono()
    tell(0.1, "beats")
    beats = analysis.find_beats(mono, RATE)
    tell(0.5, "loops")
    return analysis.find_loops(
        mono, RATE, beats, lengths_bars=options.lengths_bars, most=options.most
    )


def intensity(given: Given, options: o.Options, tell: Tell) -> Any:
    """A value each half second."""
    return analysis.find_intensity(*given.samples())
