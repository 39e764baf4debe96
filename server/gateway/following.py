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
AGAIN_SECONDS = 0.01
MAX_EARLY = 1000  # events that wait for those before them; what is beyond is asked for
CLOSED = p.ClosedEvent.__struct_config__.tag


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
        self._early: dict[int, Told] = {}  # heard before those that come before them
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
        if len(self._early) < MAX_EARLY or told.type == CLOSED:
            self._early[told.sequence] = told
        if self._task is None:
            self._pass_on_early()
            if self.sequence < self._newest:
                self._catch_up()

    def _pass_on_early(self) -> None:
        """Tell what follows on what was told."""
        while (told := self._early.pop(self.sequence + 1, None)) is not None:
            self._pass_on(told)

    def _pass_on(self, told: Told) -> None:
        self._early.pop(told.sequence, None)
        self.sequence = told.sequence
        self._newest = max(self._newest, told.sequence)
        if told.type == CLOSED:
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
        if isinstance(error, RequestError) and error.code == "unknown_session":  # it has ended
            for sequence in sorted(self._early):
                self._pass_on(self._early[sequence])
        elif error is None and self._newest > self.sequence:  # told in this very moment
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
            self._pass_on_early()
            if self.sequence >= max(self._newest, page.sequence):
                return
            if not events:  # heard of before it can be asked for
                await asyncio.sleep(AGAIN_SECONDS)
