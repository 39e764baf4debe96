"""Events, by their types on the wire."""

from msgspec import Struct

from .basics import Mood


class Event(Struct, kw_only=True, tag_field="type"):
    """Something that happens in the music at `at_frame`, told ahead of the sound."""

    sequence: int = 0
    session: str = ""
    at_frame: int
    beat: float
    bar: int
    ts_ns: int = 0  # server's monotonic clock when it was told


class BeatEvent(Event, kw_only=True, tag="beat"):
    beat_in_bar: int
    bpm: float


class BarEvent(Event, kw_only=True, tag="bar"):
    section: str
    bar_in_section: int
    beats: float
    bpm: float
    meter: str
    key: str
    chords: list[str]
    fill: bool
    cadence: bool
    activity: dict[str, int]  # of each layer: 0 silent .. 4 busy, 5 a fill


class SectionEvent(Event, kw_only=True, tag="section"):
    name: str
    previous: str


class DirectionEvent(Event, kw_only=True, tag="direction"):
    director: str
    knobs: dict[str, float]
    wanted: Mood
    heard: Mood
    felt: Mood


class NotesEvent(Event, kw_only=True, tag="notes"):
    """The notes of a bar or a stinger: layer (or stinger), pitch, frame, frames long, loudness."""

    notes: list[tuple[str, int, int, int, float]]


class GridEvent(Event, kw_only=True, tag="grid"):
    line: int  # the multiple of `grid_beats`


class MarkerEvent(Event, kw_only=True, tag="marker"):
    name: str


class LoopEvent(Event, kw_only=True, tag="loop"):
    bars: int  # that go round from here on, 0: the music goes on


class MeterEvent(Event, kw_only=True, tag="meter"):
    peak_db: list[float]
    rms_db: list[float]
    lufs: float
    layers: dict[str, float]
    voices: int


class ReadyEvent(Event, kw_only=True, tag="ready"):
    cue: str
    director: str
    seconds: float  # that it took


class StingerEvent(Event, kw_only=True, tag="stinger"):
    name: str
    key: str
    duration_beats: float


class ExecutedEvent(Event, kw_only=True, tag="executed"):
    command: str
    verb: str
    late_frames: int


class DroppedEvent(Event, kw_only=True, tag="dropped"):
    command: str
    verb: str
    reason: str


class WarningEvent(Event, kw_only=True, tag="warning"):
    code: str  # director, engine, log
    message: str


class PausedEvent(Event, kw_only=True, tag="paused"):
    pass


class ResumedEvent(Event, kw_only=True, tag="resumed"):
    pass


class ClosedEvent(Event, kw_only=True, tag="closed"):
    reason: str


AnyEvent = (
    BeatEvent
    | BarEvent
    | SectionEvent
    | DirectionEvent
    | NotesEvent
    | GridEvent
    | MarkerEvent
    | LoopEvent
    | MeterEvent
    | ReadyEvent
    | StingerEvent
    | ExecutedEvent
    | DroppedEvent
    | WarningEvent
    | PausedEvent
    | ResumedEvent
    | ClosedEvent
)
