"""OSC over UDP: messages from patches and installations, answers and errors to them.

Each peer has a queue of its own, so that one that floods, or opens a session, holds up nobody else.
"""

import asyncio
import contextlib
import ipaddress
import time
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import cast

from ...client import protocol as p
from ...client.errors import RequestError
from ...client.wire import Message
from ...music.errors import suggestion
from ..security.limits import Limits, Meter, too_many
from .feeds import Feeds
from .frame_clock import FrameClock
from .link import Link, fault_of
from .osc_codec import OscCall, read_packet, write_message
from .osc_listeners import Listeners
from .osc_map import VERBS, wekinator_request
from .steering import Address, Steering

LIMITS = Limits(requests_per_second=1000.0, burst=2000)  # datagrams of a peer
ERRORS = Limits(requests_per_second=5.0, burst=5)  # told to a peer
MAX_PEERS = 1024
MAX_QUEUED = 512  # datagrams of a peer
MAX_AHEAD_SECONDS = 3600.0
OPEN_SECONDS = 120.0
MAX_ERROR_CHARACTERS = 200


@dataclass
class Peer:
    """Who sends."""

    address: Address
    queue: deque[bytes] = field(default_factory=deque)
    task: "asyncio.Task[None] | None" = None
    inputs: list[str] = field(default_factory=list)  # parameters that Wekinator's inputs set
    frames: dict[tuple[str, float], int] = field(default_factory=dict)
    """Of the bundle in hand: frames by session and time, so that what it holds is done together."""


