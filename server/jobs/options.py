"""The options of functions; clients see each as a JSON Schema."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

Seed = Annotated[int, Meta(ge=0, le=2**32 - 1, description="of what is drawn")]
Level = Annotated[float, Meta(ge=-60.0, le=12.0, description="dB")]
Mood = Annotated[float, Meta(ge=-1.0, le=1.0)]
Most = Annotated[int, Meta(ge=1, le=100, description="how many are told at most")]
Id = Annotated[str, Meta(description="of an item of the library")]


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """None at all; those of a function derive from it."""


class Analyze(Options, frozen=True):
    only: Annotated[
        list[str] | None,
        Meta(
            description="loudness, features, roughness, tuning, tempo, key, chords, sections, "
            "notes; null: all but notes"
        ),
    ] = None


class Chords(Options, frozen=True):
    vocabulary: Annotated[str, Meta(description="sevenths or majmin")] = "sevenths"


class Features(Options, frozen=True):
    frames: Annotated[bool, Meta(description="every frame as a buffer, not the summary alone")] = (
        False
    )


class Loops(Options, frozen=True):
    lengths_bars: Annotated[
        list[Annotated[int, Meta(ge=1, le=256)]], Meta(min_length=1, max_length=16)
    ] = msgspec.field(default_factory=lambda: [2, 4, 8, 16])
    most: Most = 8


class Pitch(Options, frozen=True):
    low_hz: Annotated[float, Meta(ge=40.0, le=500.0)] = 65.0
    high_hz: Annotated[float, Meta(ge=100.0, le=2_000.0)] = 1_200.0


class Melody(Options, frozen=True):
    method: Annotated[str, Meta(description="net, or hmm: mixtures and a chain")] = "net"


class Transcribe(Options, frozen=True):
    format: Annotated[str, Meta(description="midi (a buffer) or musicxml (text)")] = "midi"
    quantise: Annotated[bool, Meta(description="on the grid; MusicXML always is")] = True
    lines: Annotated[str, Meta(description="one, many, or auto: heard")] = "auto"
    drums: bool = True


class Emotion(Options, frozen=True):
    model: Annotated[str, Meta(description="vgmidi, published or emopia")] = "vgmidi"


class Compose(Options, frozen=True):
    player: Annotated[
        str, Meta(description="composer; or filter, notes, naive, random to compare with")
    ] = "composer"
    pieces: Annotated[int, Meta(ge=1, le=64)] = 1
    bpm: Annotated[float, Meta(ge=20.0, le=400.0, description="of the MIDI file")] = 120.0
    seed: Seed = 0


class Accompany(Options, frozen=True):
    track: Annotated[str, Meta(description="name of the melody's track; '': the first")] = ""
    temperature: Annotated[float, Meta(ge=0.0, le=4.0)] = 0.5
    seed: Seed = 0


class Timbre(Options, frozen=True):
    still: Annotated[bool, Meta(description="one sound, such as a note: match it")] = False


class Harmonize(Options, frozen=True):
    cue: Annotated[str, Meta(description="a shipped one, or a folder of the server")] = "dungeon"
    section: str | None = None
    bpm: float | None = None
    at_seconds: Annotated[float, Meta(ge=0.0, le=3_600.0)] = 0.0
    transpose: Annotated[int | str, Meta(description="semitones, or auto")] = 0
    parts: Annotated[int, Meta(ge=1, le=3)] = 2
    style: Annotated[str, Meta(description="above, below or around")] = "around"
    voices: Annotated[str, Meta(description="of the parts: choir, shifted or both")] = "both"
    voice_db: Level = 0.0
    parts_db: Level = -5.0
    accompany: bool = True
    accompany_db: Level = -5.0
    seed: Seed = 0


class Render(Options, frozen=True):
    cue: Annotated[str, Meta(description="a shipped one, or a folder of the server")] = "dungeon"
    director: str = "agent"
    seconds: Annotated[float, Meta(ge=1.0, le=120.0)] = 30.0
    section: Annotated[str, Meta(description="go there first")] = ""
    parameters: dict[str, float] = {}
    valence: Mood | None = None
    arousal: Mood | None = None
    tension: Mood | None = None
    seed: Seed = 0


class CueCheck(Options, frozen=True):
    cue: Annotated[str, Meta(description="a shipped one, or a folder of the server")]


class Similar(Options, frozen=True):
    limit: Most = 20


class AudioFeatures(Options, frozen=True):
    ids: Annotated[
        list[Id], Meta(max_length=100, description="of several items at once, instead of a source")
    ] = msgspec.field(default_factory=list)


TUNABLE = {
    "acousticness": (0.0, 1.0),
    "danceability": (0.0, 1.0),
    "duration_ms": (0.0, 1e9),
    "energy": (0.0, 1.0),
    "instrumentalness": (0.0, 1.0),
    "key": (0.0, 11.0),
    "liveness": (0.0, 1.0),
    "loudness": (-120.0, 20.0),
    "mode": (0.0, 1.0),
    "speechiness": (0.0, 1.0),
    "tempo": (0.0, 1_000.0),
    "time_signature": (0.0, 16.0),
    "valence": (0.0, 1.0),
}
"""What recommendations can be asked for (`min_`, `max_`, `target_`), and within which range."""


def _tunable_fields() -> list[tuple[str, Any, Any]]:
    return [
        (f"{bound}_{name}", Annotated[float | None, Meta(description=f"{low:g} to {high:g}")], None)
        for name, (low, high) in TUNABLE.items()
        for bound in ("min", "max", "target")
    ]


class SeedTracks(Options, frozen=True):
    seeds: Annotated[list[Id], Meta(max_length=5, description="what it should be like")] = (
        msgspec.field(default_factory=list)
    )
    limit: Most = 20


Recommendations: Any = msgspec.defstruct(
    "Recommendations",
    _tunable_fields(),
    bases=(SeedTracks,),
    module=__name__,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
)


class ListLibrary(Options, frozen=True):
    search: str = ""
    limit: int = 100


class ListCards(Options, frozen=True):
    name: str = ""
