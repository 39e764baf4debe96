import json

import msgspec
import pytest

from segue.client import protocol as p
from segue.client.errors import RequestError
from segue.client.wire import Message, decode_event, encode_event, pack, unpack

FORMS = [(packed, multipart) for packed in (False, True) for multipart in (False, True)]


def read(frames: list[bytes]) -> Message:
    message = Message()
    unpack(frames, message)
    return message


@pytest.mark.parametrize("packed, multipart", FORMS)
def test_a_message_survives_the_wire_in_every_form(packed: bool, multipart: bool) -> None:
    asked = p.Header(id="c1", type="set", session="s1")
    content = p.Set(parameters={"danger": 0.25}, at="bar", expires_seconds=2.0)
    frames = pack(content, asked, parent=asked, packed=packed, multipart=multipart)
    assert len(frames) == (6 if multipart else 1)
    message = read(frames)
    assert (message.packed, message.multipart) == (packed, multipart)
    assert message.header == asked and message.parent["id"] == "c1"
    assert message.read(p.Set) == content


def test_only_the_type_is_needed_and_unknown_fields_are_ignored() -> None:
    message = read([b'{"header": {"type": "ping", "colour": 3}, "mood": [1]}'])
    assert message.header.type == "ping"
    assert message.read(p.Ping) == p.Ping()
    packed = read([msgspec.msgpack.encode({"header": {"type": "hello"}})])
    assert packed.packed and packed.read(p.Hello) == p.Hello()


@pytest.mark.parametrize(
    "frames, code",
    [
        ([], "malformed"),
        ([b"x"] * 9, "malformed"),
        ([b""], "malformed"),
        ([b"GET / HTTP/1.1\r\n\r\n"], "malformed"),
        ([b"\xff\xfe\x00"], "malformed"),
        ([b"[1, 2]"], "invalid"),
        ([b'{"content": {}}'], "invalid"),
        ([b'{"header": {"type": 7}}'], "invalid"),
        ([b'{"header": {"type": "ping", "id": "' + b"i" * 200 + b'"}}'], "invalid"),
        ([b'{"x": ' + b"[" * 100_000], "malformed"),
        ([b'{"header": {"type": "ping"}, "content": {"a": NaN}}'], "malformed"),
        ([b"\x81\xa6header"], "malformed"),
        ([b"SEGUE/1", b"", b"{}"], "malformed"),
        ([b"MDPC02", b"", b"{}", b"{}", b"{}", b"{}"], "malformed"),
        ([b"SEGUE/2", b"", b"{}", b"{}", b"{}", b"{}"], "version"),
        ([b'{"header": {"type": "ping", "version": "2.0"}}'], "version"),
        ([b" " * (p.MAX_MESSAGE_BYTES + 1)], "too_large"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_message_is_told_by_its_code(frames: list[bytes], code: str) -> None:
    with pytest.raises(RequestError) as caught:
        read(frames)
    assert caught.value.code == code


def test_a_wrong_type_names_its_place() -> None:
    message = read([b'{"header": {"type": "set"}, "content": {"parameters": {"danger": "high"}}}'])
    with pytest.raises(RequestError) as caught:
        message.read(p.Set)
    assert caught.value.code == "invalid"
    assert caught.value.path == "$.content.parameters[...]"


def test_what_was_read_before_a_fault_stays_so_that_it_can_be_answered() -> None:
    message = Message()
    with pytest.raises(RequestError):
        unpack([b'{"header": {"type": "ping", "id": "c7", "version": "9.1"}}'], message)
    assert message.header.id == "c7"


def test_events_of_unknown_type_are_passed_over() -> None:
    event = p.SectionEvent(at_frame=1, beat=0.5, bar=0, name="boss", previous="calm")
    data = encode_event(event)
    assert decode_event(data) == event
    later = json.loads(data) | {"type": "of a later version"}
    assert decode_event(json.dumps(later).encode()) is None


def test_numbers_of_numpy_go_as_plain_ones_and_other_things_are_refused() -> None:
    import numpy as np

    frames = pack(p.Set(parameters={"danger": np.float64(0.5)}), p.Header(type="set"))
    message = read(frames)
    assert message.read(p.Set).parameters == {"danger": 0.5}
    with pytest.raises(TypeError, match="no plain value"):
        pack(p.Set(parameters={"danger": object()}), p.Header(type="set"))
