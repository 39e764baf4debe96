"""Following a session: every event once and in order, whatever the events socket has lost.

The sequence numbers show a gap; what is missing is asked of the server, as are the events from
before the following began. So it does not matter when a subscription takes effect.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import msgspec

from ...client import protocol as p
from ...client.errors import RequestError
from .feeds import Feeds, Told, events_topic, read_event
from .link import Link

log = logging.getLogger(__name__)

PAGE_EVENTS = 200  # asked at once: the music's own loop answers
LOOK_SECONDS = (0.05, 0.5, 2.0)  # after a beginning, while the subscription may not be there yet


class Page(msgspec.Struct):
    """A reply to `events`, of which the events are not read."""

    events: list[msgspec.Raw]
    sequence: int


async def _no_wait() -> None:
    pass


class Following:
    """One follower of one session.

    :param after: the follower knows the events up to this sequence number
    :param tell: is told each later event
    :param room: awaited before a page of old events is told, so that a slow follower is not flooded
    """

    def __init__(
        self,
        session: str,
        after: int,
        tell: Callable[[Told], None],
        *,
        link: Link,
        feeds: Feeds,
        room: Callable[[], Awaitable[None]] = _no_wait,
    ) -> None:
        self.session, self.sequence = session, after
        self._tell, self._room = tell, room
        self._link, self._feeds = link, feeds
        self._newest = after
        self._last: Told | None = None  # the event `closed`, kept until those before it were told
        self._topic = events_topic(session)
        feeds.events.add(self._topic, self, self._hear)
        loop = asyncio.get_running_loop()
        self._looks = [loop.call_later(seconds, self._catch_up) for seconds in LOOK_SECONDS]
        self._task: asyncio.Task[None] | None = None
        self._catch_up()

    def close(self) -> None:
        """Follow no more."""
        self._feeds.events.remove(self._topic, self)
        for look in self._looks:
            look.cancel()
        if self._task is not None:
            self._task.cancel()

    def _hear(self, told: Told) -> None:
        if told.sequence <= self.sequence:
            return
        self._newest = max(self._newest, told.sequence)
        if self._task is None and told.sequence == self.sequence + 1:
            self._pass_on(told)
            return
        if told.type == p.ClosedEvent.__struct_config__.tag:
            self._last = told
        self._catch_up()

    def _pass_on(self, told: Told) -> None:
        self.sequence = told.sequence
        self._newest = max(self._newest, told.sequence)
        if told.type == p.ClosedEvent.__struct_config__.tag:
            self._feeds.events.remove(self._topic, self)
        self._tell(told)

    def _catch_up(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._fetch())
            self._task.add_done_callback(self._caught_up)

    def _caught_up(self, task: "asyncio.Task[None]") -> None:
        self._task = None
        if task.cancelled():
            return
        error = task.exception()
        if error is not None and not isinstance(error, RequestError):
            log.error("following %s", self.session, exc_info=error)
        gone = error is not None  # the session has ended, most likely
        if gone and self._last is not None and self._last.sequence > self.sequence:
            self._pass_on(self._last)
        elif not gone and self._newest > self.sequence:  # told while the last page was on its way
            self._catch_up()

    async def _fetch(self) -> None:
        while True:
            await self._room()
            asked = p.GetEvents(after=self.sequence, limit=PAGE_EVENTS)
            page = (await self._link.ask(asked, session=self.session)).read(Page)
            events = [read_event(bytes(raw)) for raw in page.events]
            for told in events:
                if told.sequence > self.sequence:
                    self._pass_on(told)
            if not events:
                self.sequence = max(self.sequence, min(self._newest, page.sequence))
                return
