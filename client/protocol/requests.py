"""Requests to the control socket, by their types on the wire."""

from msgspec import field

from .basics import PROTOCOL_VERSION, Plain, Request


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
    voices: int = 0  # the most notes that sound at once on a layer; 0: the engine's own limit
    grid_beats: float = 0.0  # a `grid` event at each multiple of so many beats; 0: none
    meter_hz: float = 0.0  # `meter` events a second; 0: none


class Join(Request, kw_only=True):
    TYPE = "join"  # a session that is open, named in the header


class Set(Command, kw_only=True):
    TYPE = "set"
    parameters: dict[str, float]
    ramp_seconds: float | None = None
    curve: str = "linear"  # one of CURVES


class SetMood(Command, kw_only=True):
    TYPE = "mood"
    valence: float | None = None
    arousal: float | None = None
    tension: float | None = None
    ramp_seconds: float = 0.5
    curve: str = "linear"


class Go(Command, kw_only=True):
    TYPE = "go"
    section: str
    at: str = "bar"
    fill: bool | None = None  # whether a filler bar leads into it; None: as the cue says
    entry: str = "start"  # or same: at the bar of the new section at which the old one was left
    fade_beats: float = 0.0  # the layers fade in over so many beats


class Stinger(Command, kw_only=True):
    TYPE = "stinger"
    name: str
    at: str = "beat"
    duck_db: float | None = None  # how far the layers step back; None: as the cue says


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
    curve: str = "linear"


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


class Tempo(Command, kw_only=True):
    TYPE = "tempo"
    bpm: float | None = None  # within the cue's range; None: the director's again


class Loop(Command, kw_only=True):
    TYPE = "loop"
    bars: int = 0  # so many, from `at` on, are played again and again; 0: the music goes on
    at: str = "bar"


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
    state: Plain


class Pause(Request, kw_only=True):
    TYPE = "pause"


class Resume(Request, kw_only=True):
    TYPE = "resume"


class Seek(Request, kw_only=True):
    TYPE = "seek"
    bar: int


class Explain(Request, kw_only=True):
    TYPE = "explain"
    verb: str  # type of a command
    content: Plain = field(default_factory=dict)  # of that command


class GetTimeTo(Request, kw_only=True):
    TYPE = "time_to"
    at: str = "bar"


class GetWhy(Request, kw_only=True):
    TYPE = "why"


class GetMeters(Request, kw_only=True):
    TYPE = "meters"


class GetMetrics(Request, kw_only=True):
    TYPE = "metrics"


class Prepare(Request, kw_only=True):
    TYPE = "prepare"
    cue: str
    director: str = "agent"


class Subscribe(Request, kw_only=True):
    """Of WebSocket clients: which events (and sound) are sent to them."""

    TYPE = "subscribe"
    events: list[str] = field(default_factory=list)  # types; none: all
    after: int = 0  # first those kept events that have a higher sequence number
    audio: bool = False


class Close(Request, kw_only=True):
    TYPE = "close"
    fade_seconds: float = 0.0  # of real-time sessions: the music fades out first


class Shutdown(Request, kw_only=True):
    TYPE = "shutdown"


REQUESTS: dict[str, type[Request]] = {
    kind.TYPE: kind
    for kind in (
        Hello,
        Ping,
        List,
        Open,
        Join,
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
        Tempo,
        Loop,
        Cancel,
        GetPosition,
        Advance,
        GetEvents,
        GetSnapshot,
        Restore,
        Pause,
        Resume,
        Seek,
        Explain,
        GetTimeTo,
        GetWhy,
        GetMeters,
        GetMetrics,
        Prepare,
        Subscribe,
        Close,
        Shutdown,
    )
}
"""Every type of request to the control socket by its name on the wire."""
