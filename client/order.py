"""The events of a session in order, whichever way they come."""

from collections.abc import Iterable
from typing import Any

from .protocol import Event
from .wire import convert_event


class Order:
    """Hands events out by their numbers, and knows when one is missing.

    :param known: number of the newest event that is known to exist
    """

    def __init__(self, known: int) -> None:
        self.read = 0  # number of the last event handed out
        self.known = known
        self._waiting: dict[int, Event | None] = {}  # that came, by number

    def add(self, events: Iterable[Event]) -> None:
        """Take in events that came by themselves."""
        self._waiting |= {e.sequence: e for e in events if e.sequence > self.read}

    def next(self) -> Event | None:
        """The next event, if it is here; those of a type that is not known are passed over."""
        while self.read + 1 in self._waiting:
            self.read += 1
            event = self._waiting.pop(self.read)
            if event is not None:
                return event
        return None

    @property
    def missing(self) -> bool:
        """Whether there are later events than the next one, which has not come."""
        return self.read + 1 not in self._waiting and (
            bool(self._waiting) or self.known > self.read
        )

    def fill(self, found: Iterable[dict[str, Any]]) -> None:
        """Take in what was asked for because it was missing; what is not there is given up."""
        for plain in found:  # None: of a type that this version does not know
            self._waiting[int(plain["sequence"])] = convert_event(plain)
        if self.read + 1 not in self._waiting:
            self.read = min(self._waiting, default=self.known + 1) - 1
