"""What clients ask of the sessions in a server; nothing is changed by it."""

from collections.abc import Callable
from typing import Generic

import msgspec

from ..client import protocol as p
from ..client.errors import RequestError
from ..music.errors import check_range
from .hosting import Hosts, Route

MAX_EVENTS = 8192


class Questions(Generic[Route]):
    """Answers what is asked of the hosted sessions.

    `handlers` has a function for each type of request; it is given content and header.
    """

    def __init__(self, hosts: Hosts[Route]) -> None:
        self._hosts = hosts
        self.handlers: dict[type[p.Request], Callable[..., p.Reply]] = {
            p.GetPosition: self._position,
            p.GetEvents: self._events,
            p.GetSnapshot: self._snapshot,
            p.Explain: _unavailable,
            p.GetTimeTo: _unavailable,
            p.GetWhy: _unavailable,
            p.GetMeters: _unavailable,
            p.GetMetrics: _unavailable,
            p.Prepare: _unavailable,
            p.Subscribe: _unavailable,
        }

    def _position(self, content: p.GetPosition, header: p.Header) -> p.PositionReply:
        return p.PositionReply(position=self._hosts.find(header).session.position())

    def _events(self, content: p.GetEvents, header: p.Header) -> p.EventList:
        limit = int(check_range("limit", content.limit, 1, MAX_EVENTS))
        session = self._hosts.find(header).session
        events = session.events_after(max(content.after, 0))[:limit]
        return p.EventList(
            events=[msgspec.to_builtins(event) for event in events],
            sequence=session.sequence,
            oldest=session.oldest,
        )

    def _snapshot(self, content: p.GetSnapshot, header: p.Header) -> p.SnapshotReply:
        session = self._hosts.find(header).session
        return p.SnapshotReply(state=session.snapshot(), sequence=session.sequence)


def _unavailable(content: p.Request, header: p.Header) -> p.Reply:
    raise RequestError(
        "unavailable", f"{content.TYPE!r} is not answered here", "$.header.type", "leave it out"
    )
