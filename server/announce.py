"""The events of a bar."""

import math
from typing import Any

from ..agents.performer import Performed
from ..client import protocol as p
from ..music.cue import Cue
from ..music.direction import KNOBS
from ..music.mood import Mood
from .timeline import Slot, Timeline


def wire_mood(mood: Mood) -> p.Mood:
    """A mood as the protocol writes it."""
    return p.Mood(mood.valence, mood.arousal, mood.tension)


def bar_events(
    slot: Slot, previous_section: str, cue: Cue, timeline: Timeline, director: str, from_frame: int
) -> list[p.Event]:
    """Section (if it changes), bar, direction and beats of a bar, in order; none before a frame."""
    bar = slot.performed.bar
    events: list[p.Event] = []
    if slot.end_frame <= from_frame:
        return events
    at: dict[str, Any] = {"at_frame": slot.start_frame, "beat": bar.start_beats, "bar": bar.index}
    if bar.section != previous_section:
        events.append(p.SectionEvent(**at, name=bar.section, previous=previous_section))
    events.append(
        p.BarEvent(
            **at,
            section=bar.section,
            bar_in_section=bar.bar_in_section,
            beats=bar.beats,
            bpm=bar.bpm,
            meter=str(cue.meter),
            key=str(bar.key),
            chords=list(bar.chords),
            fill=bar.fill,
            cadence=bar.cadence,
            activity={
                layer.name: level for layer, level in zip(cue.layers, bar.levels, strict=False)
            },
        )
    )
    events.append(_direction(at, slot.performed, director))
    for number in range(math.ceil(bar.beats)):
        beat = bar.start_beats + number
        frame = timeline.frame_of(beat)
        if frame >= from_frame:
            events.append(
                p.BeatEvent(
                    at_frame=frame, beat=beat, bar=bar.index, beat_in_bar=number, bpm=bar.bpm
                )
            )
    return events


def _direction(at: dict[str, Any], performed: Performed, director: str) -> p.DirectionEvent:
    knobs = performed.bar.direction.knobs
    return p.DirectionEvent(
        **at,
        director=director,
        knobs={name: float(value) for name, value in zip(KNOBS, knobs, strict=True)},
        wanted=wire_mood(performed.wanted),
        heard=wire_mood(performed.heard),
        felt=wire_mood(performed.felt),
    )
