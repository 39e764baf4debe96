"""Cues: authored material that a world can play, read from a folder with `cue.toml` and MIDI files.

`docs/cues.md` is the guide for authors; `cue_file.py` reads and checks the folder.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from .direction import KNOBS
from .errors import UnknownNameError
from .events import MixSettings
from .orchestra import ORCHESTRA
from .sample_names import is_sample_name
from .score import Notes
from .tempo import Meter
from .theory import Chord, Key

ROLES = ("melody", "harmony", "arpeggio", "bass", "drums", "track", "stem")
"""What a layer does: `melody` and `track` play the theme file, `stem` runs a recorded loop, the
others are arranged."""

STEM_ANCHORS = ("section", "cue")
"""Where a stem's first beat lies: at the start of the section that plays, or of the whole cue."""

SYNC_POINTS = ("beat", "bar", "phrase", "section")
"""Where a section may be left: at the next bar line, the next multiple of four bars, or its end.

Music is decided bar by bar, so `beat` waits for the bar line too; stingers use it as it is.
"""

PHRASE_BARS = 4
ANY = "*"
MOOD_AXES = ("mood.valence", "mood.arousal", "mood.tension")


@dataclass(frozen=True)
class Layer:
    """One part of the arrangement and its mixer channel."""

    name: str
    role: str  # one of ROLES
    instrument: str = ""  # one of events.INSTRUMENTS, or samples; a stem has none
    kit: bool | None = None  # of samples or the track of a stem: a drum kit; None: as the role says
    track: str = ""  # melody, track: of the theme file; stem: the one that holds its notes
    knob: str = ""  # the knob that sets its activity; default: the role's own, none for melody
    from_level: float = 0.0  # silent below this value of its knob, 0..1
    octave: int = 0  # shift of the whole layer, -2..2
    gain_db: float = 0.0
    pan: float = 0.0  # -1..1
    reverb: float = 0.2  # send to the room, 0..1
    delay: float = 0.0  # send to the echo in tempo, 0..1
    group: str = "music"  # of the mixer, whose gain it follows besides its own
    file: str = ""  # of a stem: a wav, flac or ogg file in the cue's folder, and all that follows
    bpm: float = 0.0  # tempo of the recording, 20..400 quarter notes a minute
    beats: float = 0.0  # that the loop lasts
    sections: tuple[str, ...] = ()  # in which it sounds; empty for all
    anchor: str = "section"  # one of STEM_ANCHORS
    fade_beats: float = 2.0  # length of its cross-fades

    @property
    def is_kit(self) -> bool:
        """Whether its pitches are General MIDI percussion numbers."""
        if self.instrument in ORCHESTRA:
            return ORCHESTRA[self.instrument].is_kit
        return self.role == "drums" if self.kit is None else self.kit

    @property
    def activity_knob(self) -> str:
        """The knob that sets how much this layer plays, '' for always."""
        if self.knob:
            return self.knob
        return self.role if self.role in KNOBS else ""


@dataclass(frozen=True)
class Section:
    """Some bars of the theme that can be repeated."""

    name: str
    bars: int
    start_bar: int  # in the theme file
    chords: tuple[tuple[Chord, ...], ...]  # one tuple a bar, its chords of equal length
    groove: str = "rock"  # one of patterns.GROOVES
    repeats: int = 2  # times it is played before the cue moves on by itself


@dataclass(frozen=True)
class Transition:
    """A way from one section to another; `*` stands for any."""

    source: str
    target: str
    at: str = "bar"  # one of SYNC_POINTS
    fill: bool = True  # a drum fill and a cadence lead into the change
    weight: float = 0.0  # share among the ways the cue takes by itself; 0: only when asked


@dataclass(frozen=True)
class CueMarker:
    """A place in a section that the game can wait for."""

    name: str
    section: str
    bar: int = 0  # of the section, from 0


@dataclass(frozen=True)
class Stinger:
    """A short figure over the music, in its key and tempo."""

    name: str
    degrees: tuple[int, ...]  # scale steps above the tonic, 0 = tonic, 7 = octave
    durations_beats: tuple[float, ...]
    instrument: str = "brass"
    octave: int = 5  # of the tonic; 5 holds middle C + 12
    velocity: float = 0.8
    duck_db: float = 6.0  # how far the other layers step back