class OscDoor(asyncio.DatagramProtocol):
    """Takes datagrams and tells the listeners; make it by `open_osc`.

    :param peers: addresses or networks that may send besides this machine
    """

    def __init__(
        self, link: Link, feeds: Feeds, *, peers: Iterable[str], ahead_seconds: float
    ) -> None:
        self._allowed = [ipaddress.ip_network(peer, strict=False) for peer in peers]
        self._link = link
        self._steering = Steering(link)
        self.listeners = Listeners(
            self._steering, link, feeds, self.send, ahead_seconds=ahead_seconds
        )
        self._meter, self._errors = Meter(LIMITS), Meter(ERRORS)
        self._peers: OrderedDict[Address, Peer] = OrderedDict()
        self._transport: asyncio.DatagramTransport | None = None
        self._waiting: set[asyncio.Task[None]] = set()  # for the time of a bundle

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def error_received(self, error: Exception) -> None:
        """A listener that is not there (any more): its lease will end."""

    def datagram_received(self, data: bytes, sender: tuple[str | int, ...]) -> None:
        address = (str(sender[0]), int(sender[1]))
        if not self._may(address[0]):
            return
        try:
            if not self._meter.take(address, len(data)):
                raise too_many(LIMITS)
            peer = self._peer(address)
            if len(peer.queue) >= MAX_QUEUED:
                raise RequestError("busy", "too much at once", "", "send less")
        except RequestError as error:
            self._tell_error(address, error)
            return
        peer.queue.append(data)
        if peer.task is None:
            peer.task = asyncio.create_task(self._work(peer))

    def send(self, datagram: bytes, address: Address) -> None:
        """Send a datagram; whether it arrives nobody knows."""
        if self._transport is not None:
            self._transport.sendto(datagram, address)

    def close(self) -> None:
        for task in [*self._waiting, *(peer.task for peer in self._peers.values() if peer.task)]:
            task.cancel()
        if self._transport is not None:
            self._transport.close()

    def _may(self, host: str) -> bool:
        address = ipaddress.ip_address(host.partition("%")[0])
        return address.is_loopback or any(address in network for network in self._allowed)

    def _peer(self, address: Address) -> Peer:
        peer = self._peers.setdefault(address, Peer(address))
        self._peers.move_to_end(address)
        if len(self._peers) > MAX_PEERS:
            idle = next((one for one in self._peers.values() if one.task is None), None)
            if idle is peer or idle is None:
                del self._peers[address]
                raise RequestError("busy", "too many peers at once", "", "try again later")
            del self._peers[idle.address]
        return peer

    async def _work(self, peer: Peer) -> None:
        """Do what a peer has sent, in order."""
        try:
            while peer.queue:
                data = peer.queue.popleft()
                peer.frames.clear()
                try:
                    for call in read_packet(data):
                        await self._take(peer, call)
                except RequestError as error:
                    self._tell_error(peer.address, error)
        finally:
            peer.task = None

    async def _take(self, peer: Peer, call: OscCall) -> None:
        """Do a message, now or when its bundle says; its fault is told, and the next is done."""
        try:
            ahead = 0.0 if call.due is None else call.due - time.time()
            if ahead > MAX_AHEAD_SECONDS:
                way = "set the clocks of both machines, or send it later"
                raise RequestError("out_of_range", f"a bundle of {ahead:.0f} s ahead", "", way)
            await self._do(peer, call, call.due if ahead > 0 else None)
        except RequestError as error:
            self._tell_error(peer.address, error)

    async def _do(self, peer: Peer, call: OscCall, due: float | None) -> None:
        verb = VERBS.get(call.address)
        if verb is None:
            fact = f"unknown address {call.address[:64]!r}"
            raise RequestError("unknown_name", fact, "", suggestion(call.address[:64], VERBS)[2:])
        arguments = verb.read(call.arguments)
        if call.address == "/segue/session":
            self._steering.choose(peer.address, arguments["id"])
            self.listeners.look()
        elif call.address == "/segue/listen":
            self._listen(peer, arguments["port"], arguments.get("host", peer.address[0]))
        elif call.address == "/segue/wek/map":
            peer.inputs = arguments["name"]
        elif verb.content is None:
            await self._ask(peer, wekinator_request(arguments["value"], peer.inputs), due)
        else:
            await self._ask(peer, verb.content(arguments), None if "at" in arguments else due)

    def _listen(self, peer: Peer, port: float, host: str) -> None:
        host = "127.0.0.1" if host == "localhost" else host
        try:
            allowed = host == peer.address[0] or self._may(host)
        except ValueError:
            allowed = False
        if not allowed or not 1 <= port <= 65_535:
            way = "name a port of your own machine, or of a peer that the server was told of"
            raise RequestError("forbidden", f"no events go to {host[:64]!r} {port:g}", "", way)
        self.listeners.add((host, int(port)), peer.address)

    async def _ask(self, peer: Peer, content: p.Request, due: float | None) -> None:
        """Send a request for a peer, whom its error is told.

        :param due: seconds since 1970, if it is to be done later
        """
        if isinstance(content, p.Open):
            reply = await self._link.ask(content, seconds=OPEN_SECONDS)
            self._steering.choose(peer.address, reply.read(p.Opened).session)
            self.listeners.look()
            return
        session = await self._steering.session_of(peer.address)
        if due is not None and isinstance(content, p.Command):
            if (session, due) not in peer.frames:
                peer.frames[session, due] = await self._frame(session, due)
            content.at = f"frame:{peer.frames[session, due]}"
        elif due is not None:
            self._later(peer, content, session, due)
            return
        self._tell(peer, content, session)

    def _tell(self, peer: Peer, content: p.Request, session: str) -> None:
        def answered(message: Message) -> None:
            fault = fault_of(message)
            if fault is None:
                return
            if fault.code == "unknown_session":
                self._steering.forget(session)
            self._tell_error(peer.address, fault)

        self._link.tell(content, answered, session=session)

    def _later(self, peer: Peer, content: p.Request, session: str, due: float) -> None:
        """What has no time of its own waits here."""
        if len(self._waiting) >= MAX_QUEUED:
            raise RequestError(
                "busy", "too many bundles wait for their time", "", "send them later"
            )

        async def wait() -> None:
            await asyncio.sleep(due - time.time())
            with contextlib.suppress(RequestError):
                self._tell(peer, content, session)

        task = asyncio.create_task(wait())
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def _frame(self, session: str, due: float) -> int:
        """The frame that sounds at a time."""
        reply = await self._link.ask(p.GetPosition(), session=session)
        clock = FrameClock.at(reply.read(p.PositionReply).position)
        return clock.frame_at(due - time.time() + time.monotonic())

    def _tell_error(self, address: Address, error: RequestError) -> None:
        """To the peer, and to those to whom it has events sent; some times a second at most."""
        if not self._errors.take(address[0], 0):
            return
        datagram = write_message("/segue/error", [str(error)[:MAX_ERROR_CHARACTERS]])
        for told in {address, *self.listeners.of_host(address[0])}:
            self.send(datagram, told)
