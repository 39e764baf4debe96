"""What a request names to work on, checked before anything is started."""

import math
from dataclasses import dataclass
from pathlib import Path

from ...client.errors import RequestError
from ...client.protocol import Buffer, Source
from ..security.places import Places
from .functions import SOUND, Entry
from .library import NOTES, Library, kind_of

ITEM_BYTES = {"float32": 4, "int16": 2, "uint8": 1}
LOWEST_RATE, HIGHEST_RATE = 8_000, 384_000
QUICK_SOUND_SECONDS = 40.0  # beyond, even a quick function would keep others waiting
QUICK_FILE_BYTES = 2 * 1024**2


@dataclass(frozen=True)
class Found:
    """A source that is there."""

    kind: str = ""  # sound, notes, or '' for nothing
    path: str = ""  # of a file
    title: str = ""  # as the client calls it
    buffers: tuple[Buffer, ...] = ()
    small: bool = True  # so that quick functions are quick


def find_source(
    source: Source, data: list[bytes], name: str, entry: Entry, places: Places, library: Library
) -> Found:
    """The source of a call; RequestError for one that is not there or that it cannot work on."""
    given = [bool(source.library), bool(source.file), bool(source.buffers)]
    if sum(given) > 1:
        raise _wrong("a library id, a file and buffers at once", "name one of them")
    if len(data) != len(source.buffers):
        raise _wrong(
            f"{len(data)} binary frames and {len(source.buffers)} descriptions",
            "describe each frame in `buffers`",
        )
    if not any(given):
        if entry.source and entry.needs_source:
            raise _wrong(f"{name!r} has nothing to work on", f"give {_kinds(entry)}")
        return Found()
    if source.library:
        found = _file(library.find(source.library), source.library)
    elif source.file:
        found = _file(places.readable(source.file), source.file)
    else:
        found = _buffers(source.buffers, data)
    if found.kind not in entry.source:
        works = f"on {_kinds(entry)}" if entry.source else "without a source"
        raise _wrong(f"{name!r} works {works}, and this is {found.kind}", "call another function")
    return found


def _file(path: Path, title: str) -> Found:
    try:
        kind, size = kind_of(path), path.stat().st_size
    except OSError:
        raise _wrong(f"{title[:64]!r} cannot be read", "choose another file") from None
    return Found(kind, str(path), title, small=size <= QUICK_FILE_BYTES)


def _buffers(buffers: list[Buffer], data: list[bytes]) -> Found:
    if len(buffers) > 1:
        raise _wrong(f"{len(buffers)} buffers", "send one, with its channels side by side")
    buffer, size = buffers[0], len(data[0])
    if buffer.dtype not in ITEM_BYTES:
        raise _wrong(f"samples of type {buffer.dtype[:32]!r}", "use float32, int16 or uint8")
    shape = buffer.shape
    if not 1 <= len(shape) <= 2 or min(shape) < 1:
        raise _wrong(f"a buffer of the shape {shape[:8]}", "use (frames,) or (frames, channels)")
    needed = math.prod(shape) * ITEM_BYTES[buffer.dtype]
    if needed != size:
        fact = f"a buffer of the shape {shape} and type {buffer.dtype} has {needed} bytes, not"
        raise _wrong(f"{fact} {size}", "send all of it, and nothing else")
    if buffer.dtype == "uint8":
        if len(shape) != 1:
            raise _wrong(f"a file of the shape {shape}", "send its bytes as (n,)")
        kind = NOTES if data[0][:4] == b"MThd" else SOUND
        return Found(kind, title="the file", buffers=(buffer,), small=size <= QUICK_FILE_BYTES)
    if len(shape) == 2 and shape[1] > 2:
        raise _wrong(f"sound of {shape[1]} channels", "send one or two, as (frames, channels)")
    if not LOWEST_RATE <= buffer.sample_rate <= HIGHEST_RATE:
        raise _wrong(
            f"sound of {buffer.sample_rate} samples a second",
            f"say its sample_rate, {LOWEST_RATE} to {HIGHEST_RATE}",
        )
    small = shape[0] <= QUICK_SOUND_SECONDS * buffer.sample_rate
    return Found(SOUND, title="the sound", buffers=(buffer,), small=small)


def _kinds(entry: Entry) -> str:
    return " or ".join(entry.source)


def _wrong(fact: str, way_out: str) -> RequestError:
    return RequestError("invalid", fact, "$.content.source", way_out)
