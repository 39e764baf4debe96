"""The ZeroMQ server: sockets, and one loop that serves them and keeps the sessions going.

One thread. Sockets are read until they are empty, for ZeroMQ tells only of changes; what takes long
(rendering on a manual clock) is done in pieces between readings.
"""

import ipaddress
import logging
import math
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Self

import zmq

from ...client import protocol as p
from ...client.wire import Message, encode_event, pack, unpack
from ...music.errors import SegueError, check_range
from ..security.faults import wire_error
from ..security.guard import Guard, Guest
from ..security.intake import Asked, Intake
from ..security.keys import KeyFolder, curve_pair
from ..security.limits import LOCAL, Limits, too_many, too_many_openings
from ..security.rights import check_rights
from ..sounding.mix import SMOOTH_SECONDS
from .addresses import Addresses
from .desk import Desk
from .echo import Echo
from .settings import HOST, CurveKeys

log = logging.getLogger(__name__)

LIVE_MS, IDLE_MS = 5, 50  # longest sleep with and without a session in real time
SERVE_SECONDS = 0.003  # at a stretch, before it is looked who else has come
FADE_SECONDS = 0.5  # of music in real time, when the server ends
REPLIES_KEPT = 1000  # for a peer that does not read
EVENTS_KEPT = 10_000
SUBSCRIPTION_BYTES = 1024


@dataclass(frozen=True)
class Route:
    """Where a reply goes, and in which form."""

    peer: list[bytes]  # identity, and the empty frame if one came
    message: Message
    client: str | bytes = b""  # who asks: the name of its keys, or its connection


