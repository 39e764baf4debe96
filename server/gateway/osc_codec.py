"""OSC packets (OpenSoundControl 1.0) to messages and back.

Bundles are taken apart here, within bounds, and messages by python-osc, which trusts the sizes that
a bundle tells.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from pythonosc.osc_bundle_builder import OscBundleBuilder
from pythonosc.osc_message import OscMessage, ParseError
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.parsing.ntp import ntp_time_to_system_epoch
from pythonosc.parsing.osc_types import ParseError as TypeParseError
from pythonosc.parsing.osc_types import get_string

from ...client.errors import RequestError

MAX_BYTES = 16_384  # of a datagram
MAX_MESSAGES = 256  # of a bundle
MAX_DEPTH = 8  # of bundles in bundles
TYPES = frozenset("ifhdsTFN")
BUNDLE = b"#bundle\x00"
IMMEDIATELY = 1  # time tag

Argument = str | float | int | bool


@dataclass(frozen=True)
class OscCall:
    """A message that has come."""

    address: str
    arguments: list[object]
    due: float | None = None  # seconds since 1970; None: at once


def read_packet(data: bytes) -> list[OscCall]:
    """The messages of a datagram, in their order; RequestError if it is none."""
    if len(data) > MAX_BYTES:
        way = f"send at most {MAX_BYTES}"
        raise RequestError("too_large", f"a datagram of {len(data)} bytes", "", way)
    calls: list[OscCall] = []
    for part, due in _messages(data, None, 0):
        calls.append(_read_message(part, due))
        if len(calls) > MAX_MESSAGES:
            way = f"send at most {MAX_MESSAGES}"
            raise RequestError("too_large", "a bundle of too many messages", "", way)
    return calls


def _messages(data: bytes, due: float | None, depth: int) -> Iterator[tuple[bytes, float | None]]:
    if not data.startswith(BUNDLE):
        yield data, due
        return
    if len(data) < 16 or depth > MAX_DEPTH:
        raise _garbage("a bundle that is cut off, or too deep")
    tag = int.from_bytes(data[8:16], "big")
    due = ntp_time_to_system_epoch(tag / 2**32) if tag > IMMEDIATELY else None
    at = 16
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        at += 4
        if size > len(data) - at:
            raise _garbage("a bundle with an element of a wrong size")
        yield from _messages(data[at : at + size], due, depth + 1)
        at += size


def _read_message(data: bytes, due: float | None) -> OscCall:
    try:
        address, at = get_string(data, 0)
        types = get_string(data, at)[0] if data[at:] else ","
        if not address.startswith("/") or not types.startswith(","):
            raise _garbage("no address, or no types after it")
        if not TYPES.issuperset(types[1:]):
            raise _garbage(f"arguments of types {types[1:33]!r}")
        return OscCall(address, OscMessage(data).params, due)
    except (ParseError, TypeParseError, ValueError, OverflowError):
        raise _garbage("a datagram that is no OSC") from None


def _garbage(fact: str) -> RequestError:
    return RequestError("malformed", fact, "", "send OSC messages of numbers and texts")


def write_message(address: str, arguments: Sequence[Argument]) -> bytes:
    """A datagram of one message."""
    return bytes(_message(address, arguments).dgram)


def write_bundle(due: float, messages: Sequence[tuple[str, Sequence[Argument]]]) -> bytes:
    """A datagram of messages.

    :param due: when they are meant to take effect, in seconds since 1970
    """
    builder = OscBundleBuilder(cast(int, due))  # which takes fractions as well
    for address, arguments in messages:
        builder.add_content(_message(address, arguments))
    return bytes(builder.build().dgram)


def _message(address: str, arguments: Sequence[Argument]) -> OscMessage:
    builder = OscMessageBuilder(address)
    for value in arguments:
        if isinstance(value, float):
            builder.add_arg(value if math.isfinite(value) else 0.0, "f")
        else:
            builder.add_arg(value)
    return builder.build()
