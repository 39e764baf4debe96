"""The messages of Segue's wire protocol as typed structures; `docs/protocol.md` is the law.

Conventions: indices count from 0; a beat is a quarter note; frames are audio frames of the
session's own clock; names carry their unit. Unknown fields are ignored, missing ones take the
default, and a wrong type is an error.
"""

from typing import Any, ClassVar

from msgspec import Struct, field

PROTOCOL_VERSION = "1.2"
PROTOCOL_TAG = b"SEGUE/1"
"""First frame of every multipart message, and the beginning of every event topic."""

DEFAULT_PORT = 5570
ENCODINGS = ("json", "msgpack")
MAX_MESSAGE_BYTES = 4 * 1024 * 1024
MAX_FRAMES = 8


class Header(Struct, kw_only=True):
    """Who says what: `id` also makes a command idempotent."""

    id: str = ""
    type: str
    session: str = ""
    version: str = PROTOCOL_VERSION
    ts_ns: int = 0  # sender's monotonic clock


class Mood(Struct, frozen=True):
    """Valence, arousal and tension, each in [-1, 1]."""

    valence: float = 0.0
    arousal: float = 0.0
    tension: float = 0.0


class Position(Struct, kw_only=True):
    """Where the music is."""

    frame: int
    seconds: float
    ts_ns: int  # server's monotonic clock when the audio stood at `frame`
    beat: float
    bar: int
    beat_in_bar: float
    section: str
    bar_in_section: int
    bpm: float
    meter: str
    key: str
    decided_bars: int  # bars that are decided so far, counted from the start
    next_beat_seconds: float  # from now
    next_bar_seconds: float
    director: str
    wanted: Mood  # the mood asked for now
    heard: Mood  # what the sounding bar expresses
    felt: Mood  # what a listener feels by now
    parameters: dict[str, float]
    levels: dict[str, float]  # gain of each layer, 0..1
    pending: list[str]  # ids of commands that wait
    sequence: int  # of the newest event
    paused: bool = False


class CueInfo(Struct, kw_only=True):
    """What a client can ask of a cue."""

    name: str
    title: str
    key: str
    meter: str
    tempo_bpm: tuple[float, float]
    sections: list[str]
    layers: list[str]
    stingers: list[str]
    parameters: dict[str, tuple[float, float, float]]  # minimum, maximum, default


# Requests -------------------------------------------------------------------------------------


class Request(Struct, kw_only=True):
    """Content of a message from client to server."""

    TYPE: ClassVar[str] = ""


class Command(Request, kw_only=True):
    """A change of a session: done at `at`, or dropped once `expires_seconds` have passed."""

    at: str = "now"
    expires_seconds: float | None = None


class Hello(Request, kw_only=True):
    TYPE = "hello"
    protocol: str = PROTOCOL_VERSION
    client: str = ""
    encodings: list[str] = field(default_factory=lambda: ["json"])


class Ping(Request, kw_only=True):
    TYPE = "ping"
    t0_ns: int = 0
    sessions: list[str] = field(default_factory=list)  # kept alive by this ping


class List(Request, kw_only=True):
    TYPE = "list"


class Open(Request, kw_only=True):
    TYPE = "open"
    cue: str
    director: str = "agent"
    output: str = "none"
    seed: int = 0
    clock: str = "realtime"
    parameters: dict[str, float] = field(default_factory=dict)  # before the first bar is decided
    look_ahead_bars: int = 1
    midi: str = ""  # path of the MIDI file written at close
    log: str = ""  # path of the session log
    timeout_seconds: float = 60.0  # without a word from any client; 0: never


class Set(Command, kw_only=True):
    TYPE = "set"
    parameters: dict[str, float]
    ramp_seconds: float | None = None


class SetMood(Command, kw_only=True):
    TYPE = "mood"
    valence: float | None = None
    arousal: float | None = None
    tension: float | None = None
    ramp_seconds: float = 0.5


class Go(Command, kw_only=True):
    TYPE = "go"
    section: str
    at: str = "bar"


class Stinger(Command, kw_only=True):
    TYPE = "stinger"
    name: str
    at: str = "beat"


class Feedback(Command, kw_only=True):
    TYPE = "feedback"
    value: float | None = None  # -1 dislike .. 1 like
    valence: float | None = None  # what the listener says the music expresses
    arousal: float | None = None


class Game(Command, kw_only=True):
    TYPE = "game"
    features: dict[str, float]  # of the time since the last report


class Unlearn(Command, kw_only=True):
    TYPE = "unlearn"  # the last feedback taught nothing


class Learning(Command, kw_only=True):
    TYPE = "learning"
    on: bool  # whether feedback teaches the director


class Direct(Command, kw_only=True):
    TYPE = "direct"
    changes: dict[str, float | bool]  # knobs in [0, 1], fill


class Release(Command, kw_only=True):
    TYPE = "release"
    names: list[str] = field(default_factory=list)  # none: everything held by direct


class Level(Command, kw_only=True):
    TYPE = "level"
    layer: str
    value: float
    ramp_seconds: float = 0.05


