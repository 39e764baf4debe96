"""The client for asyncio, against a real server."""

import asyncio

import pytest

from segue.client import ClientError, NoAnswerError, RequestError
from segue.client import protocol as p
from segue.client.aio import AsyncClient
from segue.server.serving.server import Server

QUIET = {"director": "table", "clock": "manual"}


def test_verbs_are_awaited_and_events_come_in_order(server: Server) -> None:
    async def play() -> None:
        async with AsyncClient(server.endpoint, name="test") as music:
            assert "dungeon" in [cue.name for cue in (await music.list()).cues]
            session = await music.open("dungeon", **QUIET)
            done = await session.set(danger=0.7, at="bar")
            assert done.scheduled_frame >= 0
            await session.advance(4.0)
            waits = await session.level("drums", 0.5, at="bars:8")
            assert waits.id in (await session.position()).pending
            await session.cancel(waits.id)
            numbers, kinds = [], set()
            async for event in session.events():
                numbers.append(event.sequence)
                kinds.add(type(event))
                if isinstance(event, p.DroppedEvent):
                    break
            assert numbers == list(range(1, len(numbers) + 1))
            assert {p.BarEvent, p.BeatEvent, p.ExecutedEvent} <= kinds
            told = await session.explain("go", section="boss", at="bar")
            assert told.accepted.scheduled_bar >= 1 and "boss" in told.rule
            assert (await session.time_to("bar")).seconds >= 0
            assert (await session.why()).section == (await session.position()).section
            assert (await session.seek(0)).bar == 0
            assert session.id in (await music.metrics()).sessions
            state = await session.snapshot()
            assert (await session.restore(state)).section

    asyncio.run(play())


def test_many_requests_are_on_their_way_at_once(server: Server) -> None:
    async def play() -> None:
        async with AsyncClient(server.endpoint) as music:
            one, two = await asyncio.gather(
                music.open("dungeon", **QUIET), music.open("neon", **QUIET)
            )
            moves = [one.set(danger=number / 100) for number in range(100)]
            moved = await asyncio.gather(one.advance(20.0), *moves, two.advance(5.0))
            assert moved[0].seconds == pytest.approx(20.0)
            assert len({answer.id for answer in moved[1:-1]}) == 100

    asyncio.run(play())


def test_another_client_joins_and_hears_the_end(server: Server) -> None:
    async def play() -> None:
        async with AsyncClient(server.endpoint) as music, AsyncClient(server.endpoint) as other:
            session = await music.open("dungeon", **QUIET)
            joined = await other.join(session.id)
            assert joined.cue == session.cue
            heard = asyncio.create_task(anext_closed(joined))
            await session.close()
            assert (await heard).reason == "closed"

    async def anext_closed(session: object) -> p.ClosedEvent:
        async for event in session.events():  # type: ignore[attr-defined]
            if isinstance(event, p.ClosedEvent):
                return event
        raise AssertionError("the events ended without an end of the session")

    asyncio.run(play())


def test_what_goes_wrong_is_told(server: Server) -> None:
    async def play() -> None:
        async with AsyncClient(server.endpoint) as music:
            with pytest.raises(RequestError, match="unknown cue"):
                await music.open("dungeons")
            with pytest.raises(ClientError, match="open"):
                await music.open("dungeon", seed="one")
            session = await music.open("dungeon", **QUIET)
            with pytest.raises(RequestError, match="unknown parameter"):
                await session.set(dangr=1.0)
        with pytest.raises(NoAnswerError, match="segue serve"):
            async with AsyncClient("tcp://127.0.0.1:1", timeout_seconds=0.2):
                pass

    asyncio.run(play())
