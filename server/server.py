"""The ZeroMQ server: sockets, and one loop that serves them and keeps the sessions going.

One thread. Sockets are read until they are empty, for ZeroMQ tells only of changes; what takes long
(rendering on a manual clock) is done in pieces between readings.
"""

import ipaddress
import logging
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Self

import zmq

from ..client import protocol as p
from ..client.wire import Message, encode_event, pack, unpack
from ..music.errors import SegueError, check_range
from .addresses import Addresses
from .desk import Desk
from .echo import Echo
from .faults import wire_error
from .settings import HOST

log = logging.getLogger(__name__)

LIVE_MS, IDLE_MS = 5, 50  # longest sleep with and without a session in real time
READ_AT_ONCE = 256  # requests before the sessions have their turn
QUEUE_MESSAGES = 10_000  # of each peer


@dataclass(frozen=True)
class Route:
    """Where a reply goes, and in which form."""

    peer: list[bytes]  # identity, and the empty frame if one came
    message: Message


class Server:
    """Serves until `stop`; use from one thread.

    :param port: of the control socket; 0 takes any free one
    :param events_port: default the next one, or any if `port` is 0
    :param folder: the only place where sessions write files

    Raises SegueError if the host is not this machine's loopback or a port is in use.
    """

    def __init__(
        self,
        port: int = p.DEFAULT_PORT,
        *,
        host: str = HOST,
        events_port: int | None = None,
        heartbeat_port: int | None = None,
        folder: str | Path = ".",
    ) -> None:
        check_range("port", port, 0, 65_532)
        for name, given in (("events port", events_port), ("heartbeat port", heartbeat_port)):
            check_range(name, given or 0, 0, 65_535)
        address = _loopback(host)
        self._context = zmq.Context()
        self._control = self._context.socket(zmq.ROUTER)
        self._publisher = self._context.socket(zmq.PUB)
        self._echo = Echo(self._context)
        for socket in (self._control, self._publisher, self._echo.socket):
            _configure(socket)
        try:
            self.endpoint = _bind(self._control, address, port)
            self.events_endpoint = _bind(self._publisher, address, port_after(port, 1, events_port))
            heartbeat = _bind(self._echo.socket, address, port_after(port, 3, heartbeat_port))
        except SegueError:
            self._close_sockets()
            raise
        self._echo.start()
        self.addresses = Addresses(events=self.events_endpoint, heartbeat=heartbeat)
        self.desk: Desk[Route] = Desk(Path(folder), self.addresses, version("segue"))
        self._stop = threading.Event()

    def run(self) -> None:
        """Serve until `stop` or a `shutdown` request."""
        poller = zmq.Poller()
        poller.register(self._control, zmq.POLLIN)
        while not self._stop.is_set() and not self.desk.stopping:
            wait_ms = 0 if self.desk.busy else LIVE_MS if self.desk.live else IDLE_MS
            if poller.poll(wait_ms):
                self._read()
            self._turn()

    def stop(self) -> None:
        """End `run` soon; may be called from a signal handler or another thread."""
        self._stop.set()

    def close(self, reason: str = "the server ended") -> None:
        """Close all sessions, so that their files are whole, then the sockets."""
        if self._control.closed:
            return
        for fault in self.desk.close(reason):
            log.error("%s", fault)
        self._publish()
        self._close_sockets()

    def _close_sockets(self) -> None:
        self._echo.close()
        self._control.close(200)  # ms for the last replies
        self._publisher.close(200)
        self._context.term()

    def _read(self) -> None:
        for _ in range(READ_AT_ONCE):
            try:
                frames = self._control.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            self._serve(frames, time.monotonic_ns())

    def _serve(self, frames: list[bytes], received_ns: int) -> None:
        count = 2 if len(frames) > 1 and frames[1] == b"" else 1
        route = Route(frames[:count], Message())
        reply: p.Reply | None
        try:
            unpack(frames[count:], route.message)
            reply = self.desk.answer(route.message, route, received_ns)
        except Exception as error:  # whatever one client causes must not disturb the others
            reply = wire_error(error)
            if isinstance(reply, p.Error) and reply.code == "internal":
                log.exception("request %r failed", route.message.header.type)
        if reply is not None:
            self._reply(route, reply)

    def _reply(self, route: Route, reply: p.Reply) -> None:
        asked = route.message
        header = p.Header(id=asked.header.id, type=reply.TYPE, session=asked.header.session)
        parent = asked.header if asked.header.type else None
        frames = pack(reply, header, parent=parent, packed=asked.packed, multipart=asked.multipart)
        with suppress(zmq.Again):  # a peer that does not read its replies loses them
            self._control.send_multipart([*route.peer, *frames], zmq.NOBLOCK)

    def _turn(self) -> None:
        for route, reply in self.desk.turn():
            self._reply(route, reply)
        self._publish()

    def _publish(self) -> None:
        for event in self.desk.new_events():
            kind = type(event).__struct_config__.tag
            topic = f"{p.PROTOCOL_TAG.decode()}/{event.session}/{kind}"
            with suppress(zmq.Again):
                self._publisher.send_multipart([topic.encode(), encode_event(event)], zmq.NOBLOCK)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def port_after(port: int, steps: int, given: int | None) -> int:
    """A port of its own, or so many after the first; 0 for any if the first is."""
    return given if given is not None else port + steps if port else 0


def _loopback(host: str) -> str:
    try:
        address = ipaddress.ip_address(HOST if host == "localhost" else host)
    except ValueError:
        raise SegueError(f"host {host!r} is not an address; use {HOST}") from None
    if not address.is_loopback:
        raise SegueError(
            f"host {host} can be reached from other machines, and protocol {p.PROTOCOL_VERSION} "
            f"knows no authentication; use {HOST}"
        )
    return f"[{address}]" if address.version == 6 else str(address)


def _configure(socket: "zmq.Socket[bytes]") -> None:
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.MAXMSGSIZE, p.MAX_MESSAGE_BYTES)
    socket.setsockopt(zmq.SNDHWM, QUEUE_MESSAGES)
    socket.setsockopt(zmq.RCVHWM, QUEUE_MESSAGES)
    socket.setsockopt(zmq.HEARTBEAT_IVL, 1000)
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 3000)
    socket.setsockopt(zmq.HANDSHAKE_IVL, 3000)


def _bind(socket: "zmq.Socket[bytes]", address: str, port: int) -> str:
    if address.startswith("["):
        socket.setsockopt(zmq.IPV6, 1)
    try:
        socket.bind(f"tcp://{address}:{port or '*'}")
    except zmq.ZMQError as error:
        raise SegueError(
            f"cannot listen on {address}:{port}: {zmq.strerror(error.errno or 0)}; "
            "end what uses that port, or choose another: segue serve --port N"
        ) from None
    return socket.getsockopt_string(zmq.LAST_ENDPOINT)
