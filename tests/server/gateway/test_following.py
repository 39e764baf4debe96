"""Following a session: pages, gaps, events that come meanwhile, and the end."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest
import zmq

from segue.client import protocol as p
from segue.client.wire import Message, pack, unpack
from segue.server.gateway import following
from segue.server.gateway.feeds import Feeds, Told
from segue.server.gateway.following import Following
from segue.server.gateway.link import Link
from segue.server.gateway.outbox import MAX_WAITING_BYTES, ROOM_BYTES, Outbox
from segue.server.gateway.sockets import LoopSocket, connect


@pytest.fixture(autouse=True)
def no_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what the follower notices by itself counts."""
    monkeypatch.setattr(following, "LOOK_SECONDS", ())
    monkeypatch.setattr(following, "PAGE_EVENTS", 3)


def event(sequence: int, type: str = "paused") -> bytes:
    facts = {"type": type, "sequence": sequence, "session": "s1", "at_frame": 0, "bar": 0}
    return msgspec.json.encode(facts | {"beat": 0.0, "reason": "closed"})


class Book:
    """A server that keeps events, publishes those it is told to, and answers `events`."""

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]") -> None:
        self.events: list[bytes] = []
        self.asked: list[int] = []  # after which number
        self.gone = False
        self.before_answer: Callable[[], None] = lambda: None
        self._router = context.socket(zmq.ROUTER)
        self.publisher = context.socket(zmq.XPUB)
        for socket in (self._router, self.publisher):
            socket.setsockopt(zmq.LINGER, 0)
            socket.bind(f"inproc://{id(socket)}")
        self.control = f"inproc://{id(self._router)}"
        self.published = f"inproc://{id(self.publisher)}"
        self.loop_socket = LoopSocket(self._router, self._answer)

    def publish(self, sequence: int, type: str = "paused") -> None:
        if sequence == len(self.events) + 1:
            self.events.append(event(sequence, type))
        self.publisher.send_multipart([b"SEGUE/1/s1/" + type.encode(), event(sequence, type)])

    def _answer(self, frames: list[bytes]) -> None:
        message = Message()
        unpack(frames[1:], message)
        asked = message.read(p.GetEvents)
        self.asked.append(asked.after)
        reply: p.Reply = p.Error(code="unknown_session", message="no such session")
        if not self.gone:
            page = self.events[asked.after : asked.after + asked.limit]
            found = [msgspec.json.decode(one) for one in page]
            reply = p.EventList(events=found, sequence=len(self.events), oldest=1)
        self.before_answer()
        header = p.Header(type=reply.TYPE)
        self.loop_socket.send([frames[0], *pack(reply, header, parent=message.header)])


def follow(test: Callable[[Book, list[Told]], Awaitable[None]], kept: int = 0) -> list[Told]:
    """What a follower is told in a test."""
    told: list[Told] = []

    async def run() -> None:
        with zmq.Context() as context:
            book = Book(context)
            book.events = [event(number) for number in range(1, kept + 1)]
            link = Link(connect(context, zmq.DEALER, book.control, None))
            feeds = Feeds(connect(context, zmq.SUB, book.published, None))
            follower = Following("s1", 0, told.append, link=link, feeds=feeds)
            try:
                while not book.publisher.poll(0):  # until it has subscribed
                    await asyncio.sleep(0)
                await until(lambda: bool(book.asked))
                await test(book, told)
            finally:
                follower.close()
                for socket in (link, feeds, book.loop_socket):
                    socket.close()
                book.publisher.close()

    asyncio.run(run())
    return told


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0)


def numbers(told: list[Told]) -> list[int]:
    return [one.sequence for one in told]


def test_kept_events_come_in_pages() -> None:
    async def test(book: Book, told: list[Told]) -> None:
        await until(lambda: len(told) == 8)
        assert book.asked == [0, 3, 6]

    assert numbers(follow(test, kept=8)) == list(range(1, 9))


def test_events_that_follow_on_are_passed_on_unasked() -> None:
    async def test(book: Book, told: list[Told]) -> None:
        for number in range(1, 11):
            book.publish(number)
            book.publish(max(number - 1, 1))  # known already
            await until(lambda wanted=number: len(told) >= wanted)
        assert len(book.asked) <= 3, "not once for each"

    assert numbers(follow(test)) == list(range(1, 11))


def test_a_gap_is_filled_before_what_came_after_it() -> None:
    async def test(book: Book, told: list[Told]) -> None:
        book.events = [event(number) for number in range(1, 6)]
        book.publish(1)
        book.publish(4)
        await until(lambda: len(told) >= 5)

    assert numbers(follow(test)) == [1, 2, 3, 4, 5]


def test_what_is_told_while_a_page_is_on_its_way_is_not_missed() -> None:
    async def test(book: Book, told: list[Told]) -> None:
        def meanwhile() -> None:
            book.before_answer = lambda: None
            book.events = [event(number) for number in range(1, 4)]
            book.publish(3)

        book.events = [event(1), event(2)]
        book.before_answer = meanwhile
        book.publish(2)
        await until(lambda: len(told) >= 3)

    assert numbers(follow(test)) == [1, 2, 3]


def test_the_end_is_told_though_nobody_can_be_asked_any_more() -> None:
    async def test(book: Book, told: list[Told]) -> None:
        book.gone = True
        book.publish(5)
        book.publish(7, "closed")
        await until(lambda: len(told) == 2)

    assert [(one.type, one.sequence) for one in follow(test)] == [("paused", 5), ("closed", 7)]


# What waits for a client --------------------------------------------------------------------------


def test_an_outbox_overflows_when_nobody_takes_from_it() -> None:
    async def run() -> None:
        outbox = Outbox()
        outbox.put(b"x" * (2 * MAX_WAITING_BYTES))  # alone, a message may have any size
        assert not outbox.overflowed.is_set() and not outbox.has_room
        outbox.put("y")
        assert outbox.overflowed.is_set()
        assert len(await outbox.get()) == 2 * MAX_WAITING_BYTES
        assert outbox.has_room

    asyncio.run(run())


def test_an_outbox_has_room_while_little_waits() -> None:
    async def run() -> None:
        outbox = Outbox()
        await outbox.room()
        outbox.put(b"x" * (ROOM_BYTES + 1))
        waiting = asyncio.create_task(outbox.room())
        await asyncio.sleep(0)
        assert not waiting.done()
        await outbox.get()
        await asyncio.wait_for(waiting, 5)

    asyncio.run(run())
