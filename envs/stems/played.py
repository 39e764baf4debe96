"""What was played of recorded music, as a score: the notes of the stems that sounded."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...music.midi import DRUM_CHANNEL
from ...music.orchestra import ORCHESTRA
from ...music.score import NOTE, Marker, Notes, Score, Track, sort_notes
from ...music.tempo import TempoMap
from .library import GAINS, MIX_LEVELS, IntArray, Library

_SOFTEST = 0.01  # velocity of a note


@dataclass(frozen=True)
class PlayedBar:
    """A bar of n performances [each shape=(n,)]: cue, section, its bar, and the mix."""

    cue: IntArray
    section: IntArray  # over all cues
    number: IntArray
    mix: IntArray


def played_score(library: Library, played: Sequence[PlayedBar], index: int) -> Score:
    """What one of n performances played: a track for each part, softer where it was soft.

    :param played: the bars of all n, one after another, of the same cue
    """
    if not played:
        return Score(())
    at = int(played[0].cue[index])
    cue, beats = library.cues[at], library.cues[at].meter.bar_beats
    first = int(library.book.first_section[at])
    parts: dict[str, list[Notes]] = {part: [] for part in library.parts[at]}
    markers, before = [], -1
    for count, bar in enumerate(played):
        section, mix = int(bar.section[index]), int(bar.mix[index])
        start_bar = cue.sections[section - first].start_bar + int(bar.number[index])
        if section != before:
            markers.append(Marker(count * beats, cue.sections[section - first].name))
            before = section
        for number, (part, found) in enumerate(parts.items()):
            gain = float(GAINS[MIX_LEVELS[mix, number]])
            if gain and library.present[section, number]:
                found.append(_bar_notes(cue.tracks[part], start_bar, beats, count, gain))
    tracks = [
        _track(part, found, part in cue.kit_tracks, number)
        for number, (part, found) in enumerate(parts.items())
    ]
    return Score(tuple(tracks), TempoMap(cue.tempo_bpm[0]), cue.meter, cue.title, tuple(markers))


def _bar_notes(notes: Notes, bar: int, beats: float, count: int, gain: float) -> Notes:
    """The notes of one bar of a track, moved to where it was played."""
    inside = np.floor(notes["onset_beats"] / beats + 1e-6).astype(int) == bar
    found: Notes = notes[inside].copy()
    found["onset_beats"] += (count - bar) * beats
    found["velocity"] = np.maximum(found["velocity"] * gain, _SOFTEST)
    return found


def _track(name: str, found: list[Notes], kit: bool, number: int) -> Track:
    player = ORCHESTRA.get(name, ORCHESTRA["drums" if kit else "piano"])
    notes = sort_notes(np.concatenate(found)) if found else np.zeros(0, NOTE)
    return Track(name, notes, player.program, DRUM_CHANNEL if kit else number, player.bank)
