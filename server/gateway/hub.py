"""The gateway as a client of the server: its links, its feeds, and sockets for its own clients."""

from collections.abc import Callable

import zmq
from zmq.utils.monitor import parse_monitor_message

from ..serving.settings import ChildConfig
from .feeds import Feeds
from .link import Link
from .sockets import LoopSocket, ZmqSocket, connect

Received = Callable[[list[bytes]], None]


class Hub:
    """Connections to control, events and models; make it in the loop that is to serve them.

    `models_up` is whether the models process can be reached now; `models_gone` are told when it
    dies, for what was asked of it will not be answered then.
    """

    def __init__(self, config: ChildConfig) -> None:
        self.config = config
        self._context: zmq.Context[ZmqSocket] = zmq.Context()
        self.control = self.link()
        self.feeds = Feeds(self._connect(zmq.SUB, config.events))
        self.models_up = False
        self.models_gone: set[Callable[[], None]] = set()
        self.models: Link | None = None
        if config.models:
            socket = self._connect(zmq.DEALER, config.models)
            watched = zmq.Event.HANDSHAKE_SUCCEEDED | zmq.Event.DISCONNECTED
            self._monitor = LoopSocket(socket.get_monitor_socket(watched), self._watch)
            self.models = Link(socket)

    def link(self) -> Link:
        """Another link to control; close it before the hub."""
        return Link(self._connect(zmq.DEALER, self.config.control))

    def control_socket(self, received: Received) -> LoopSocket:
        """A socket to control for one client."""
        return LoopSocket(self._connect(zmq.DEALER, self.config.control), received)

    def models_socket(self, received: Received) -> LoopSocket:
        """A socket to the models for one client; ask `models_up` first."""
        return LoopSocket(self._connect(zmq.DEALER, self.config.models), received)

    def close(self) -> None:
        """Close all; sockets for clients have to be closed before."""
        self.control.close()
        self.feeds.close()
        if self.models is not None:
            self._monitor.close()
            self.models.close()
        self._context.destroy(0)

    def _connect(self, kind: int, endpoint: str) -> ZmqSocket:
        return connect(self._context, kind, endpoint, self.config.curve)

    def _watch(self, frames: list[bytes]) -> None:
        up = parse_monitor_message(frames)["event"] == zmq.Event.HANDSHAKE_SUCCEEDED
        lost = self.models_up and not up
        self.models_up = up
        if lost and self.models is not None:
            self.models.lose()
            for tell in list(self.models_gone):
                tell()
