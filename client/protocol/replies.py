"""Replies of the control socket, by their types on the wire."""

from msgspec import Struct, field

from .basics import CueInfo, Error, Mood, Plain, Position, Reply


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
    models: str = ""  # endpoint of the models socket
    heartbeat: str = ""  # endpoint of the heartbeat socket
    web: str = ""  # address of the console
    osc: str = ""  # address to which OSC messages go
    rights: str = "admin"  # what this client may: play, steer or admin
    started_ns: int = 0  # by the server's clock


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
    events: list[Plain]
    sequence: int  # of the newest event there is
    oldest: int  # the oldest one that is still kept


class Explained(Reply, kw_only=True):
    """What a command would do, if it came now; nothing is changed."""

    TYPE = "explained"
    accepted: Accepted
    rule: str  # by which the moment and the way were found
    steps: list[str]  # what would happen, in order


class TimeTo(Reply, kw_only=True):
    TYPE = "time_to"
    frame: int
    beat: float
    bar: int
    seconds: float  # from now
    estimated: bool = False


class Sounding(Struct, kw_only=True):
    """What a layer does in the sounding bar."""

    activity: int  # 0 silent .. 4 busy, 5 a fill
    gain: float


class Alternative(Struct, kw_only=True):
    """What another director would have decided from the same inputs."""

    director: str
    knobs: dict[str, float]


class Why(Reply, kw_only=True):
    """What is sounding, and why."""

    TYPE = "why"
    bar: int
    section: str
    director: str
    reason: str  # in words
    wanted: Mood
    heard: Mood
    felt: Mood
    layers: dict[str, Sounding]
    knobs: dict[str, float]  # the decision
    held: list[str]  # knobs that a person holds
    inputs: dict[str, float]  # what the director saw
    alternatives: list[Alternative]


class Meters(Reply, kw_only=True):
    """Levels of the last block in decibels of full scale, -120 for silence."""

    TYPE = "meters"
    frame: int
    peak_db: list[float]  # of each channel of the output
    rms_db: list[float]
    lufs: float  # of the last 400 ms
    layers: dict[str, float]  # rms in decibels
    voices: int
    late_blocks: int  # since the session opened


class SessionMetrics(Struct, kw_only=True):
    """How a session fares."""

    cue: str
    director: str
    frame: int
    bar: int
    events: int
    commands: int
    dropped: int  # commands
    late_events: int  # told less than two blocks before they sounded
    waiting: int  # commands
    voices: int
    late_blocks: int
    restarts: int  # of its engine


class Metrics(Reply, kw_only=True):
    """How the server fares."""

    TYPE = "metrics"
    uptime_seconds: float
    requests: int
    errors: int
    memory_mb: float
    turn_ms_p50: float  # of the loop that serves all sessions
    turn_ms_p99: float
    sessions: dict[str, SessionMetrics]


class Preparing(Reply, kw_only=True):
    """What was asked for is being loaded; a `ready` event tells when it is."""

    TYPE = "preparing"
    cue: str
    director: str


class Subscribed(Reply, kw_only=True):
    TYPE = "subscribed"
    sequence: int  # of the newest event
    sample_rate: int = 0  # of the sound, 0: there is none
    channels: int = 0


class SnapshotReply(Reply, kw_only=True):
    TYPE = "snapshot"
    state: Plain
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
        Explained,
        TimeTo,
        Why,
        Meters,
        Metrics,
        Preparing,
        Subscribed,
        SnapshotReply,
        Restored,
        Closed,
        Bye,
        Error,
    )
}
"""Every type of reply of the control socket by its name on the wire."""
