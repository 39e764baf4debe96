"""Messages to frames and back: the one codec of server and client.

A message has two forms, one frame or six (and buffers), and two encodings, JSON or MessagePack; a
reply takes those of its request. `docs/protocol.md` lists the frames.
"""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar, cast

import msgspec

from .errors import ClientError, RequestError
from .protocol import (
    MAX_FRAMES,
    MAX_MESSAGE_BYTES,
    PROTOCOL_TAG,
    PROTOCOL_VERSION,
    AnyEvent,
    Error,
    Event,
    Header,
    Reply,
    Request,
    SoundBlock,
)

T = TypeVar("T")
R = TypeVar("R", bound=Reply)

MAX_ID_CHARACTERS = 128


def plain_number(value: Any) -> Any:
    """A number of numpy as one of Python; TypeError for what is neither."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{value!r} is no plain value; give numbers, words, lists or maps")


_JSON = msgspec.json.Encoder(enc_hook=plain_number)
_MSGPACK = msgspec.msgpack.Encoder(enc_hook=plain_number)
_PLACE = re.compile(r"(.*) - at `\$?(.*)`$", re.DOTALL)
_TAG_NAME = PROTOCOL_TAG.partition(b"/")[0] + b"/"


class Envelope(msgspec.Struct):
    """The one-frame form."""

    header: msgspec.Raw
    signature: str = ""
    parent: msgspec.Raw = msgspec.Raw(b"")
    metadata: msgspec.Raw = msgspec.Raw(b"")
    content: msgspec.Raw = msgspec.Raw(b"")


@dataclass
class Message:
    """A message as it came: header read, content not yet."""

    header: Header = field(default_factory=lambda: Header(type=""))
    parent: dict[str, Any] = field(default_factory=dict)
    content: bytes = b"{}"
    packed: bool = False  # MessagePack
    multipart: bool = False
    buffers: list[bytes] = field(default_factory=list)

    def read(self, kind: type[T]) -> T:
        """The content as a structure; RequestError `invalid` or `malformed` if it is none."""
        return _decode(self.content or _empty(self.packed), kind, self.packed, "$.content")


def pack(
    content: msgspec.Struct,
    header: Header,
    *,
    parent: Header | None = None,
    packed: bool = False,
    multipart: bool = False,
    buffers: Sequence[bytes] = (),
) -> list[bytes]:
    """Frames of a message; the header gets this side's clock.

    :param buffers: binary frames after the content, which describes them; they need `multipart`
    """
    header.ts_ns = time.monotonic_ns()
    encode = _MSGPACK.encode if packed else _JSON.encode
    parts: list[Any] = [header, parent or {}, {}, content]
    if multipart:
        return [PROTOCOL_TAG, b"", *map(encode, parts), *buffers]
    names = ("header", "parent", "metadata", "content")
    return [encode({"signature": "", **dict(zip(names, parts, strict=True))})]


def unpack(frames: list[bytes], message: Message, *, max_bytes: int = MAX_MESSAGE_BYTES) -> None:
    """Read frames into `message`; RequestError if they are none.

    What was read before the fault (form, encoding, header) stays in the message, so that the error
    can be answered in kind.
    """
    if not frames or len(frames) > MAX_FRAMES:
        raise RequestError("malformed", f"a message of {len(frames)} frames", "", "send one or six")
    size = sum(map(len, frames))
    if size > max_bytes:
        fact = f"a message of {size} bytes"
        raise RequestError("too_large", fact, "", f"send at most {max_bytes}")
    if len(frames) == 1:
        _unpack_single(frames[0], message)
    else:
        _unpack_multipart(frames, message)
    _check_header(message.header)


def _unpack_single(frame: bytes, message: Message) -> None:
    message.packed = _is_packed(frame)
    envelope = _decode(frame, Envelope, message.packed, "$")
    _read_parts(message, bytes(envelope.header), bytes(envelope.parent), bytes(envelope.content))


def _unpack_multipart(frames: list[bytes], message: Message) -> None:
    message.multipart = True
    tag = frames[0]
    if tag != PROTOCOL_TAG and tag.startswith(_TAG_NAME):
        raise version_error(tag.removeprefix(_TAG_NAME).decode("ascii", "replace"))
    if tag != PROTOCOL_TAG or len(frames) < 6:
        raise RequestError(
            "malformed",
            f"{len(frames)} frames, of which the first is {tag[:16]!r}",
            "",
            f"send one frame, or six and buffers, the first {PROTOCOL_TAG.decode()}",
        )
    message.packed = _is_packed(frames[2])
    message.buffers = frames[6:]
    _read_parts(message, frames[2], frames[3], frames[5])


def _read_parts(message: Message, header: bytes, parent: bytes, content: bytes) -> None:
    message.header = _decode(header, Header, message.packed, "$.header")
    if parent:
        message.parent = _decode(parent, dict[str, Any], message.packed, "$.parent")
    message.content = content


def _check_header(header: Header) -> None:
    if header.version.partition(".")[0] != PROTOCOL_VERSION.partition(".")[0]:
        raise version_error(header.version)
    if len(header.id) > MAX_ID_CHARACTERS:
        fact = f"an id of {len(header.id)} characters"
        header.id = ""
        raise RequestError("invalid", fact, "$.header.id", f"use at most {MAX_ID_CHARACTERS}")


def read_reply(message: Message, asked: Request, kind: type[R]) -> R:
    """The reply to a request as a structure.

    Raises RequestError if it is an error, ClientError if it is of another type.
    """
    if message.header.type == Error.TYPE:
        error = message.read(Error)
        raise RequestError(error.code, error.message, error.path, error.remediation)
    if message.header.type != kind.TYPE:
        raise ClientError(
            f"{asked.TYPE} was answered by {message.header.type!r}, not {kind.TYPE!r}; use a "
            "client and a server of the same protocol"
        )
    return message.read(kind)


def version_error(version: str) -> RequestError:
    """The answer to another major version."""
    return RequestError(
        "version",
        f"protocol {version[:32]!r} is not spoken here",
        "$.header.version",
        f"use version {PROTOCOL_VERSION}",
    )


def decode_event(data: bytes) -> Event | None:
    """An event from JSON; None if its type is not known to this version."""
    try:
        return cast(Event, msgspec.json.decode(data, type=AnyEvent))
    except msgspec.ValidationError:
        return None


def convert_event(event: dict[str, Any]) -> Event | None:
    """An event from plain values; None if its type is not known to this version."""
    try:
        return cast(Event, msgspec.convert(event, type=AnyEvent))
    except msgspec.ValidationError:
        return None


def encode_event(event: Event | SoundBlock) -> bytes:
    """An event, or what is told of a block of sound, as JSON."""
    return _JSON.encode(event)


def _is_packed(frame: bytes) -> bool:
    """MessagePack maps begin with 0x80..0x8f, 0xde or 0xdf; JSON never does."""
    return bool(frame) and (0x80 <= frame[0] <= 0x8F or frame[0] in (0xDE, 0xDF))


def _empty(packed: bool) -> bytes:
    return b"\x80" if packed else b"{}"


@cache
def _decoder(kind: Any, packed: bool) -> "msgspec.msgpack.Decoder[Any] | msgspec.json.Decoder[Any]":
    return msgspec.msgpack.Decoder(kind) if packed else msgspec.json.Decoder(kind)


def _decode(data: bytes, kind: type[T], packed: bool, place: str) -> T:
    try:
        return cast(T, _decoder(cast(Any, kind), packed).decode(data))
    except msgspec.ValidationError as error:
        match = _PLACE.match(str(error))
        text, path = (match[1], place + match[2]) if match else (str(error), place)
        raise RequestError("invalid", text, path, "docs/protocol.md has an example") from None
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        encoding = "MessagePack" if packed else "JSON (which knows no NaN)"
        raise RequestError(
            "malformed", f"not a message: {error}", place, f"send a map in {encoding}"
        ) from None
