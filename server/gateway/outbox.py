"""What waits to be sent to a WebSocket client, and when the client is given up."""

import asyncio
from collections import deque

MAX_WAITING_BYTES = 8 * 1024 * 1024
MAX_WAITING_MESSAGES = 10_000
ROOM_BYTES = 256 * 1024  # what can wait (sound, old events) is put in below this only

Payload = str | bytes


class Outbox:
    """A bounded queue; `put` never waits, `overflowed` tells that the client does not read."""

    def __init__(self) -> None:
        self._queue: deque[Payload] = deque()
        self._bytes = 0
        self._filled, self._drained = asyncio.Event(), asyncio.Event()
        self._drained.set()
        self.overflowed = asyncio.Event()

    def put(self, payload: Payload) -> None:
        """Send this in its turn. A single message of any size is taken while nothing else waits."""
        size = len(payload)
        full = self._bytes + size > MAX_WAITING_BYTES or len(self._queue) >= MAX_WAITING_MESSAGES
        if full and self._queue:
            self.overflowed.set()
            return
        self._queue.append(payload)
        self._bytes += size
        self._filled.set()
        if self._bytes > ROOM_BYTES:
            self._drained.clear()

    @property
    def has_room(self) -> bool:
        """Whether little waits."""
        return self._bytes <= ROOM_BYTES

    async def room(self) -> None:
        """Wait until little waits."""
        await self._drained.wait()

    async def get(self) -> Payload:
        """The next message, once there is one."""
        while not self._queue:
            self._filled.clear()
            await self._filled.wait()
        payload = self._queue.popleft()
        self._bytes -= len(payload)
        if self._bytes <= ROOM_BYTES:
            self._drained.set()
        return payload
