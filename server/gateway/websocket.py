"""A WebSocket client: its requests to the server's sockets, what comes back, and what it follows.

Each client has sockets of its own, so that the server knows it apart from the others, and may slow
or refuse it alone.
"""

import asyncio
import contextlib
import logging
import time

import msgspec
import numpy as np
from starlette.websockets import WebSocket, WebSocketDisconnect

from ...client import protocol as p
from ...client.errors import RequestError
from ...client.verbs import new_id
from ...client.wire import Message, pack, unpack
from ...music.errors import suggestion
from ..security.rights import check_rights
from ..security.tokens import Claims
from .feeds import Sound, Told, events_topic, sound_topic
from .following import Following
from .guard import WebGuard
from .hub import Hub
from .link import error_reply, fault_of, unavailable
from .outbox import Outbox
from .sockets import LoopSocket

log = logging.getLogger(__name__)

REQUESTS_PER_SECOND, BURST = 1000.0, 1000
MAX_UNANSWERED = 256  # requests of a client; it is not read meanwhile
MAX_MODEL_REQUESTS = 32  # unanswered ones
MAX_FOLLOWED = 64  # sessions
READ_SECONDS = 10.0  # for a client to take a message
TOKEN_SECONDS = 5.0  # between two looks whether a token is still good
DROPPED = 1008  # close code: policy violation
SOUND_TAG, BUFFER_TAG = b"SEGA", b"SEGB"
EVENT_TYPES = frozenset(str(kind.__struct_config__.tag) for kind in p.Event.__subclasses__())


