"""Malformed input, made from a seed: messages, datagrams, frames, requests, bytes.

Every field of every type of request (of `client.protocol`) gets values of every type; whole
messages are cut, flipped, nested, repeated and mixed. `shutdown` would be obeyed, and is left out.
"""

import base64
import json
import random
import struct
from functools import cache
from typing import Any

import msgspec

from ..client import protocol as p

TYPES = sorted({**p.REQUESTS, **p.MODEL_REQUESTS}.keys() - {p.Shutdown.TYPE})
SESSIONS = ("s2", "s3", "s99", "", "S1", "../s2", "s" * 300)
CUES = ("dungoen", "..", "/etc/passwd", "dungeon\0", "stems", "a/b", "", "🎵")
TEXTS = (
    "",
    "now",
    "bar",
    "grid:0",
    "grid:-1e300",
    "bars:99999999999999999999",
    "frame:-1",
    "frame:9223372036854775808",
    "beat:nan",
    "beat:1e308",
    "marker:",
    "section:\0",
    "%s%n%x",
    "\u202e\ufeff",
    "x" * 5000,
    "'; drop table",
    "../../etc/passwd",
    "\ud7ff\ue000",
)
NUMBERS: tuple[Any, ...] = (
    0,
    -1,
    1,
    2**31,
    2**63 - 1,
    -(2**63),
    2**64 - 1,
    1e308,
    -1e308,
    5e-324,
    0.5,
    -0.0,
)
JSON_NUMBERS = (b"NaN", b"1e999", b"-1e999", b"1" * 400, b"0x10", b"1_000", b".5", b"--1")
LEAST = 1  # of anything that is repeated


def message(rng: random.Random) -> list[bytes]:
    """The frames of a message for a ROUTER, at least one."""
    return rng.choice(_MESSAGES)(rng)


