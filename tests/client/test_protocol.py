"""`docs/protocol.md` is the law: its examples are decoded by the types, and none is missing."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from segue.client import protocol

PAGE = Path(__file__).parents[2] / "docs" / "protocol.md"
BLOCK = re.compile(r"^```json ?([\w-]*) ?(\w*)\n(.*?)\n```$", re.MULTILINE | re.DOTALL)
EXAMPLES = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
KINDS: dict[str, dict[str, Any]] = {
    "request": protocol.REQUESTS,
    "reply": protocol.REPLIES,
    "model-request": protocol.MODEL_REQUESTS,
    "model-reply": {n: k for n, k in protocol.MODEL_REPLIES.items() if n != "error"},
}
EVENTS = {kind.__struct_config__.tag: kind for kind in protocol.Event.__subclasses__()}


def kind_of(role: str, name: str, content: dict[str, Any]) -> type[msgspec.Struct]:
    if role == "event":
        return EVENTS[content["type"]]
    return KINDS[role][name]


@pytest.mark.parametrize("role, name, text", EXAMPLES, ids=lambda value: str(value)[:24])
def test_examples_decode_to_their_type_and_back(role: str, name: str, text: str) -> None:
    plain = json.loads(text)
    if not role:  # the envelope
        assert set(plain) == {"signature", "header", "parent", "metadata", "content"}
        assert msgspec.convert(plain["header"], protocol.Header).type == "ping"
        return
    kind = kind_of(role, name, plain)
    for decoded in (
        msgspec.json.decode(text.encode(), type=kind),
        msgspec.msgpack.decode(msgspec.msgpack.encode(plain), type=kind),
    ):
        # equal both ways: every field is shown, and none is unknown
        assert json.loads(msgspec.json.encode(decoded)) == plain


def test_every_type_has_an_example() -> None:
    shown = {(role, name) for role, name, _ in EXAMPLES if role in KINDS}
    assert shown == {(role, name) for role, kinds in KINDS.items() for name in kinds}
    events = {json.loads(text)["type"] for role, _, text in EXAMPLES if role == "event"}
    assert events == set(EVENTS)


def test_the_page_states_the_version_and_the_limits_of_the_code() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text.startswith(f"# Segue protocol {protocol.PROTOCOL_VERSION}\n")
    assert f"{protocol.MAX_FRAMES} frames and {protocol.MAX_MESSAGE_BYTES >> 20} MiB" in text
    assert f"127.0.0.1:{protocol.DEFAULT_PORT}" in text
