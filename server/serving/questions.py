"""What clients ask of the sessions in a server; nothing is changed by it."""

from collections.abc import Callable
from typing import Generic

import msgspec

from ...client import protocol as p
from ...client.errors import RequestError
from ...music.errors import check_range
from .hosting import Hosts, Route
from .vitals import Vitals

MAX_EVENTS = 8192


class Questions(Generic[Route]):
    """Answers what is asked of the hosted sessions.

    `handlers` has a function for each type of request; it is given content and header.
    """

    def __init__(self, hosts: Hosts[Route], vitals: Vitals) -> None:
        self._hosts, self._vitals = hosts, vitals
        self.handlers: dict[type[p.Request], Callable[..., p.Reply]] = {
            p.GetPosition: self._position,
            p.GetEvents: self._events,
            p.GetSnapshot: self._snapshot,
            p.Explain: self._explain,
            p.GetTimeTo: self._time_to,
            p.GetWhy: self._why,
            p.GetMetrics: self._metrics,
            p.Subscribe: _subscribe,
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

    def _explain(self, content: p.Explain, header: p.Header) -> p.Explained:
        return self._hosts.find(header).session.explain(content.verb, **content.content)

    def _time_to(self, content: p.GetTimeTo, header: p.Header) -> p.TimeTo:
        return self._hosts.find(header).session.time_to(content.at)

    def _why(self, content: p.GetWhy, header: p.Header) -> p.Why:
        return self._hosts.find(header).session.why()

    def _metrics(self, content: p.GetMetrics, header: p.Header) -> p.Metrics:
        hosted = self._hosts.hosted
        return self._vitals.read(
            {name: hosted[name].session.metrics() for name in self._hosts.names}
        )


def _subscribe(content: p.Subscribe, header: p.Header) -> p.Subscribed:
    raise RequestError(
        "unavailable",
        "this socket sends no events",
        "$.header.type",
        "subscribe to topics of the events socket, or ask by WebSocket",
    )
