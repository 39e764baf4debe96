"""OSC packets: what python-osc writes is read, and nothing hostile is believed."""

import random
import struct

import pytest
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.osc_packet import OscPacket

from segue.client.errors import RequestError
from segue.server.gateway.osc_codec import (
    MAX_BYTES,
    MAX_MESSAGES,
    OscCall,
    read_packet,
    write_bundle,
    write_message,
)

BUNDLE = b"#bundle\x00" + b"\x00" * 7 + b"\x01"


def message(address: str, *values: object) -> OscMessageBuilder:
    builder = OscMessageBuilder(address)
    for value in values:
        builder.add_arg(value)
    return builder


def element(data: bytes) -> bytes:
    return struct.pack(">i", len(data)) + data


def test_a_message_of_every_type() -> None:
    data = message("/a", 1, 0.5, "text", True, False, None, 2**40).build().dgram
    assert read_packet(data) == [OscCall("/a", [1, 0.5, "text", True, False, None, 2**40])]
    assert read_packet(b"/a\x00\x00") == [OscCall("/a", [])]


def test_bundles_in_bundles_keep_order_and_times() -> None:
    inner = OscBundleBuilder(1_900_000_000.25)
    inner.add_content(message("/later", 1).build())
    outer = OscBundleBuilder(IMMEDIATELY)
    outer.add_content(message("/now", 1).build())
    outer.add_content(inner.build())
    calls = read_packet(outer.build().dgram)
    assert [call.address for call in calls] == ["/now", "/later"]
    assert calls[1].due == pytest.approx(1_900_000_000.25, abs=1e-5)
    assert read_packet(BUNDLE + element(b"/a\x00\x00")) == [OscCall("/a", [])]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "malformed"),
        (b"\x00" * 64, "malformed"),
        (b"garbage", "malformed"),
        (b"/a", "malformed"),
        (b"/a\x00\x00i\x00\x00\x00", "malformed"),
        (b"/a\x00\x00,i\x00\x00", "malformed"),
        (b"/a\x00\x00,s\x00\x00\xff\xff\xff\x00", "malformed"),
        (b"/a\x00\x00,I\x00\x00", "malformed"),
        (b"/a\x00\x00,[[[" + b"\x00" * 4, "malformed"),
        (b"/a\x00\x00,b\x00\x00\xff\xff\xff\xff", "malformed"),
        (b"#bundle\x00", "malformed"),
        (BUNDLE + b"\x00", "malformed"),
        (BUNDLE + struct.pack(">i", -4) * 8, "malformed"),
        (BUNDLE + struct.pack(">i", 0) * 8, "malformed"),
        (BUNDLE + struct.pack(">i", 1000) + b"/a\x00\x00", "malformed"),
        (BUNDLE + element(b"/a\x00\x00") * (MAX_MESSAGES + 1), "too_large"),
        (b"/a\x00\x00" + b"\x00" * MAX_BYTES, "too_large"),
    ],
)
def test_what_is_no_packet_is_told(data: bytes, code: str) -> None:
    with pytest.raises(RequestError) as told:
        read_packet(data)
    assert told.value.code == code


def test_a_bundle_that_is_too_deep() -> None:
    data = b"/a\x00\x00"
    for _ in range(500):
        data = BUNDLE + element(data)
    with pytest.raises(RequestError):
        read_packet(data)


def test_random_bytes_are_read_or_told_and_nothing_else() -> None:
    chance = random.Random(1)
    whole = message("/segue/set", "danger", 0.5, 1, True).build().dgram
    packets = [whole, BUNDLE + element(whole) * 3, BUNDLE + element(BUNDLE + element(whole))]
    for _ in range(20_000):
        data = bytearray(chance.choice(packets))
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        data = data[: chance.randrange(len(data) + 1)]
        try:
            read_packet(bytes(data))
        except RequestError:
            continue


def test_what_is_written_is_read_by_python_osc() -> None:
    data = write_message("/segue/beat", [1, 2, 4.0, 112.5])
    assert OscPacket(data).messages[0].message.params == [1, 2, 4.0, 112.5]
    data = write_bundle(1_900_000_000.5, [("/a", ["x"]), ("/b", [float("inf")])])
    first, second = OscPacket(data).messages
    assert (first.message.address, first.message.params) == ("/a", ["x"])
    assert second.message.params == [0.0]
    assert first.time == pytest.approx(1_900_000_000.5, abs=1e-5)
