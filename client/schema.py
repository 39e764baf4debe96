"""The protocol for machines: an AsyncAPI document made from the types of the messages."""

from collections.abc import Mapping
from typing import Any

import msgspec

from . import protocol as p

CHANNELS: dict[str, tuple[str, str, Mapping[str, type], Mapping[str, type]]] = {
    "control": ("tcp://127.0.0.1:5570", "ROUTER; connect a DEALER", p.REQUESTS, p.REPLIES),
    "models": (
        "tcp://127.0.0.1:5572",
        "ROUTER; connect a DEALER",
        p.MODEL_REQUESTS,
        p.MODEL_REPLIES,
    ),
}


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3.0 document: each message with the JSON Schema of its content."""
    events = {kind.__struct_config__.tag: kind for kind in p.Event.__subclasses__()}
    kinds: list[type] = [p.Header, *events.values()]
    for _, _, requests, replies in CHANNELS.values():
        kinds += [*requests.values(), *replies.values()]
    unique = list(dict.fromkeys(kinds))
    references, components = msgspec.json.schema_components(
        unique, ref_template="#/components/schemas/{name}"
    )
    schema = dict(zip(unique, references, strict=True))
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for name, (address, binding, requests, replies) in CHANNELS.items():
        messages = {
            f"{role}.{type}": _message(type, schema[kind], role)
            for role, found in (("request", requests), ("reply", replies))
            for type, kind in found.items()
        }
        channels[name] = {"address": address, "description": binding, "messages": messages}
        operations[f"ask-{name}"] = _operation(name, "receive", requests, "request")
        operations[f"answer-{name}"] = _operation(name, "send", replies, "reply")
    channels["events"] = {
        "address": "SEGUE/1/{session}/{type}",
        "description": "PUB; connect a SUB and subscribe to topics",
        "parameters": {"session": {}, "type": {}},
        "messages": {
            f"event.{tag}": {
                "name": tag,
                "contentType": "application/json",
                "payload": schema[kind],
            }
            for tag, kind in events.items()
        },
    }
    operations["tell-events"] = _operation("events", "send", events, "event")
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Segue",
            "version": p.PROTOCOL_VERSION,
            "description": "docs/protocol.md says what the messages mean.",
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"schemas": components},
    }


def _message(name: str, content: dict[str, Any], role: str) -> dict[str, Any]:
    """A message in its one-frame form."""
    header: dict[str, Any] = {"$ref": "#/components/schemas/Header"}
    fixed = {"type": "object", "properties": {"type": {"const": name}}, "required": ["type"]}
    return {
        "name": name,
        "title": f"{role} {name}",
        "payload": {
            "type": "object",
            "properties": {
                "signature": {"type": "string"},
                "header": {"allOf": [header, fixed]},
                "parent": {"type": "object"},
                "metadata": {"type": "object"},
                "content": content,
            },
            "required": ["header"],
        },
    }


def _operation(
    channel: str, action: str, messages: Mapping[str | Any, type], role: str
) -> dict[str, Any]:
    place = f"#/channels/{channel}"
    return {
        "action": action,
        "channel": {"$ref": place},
        "messages": [{"$ref": f"{place}/messages/{role}.{name}"} for name in messages],
    }
