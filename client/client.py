"""The Python client: needs pyzmq and msgspec only.

    with Client("tcp://127.0.0.1:5570") as music:
        session = music.open("dungeon")
        session.set(danger=0.8)
        session.go("boss", at="bar")

No call waits longer than `timeout_seconds`. A client is used from one thread; a thread of its own
tells the server every few seconds that its sessions are still wanted.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self, TypeVar

import zmq

from . import protocol as p
from .errors import ClientError, NoAnswerError, RequestError
from .heart import Heart, dealer, reachable
from .inbox import Inbox
from .keys import read_keys
from .models import Models
from .order import Order
from .verbs import Verbs, new_id
from .wire import Message, pack, read_reply, unpack

R = TypeVar("R", bound=p.Reply)

DEFAULT_ENDPOINT = f"tcp://127.0.0.1:{p.DEFAULT_PORT}"
OPEN_SECONDS = 60.0  # an engine makes its tables when it is used for the first time
ADVANCE_STEP_SECONDS = 1.0  # long renderings go in steps, each within the time-out


class Client:
    """A connection to a Segue server.

    :param endpoint: of the control socket
    :param timeout_seconds: the longest wait for any answer
    :param encoding: msgpack or json
    :param heartbeat_seconds: how often the server is told that the sessions are still wanted
    :param name: what this client calls itself to the server
    :param keys: file from `segue keys new`, for a server that asks for keys

    Raises NoAnswerError if there is no server, RequestError if it speaks another protocol.
    """

    def __init__(
        self,
        endpoint: str = DEFAULT_ENDPOINT,
        *,
        timeout_seconds: float = 5.0,
        encoding: str = "msgpack",
        heartbeat_seconds: float = 5.0,
        name: str = "",
        keys: str | Path = "",
    ) -> None:
        if encoding not in p.ENCODINGS:
            known = ", ".join(p.ENCODINGS)
            raise ClientError(f"encoding {encoding!r} is not known; use one of: {known}")
        self.endpoint, self.timeout_seconds = endpoint, timeout_seconds
        self._heartbeat_seconds = heartbeat_seconds
        self._keys = read_keys(keys) if keys else None
        self._context = zmq.Context()
        self._control = dealer(self._context, endpoint, self._keys)
        self._sessions: dict[str, RemoteSession] = {}
        self._heart: Heart | None = None
        self._models: Models | None = None
        self._packed = False
        self.inbox = Inbox(self._context, self._keys)
        try:
            hello = p.Hello(client=name, encodings=[encoding])
            self.server = self.request(hello, p.Welcome)
            self._packed = self.server.encoding == "msgpack"
            self.inbox.connect(reachable(self.server.events, endpoint))
        except BaseException:
            self.close()
            raise

    def request(
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
        try:
            self._control.send_multipart(pack(content, header, packed=self._packed), zmq.NOBLOCK)
        except zmq.Again:
            raise self._no_answer(self.timeout_seconds) from None
        seconds = self.timeout_seconds if timeout_seconds is None else timeout_seconds
        message = self._wait_for(header.id, seconds)
        return read_reply(message, content, reply)

    def _wait_for(self, id: str, seconds: float) -> Message:
        """The reply to a request; replies that came too late for earlier ones are passed over."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if not self._control.poll(max(round(left * 1000), 1)):
                break
            message = Message()
            unpack(self._control.recv_multipart(zmq.NOBLOCK), message)
            if message.parent.get("id") == id:
                return message
        raise self._no_answer(seconds)

    def _no_answer(self, seconds: float) -> NoAnswerError:
        known = ", and does it know these keys" if self._keys else " (without keys)"
        return NoAnswerError(
            f"no answer from {self.endpoint} within {seconds:g} s; is a server running there"
            f"{known}? start one with: segue serve"
        )

    def list(self) -> p.Listing:
        """Cues, directors, outputs and open sessions of the server."""
        return self.request(p.List(), p.Listing)

    @property
    def models(self) -> Models:
        """Analysis and models of the server; connected when first asked for."""
        if self._models is None:
            if not self.server.models:
                raise ClientError("this server serves no models; start it with them: segue serve")
            self._models = Models(
                self._context,
                reachable(self.server.models, self.endpoint),
                timeout_seconds=self.timeout_seconds,
                keys=self._keys,
                packed=self._packed,
            )
        return self._models

    def ping(self) -> tuple[float, float]:
        """Round trip in seconds, and how far the server's clock is ahead of ours in seconds."""
        t0 = time.monotonic_ns()
        pong = self.request(p.Ping(t0_ns=t0, sessions=list(self._sessions)), p.Pong)
        t3 = time.monotonic_ns()
        offset = ((pong.t1_ns - t0) + (pong.t2_ns - t3)) / 2
        return (t3 - t0 - (pong.t2_ns - pong.t1_ns)) * 1e-9, offset * 1e-9

    def open(
        self,
        cue: str,
        *,
        director: str = "agent",
        output: str = "none",
        seed: int = 0,
        clock: str = "realtime",
        parameters: dict[str, float] | None = None,
        look_ahead_bars: int = 1,
        midi: str = "",
        log: str = "",
        timeout_seconds: float = 60.0,
        voices: int = 0,
        grid_beats: float = 0.0,
        meter_hz: float = 0.0,
    ) -> "RemoteSession":
        """Open a session in the server; `docs/protocol.md` says what each option is."""
        content = p.Open(
            cue=cue,
            director=director,
            output=output,
            seed=seed,
            clock=clock,
            parameters=parameters or {},
            look_ahead_bars=look_ahead_bars,
            midi=str(midi),
            log=str(log),
            timeout_seconds=timeout_seconds,
            voices=voices,
            grid_beats=grid_beats,
            meter_hz=meter_hz,
        )
        patience = max(self.timeout_seconds, OPEN_SECONDS)
        opened = self.request(content, p.Opened, timeout_seconds=patience)
        return self._hold(opened)

    def join(self, session: str) -> "RemoteSession":
        """A session that is open already; `list` names them. Closing it ends it for all."""
        return self._hold(self.request(p.Join(), p.Opened, session=session))

    def _hold(self, opened: p.Opened) -> "RemoteSession":
        """Hear a session's events, and keep it alive."""
        session = RemoteSession(self, opened.session, opened.position, opened.cue)
        self.inbox.subscribe(opened.session, opened.topic)
        self._sessions[session.id] = session
        if self._heart is None:
            self._heart = Heart(self._context, self.endpoint, self._heartbeat_seconds, self._keys)
        self._heart.sessions = tuple(self._sessions)
        return session

    def prepare(
        self, cue: str, director: str = "agent", *, wait_seconds: float = OPEN_SECONDS
    ) -> p.ReadyEvent | None:
        """Load a cue and a director, and make the tables of its instruments, ahead of `open`.

        :param wait_seconds: until it is ready, at most; 0 does not wait
        :return: how long it took; None if it is not ready yet

        Raises ClientError if it cannot be prepared.
        """
        self.inbox.subscribe("", f"{p.PROTOCOL_TAG.decode()}//")
        self.request(p.Prepare(cue=cue, director=director), p.Preparing)
        deadline = time.monotonic() + wait_seconds
        while (left := deadline - time.monotonic()) > 0 and self.inbox.wait(left):
            for event in self.inbox.take(""):
                if isinstance(event, p.ReadyEvent) and event.cue == cue:
                    return event
                if isinstance(event, p.WarningEvent) and repr(cue) in event.message:
                    raise ClientError(event.message)
        return None

    def metrics(self) -> p.Metrics:
        """How the server fares, and each of its sessions."""
        return self.request(p.GetMetrics(), p.Metrics)

    def shutdown(self) -> int:
        """End the server and all its sessions; how many there were."""
        for session in self._sessions.values():
            session.closed = True
        return self.request(p.Shutdown(), p.Bye).closed_sessions

    def close(self) -> None:
        """Close the sessions opened here, and the connection. Closing twice is allowed."""
        if self._control.closed:
            return
        for session in list(self._sessions.values()):
            try:
                session.close()
            except ClientError:
                break  # no server any more: nothing to close there
        if self._heart is not None:
            self._heart.stop()
        if self._models is not None:
            self._models.close()
        self.inbox.close()
        self._control.close(0)
        self._context.term()

    def _forget(self, session: str) -> None:
        self._sessions.pop(session, None)
        if self._heart is not None:
            self._heart.sessions = tuple(self._sessions)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class RemoteSession(Verbs[p.Accepted]):
    """A session in a server, with the verbs of one in this process."""

    def __init__(self, client: Client, id: str, position: p.Position, cue: p.CueInfo) -> None:
        self.id, self.cue = id, cue
        self.closed = False
        self._client = client
        self._order = Order(position.sequence)

    def command(self, content: p.Command, id: str | None = None) -> p.Accepted:
        """Send a command; raises RequestError if it is not accepted."""
        return self._ask(content, p.Accepted, id)

    def cancel(self, command: str) -> None:
        """Take back a command that waits."""
        self._ask(p.Cancel(command=command), p.Accepted)

    def explain(self, verb: str, /, **content: Any) -> p.Explained:
        """What a command would do if it came now, e.g. `explain("go", section="boss")`."""
        return self._ask(p.Explain(verb=verb, content=content), p.Explained)

    def time_to(self, at: str = "bar") -> p.TimeTo:
        """How long it is to the next moment that `at` names."""
        return self._ask(p.GetTimeTo(at=at), p.TimeTo)

    def why(self) -> p.Why:
        """What is sounding and why: what it was decided on, and what others would do."""
        return self._ask(p.GetWhy(), p.Why)

    def meters(self) -> p.Meters:
        """How loud it is; RequestError for a session without an engine."""
        return self._ask(p.GetMeters(), p.Meters)

    def position(self) -> p.Position:
        """Where the music is."""
        return self._seen(self._ask(p.GetPosition(), p.PositionReply).position)

    def advance(self, seconds: float) -> p.Position:
        """Move a manual clock on; returns when that much has been rendered."""
        left = seconds
        while left > ADVANCE_STEP_SECONDS:
            self._ask(p.Advance(seconds=ADVANCE_STEP_SECONDS), p.Advanced)
            left -= ADVANCE_STEP_SECONDS
        return self._seen(self._ask(p.Advance(seconds=left), p.Advanced).position)

    def events(self, timeout_seconds: float = 0.0) -> Iterator[p.Event]:
        """The events since the last call, oldest first, none missing.

        Goes on until none comes for `timeout_seconds`, or the session is closed.
        """
        while (event := self._next_event(timeout_seconds)) is not None:
            yield event
            if isinstance(event, p.ClosedEvent):
                return

    def snapshot(self) -> dict[str, Any]:
        """All that is needed to go on from here later, as plain JSON values."""
        return self._ask(p.GetSnapshot(), p.SnapshotReply).state

    def restore(self, state: dict[str, Any]) -> p.Position:
        """Go on from a snapshot of a session with the same cue, at the very beat."""
        return self._seen(self._ask(p.Restore(state=state), p.Restored).position)

    def pause(self) -> p.Position:
        """Fade out within 10 ms and let the music stand."""
        return self._seen(self._ask(p.Pause(), p.PositionReply).position)

    def resume(self) -> p.Position:
        """Go on from where `pause` stopped."""
        return self._seen(self._ask(p.Resume(), p.PositionReply).position)

    def seek(self, bar: int) -> p.Position:
        """Play again from a bar that was played before; the music decides anew from there."""
        return self._seen(self._ask(p.Seek(bar=bar), p.PositionReply).position)

    def close(self, fade_seconds: float = 0.0) -> list[str]:
        """End the music and write its files; their paths. A second call does nothing.

        :param fade_seconds: in real time, the music fades out first, in 60 seconds at most
        """
        if self.closed:
            return []
        self.closed = True
        self._client._forget(self.id)
        content, patience = p.Close(fade_seconds=fade_seconds), self._client.timeout_seconds
        return self._client.request(
            content, p.Closed, session=self.id, timeout_seconds=patience + fade_seconds
        ).files

    def _ask(self, content: p.Request, reply: type[R], id: str | None = None) -> R:
        return self._client.request(content, reply, session=self.id, id=id)

    def _seen(self, position: p.Position) -> p.Position:
        self._order.known = max(self._order.known, position.sequence)
        return position

    def _next_event(self, timeout_seconds: float) -> p.Event | None:
        """The next event in order; what did not come by itself is asked for."""
        deadline = time.monotonic() + timeout_seconds
        inbox = self._client.inbox
        while True:
            self._order.add(inbox.take(self.id))
            event = self._order.next()
            if event is not None:
                return event
            if self._order.missing:
                self._order.fill(self._fetch())
            elif not inbox.wait(deadline - time.monotonic()):
                return None

    def _fetch(self) -> list[dict[str, Any]]:
        """The events after the last one read, as far as the server has kept them."""
        if self.closed:
            return []
        try:
            return self._ask(p.GetEvents(after=self._order.read), p.EventList).events
        except RequestError:
            self.closed = True  # ended by someone else
            return []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