class Control(Command, kw_only=True):
    TYPE = "control"
    name: str  # layer.LAYER.pan, .reverb, .delay, .filter; master.gain, .filter
    value: float
    ramp_seconds: float = 0.05


class Duck(Command, kw_only=True):
    TYPE = "duck"
    depth_db: float = 9.0
    seconds: float = 1.0


class Switch(Command, kw_only=True):
    TYPE = "switch"
    director: str


class Cancel(Request, kw_only=True):
    TYPE = "cancel"
    command: str


class GetPosition(Request, kw_only=True):
    TYPE = "position"


class Advance(Request, kw_only=True):
    TYPE = "advance"
    seconds: float


class GetEvents(Request, kw_only=True):
    TYPE = "events"
    after: int = 0
    limit: int = 1000


class GetSnapshot(Request, kw_only=True):
    TYPE = "snapshot"


class Restore(Request, kw_only=True):
    TYPE = "restore"
    state: dict[str, Any]


class Pause(Request, kw_only=True):
    TYPE = "pause"


class Resume(Request, kw_only=True):
    TYPE = "resume"


class Seek(Request, kw_only=True):
    TYPE = "seek"
    bar: int


class Close(Request, kw_only=True):
    TYPE = "close"


class Shutdown(Request, kw_only=True):
    TYPE = "shutdown"


# Replies --------------------------------------------------------------------------------------


class Reply(Struct, kw_only=True):
    """Content of the server's answer."""

    TYPE: ClassVar[str] = ""


class Welcome(Reply, kw_only=True):
    TYPE = "welcome"
    protocol: str
    server: str
    encoding: str
    encodings: list[str]
    capabilities: list[str]
    events: str  # endpoint of the PUB socket
    sample_rate: int
    block_frames: int
    clock: str  # unit and origin of ts_ns
    max_message_bytes: int


class Pong(Reply, kw_only=True):
    TYPE = "pong"
    t0_ns: int
    t1_ns: int  # received
    t2_ns: int  # answered
    unknown: list[str] = field(default_factory=list)  # sessions of the ping that do not exist


class Listing(Reply, kw_only=True):
    TYPE = "listing"
    cues: list[CueInfo]
    directors: list[str]
    outputs: list[str]
    sessions: list[str]


class Opened(Reply, kw_only=True):
    TYPE = "opened"
    session: str
    cue: CueInfo
    topic: str  # to subscribe to on the events socket
    sample_rate: int
    position: Position


class Accepted(Reply, kw_only=True):
    """A promise: what was asked will be done at this frame, or a `dropped` event says why not."""

    TYPE = "accepted"
    id: str
    scheduled_frame: int
    scheduled_beat: float
    scheduled_bar: int
    eta_seconds: float
    estimated: bool = False  # the tempo up to there is not settled yet


class PositionReply(Reply, kw_only=True):
    TYPE = "position"
    position: Position


class Advanced(Reply, kw_only=True):
    TYPE = "advanced"
    position: Position


class EventList(Reply, kw_only=True):
    TYPE = "events"
    events: list[dict[str, Any]]
    sequence: int  # of the newest event there is
    oldest: int  # the oldest one that is still kept


class SnapshotReply(Reply, kw_only=True):
    TYPE = "snapshot"
    state: dict[str, Any]
    sequence: int  # apply events after this one


class Restored(Reply, kw_only=True):
    TYPE = "restored"
    position: Position


class Closed(Reply, kw_only=True):
    TYPE = "closed"
    files: list[str]


class Bye(Reply, kw_only=True):
    TYPE = "bye"
    closed_sessions: int


class Error(Reply, kw_only=True):
    """Why a request was not done."""

    TYPE = "error"
    code: str
    message: str
    path: str = ""  # the field that is at fault, e.g. $.content.seconds
    remediation: str = ""


# Events ---------------------------------------------------------------------------------------


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
    code: str  # director: another one had to take over
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
    | StingerEvent
    | ExecutedEvent
    | DroppedEvent
    | WarningEvent
    | PausedEvent
    | ResumedEvent
    | ClosedEvent
)

REQUESTS: dict[str, type[Request]] = {
    kind.TYPE: kind
    for kind in (
        Hello,
        Ping,
        List,
        Open,
        Set,
        SetMood,
        Go,
        Stinger,
        Feedback,
        Game,
        Unlearn,
        Learning,
        Direct,
        Release,
        Level,
        Control,
        Duck,
        Switch,
        Cancel,
        GetPosition,
        Advance,
        GetEvents,
        GetSnapshot,
        Restore,
        Pause,
        Resume,
        Seek,
        Close,
        Shutdown,
    )
}
"""Every type of request by its name on the wire."""

REPLIES: dict[str, type[Reply]] = {
    kind.TYPE: kind
    for kind in (
        Welcome,
        Pong,
        Listing,
        Opened,
        Accepted,
        PositionReply,
        Advanced,
        EventList,
        SnapshotReply,
        Restored,
        Closed,
        Bye,
        Error,
    )
}
"""Every type of reply by its name on the wire."""
