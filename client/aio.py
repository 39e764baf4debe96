"""The client for asyncio: the same verbs, each to be awaited.

    async with AsyncClient("tcp://127.0.0.1:5570") as music:
        session = await music.open("dungeon")
        await session.set(danger=0.8)
        async for event in session.events():
            ...

Needs pyzmq and msgspec only. Requests of many tasks may be on their way at once.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any, Self, TypeVar

import msgspec
import zmq
import zmq.asyncio

from . import protocol as p
from .client import ADVANCE_STEP_SECONDS, DEFAULT_ENDPOINT, OPEN_SECONDS
from .errors import ClientError, NoAnswerError, RequestError
from .heart import reachable
from .inbox import KEPT_EVENTS
from .keys import read_keys, use_keys
from .models import ModelResult, Models
from .order import Order
from .verbs import Verbs, new_id
from .wire import Message, decode_event, pack, read_reply, unpack

R = TypeVar("R", bound=p.Reply)


class AsyncClient:
    """A connection to a Segue server; enter it to connect.

    The options are those of `Client`.
    """

    server: p.Welcome

    def __init__(
        self,
        endpoint: str = DEFAULT_ENDPOINT,
        *,
        timeout_seconds: float = 5.0,
        heartbeat_seconds: float = 5.0,
        name: str = "",
        keys: str | Path = "",
    ) -> None:
        self.endpoint, self.timeout_seconds, self.name = endpoint, timeout_seconds, name
        self._heartbeat_seconds = heartbeat_seconds
        self._keys = read_keys(keys) if keys else None
        self._context = zmq.asyncio.Context()
        self._control = self._socket(zmq.DEALER)
        self._events = self._socket(zmq.SUB)
        self._events.setsockopt(zmq.RCVHWM, KEPT_EVENTS)
        self._waiting: dict[str, asyncio.Future[Message]] = {}  # by the id of the request
        self._sessions: dict[str, AsyncSession] = {}
        self._calling = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []

    def _socket(self, kind: int) -> zmq.asyncio.Socket:
        socket = self._context.socket(kind)
        use_keys(socket, self._keys)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.HEARTBEAT_IVL, 1000)
        socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 3000)
        socket.setsockopt(zmq.HEARTBEAT_TTL, 3000)
        return socket

    async def __aenter__(self) -> Self:
        try:
            self._control.connect(self.endpoint)
            self._tasks.append(asyncio.create_task(self._hear_replies()))
            self.server = await self.request(p.Hello(client=self.name), p.Welcome)
            self._events.connect(reachable(self.server.events, self.endpoint))
            self._tasks.append(asyncio.create_task(self._hear_events()))
            self._tasks.append(asyncio.create_task(self._beat()))
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        for session in list(self._sessions.values()):
            try:
                await session.close()
            except ClientError:
                break  # no server any more: nothing to close there
        await self._end()

    async def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for socket in (self._control, self._events):
            socket.close(0)
        self._context.term()

    async def request(
        self,
        content: p.Request,
        reply: type[R],
        *,
        session: str = "",
        id: str | None = None,
        timeout_seconds: float | None = None,
    ) -> R:
        """Send a request and wait for its reply, the client's time-out if none is given."""
        header = p.Header(id=id or new_id(), type=content.TYPE, session=session)
        if self._control.closed:
            raise ClientError("this client is closed; make another")
        seconds = self.timeout_seconds if timeout_seconds is None else timeout_seconds
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting[header.id] = answer
        try:
            async with asyncio.timeout(seconds):
                await self._control.send_multipart(pack(content, header, packed=True))
                message = await answer
        except TimeoutError:
            raise NoAnswerError(
                f"no answer from {self.endpoint} within {seconds:g} s; is a server running there? "
                "start one with: segue serve"
            ) from None
        finally:
            self._waiting.pop(header.id, None)
        return read_reply(message, content, reply)

    async def list(self) -> p.Listing:
        """Cues, directors, outputs and open sessions of the server."""
        return await self.request(p.List(), p.Listing)

    async def open(self, cue: str, **options: Any) -> "AsyncSession":
        """Open a session in the server.

        :param options: fields of `open` in docs/protocol.md: director, output, seed, ...
        """
        try:
            content = msgspec.convert({"cue": cue, **options}, p.Open)
        except msgspec.ValidationError as error:
            raise ClientError(f"open: {error}; docs/protocol.md lists the options") from None
        patience = max(self.timeout_seconds, OPEN_SECONDS)
        return self._hold(await self.request(content, p.Opened, timeout_seconds=patience))

    async def join(self, session: str) -> "AsyncSession":
        """A session that is open already; `list` names them. Closing it ends it for all."""
        return self._hold(await self.request(p.Join(), p.Opened, session=session))

    async def metrics(self) -> p.Metrics:
        """How the server and its sessions fare."""
        return await self.request(p.GetMetrics(), p.Metrics)

    async def call(self, function: str, /, *given: Any, **options: Any) -> ModelResult:
        """Call a function of the models socket, as `Models.call` does, in a thread of its own."""
        if not self.server.models:
            raise ClientError("this server serves no models; start it with them: segue serve")
        async with self._calling:
            return await asyncio.to_thread(self._call, function, given, options)

    def _call(self, function: str, given: tuple[Any, ...], options: dict[str, Any]) -> ModelResult:
        endpoint = reachable(self.server.models, self.endpoint)
        context = zmq.Context()
        models = Models(context, endpoint, timeout_seconds=self.timeout_seconds, keys=self._keys)
        try:
            return models.call(function, *given, **options)
        finally:
            models.close()
            context.term()

    def _hold(self, opened: p.Opened) -> "AsyncSession":
        session = AsyncSession(self, opened)
        self._sessions[session.id] = session
        self._events.setsockopt(zmq.SUBSCRIBE, opened.topic.encode())
        return session

    async def _hear_replies(self) -> None:
        while True:
            message = Message()
            unpack(await self._control.recv_multipart(), message)
            answer = self._waiting.get(str(message.parent.get("id")))
            if answer is not None and not answer.done():
                answer.set_result(message)

    async def _hear_events(self) -> None:
        while True:
            frames = await self._events.recv_multipart()
            parts = frames[0].decode("utf-8", "replace").split("/")
            session = self._sessions.get(parts[2]) if len(parts) == 4 else None
            event = decode_event(frames[1]) if session is not None and len(frames) == 2 else None
            if session is not None and event is not None:
                session._come(event)

    async def _beat(self) -> None:
        """Tell the server now and then that the sessions are still wanted."""
        while True:
            await asyncio.sleep(self._heartbeat_seconds)
            if self._sessions:
                try:
                    await self.request(p.Ping(sessions=list(self._sessions)), p.Pong)
                except ClientError:
                    continue  # who asks for something else is told