class Server:
    """Serves until `stop`; use from one thread.

    :param port: of the control socket; 0 takes any free one
    :param events_port: default the next one, or any if `port` is 0
    :param folder: the only place where sessions write files
    :param keys: folder of keys, needed if the host is not this machine's loopback; what is missing
        of the server's own keys is made
    :param limits: of each client; default generous on this machine, less so with keys

    Raises SegueError if the host needs keys or a port is in use.
    """

    def __init__(
        self,
        port: int = p.DEFAULT_PORT,
        *,
        host: str = HOST,
        events_port: int | None = None,
        heartbeat_port: int | None = None,
        folder: str | Path = ".",
        keys: str | Path | None = None,
        limits: Limits | None = None,
    ) -> None:
        check_range("port", port, 0, 65_532)
        for name, given in (("events port", events_port), ("heartbeat port", heartbeat_port)):
            check_range(name, given or 0, 0, 65_535)
        address = _address(host, keys=bool(keys))
        self.keys = KeyFolder(keys, make=True) if keys else None
        self.own_keys = _own_keys(self.keys)
        self._context = zmq.Context()
        own = self.own_keys.public_key if self.own_keys else ""
        self._guard = Guard(self._context, self.keys, own_key=own)
        self._intake = Intake(self._guard, limits or (Limits() if keys else LOCAL))
        self._control = self._context.socket(zmq.ROUTER)
        self._publisher = self._context.socket(zmq.PUB)
        self._echo = Echo(self._context)
        for socket in (self._control, self._publisher, self._echo.socket):
            _configure(socket)
            self._guard.protect(socket)
        self._publisher.setsockopt(zmq.MAXMSGSIZE, SUBSCRIPTION_BYTES)
        self._publisher.setsockopt(zmq.SNDHWM, EVENTS_KEPT)
        try:
            self.endpoint = _bind(self._control, address, port)
            self.events_endpoint = _bind(self._publisher, address, port_after(port, 1, events_port))
            heartbeat = _bind(self._echo.socket, address, port_after(port, 3, heartbeat_port))
        except SegueError:
            self._close_sockets()
            raise
        self._guard.start()
        self._echo.start()
        self.addresses = Addresses(events=self.events_endpoint, heartbeat=heartbeat)
        self.desk: Desk[Route] = Desk(
            Path(folder),
            self.addresses,
            version("segue"),
            closed=self.keys.folder if self.keys else None,
        )
        self._stop = threading.Event()
        self._turn_due = 0.0  # by the monotonic clock, in seconds

    def run(self) -> None:
        """Serve until `stop` or a `shutdown` request; music in real time fades out then."""
        poller = zmq.Poller()
        poller.register(self._control, zmq.POLLIN)
        while not self.stopping:
            self._serve_once(poller)
        if self.desk.hosts.fade_out(FADE_SECONDS):
            until = time.monotonic() + FADE_SECONDS + SMOOTH_SECONDS
            while time.monotonic() < until:
                self._serve_once(poller)

    def _serve_once(self, poller: zmq.Poller) -> None:
        """Answer what has come; every few milliseconds, let the sessions have their turn.

        Not after each request: who asks again at once would wait for the sessions to be done.
        """
        hurry = self.desk.busy or bool(self._intake)
        wait_ms = 0 if hurry else math.ceil((self._turn_due - time.monotonic()) * 1000)
        if poller.poll(max(wait_ms, 0)) or self._intake:
            self._read()
            self._turn_due = min(self._turn_due, time.monotonic() + LIVE_MS / 1000)
        if self.desk.busy or time.monotonic() >= self._turn_due:
            self._turn()
            pause_ms = LIVE_MS if self.desk.live else IDLE_MS
            self._turn_due = time.monotonic() + pause_ms / 1000

    @property
    def stopping(self) -> bool:
        """Whether `run` has been asked to end."""
        return self._stop.is_set() or self.desk.stopping

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
        self._guard.close()
        self._echo.close()
        self._control.close(200)  # ms for the last replies
        self._publisher.close(200)
        self._context.term()

    def _read(self) -> None:
        until = time.monotonic() + SERVE_SECONDS
        # Who comes alone is answered before others are looked for; a turn takes in all that wait.
        self._intake.read(self._control, first=not self._intake)
        while (asked := self._intake.next()) is not None:
            self._serve(asked)
            if time.monotonic() > until:
                return

    def _serve(self, asked: Asked) -> None:
        frames = asked.frames
        count = 2 if len(frames) > 1 and frames[1] == b"" else 1
        route = Route(frames[:count], Message(), asked.client)
        reply: p.Reply | None
        self.desk.vitals.requests += 1
        try:
            unpack(frames[count:], route.message)
            if not asked.within:
                raise too_many(self._intake.meter.limits)
            reply = self._answer(route, asked.guest, asked.received_ns)
        except Exception as error:  # whatever one client causes must not disturb the others
            reply = wire_error(error)
        if reply is not None:
            self._reply(route, reply)
        self.desk.finish()
        if route.message.header.type == p.Stinger.TYPE:
            self._publish()  # it may sound before the next turn is over

    def _answer(self, route: Route, guest: Guest, received_ns: int) -> p.Reply | None:
        kind = route.message.header.type
        check_rights(kind, guest.rights)
        if kind == p.Open.TYPE:
            openings = sum(other.client == route.client for other in self.desk.hosts.waiting)
            if openings >= self._intake.meter.limits.openings:
                raise too_many_openings(openings)
        reply = self.desk.answer(route.message, route, received_ns)
        if isinstance(reply, p.Welcome):
            reply.rights = guest.rights
        return reply

    def _reply(self, route: Route, reply: p.Reply) -> None:
        asked = route.message
        self.desk.vitals.errors += isinstance(reply, p.Error)
        header = p.Header(id=asked.header.id, type=reply.TYPE, session=asked.header.session)
        parent = asked.header if asked.header.type else None
        form = partial(pack, packed=asked.packed, multipart=asked.multipart)
        try:
            frames = form(reply, header, parent=parent)
        except Exception as error:  # an answer that cannot be written down
            header.type = p.Error.TYPE
            frames = form(wire_error(error), header)
        with suppress(zmq.Again):  # a peer that does not read its replies loses them
            self._control.send_multipart([*route.peer, *frames], zmq.NOBLOCK)

    def _turn(self) -> None:
        began = time.monotonic()
        self._intake.read(self._control)
        for route, reply in self.desk.turn():
            self._reply(route, reply)
        self._publish()
        self._publisher.getsockopt(zmq.EVENTS)  # takes in subscriptions, where nothing is told
        self.desk.vitals.turn(time.monotonic() - began)

    def _publish(self) -> None:
        for event in self.desk.new_events():
            kind = type(event).__struct_config__.tag
            topic = f"{p.PROTOCOL_TAG.decode()}/{event.session}/{kind}"
            with suppress(zmq.Again):
                self._publisher.send_multipart([topic.encode(), encode_event(event)], zmq.NOBLOCK)
        for block, samples in self.desk.new_sound():
            topic = f"{p.PROTOCOL_TAG.decode()}/audio/{block.session}"
            with suppress(zmq.Again):
                frames = [topic.encode(), encode_event(block), samples]
                self._publisher.send_multipart(frames, zmq.NOBLOCK)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def port_after(port: int, steps: int, given: int | None) -> int:
    """A port of its own, or so many after the first; 0 for any if the first is."""
    return given if given is not None else port + steps if port else 0


def _address(host: str, *, keys: bool) -> str:
    """The address to bind; SegueError if it is none, or reaches farther than keys allow."""
    try:
        address = ipaddress.ip_address(HOST if host == "localhost" else host)
    except ValueError:
        raise SegueError(f"host {host!r} is not an address; use {HOST}") from None
    if not address.is_loopback and not keys:
        raise SegueError(
            f"host {host} can be reached from other machines, and this server has no keys; use "
            f"{HOST}, or make keys (segue keys new NAME) and serve with --keys"
        )
    return f"[{address}]" if address.version == 6 else str(address)


def _own_keys(keys: KeyFolder | None) -> CurveKeys | None:
    """Keys of the server's other processes, new at each start."""
    if keys is None:
        return None
    public, secret = curve_pair()
    return CurveKeys(server_key=keys.server.public_key, public_key=public, secret_key=secret)


def _configure(socket: "zmq.Socket[bytes]") -> None:
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.MAXMSGSIZE, p.MAX_MESSAGE_BYTES)
    socket.setsockopt(zmq.SNDHWM, REPLIES_KEPT)
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