class WebClient:
    """Serves one accepted WebSocket until either side ends it."""

    def __init__(self, socket: WebSocket, hub: Hub, guard: WebGuard, claims: Claims) -> None:
        self._socket, self._hub, self._guard, self._claims = socket, hub, guard, claims
        self._outbox = Outbox()
        self._control = hub.control_socket(self._from_control)
        self._models: LoopSocket | None = None
        self._asked_models: list[p.Header] = []
        self._buffers: list[bytes] = []
        self._unanswered = asyncio.Semaphore(MAX_UNANSWERED)
        self._subscribing: dict[str, tuple[p.Header, p.Subscribe]] = {}
        self._followed: dict[str, Following] = {}
        self._paid = 0.0  # monotonic seconds up to which its requests are paid for

    async def run(self) -> None:
        """Returns once the client has gone, or was dropped."""
        self._hub.models_gone.add(self._models_gone)
        jobs = [self._read(), self._write(), self._outbox.overflowed.wait()]
        if self._guard.asks_tokens:
            jobs.append(self._watch_token())
        tasks: list[asyncio.Future[object]] = [asyncio.ensure_future(job) for job in jobs]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            await self._end(done)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._close()

    async def _end(self, done: "set[asyncio.Future[object]]") -> None:
        """Tell the client why it ends, if it can still hear."""
        reason = "the client does not read" if self._outbox.overflowed.is_set() else ""
        for task in done:
            error = task.exception()
            if isinstance(error, WebSocketDisconnect):
                return
            if isinstance(error, RequestError | TimeoutError):
                reason = str(error) or "the client does not read"
            elif error is not None:
                log.error("a WebSocket client failed", exc_info=error)
                reason = "the gateway failed"
        with contextlib.suppress(TimeoutError, RuntimeError):
            async with asyncio.timeout(1.0):
                await self._socket.close(DROPPED, reason[:120])

    def _close(self) -> None:
        self._hub.models_gone.discard(self._models_gone)
        for session in list(self._followed):
            self._unfollow(session)
        self._control.close()
        if self._models is not None:
            self._models.close()

    async def _write(self) -> None:
        while True:
            payload = await self._outbox.get()
            async with asyncio.timeout(READ_SECONDS):
                if isinstance(payload, str):
                    await self._socket.send_text(payload)
                else:
                    await self._socket.send_bytes(payload)

    async def _watch_token(self) -> None:
        while True:
            await asyncio.sleep(TOKEN_SECONDS)
            self._guard.claims(self._socket)

    # From the client --------------------------------------------------------------------------

    async def _read(self) -> None:
        while True:
            received = await self._socket.receive()
            if received["type"] != "websocket.receive":
                raise WebSocketDisconnect(received.get("code") or 1005)
            await self._pace()
            text = received.get("text")
            if text is None:
                self._keep(received["bytes"])
                continue
            buffers, self._buffers = self._buffers, []
            message = Message()
            try:
                await self._serve(text.encode(), buffers, message)
            except RequestError as error:
                self._answer(error_reply(error), message.header)

    async def _pace(self) -> None:
        """Let a client that sends too much wait: it is not read meanwhile."""
        now = time.monotonic()
        self._paid = max(self._paid, now) + 1.0 / REQUESTS_PER_SECOND
        early = self._paid - now - BURST / REQUESTS_PER_SECOND
        if early > 0:
            await asyncio.sleep(early)

    def _keep(self, buffer: bytes) -> None:
        """A buffer for the request that comes next; what is too much makes that one fail."""
        self._buffers.append(buffer)
        if not self._fits(self._buffers):
            self._buffers = [b""] * p.MAX_FRAMES

    def _fits(self, buffers: list[bytes]) -> bool:
        return len(buffers) <= p.MAX_FRAMES - 6 and sum(map(len, buffers)) <= p.MAX_UPLOAD_BYTES

    async def _serve(self, data: bytes, buffers: list[bytes], message: Message) -> None:
        if len(data) > p.MAX_MESSAGE_BYTES:
            way = f"send at most {p.MAX_MESSAGE_BYTES}"
            raise RequestError("too_large", f"a message of {len(data)} bytes", "", way)
        if data.lstrip()[:1] != b"{":
            raise RequestError("malformed", "no map", "", "send a map in JSON")
        with contextlib.suppress(RequestError):  # which the server will tell, in its turn
            unpack([data], message)
        header = message.header
        check_rights(header.type, self._claims.rights)
        if header.type in p.MODEL_REQUESTS:
            self._ask_models(message, buffers)
            return
        if buffers:
            raise RequestError("malformed", "buffers before this", "", "send them before a call")
        await self._unanswered.acquire()
        frames = [data]
        if header.type == p.Subscribe.TYPE:
            try:
                frames = self._begin_subscription(message)
            except RequestError:
                self._unanswered.release()
                raise
        if not self._control.send(frames):
            self._unanswered.release()
            raise RequestError("busy", "the server takes no requests now", "", "try again")

    def _ask_models(self, message: Message, buffers: list[bytes]) -> None:
        if not self._hub.models_up:
            raise unavailable("is not running")
        if not self._fits(buffers):
            way = f"send at most {p.MAX_FRAMES - 6} buffers, {p.MAX_UPLOAD_BYTES} bytes in all"
            raise RequestError("too_large", "the buffers of this request", "", way)
        if len(self._asked_models) >= MAX_MODEL_REQUESTS:
            way = "submit jobs, or wait for replies"
            raise RequestError("busy", f"{MAX_MODEL_REQUESTS} requests wait", "", way)
        if self._models is None:
            self._models = self._hub.models_socket(self._from_models)
        header = msgspec.json.encode(message.header)
        content = message.content or b"{}"
        frames = [p.PROTOCOL_TAG, b"", header, b"{}", b"{}", content, *buffers]
        if not self._models.send(frames):
            raise unavailable("takes no requests now")
        self._asked_models.append(message.header)

    # To the client ----------------------------------------------------------------------------

    def _answer(self, reply: p.Reply, asked: p.Header) -> None:
        header = p.Header(id=asked.id, type=reply.TYPE, session=asked.session)
        parent = asked if asked.type else None
        self._outbox.put(pack(reply, header, parent=parent)[0].decode())

    def _from_control(self, frames: list[bytes]) -> None:
        self._unanswered.release()
        message = Message()
        unpack(frames, message)
        subscribing = self._subscribing.pop(str(message.parent.get("id")), None)
        if subscribing is not None:
            self._end_subscription(*subscribing, message)
        elif message.header.type == p.Welcome.TYPE:
            self._welcome(message)
        else:
            self._outbox.put(frames[0].decode())

    def _welcome(self, message: Message) -> None:
        """What the server says of itself holds for its own sockets; here it is JSON alone."""
        reply = message.read(p.Welcome)
        reply.encoding, reply.encodings, reply.rights = "json", ["json"], self._claims.rights
        self._answer(reply, msgspec.convert(message.parent, p.Header))

    def _from_models(self, frames: list[bytes]) -> None:
        message = Message()
        unpack(frames, message, max_bytes=p.MAX_UPLOAD_BYTES)
        asked = (message.parent.get("id"), message.parent.get("type"))
        for header in self._asked_models:
            if (header.id, header.type) == asked:
                self._asked_models.remove(header)
                break
        for buffer in message.buffers:
            self._outbox.put(BUFFER_TAG + buffer)
        one_frame = b'{"signature":"","header":%s,"parent":%s,"metadata":%s,"content":%s}'
        self._outbox.put((one_frame % tuple(frames[2:6])).decode())

    def _models_gone(self) -> None:
        """What they were asked is not answered any more; later ones go to those that come then."""
        asked, self._asked_models = self._asked_models, []
        if self._models is not None:
            self._models.close()
            self._models = None
        for header in asked:
            self._answer(error_reply(unavailable("has ended")), header)

    # Following --------------------------------------------------------------------------------

    def _begin_subscription(self, message: Message) -> list[bytes]:
        """The request that asks, in its turn, whether there is such a session."""
        content = message.read(p.Subscribe)
        for name in content.events:
            if name not in EVENT_TYPES:
                fact = f"unknown event {name[:64]!r}"
                way = suggestion(name, EVENT_TYPES).lstrip("; ")
                raise RequestError("unknown_name", fact, "$.content.events", way)
        followed = len(self._followed) + len(self._subscribing)
        if followed >= MAX_FOLLOWED and message.header.session not in self._followed:
            raise RequestError("busy", f"{followed} sessions are followed", "", "follow fewer")
        own = p.Header(id=new_id(), type=p.GetEvents.TYPE, session=message.header.session)
        self._subscribing[own.id] = (message.header, content)
        if not own.session:  # the server's own events: nothing has to be caught up with
            return pack(p.Ping(), p.Header(id=own.id, type=p.Ping.TYPE))
        return pack(p.GetEvents(after=content.after, limit=1), own)

    def _end_subscription(self, asked: p.Header, content: p.Subscribe, reply: Message) -> None:
        fault = fault_of(reply)
        if fault is not None:
            self._answer(error_reply(fault), asked)
            return
        sequence = reply.read(p.EventList).sequence if asked.session else 0
        subscribed = p.Subscribed(sequence=sequence)
        if content.audio:
            subscribed.sample_rate, subscribed.channels = 48_000, 2
        self._answer(subscribed, asked)
        self._unfollow(asked.session)
        self._follow(asked.session, content, min(max(content.after, 0), sequence))

    def _follow(self, session: str, content: p.Subscribe, after: int) -> None:
        wanted = frozenset(content.events) or EVENT_TYPES

        def tell(told: Told) -> None:
            if told.type in wanted:
                self._outbox.put(f'{{"event":{told.data.decode()}}}')
            if told.type == p.ClosedEvent.__struct_config__.tag:
                self._unfollow(session)

        if not session:
            self._hub.feeds.events.add(events_topic(""), self, tell)
            return
        link, feeds = self._hub.control, self._hub.feeds
        self._followed[session] = Following(
            session, after, tell, link=link, feeds=feeds, room=self._outbox.room
        )
        if content.audio:
            feeds.sound.add(sound_topic(session), self, self._sound)

    def _unfollow(self, session: str) -> None:
        following = self._followed.pop(session, None)
        if following is not None:
            following.close()
        self._hub.feeds.sound.remove(sound_topic(session), self)
        if not session:
            self._hub.feeds.events.remove(events_topic(""), self)

    def _sound(self, sound: Sound) -> None:
        if self._outbox.has_room:  # what comes too late is not worth sending
            self._outbox.put(packed_sound(sound))


def packed_sound(sound: Sound) -> bytes:
    """A block for browsers: tag, frame, channels, 16-bit samples."""
    samples = np.frombuffer(sound.samples, "<f4")
    whole = np.rint(np.clip(samples, -1.0, 1.0) * 32767.0).astype("<i2")
    start = SOUND_TAG + sound.at_frame.to_bytes(8, "little") + sound.channels.to_bytes(4, "little")
    return start + bytes(whole.tobytes())