class AsyncSession(Verbs[Awaitable[p.Accepted]]):
    """A session in a server, with the verbs of one in this process, each to be awaited."""

    def __init__(self, client: AsyncClient, opened: p.Opened) -> None:
        self.id, self.cue = opened.session, opened.cue
        self.closed = False
        self._client = client
        self._order = Order(opened.position.sequence)
        self._come_in: deque[p.Event] = deque(maxlen=KEPT_EVENTS)
        self._news = asyncio.Event()

    def command(self, content: p.Command, id: str | None = None) -> Awaitable[p.Accepted]:
        """Send a command; raises RequestError if it is not accepted."""
        return self.ask(content, p.Accepted, id)

    async def ask(self, content: p.Request, reply: type[R], id: str | None = None) -> R:
        """Send any request of the protocol that concerns this session."""
        return await self._client.request(content, reply, session=self.id, id=id)

    async def cancel(self, command: str) -> None:
        """Take back a command that waits."""
        await self.ask(p.Cancel(command=command), p.Accepted)

    async def position(self) -> p.Position:
        """Where the music is."""
        position = (await self.ask(p.GetPosition(), p.PositionReply)).position
        self._order.known = max(self._order.known, position.sequence)
        return position

    async def explain(self, verb: str, /, **content: Any) -> p.Explained:
        """What a command would do if it came now, e.g. `explain("go", section="boss")`."""
        return await self.ask(p.Explain(verb=verb, content=content), p.Explained)

    async def time_to(self, at: str = "bar") -> p.TimeTo:
        """How long it is to the next moment that `at` names."""
        return await self.ask(p.GetTimeTo(at=at), p.TimeTo)

    async def why(self) -> p.Why:
        """What is sounding and why."""
        return await self.ask(p.GetWhy(), p.Why)

    async def meters(self) -> p.Meters:
        """How loud the sound is; refused for a session without an engine."""
        return await self.ask(p.GetMeters(), p.Meters)

    async def seek(self, bar: int) -> p.Position:
        """Play again from a bar that was played before; the music decides anew from there."""
        return (await self.ask(p.Seek(bar=bar), p.PositionReply)).position

    async def advance(self, seconds: float) -> p.Position:
        """Move a manual clock on; returns when that much has been rendered."""
        left = seconds
        while left > ADVANCE_STEP_SECONDS:
            await self.ask(p.Advance(seconds=ADVANCE_STEP_SECONDS), p.Advanced)
            left -= ADVANCE_STEP_SECONDS
        return (await self.ask(p.Advance(seconds=left), p.Advanced)).position

    async def snapshot(self) -> dict[str, Any]:
        """All that is needed to go on from here later, as plain JSON values."""
        return (await self.ask(p.GetSnapshot(), p.SnapshotReply)).state

    async def restore(self, state: dict[str, Any]) -> p.Position:
        """Go on from a snapshot of a session with the same cue, at the very beat."""
        return (await self.ask(p.Restore(state=state), p.Restored)).position

    async def pause(self) -> p.Position:
        """Fade out within 10 ms and let the music stand."""
        return (await self.ask(p.Pause(), p.PositionReply)).position

    async def resume(self) -> p.Position:
        """Go on from where `pause` stopped."""
        return (await self.ask(p.Resume(), p.PositionReply)).position

    async def close(self, fade_seconds: float = 0.0) -> list[str]:
        """End the music and write its files; their paths. A second call does nothing."""
        if self.closed:
            return []
        self.closed = True
        self._client._sessions.pop(self.id, None)
        self._news.set()
        return (await self.ask(p.Close(fade_seconds=fade_seconds), p.Closed)).files

    async def events(self) -> AsyncIterator[p.Event]:
        """All events from the first on, in order, none missing; ends when the session is closed."""
        while True:
            self._news.clear()
            self._order.add(self._come_in)
            self._come_in.clear()
            event = self._order.next()
            if event is not None:
                yield event
                if isinstance(event, p.ClosedEvent):
                    return
            elif self.closed:
                return
            elif self._order.missing:
                self._order.fill(await self._fetch())
            else:
                await self._news.wait()

    async def _fetch(self) -> list[dict[str, Any]]:
        """The events after the last one read, as far as the server has kept them."""
        try:
            return (await self.ask(p.GetEvents(after=self._order.read), p.EventList)).events
        except RequestError:
            self.closed = True  # ended by someone else
            return []

    def _come(self, event: p.Event) -> None:
        self._come_in.append(event)
        self._news.set()
