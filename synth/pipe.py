"""Messages between processes: four bytes of length, then msgpack."""

import struct
from typing import IO, Any

import msgspec

_LENGTH = struct.Struct("<I")


def pack(message: Any) -> bytes:
    """A message with its length before it."""
    data = msgspec.msgpack.encode(message)
    return _LENGTH.pack(len(data)) + data


def send(stream: IO[bytes], message: Any) -> None:
    """Write one message and flush."""
    stream.write(pack(message))
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """Read one message; EOFError when the other end is gone."""
    (length,) = _LENGTH.unpack(_read(stream, _LENGTH.size))
    return msgspec.msgpack.decode(_read(stream, length))


def _read(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError("the other process is gone")
    return data