@dataclass(frozen=True)
class Parameter:
    """A number that the game sets."""

    name: str
    minimum: float = 0.0
    maximum: float = 1.0
    default: float = 0.0
    ramp_seconds: float = 0.5


@dataclass(frozen=True)
class Binding:
    """A parameter's contribution to a mood axis or a layer's level, linear between points."""

    parameter: str
    to: str  # mood.valence, mood.arousal, mood.tension or level.LAYER
    points: tuple[tuple[float, float], ...]  # (parameter value, contribution), increasing


@dataclass(frozen=True)
class Cue:
    """Everything a world needs to play."""

    name: str
    title: str
    key: Key
    meter: Meter
    tempo_bpm: tuple[float, float]  # slowest and fastest
    modes: tuple[str, ...]  # dark to bright, the mode knob chooses among them
    layers: tuple[Layer, ...]
    sections: tuple[Section, ...]
    transitions: tuple[Transition, ...]
    stingers: tuple[Stinger, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    bindings: tuple[Binding, ...] = ()
    markers: tuple[CueMarker, ...] = ()
    gain_db: float = 0.0
    mix: MixSettings = field(default_factory=MixSettings)  # room, echo, side chains
    origin: str = ""  # who made the theme, and its licence
    tracks: dict[str, Notes] = field(default_factory=dict, repr=False)  # of the theme file, by name
    folder: str = field(default="", repr=False, compare=False)  # where the files of its stems are

    @property
    def stems(self) -> dict[int, Layer]:
        """The layers of the role `stem`, by their positions."""
        return {at: layer for at, layer in enumerate(self.layers) if layer.role == "stem"}

    @cached_property
    def kit_tracks(self) -> frozenset[str]:
        """The tracks of the theme file whose pitches are drums: those that only kits play."""
        kits = {layer.track for layer in self.layers if layer.is_kit}
        return frozenset(kits - {layer.track for layer in self.layers if not layer.is_kit} - {""})

    def instrument(self, name: str) -> str:
        """What an engine knows an instrument of this cue by: samples lie in the cue's folder."""
        return str(Path(self.folder, name)) if is_sample_name(name) else name

    def stem_path(self, layer: Layer) -> Path:
        """The audio file of a stem."""
        return Path(self.folder, layer.file)

    def section_index(self, name: str) -> int:
        """Position of a section; UnknownNameError names the nearest."""
        return self._find("section", name, [section.name for section in self.sections])

    def layer_index(self, name: str) -> int:
        """Position of a layer; UnknownNameError names the nearest."""
        return self._find("layer", name, [layer.name for layer in self.layers])

    def parameter(self, name: str) -> Parameter:
        """A parameter by name; UnknownNameError names the nearest."""
        names = [parameter.name for parameter in self.parameters]
        return self.parameters[self._find("parameter", name, names)]

    def stinger(self, name: str) -> Stinger:
        """A stinger by name; UnknownNameError names the nearest."""
        names = [stinger.name for stinger in self.stingers]
        return self.stingers[self._find("stinger", name, names)]

    def marker(self, name: str) -> CueMarker:
        """A marker by name; UnknownNameError names the nearest."""
        names = [marker.name for marker in self.markers]
        return self.markers[self._find("marker", name, names)]

    def markers_at(self, section: str, bar: int) -> list[CueMarker]:
        """The markers that a bar of a section carries."""
        return [m for m in self.markers if (m.section, m.bar) == (section, bar)]

    def _find(self, kind: str, name: str, names: list[str]) -> int:
        if name not in names:
            raise UnknownNameError(kind, name, names, f"cue {self.name!r}")
        return names.index(name)

    def transition(self, source: str, target: str) -> Transition | None:
        """The rule from one section to another: an exact one before `*`, None if there is none."""
        for pattern in ((source, target), (source, ANY), (ANY, target), (ANY, ANY)):
            for rule in self.transitions:
                if (rule.source, rule.target) == pattern:
                    return rule
        return None

    @cached_property
    def bars(self) -> int:
        """Bars of all sections."""
        return sum(section.bars for section in self.sections)
