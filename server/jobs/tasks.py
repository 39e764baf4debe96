"""What the models process and its workers say to each other, as MessagePack over a local socket."""

from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Struct

from ...client.protocol import Buffer, Error

OUT_OF_MEMORY = 77  # exit code of a worker that may not have what it needs


class Roots(Struct, frozen=True):
    """Where files may be read."""

    folder: str = "."  # of the server
    library: tuple[str, ...] = ()
    closed: str = ""  # folder of keys, '' for none


class Task(Struct, tag="task", kw_only=True):
    """A function to be run; binary frames follow, which `buffers` describes."""

    number: int
    runner: str  # "package.module:function"
    options_type: str  # as well; a structure
    options: dict[str, Any]
    kind: str = ""  # sound, notes, or '' for nothing to work on
    path: str = ""  # of a file; else the buffers hold what is worked on
    title: str = ""  # what the client calls it
    buffers: list[Buffer] = []
    roots: Roots = Roots()


class Ready(Struct, tag="ready"):
    """A worker can be given something."""


class Told(Struct, tag="told"):
    """How far a task is."""

    number: int
    share: float  # 0..1
    message: str


class Done(Struct, tag="done"):
    """What came of a task; binary frames follow, which `buffers` describes."""

    number: int
    value: Any
    buffers: list[Buffer]
    seconds: float


class Failed(Struct, tag="failed"):
    """Why a task could not be done."""

    number: int
    error: Error
    seconds: float = 0.0


FromWorker = Ready | Told | Done | Failed


@dataclass(frozen=True)
class JobLimits:
    """How much is worked at once, waits, and is kept."""

    workers: int = 0  # for jobs, beside the one for quick calls; 0: cores - 1
    warm: bool = True  # whether quick calls find everything loaded
    memory_bytes: int = 3 * 1024**3  # of a worker
    quick_seconds: float = 60.0  # that a quick call may take
    job_seconds: float = 3600.0
    waiting: int = 128  # calls and jobs, of all clients
    client_waiting: int = 32
    waiting_bytes: int = 256 * 1024**2  # of the sound that came with them
    kept: int = 512  # jobs that have ended
    kept_bytes: int = 256 * 1024**2
    kept_seconds: float = 3600.0


def encode(message: Struct) -> bytes:
    """A message of this module."""
    return msgspec.msgpack.encode(message)
