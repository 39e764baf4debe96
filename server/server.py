"""The ZeroMQ server: sockets, and one loop that serves them and keeps the sessions going.

One thread. Sockets are read until they are empty, for ZeroMQ tells only of changes; what takes long
(rendering on a manual clock) is done in pieces between readings.
"""

import ipaddress
import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Self

import zmq

from ..client import protocol as p
from ..client.wire import Message, encode_event, pack, unpack
from ..music.errors import SegueError, check_range
from .desk import Desk
from .faults import wire_error

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
LIVE_MS, IDLE_MS = 5, 50  # longest sleep with and without a session in real time
READ_AT_ONCE = 256  # requests before the sessions have their turn
QUEUE_MESSAGES = 10_000  # of each peer
PORT_IN_USE = 2  # exit code


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
        folder: str | Path = ".",
    ) -> None:
        check_range("port", port, 0, 65_534)
        check_range("events port", events_port or 0, 0, 65_535)
        address = _loopback(host)
        self._context = zmq.Context()
        self._control = self._context.socket(zmq.ROUTER)
        self._publisher = self._context.socket(zmq.PUB)
        for socket in (self._control, self._publisher):
            _configure(socket)
        try:
            self.endpoint = _bind(self._control, address, port)
            second = events_port if events_port is not None else port + 1 if port else 0
            self.events_endpoint = _bind(self._publisher, address, second)
        except SegueError:
            self._close_sockets()
            raise
        self.desk: Desk[Route] = Desk(Path(folder), self.events_endpoint, version("segue"))
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


def serve(
    port: int = p.DEFAULT_PORT,
    *,
    host: str = HOST,
    events_port: int | None = None,
    folder: str | Path = ".",
    ready: Callable[[Server], None] | None = None,
) -> int:
    """Serve until Ctrl-C, SIGTERM or a `shutdown` request; the exit code.

    :param ready: called once the sockets are bound; default: print where they are
    """
    try:
        server = Server(port, host=host, events_port=events_port, folder=folder)
    except SegueError as error:
        print(f"segue: {error}", file=sys.stderr)
        return PORT_IN_USE
    with server, _signals_stop(server):
        (ready or _announce)(server)
        server.run()
    return 0


def _announce(server: Server) -> None:
    print(
        f"segue: control {server.endpoint}, events {server.events_endpoint}; Ctrl-C ends",
        flush=True,
    )


@contextmanager
def _signals_stop(server: Server) -> Iterator[None]:
    """SIGINT and SIGTERM end the loop instead of the process, where that can be had."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handler(number: int, frame: FrameType | None) -> None:
        server.stop()

    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


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
