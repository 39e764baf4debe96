"""The functions that clients can call: one table, from which listing, checks and pages are made."""

from dataclasses import dataclass
from typing import Any

import msgspec

from ...client.protocol import Function
from . import options as o

SOUND, NOTES = "sound", "notes"


@dataclass(frozen=True)
class Entry:
    """A function that can be called."""

    title: str
    runner: str  # "module of server.jobs:function", loaded by the worker that first needs it
    source: tuple[str, ...] = (SOUND,)  # what it works on; none: nothing
    options: Any = o.Options  # a structure
    quick: bool = True  # answered in a second or so
    model: str = ""  # whose card tells how good it is
    needs_source: bool = True  # false: it may be left out

    @property
    def runner_path(self) -> str:
        """Where the worker finds it."""
        return self.runner if "." in self.runner else f"{__package__}.{self.runner}"

    @property
    def options_path(self) -> str:
        """Where the worker finds the structure of its options."""
        return f"{self.options.__module__}:{self.options.__qualname__}"


BOTH, NOTHING = (SOUND, NOTES), ()

FUNCTIONS = {
    # what is heard
    "analyze": Entry(
        "everything: tempo, beats, key, chords, sections, loudness, timbre",
        "hearing:analyze",
        BOTH,
        o.Analyze,
        quick=False,
    ),
    "tempo": Entry("tempo, with its octave and candidates", "rhythm:tempo", model="beats"),
    "beats": Entry("beats with their numbers, meter, tempo", "rhythm:beats", model="beats"),
    "downbeats": Entry("where bars begin, and the meter", "rhythm:downbeats", model="beats"),
    "onsets": Entry("attacks, with strengths", "rhythm:onsets"),
    "swing": Entry("first eighth over second", "rhythm:swing", model="beats"),
    "key": Entry("key of the whole, and where it changes", "harmony:key", BOTH, model="chords"),
    "chords": Entry("chords with bass", "harmony:chords", options=o.Chords, model="chords"),
    "harmony": Entry(
        "Roman numerals, cadences and tension of the chords", "harmony:harmony", model="chords"
    ),
    "sections": Entry("form: sections with letters", "form:sections", quick=False),
    "patterns": Entry("bars, or motives of notes, that come again", "form:patterns", BOTH),
    "loops": Entry("stretches that can go round", "form:loops", options=o.Loops, quick=False),
    "intensity": Entry("loudness, attacks and brightness as one curve", "form:intensity"),
    "loudness": Entry("LUFS, range, true peak, clicks", "hearing:loudness"),
    "features": Entry("spectrum, timbre, pitch classes", "hearing:features", options=o.Features),
    "roughness": Entry("dissonance over time", "hearing:roughness"),
    "separate": Entry("what is held apart from what is struck", "hearing:separate", quick=False),
    "tuning": Entry("cents against A4 = 440 Hz", "pitch:tuning"),
    "f0": Entry("pitch of one instrument", "pitch:f0", options=o.Pitch, model="f0"),
    "pitch": Entry("pitch of a voice", "pitch:voice", options=o.Pitch, quick=False),
    "melody": Entry(
        "leading pitch of a mix", "pitch:melody", options=o.Melody, quick=False, model="melody"
    ),
    "notes": Entry("notes of many voices", "pitch:notes", quick=False, model="analysis/notes"),
    "drums": Entry("strokes of a kit", "pitch:drums", quick=False, model="drums"),
    "transcribe": Entry(
        "a score: MIDI or MusicXML",
        "scores:transcribe",
        BOTH,
        o.Transcribe,
        quick=False,
        model="analysis/notes",
    ),
    "score": Entry("features of a score, bar by bar", "scores:score", (NOTES,)),
    "emotion": Entry(
        "valence, arousal and tension of each bar",
        "scores:emotion",
        BOTH,
        o.Emotion,
        quick=False,
        model="emotion_vgmidi",
    ),
    "listen": Entry("what a studio would say", "hearing:listen", quick=False),
    # what is like what
    "audio_features": Entry(
        "in the shape of Spotify's withdrawn audio features",
        "audio_features:audio_features",
        BOTH,
        o.AudioFeatures,
        quick=False,
        needs_source=False,
    ),
    "audio_analysis": Entry(
        "in the shape of Spotify's withdrawn audio analysis",
        "audio_analysis:audio_analysis",
        quick=False,
    ),
    "similar": Entry(
        "items of the library that are like it", "likeness:similar", BOTH, o.Similar, quick=False
    ),
    "recommendations": Entry(
        "items of the library like some seeds, within bounds, near targets",
        "likeness:recommendations",
        NOTHING,
        o.Recommendations,
        quick=False,
    ),
    # what is made
    "compose": Entry(
        "melodies of four bars", "making:compose", NOTHING, o.Compose, model="composer-3"
    ),
    "accompany": Entry(
        "chords to a melody", "making:accompany", (NOTES,), o.Accompany, model="accompanist-0"
    ),
    "timbre": Entry(
        "a synthesizer's knobs that follow a sound",
        "making:timbre",
        options=o.Timbre,
        quick=False,
        model="timbre-0",
    ),
    "harmonize": Entry(
        "parts to a voice, on a cue's chords", "making:harmonize", options=o.Harmonize, quick=False
    ),
    "render": Entry(
        "sound of a cue", "making:render", NOTHING, o.Render, quick=False, model="arranger"
    ),
    "cue_check": Entry("every fault of a cue", "making:cue_check", NOTHING, o.CueCheck),
}
"""By name. docs/models.md shows the same; a test compares them."""

LIBRARY = Entry("items of the library", "catalogue:library", NOTHING, o.ListLibrary)
CARDS = Entry("cards of the learned models", "catalogue:cards", NOTHING, o.ListCards)
"""What the requests `library` and `cards` run."""


def function_list(table: dict[str, Entry]) -> list[Function]:
    """What clients are told."""
    return [
        Function(
            name=name,
            title=entry.title,
            quick=entry.quick,
            source=list(entry.source),
            options=schema_of(entry.options),
            model=entry.model,
        )
        for name, entry in table.items()
    ]


def schema_of(options: Any) -> dict[str, Any]:
    """The JSON Schema of a structure of options."""
    found = msgspec.json.schema(options)
    schema: dict[str, Any] = found["$defs"][options.__name__]
    schema.pop("title", None)
    schema.pop("description", None)
    return schema
