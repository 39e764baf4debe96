"""What a server is told to be, and what it tells the processes that it starts."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from ...client.protocol import DEFAULT_PORT, OSC_PORT, WEB_PORT

HOST = "127.0.0.1"


@dataclass(frozen=True)
class ServeSettings:
    """Of a whole server: sockets, console, OSC and models."""

    port: int = DEFAULT_PORT  # of the control socket; 0: any free one
    host: str = HOST
    events_port: int | None = None  # these three: None for the ports after `port`
    models_port: int | None = None
    heartbeat_port: int | None = None
    web_port: int | None = WEB_PORT  # None: no console; 0: any free one
    osc_port: int | None = OSC_PORT  # None: no OSC; 0: any free one
    models: bool = True  # whether analysis and models are served
    folder: str | Path = "."  # the only place where sessions write files
    library: tuple[str, ...] = ()  # folders of sound and MIDI files
    keys: str = ""  # folder of keys; needed where other machines can reach the server
    osc_peers: tuple[str, ...] = ()  # addresses whose OSC is taken off the loopback interface
    osc_ahead_seconds: float = 0.0  # events are sent this long before they sound
    pages: tuple[str, ...] = ()  # origins whose pages may connect, besides the console


class CurveKeys(msgspec.Struct, frozen=True, kw_only=True):
    """How a process proves to a server with keys who it is: Z85 texts."""

    server_key: str
    public_key: str
    secret_key: str


class ChildConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What a process of the server needs to know; it comes as a line of JSON on standard input."""

    control: str
    events: str
    models: str  # endpoint to connect to; where the models process is to listen
    heartbeat: str
    version: str  # of the package
    host: str
    web_port: int | None
    osc_port: int | None
    folder: str
    library: list[str]
    osc_peers: list[str]
    osc_ahead_seconds: float
    keys: str  # folder of keys, '' for none
    tokens: str  # file of the secret that signs tokens, '' for none
    curve: CurveKeys | None  # of this process; None on the loopback interface
    pages: list[str] = msgspec.field(default_factory=list)  # origins of pages that may connect


def read_config(line: str) -> ChildConfig:
    """The configuration from a child's first line."""
    return msgspec.json.decode(line, type=ChildConfig)