def value(rng: random.Random, depth: int = 0) -> Any:
    """Something that JSON and MessagePack can hold."""
    kind = rng.randrange(8 if depth < 3 else 6)
    if kind <= 1:
        return rng.choice(NUMBERS)
    if kind <= 3:
        return rng.choice(TEXTS)
    if kind == 4:
        return rng.choice((None, True, False))
    if kind == 5:
        return rng.choice(SESSIONS)
    if kind == 6:
        return [value(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {rng.choice(TEXTS)[:40]: value(rng, depth + 1) for _ in range(rng.randrange(4))}


@cache
def _fields(kind: str) -> tuple[str, ...]:
    return {**p.MODEL_REQUESTS, **p.REQUESTS}[kind].__struct_fields__


def content(rng: random.Random, kind: str) -> dict[str, Any]:
    """Fields of a request, each by chance left out, and of any type."""
    made = {name: value(rng) for name in _fields(kind) if rng.random() < 0.8}
    if kind == p.Open.TYPE:  # no devices, no engines, few sessions
        made["output"] = rng.choice(("none", "radio", "file:../x.wav", "file:", 5))
        made["cue"] = "dungeon" if rng.random() < 0.01 else rng.choice(CUES)
        made["timeout_seconds"] = rng.choice((5.0, -1, "x"))
    if kind == p.Prepare.TYPE:
        made["cue"] = rng.choice(CUES)
    if kind == p.Advance.TYPE:
        made["seconds"] = rng.choice((0.0, 0.1, -1, 1e308, "x", None))
    return made


def header(rng: random.Random, kind: str) -> dict[str, Any]:
    """A header of a request; most are good, so that the content is looked at."""
    made: dict[str, Any] = {"id": str(rng.getrandbits(48)), "type": kind}
    made["session"] = rng.choice(SESSIONS)
    if rng.random() < 0.1:
        made[rng.choice(("id", "type", "session", "version", "ts_ns", "extra"))] = value(rng)
    if made["type"] == p.Shutdown.TYPE:
        made["type"] = "shut"
    return made


def _whole(rng: random.Random) -> tuple[list[Any], bool]:
    """Header, parent, metadata and content, and whether they are to be packed."""
    kind = rng.choice(TYPES)
    parts = [header(rng, kind), {}, {}, content(rng, kind)]
    return parts, rng.random() < 0.5


def _encode(part: Any, packed: bool) -> bytes:
    return msgspec.msgpack.encode(part) if packed else msgspec.json.encode(part)


def _single(rng: random.Random) -> list[bytes]:
    parts, packed = _whole(rng)
    names = ("header", "parent", "metadata", "content")
    return [_encode(dict(zip(names, parts, strict=True)), packed)]


def _multipart(rng: random.Random) -> list[bytes]:
    parts, packed = _whole(rng)
    frames = [p.PROTOCOL_TAG, b"", *(_encode(part, packed) for part in parts)]
    chance = rng.random()
    if chance < 0.1:
        rng.shuffle(frames)
    elif chance < 0.2:
        del frames[rng.randrange(len(frames))]
    elif chance < 0.3:
        frames += [_noise(rng, 100) for _ in range(rng.randrange(14))]
    elif chance < 0.35:
        frames[0] = rng.choice((b"SEGUE/2", b"SEGUE/", b"segue/1", b"SEGUE/1\0", b""))
    elif chance < 0.4:  # one part in the other encoding
        index = rng.randrange(2, 6)
        frames[index] = _encode(parts[index - 2], not packed)
    return frames


def _cut(rng: random.Random) -> list[bytes]:
    frames = (_single if rng.random() < 0.5 else _multipart)(rng)
    index = rng.randrange(len(frames))
    frames[index] = frames[index][: rng.randrange(len(frames[index]) + 1)]
    return frames


def _flipped(rng: random.Random) -> list[bytes]:
    frames = (_single if rng.random() < 0.5 else _multipart)(rng)
    index = rng.randrange(len(frames))
    frame = bytearray(frames[index])
    for _ in range(rng.randrange(1, 4)):
        if frame:
            frame[rng.randrange(len(frame))] ^= 1 << rng.randrange(8)
    frames[index] = _harmless(bytes(frame))
    return frames


def _nested(rng: random.Random) -> list[bytes]:
    depth = rng.choice((50, 2000, 20_000))
    opening, closing = rng.choice(
        ((b"[", b"]"), (b'{"a":', b"}"), (b"\x91", b"\xc0"), (b"(", b")"))
    )
    deep = opening * depth + (closing * depth if rng.random() < 0.5 else b"")
    if opening == b"\x91":
        return [
            b"\x82\xa6header" + msgspec.msgpack.encode({"type": "restore"}) + b"\xa7content" + deep
        ]
    if rng.random() < 0.5:
        return [b'{"header": {"type": "restore", "session": "s2"}, "content": ' + deep + b"}"]
    return [deep]


def _numbers(rng: random.Random) -> list[bytes]:
    kind = rng.choice(TYPES)
    name = rng.choice((*_fields(kind), "x"))
    number = rng.choice(JSON_NUMBERS)
    text = f'{{"header": {{"type": "{kind}", "session": "s2"}}, "content": {{"{name}": '
    return [text.encode() + number + b"}}"]


def _binary(rng: random.Random) -> list[bytes]:
    return [_noise(rng, rng.choice((0, 1, 8, 300))) for _ in range(rng.randrange(LEAST, 21))]


def _repeated(rng: random.Random) -> list[bytes]:
    frame = _single(rng)[0]
    return [rng.choice((frame + frame, b" " * 1000 + frame, frame * 30, b"\xef\xbb\xbf" + frame))]


def _odd(rng: random.Random) -> list[bytes]:
    return [
        rng.choice(
            (
                b"",
                b"null",
                b"[]",
                b"{}",
                b'"hello"',
                b"\x80",
                b"\xdf\xff\xff\xff\xff",
                b"\xde\xff\xff",
                b"\x81\xa6header\xdd\xff\xff\xff\xff",
                b'{"header": null}',
                b'{"header": {"type": "ping"}, "content": []}',
                b'{"header": {"type": "ping", "type": "list"}}',
                b'{"header": {"type": "ping", "id": "\\ud800"}}',
                '{"header": {"type": "ping"}}'.encode("utf-16"),
                b'{"header": {"type": "ping", "id": "' + b"x" * 10_000 + b'"}}',
            )
        )
    ]


_MESSAGES = (
    *(_single,) * 4,
    *(_multipart,) * 3,
    _cut,
    _flipped,
    _nested,
    _numbers,
    _binary,
    _repeated,
    _odd,
)


def _noise(rng: random.Random, size: int) -> bytes:
    return _harmless(rng.randbytes(rng.randrange(size + 1)))


def _harmless(data: bytes) -> bytes:
    """Nothing that could be obeyed as the end of the server."""
    return data.replace(p.Shutdown.TYPE.encode(), b"shut")


# Other doors --------------------------------------------------------------------------------------

OSC_ADDRESSES = (
    *(f"/segue/{verb}" for verb in ("set", "mood", "go", "stinger", "level", "control", "direct")),
    *(f"/segue/{verb}" for verb in ("release", "feedback", "tempo", "loop", "duck", "switch")),
    *(f"/segue/{verb}" for verb in ("pause", "resume", "close", "session", "listen")),
    *("/segue/open", "/wek/inputs", "/segue/wek/map", "/segue/*", "/", "", "/segue/\0x", "#bundle"),
)


def datagram(rng: random.Random) -> bytes:
    """OSC: messages of wrong types and counts, cut and flipped ones, bundles in bundles."""
    chance = rng.random()
    if chance < 0.1:
        return rng.randbytes(rng.randrange(200))
    data = _osc_message(rng)
    if chance < 0.25:
        for _ in range(rng.choice((1, 2, 50))):
            size = rng.choice((len(data), 0, 2**31 - 1, len(data) - 3))
            data = b"#bundle\0" + rng.randbytes(8) + struct.pack(">I", size & 0xFFFFFFFF) + data
    elif chance < 0.4:
        data = data[: rng.randrange(len(data) + 1)]
    elif chance < 0.5 and data:
        place = rng.randrange(len(data))
        data = data[:place] + bytes([data[place] ^ 1 << rng.randrange(8)]) + data[place + 1 :]
    return data[:9000]


def _osc_message(rng: random.Random) -> bytes:
    tags, body = ",", b""
    for _ in range(rng.choice((0, 1, 2, 3, 8, 60))):
        tag = rng.choice("ifsbhdtTFNI[]?")
        tags += tag
        if tag in "if":
            body += rng.randbytes(4)
        elif tag in "hdt":
            body += rng.choice((rng.randbytes(8), struct.pack(">d", float("nan"))))
        elif tag in "sb":
            text = rng.choice(TEXTS)[:200].encode("utf-8", "surrogatepass")
            length = rng.choice((len(text), 2**31, 0xFFFFFFFF))
            body += _padded(text) if tag == "s" else struct.pack(">I", length) + _padded(text)
    return _padded(rng.choice(OSC_ADDRESSES).encode()) + _padded(tags.encode()) + body


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (4 - len(data) % 4)


def web_message(rng: random.Random) -> bytes:
    """A WebSocket frame with a mask: messages of the protocol, wrong lengths, opcodes and bits."""
    payload = rng.choice((message(rng)[0], rng.randbytes(rng.randrange(100)), b"SEGB" + b"\0" * 20))
    opcode = rng.choice((1, 1, 1, 2, 0, 3, 9, 10, 11, 15))
    first = (
        opcode
        | (0x80 if rng.random() < 0.9 else 0)
        | (rng.getrandbits(3) << 4) * (rng.random() < 0.1)
    )
    size = len(payload) if rng.random() < 0.95 else rng.choice((2**63, 2**31, 5, 125))
    head = bytes([first])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 65_536:
        head += bytes([0x80 | 126]) + struct.pack(">H", size)
    else:
        head += bytes([0x80 | 127]) + struct.pack(">Q", size)
    mask = rng.randbytes(4)
    wide = (mask * (len(payload) // 4 + 1))[: len(payload)]
    masked = (int.from_bytes(payload) ^ int.from_bytes(wide)).to_bytes(len(payload))
    return head + mask + masked


PLACES = (
    *("/", "/ws", "/health", "/asyncapi.json", "/v1/audio-features", "/v1/recommendations?limit=x"),
    *(
        "/v1/audio-analysis/../../../etc/passwd",
        "/v1/audio-features/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    ),
    *("/../../etc/passwd", "/..%2f..%2fetc/passwd", "/%00", "/" + "a" * 9000, "//x", "*", "\x80"),
    "/v1/audio-features?ids=" + ",".join("x" * 30 for _ in range(300)),
    "/v1/recommendations?seed_tracks=a&target_energy=nan&limit=-5",
)


def http_request(rng: random.Random, web: str) -> bytes:
    """An HTTP request: odd methods, places and headers, bodies that do not fit their lengths."""
    method = rng.choice(
        ("GET", "GET", "POST", "HEAD", "OPTIONS", "TRACE", "PRI", "G\0T", "X" * 500)
    )
    host = rng.choice((web.split("//")[-1], "evil.example", "", "a\tb", "[::1"))
    lines = [f"{method} {rng.choice(PLACES)} HTTP/{rng.choice(('1.1', '1.0', '2.0', '9'))}"]
    lines.append(f"Host: {host}")
    odd = (
        "Content-Length: -1",
        "Content-Length: 99999999999",
        "Transfer-Encoding: chunked",
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 1",
        "Origin: http://evil.example",
        "Authorization: Bearer " + base64.b64encode(rng.randbytes(60)).decode(),
        "X-Big: " + "y" * rng.choice((10, 70_000)),
        ": empty",
        "no colon",
        "Cookie: " + json.dumps(value(rng)),
    )
    lines += rng.sample(odd, rng.randrange(4))
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogatepass") + rng.randbytes(
        rng.randrange(50)
    )


GREETING = b"\xff\0\0\0\0\0\0\0\1\x7f\3\0NULL" + b"\0" * 48


def raw_bytes(rng: random.Random) -> bytes:
    """What no client of ZeroMQ sends: noise, half greetings, old versions, broken frames."""
    ready = b"\4\x1c\5READY\x0bSocket-Type\0\0\0\6DEALER"
    return rng.choice(
        (
            rng.randbytes(rng.randrange(300)),
            GREETING[: rng.randrange(len(GREETING))],
            b"\1\0\5\0hello",  # ZMTP 1.0
            b"\xff\0\0\0\0\0\0\0\1\x7f\1\5\0\0",  # 2.0
            GREETING + ready[: rng.randrange(len(ready))],
            GREETING + ready + b"\2" + b"\xff" * 8 + b"x",  # a frame of 2^64 bytes
            GREETING + ready + b"\1\5hello" * 50,  # a message without an end
            GREETING + ready + b"\0\5hello\4\7\4PING\0\0" * 3000,
            GREETING + ready + rng.randbytes(100),
            GREETING + b"\4\xff" + rng.randbytes(200),
            GREETING.replace(b"NULL", b"CURV") + rng.randbytes(200),
            http_request(rng, "127.0.0.1:80"),
            b"\x16\3\1\2\0\1\0\1\xfc\3\3" + rng.randbytes(100),  # TLS
        )
    )
