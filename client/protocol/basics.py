"""What every message is made of: the header, moods, positions, cues, and the limits."""

from typing import Any, ClassVar

from msgspec import Struct, field

PROTOCOL_VERSION = "1.3"
PROTOCOL_TAG = b"SEGUE/1"
"""First frame of every multipart message, and the beginning of every event topic."""

DEFAULT_PORT = 5570
"""Of the control socket; events, models and heartbeat have the three ports after it."""

WEB_PORT = 5580  # console, HTTP and WebSocket
OSC_PORT = 5590
ENCODINGS = ("json", "msgpack")
MAX_MESSAGE_BYTES = 4 * 1024 * 1024
MAX_UPLOAD_BYTES = 64 * 1024 * 1024
"""Of a message to the models socket, which may carry sound."""

MAX_FRAMES = 8
CURVES = ("linear", "smooth", "early", "late")
"""How a ramp goes: straight; slow at both ends; fast at first; fast at last."""


class Header(Struct, kw_only=True):
    """Who says what: `id` also makes a command idempotent."""

    id: str = ""
    type: str
    session: str = ""
    version: str = PROTOCOL_VERSION
    ts_ns: int = 0  # sender's monotonic clock


class Request(Struct, kw_only=True):
    """Content of a message from client to server."""

    TYPE: ClassVar[str] = ""


class Reply(Struct, kw_only=True):
    """Content of the server's answer."""

    TYPE: ClassVar[str] = ""


class Error(Reply, kw_only=True):
    """Why a request was not done."""

    TYPE = "error"
    code: str
    message: str
    path: str = ""  # the field that is at fault, e.g. $.content.seconds
    remediation: str = ""


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
    loop_bars: int = 0  # length of the loop that goes round, 0 for none


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
    markers: list[str] = field(default_factory=list)


class Buffer(Struct, kw_only=True):
    """What a binary frame of a message holds; frames come in the order of their descriptions."""

    dtype: str = "float32"  # float32, int16 or uint8; little-endian
    shape: list[int]
    sample_rate: int = 0  # of sound [shape=(frames,) or (frames, channels)]; 0: no sound


class SoundBlock(Struct, kw_only=True):
    """What the second frame of a message with sound tells; the samples are the third."""

    session: str
    at_frame: int  # of the first sample
    buffer: Buffer


Plain = dict[str, Any]
"""A map of plain JSON values."""
