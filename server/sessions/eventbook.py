"""The events of a session: numbered, kept for those who come late, and logged."""

import time
from collections import deque
from itertools import islice
from typing import Any

from ...client.protocol import Event, WarningEvent
from .recording import SessionLog

KEPT_EVENTS = 8192


class EventBook:
    """Numbers events from 1 and keeps the newest."""

    def __init__(self, session: str, log: SessionLog) -> None:
        self.sequence = 0  # of the newest event
        self._session, self._log = session, log
        self._kept: deque[Event] = deque(maxlen=KEPT_EVENTS)
        self._read = 0
        self._warned = False  # that the log cannot be written

    @property
    def oldest(self) -> int:
        """Number of the oldest event that is kept."""
        return self.sequence - len(self._kept) + 1

    def add(self, event: Event) -> None:
        """Number and keep an event."""
        self.sequence += 1
        event.sequence, event.session = self.sequence, self._session
        event.ts_ns = time.monotonic_ns()
        self._kept.append(event)
        self._log.add("event", event=event)
        if self._log.fault and not self._warned:
            self._warned = True
            self.add(_log_warning(event, self._log.fault))
        elif not self._log.fault:
            self._warned = False

    def note(self, kind: str, **fields: Any) -> None:
        """Write a line into the log alone."""
        self._log.add(kind, **fields)

    def after(self, sequence: int) -> list[Event]:
        """The kept events with a higher number."""
        count = min(self.sequence - sequence, len(self._kept))
        newest = list(islice(reversed(self._kept), max(count, 0)))  # without a copy of them all
        newest.reverse()
        return newest

    def unread(self) -> list[Event]:
        """The kept events that came since the last call."""
        events = self.after(self._read)
        self._read = self.sequence
        return events


def _log_warning(event: Event, fault: str) -> WarningEvent:
    """What is told after the first event that did not reach the log."""
    return WarningEvent(
        at_frame=event.at_frame,
        beat=event.beat,
        bar=event.bar,
        code="log",
        message=f"the session log cannot be written any more ({fault}); the music goes on",
    )
