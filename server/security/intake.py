"""Requests as they come in: read at once, kept in a bounded queue for each client, served in turns.

Nothing is left waiting in ZeroMQ. Its own high-water mark would stop the reading of a client that
sends too much; if such a client then resets its connection, libzmq 4.3.5 ends the whole process
(`Assertion failed: !_io_error`, libzmq issues 4364 and 4841), so served sockets have no mark.
"""

import time
from collections import OrderedDict, deque
from typing import NamedTuple

import zmq

from .guard import OWN_GUEST, Guard, Guest
from .limits import Limits, Meter

MAX_WAITING = 4096  # requests of a client
MAX_WAITING_BYTES = 16 * 1024 * 1024  # of a client; one request may always wait
MAX_ALL_BYTES = 512 * 1024 * 1024
READ_SECONDS = 0.004  # at a stretch


class Asked(NamedTuple):
    """A request that has come."""

    frames: list[bytes]
    guest: Guest
    client: str | bytes  # the name of its keys, or its connection
    received_ns: int  # by the monotonic clock
    within: bool  # the limits of its client
    size: int  # bytes


class Intake:
    """The requests of a socket that wait, one client after the other.

    A client that has too many of them waiting loses those beyond, unanswered.

    :param bytes_a_client: how many may wait
    """

    def __init__(
        self, guard: Guard, limits: Limits, *, bytes_a_client: int = MAX_WAITING_BYTES
    ) -> None:
        self.meter = Meter(limits)
        self.lost = 0
        self._guard, self._bytes_a_client = guard, bytes_a_client
        self._waiting: OrderedDict[str | bytes, deque[Asked]] = OrderedDict()
        self._bytes: dict[str | bytes, int] = {}
        self._all_bytes = 0

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def read(self, socket: "zmq.Socket[bytes]", *, first: bool = False) -> None:
        """Take in what has come, for some milliseconds at most.

        :param first: only the first of it
        """
        until = time.monotonic() + READ_SECONDS
        while time.monotonic() < until:
            try:
                frames, guest = self._guard.receive(socket)
            except zmq.Again:
                return
            self._add(frames, guest)
            if first:
                return

    def next(self) -> Asked | None:
        """The request that is to be served now."""
        if not self._waiting:
            return None
        client, queue = self._waiting.popitem(last=False)
        asked = queue.popleft()
        self._all_bytes -= asked.size
        if queue:
            self._waiting[client] = queue  # behind the others
            self._bytes[client] -= asked.size
        else:
            del self._bytes[client]
        return asked

    def _add(self, frames: list[bytes], guest: Guest) -> None:
        # Each connection of the server's own bridges is a client.
        client = frames[0] if guest is OWN_GUEST or not guest.name else guest.name
        size = sum(map(len, frames))
        within = self.meter.take(client, size)
        queue, held = self._waiting.get(client), self._bytes.get(client, 0)
        if queue is None:
            self._waiting[client] = queue = deque()
        elif (
            len(queue) >= MAX_WAITING
            or held + size > self._bytes_a_client
            or self._all_bytes + size > MAX_ALL_BYTES
        ):
            self.lost += 1
            return
        queue.append(Asked(frames, guest, client, time.monotonic_ns(), within, size))
        self._bytes[client] = held + size
        self._all_bytes += size
