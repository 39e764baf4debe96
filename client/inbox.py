"""The events of all sessions of a client, sorted by session."""

from collections import deque
from collections.abc import Iterator

import zmq

from .keys import ClientKeys, use_keys
from .protocol import Event
from .wire import decode_event

KEPT_EVENTS = 8192  # a session, while nobody reads them


class Inbox:
    """A SUB socket and a queue for each session."""

    def __init__(
        self, context: "zmq.Context[zmq.Socket[bytes]]", keys: ClientKeys | None = None
    ) -> None:
        self._socket = context.socket(zmq.SUB)
        use_keys(self._socket, keys)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.RCVHWM, KEPT_EVENTS)
        self._queues: dict[str, deque[bytes]] = {}

    def connect(self, endpoint: str) -> None:
        """Listen to a server's events socket."""
        self._socket.connect(endpoint)

    def subscribe(self, session: str, topic: str) -> None:
        """Begin to collect the events of a session."""
        self._queues[session] = deque(maxlen=KEPT_EVENTS)
        self._socket.setsockopt(zmq.SUBSCRIBE, topic.encode())

    def take(self, session: str) -> Iterator[Event]:
        """The events of a session that have come; those of unknown type are left out."""
        self._drain()
        queue = self._queues.get(session)
        while queue:
            event = decode_event(queue.popleft())
            if event is not None:
                yield event

    def wait(self, seconds: float) -> bool:
        """Wait until something has come for any session."""
        return bool(self._socket.poll(max(round(seconds * 1000), 0)))

    def close(self) -> None:
        """Stop collecting."""
        self._socket.close(0)

    def _drain(self) -> None:
        while True:
            try:
                frames = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            parts = frames[0].decode("utf-8", "replace").split("/")
            if len(frames) == 2 and len(parts) == 4 and parts[2] in self._queues:
                self._queues[parts[2]].append(frames[1])
