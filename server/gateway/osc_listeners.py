"""Events of the sessions to OSC listeners, at the time at which they sound."""

import asyncio
import contextlib
import heapq
import itertools
import time
from collections.abc import Callable

from ...client import protocol as p
from ...client.errors import RequestError
from ...client.wire import decode_event
from .feeds import Feeds, Told
from .following import Following
from .frame_clock import FrameClock
from .link import Link
from .osc_codec import write_bundle, write_message
from .osc_map import Telling, tellings
from .steering import Address, Steering

Send = Callable[[bytes, Address], None]

LEASE_SECONDS = 60.0
LOOK_SECONDS = 1.0  # between two looks at who listens to what, and where the music is
MAX_LISTENERS = 64
COMING_EVENTS = 64  # before the newest, of which some are still to sound
MAX_DUE = 10_000  # messages of a session that wait for their time
BUNDLE_MESSAGES = 16


class Announcer:
    """Tells the listeners of one session what happens in it.

    :param ahead_seconds: messages are sent so long before what they tell of sounds
    """

    def __init__(
        self, session: str, link: Link, feeds: Feeds, send: Send, *, ahead_seconds: float
    ) -> None:
        self.session, self.closed = session, False
        self.listeners: set[Address] = set()
        self._link, self._feeds, self._send, self._ahead = link, feeds, send, ahead_seconds
        self._clock: FrameClock | None = None
        self._before: FrameClock | None = None  # to see whether it moves
        self._following: Following | None = None
        self._known = 0  # sequence number of what was told before there was a listener
        self._due: list[tuple[int, int, Telling]] = []  # heap: frame, order
        self._order = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._looking: asyncio.Task[None] | None = None

    async def look(self) -> None:
        """Ask where the music is; this is what keeps the session alive, too."""
        try:
            reply = await self._link.ask(p.GetPosition(), session=self.session)
        except RequestError as error:
            self.closed = self.closed or error.code == "unknown_session"
            return
        position = reply.read(p.PositionReply).position
        self._clock = FrameClock.at(position, self._before)
        self._before = self._clock
        if self._following is None and not self.closed:
            self._known = position.sequence
            since = max(0, self._known - COMING_EVENTS)
            self._following = Following(
                self.session, since, self._hear, link=self._link, feeds=self._feeds
            )
        self._arm()

    def close(self) -> None:
        self.closed = True
        if self._following is not None:
            self._following.close()
        if self._timer is not None:
            self._timer.cancel()
        if self._looking is not None:
            self._looking.cancel()

    def _hear(self, told: Told) -> None:
        event = decode_event(told.data)
        if event is None or self._clock is None:
            return
        for telling in tellings(event, self._clock.sample_rate):
            if told.sequence <= self._known and (telling.frame or 0) <= self._clock.frame:
                continue  # was over when the listening began
            if telling.frame is None:
                self._broadcast(write_message(telling.address, telling.arguments))
            elif len(self._due) < MAX_DUE:
                heapq.heappush(self._due, (telling.frame, next(self._order), telling))
        self.closed = self.closed or isinstance(event, p.ClosedEvent)
        if isinstance(event, p.PausedEvent):
            self._clock.moving = False
        elif isinstance(event, p.ResumedEvent):
            self._before = None
        if not self._clock.moving and self._looking is None and not self.closed:
            self._looking = asyncio.create_task(self.look())
            self._looking.add_done_callback(self._looked)
        self._arm()

    def _looked(self, task: "asyncio.Task[None]") -> None:
        self._looking = None

    def _arm(self) -> None:
        """Set the timer to the next message that is due."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._due and self._clock is not None:
            seconds = self._clock.seconds_at(self._due[0][0])
            if seconds is not None:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_at(seconds - self._ahead, self._tell_due)

    def _tell_due(self) -> None:
        """Send what sounds at the next frame, and what should have been sent before."""
        assert self._clock is not None
        by_frame: dict[int, list[Telling]] = {}
        until = self._clock.frame_at(time.monotonic() + self._ahead)
        while self._due and self._due[0][0] <= until:
            frame, _, telling = heapq.heappop(self._due)
            by_frame.setdefault(frame, []).append(telling)
        offset = time.time() - time.monotonic()
        for frame, found in by_frame.items():
            seconds = self._clock.seconds_at(frame)
            for first in range(0, len(found), BUNDLE_MESSAGES):
                messages = [
                    (t.address, t.arguments) for t in found[first : first + BUNDLE_MESSAGES]
                ]
                self._broadcast(write_bundle((seconds or 0.0) + offset, messages))
        self._arm()

    def _broadcast(self, datagram: bytes) -> None:
        for address in self.listeners:
            self._send(datagram, address)


class Listeners:
    """Who listens, until when, and to which session.

    :param steering: knows which session a peer means
    """

    def __init__(
        self, steering: Steering, link: Link, feeds: Feeds, send: Send, *, ahead_seconds: float
    ) -> None:
        self._steering, self._link, self._feeds, self._send = steering, link, feeds, send
        self._ahead_seconds = ahead_seconds
        self._leases: dict[Address, tuple[Address, float]] = {}  # owner, monotonic seconds
        self._announcers: dict[str, Announcer] = {}
        self._changed = asyncio.Event()

    def add(self, address: Address, owner: Address) -> None:
        """Send events there for a while; RequestError `busy` if there are too many."""
        if address not in self._leases and len(self._leases) >= MAX_LISTENERS:
            raise RequestError("busy", f"{MAX_LISTENERS} listeners are told", "", "try again later")
        self._leases[address] = (owner, time.monotonic() + LEASE_SECONDS)
        self.look()

    def look(self) -> None:
        """See soon who is to be told of which session: something has changed."""
        self._changed.set()

    def of_host(self, host: str) -> list[Address]:
        """Those that a host has named."""
        return [address for address, (owner, _) in self._leases.items() if owner[0] == host]

    async def run(self) -> None:
        """Keep listeners and sessions together, until cancelled."""
        try:
            while True:
                self._changed.clear()
                await self._look()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await self._changed.wait()
        finally:
            for announcer in self._announcers.values():
                announcer.close()

    async def _look(self) -> None:
        now = time.monotonic()
        self._leases = {at: lease for at, lease in self._leases.items() if lease[1] > now}
        wanted: dict[str, set[Address]] = {}
        for address, (owner, _) in self._leases.items():
            with contextlib.suppress(RequestError):  # no session yet
                session = await self._steering.session_of(owner)
                wanted.setdefault(session, set()).add(address)
        for session, announcer in list(self._announcers.items()):
            if announcer.closed or session not in wanted:
                announcer.close()
                del self._announcers[session]
        for session, listeners in wanted.items():
            if session not in self._announcers:
                self._announcers[session] = Announcer(
                    session, self._link, self._feeds, self._send, ahead_seconds=self._ahead_seconds
                )
            self._announcers[session].listeners = listeners
        await asyncio.gather(*(announcer.look() for announcer in self._announcers.values()))
        for session, announcer in self._announcers.items():
            if announcer.closed:
                self._steering.forget(session)
