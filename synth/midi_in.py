"""MIDI input: messages with the times at which they came, from a port or from a list.

mido's messages of the types that are needed have: `note_on` and `note_off` (channel, note,
velocity), `control_change` (channel, control, value), `pitchwheel`, `aftertouch`, and those of the
clock, see `midi_clock`.
"""

import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, Self

from .midi_ports import open_input


class Arrival(NamedTuple):
    """A message that came in."""

    seconds: float  # on the clock of the input
    message: Any  # mido's


class MidiIn:
    """Messages as they come in.

    :param source: name of a port as `open_input` takes it, an open port (mido's), whose messages
        get the time of `time.monotonic` when they come, or messages whose own `time` says when they
        come, in seconds from 0 on and in order
    """

    MOST_WAITING = 8192
    """Of a port that nobody reads, the newest messages are kept."""

    def __init__(self, source: str | Any | Iterable[Any] = "") -> None:
        self._arrived: deque[Arrival] = deque(maxlen=self.MOST_WAITING)
        self._port: Any = None
        self._coming: Iterator[Any] = iter(())
        self._next: Any = None
        self._lock = threading.Lock()
        if isinstance(source, str):
            source = open_input(source)
        if hasattr(source, "iter_pending"):
            self._port = source
        else:
            self._coming = iter(source)
            self._next = next(self._coming, None)
        self.live = self._port is not None
        self._calls_back = hasattr(self._port, "callback")
        if self._calls_back:  # the driver's thread calls, so that times are those of arrival
            self._port.callback = self._arrive

    def take(self, until_seconds: float | None = None) -> list[Arrival]:
        """What has come since the last call, oldest first.

        :param until_seconds: of messages that say their own time, those up to this one
        """
        if self.live:
            if not self._calls_back:
                for message in self._port.iter_pending():
                    self._arrive(message)
            with self._lock:
                arrived = list(self._arrived)
                self._arrived.clear()
            return arrived
        arrived = []
        while self._next is not None and (
            until_seconds is None or self._next.time <= until_seconds
        ):
            arrived.append(Arrival(float(self._next.time), self._next))
            self._next = next(self._coming, None)
        return arrived

    def close(self) -> None:
        """Close the port. Twice is allowed."""
        if self._port is not None:
            self._port.close()

    def _arrive(self, message: Any) -> None:
        with self._lock:
            self._arrived.append(Arrival(time.monotonic(), message))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
