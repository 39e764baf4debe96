"""Requests to replies: what the server does, without its sockets."""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Generic

from ...client import protocol as p
from ...client.errors import RequestError
from ...client.wire import Message
from ...music.errors import SegueError
from ..security.places import Places
from ..sessions.catalogue import listing
from ..sessions.session import Session
from ..sounding.sound import BLOCK_FRAMES, SAMPLE_RATE
from .addresses import Addresses
from .hosting import Hosts, Route, opened
from .preparing import Kitchen
from .questions import Questions
from .vitals import Vitals


class Desk(Generic[Route]):
    """Sessions, and an answer for each request.

    :param folder: the only place where sessions write files
    :param addresses: told in `welcome`
    :param version: of the package
    :param closed: a folder that clients never reach
    """

    def __init__(
        self, folder: Path, addresses: Addresses, version: str, *, closed: Path | None = None
    ) -> None:
        self.addresses, self.version = addresses, version
        self.started_ns, self.stopping = time.monotonic_ns(), False
        self._unfinished: Session | None = None
        self.vitals, self._kitchen = Vitals(), Kitchen()
        self.hosts: Hosts[Route] = Hosts(Places(folder, closed))
        self._handlers: dict[type[p.Request], Callable[..., p.Reply]] = {
            p.Hello: self._hello,
            p.List: self._list,
            p.Join: self._join,
            p.Cancel: self._cancel,
            p.Restore: self._restore,
            p.Pause: self._pause,
            p.Resume: self._resume,
            p.Seek: self._seek,
            p.Prepare: self._prepare,
            p.Shutdown: self._shutdown,
            **Questions(self.hosts, self.vitals).handlers,
        }

    def answer(self, message: Message, route: Route, received_ns: int) -> p.Reply | None:
        """The reply to a request; None if it comes later. Raises what `wire_error` can tell."""
        header = message.header
        kind = p.REQUESTS.get(header.type)
        if kind is None:
            known = ", ".join(sorted(p.REQUESTS))
            raise RequestError(
                "unknown_type", f"no request {header.type[:64]!r}", "$.header.type", f"use: {known}"
            )
        content = message.read(kind)
        if isinstance(content, p.Ping):
            return self._ping(content, received_ns)
        if isinstance(content, p.Advance):
            self._advance(content, header, route)
            return None
        if isinstance(content, p.Open):
            return self.hosts.open(content, header.id, route)
        if isinstance(content, p.GetMeters):
            self.hosts.ask_meters(header, route)
            return None
        if isinstance(content, p.Close):
            self.hosts.close_session(header, content.fade_seconds, route)
            return None
        if isinstance(content, p.Command):
            session = self.hosts.find(header).session
            self._unfinished = session if session.realtime else None
            return session.command(content, header.id or None, later=session.realtime)
        return self._handlers[kind](content, header)

    def finish(self) -> None:
        """Do the command that was answered last; it has waited for the answer to be sent."""
        session, self._unfinished = self._unfinished, None
        if session is not None:
            session.finish()

    # The server -------------------------------------------------------------------------------

    def _hello(self, content: p.Hello, header: p.Header) -> p.Welcome:
        spoken = [name for name in content.encodings if name in p.ENCODINGS]
        return p.Welcome(
            protocol=p.PROTOCOL_VERSION,
            server=f"segue {self.version}",
            encoding=spoken[0] if spoken else p.ENCODINGS[0],
            encodings=list(p.ENCODINGS),
            capabilities=self._capabilities(),
            sample_rate=SAMPLE_RATE,
            block_frames=BLOCK_FRAMES,
            clock="monotonic",
            max_message_bytes=p.MAX_MESSAGE_BYTES,
            started_ns=self.started_ns,
            **asdict(self.addresses),
        )

    def _capabilities(self) -> list[str]:
        bridges = [name for name in ("models", "web", "osc") if getattr(self.addresses, name)]
        return ["sessions", "stream", *bridges]

    def _ping(self, content: p.Ping, received_ns: int) -> p.Pong:
        unknown = [name for name in content.sessions if name not in self.hosts.hosted]
        for name in content.sessions:
            if name in self.hosts.hosted:
                self.hosts.hosted[name].heard_seconds = time.monotonic()
        return p.Pong(
            t0_ns=content.t0_ns, t1_ns=received_ns, t2_ns=time.monotonic_ns(), unknown=unknown
        )

    def _list(self, content: p.List, header: p.Header) -> p.Listing:
        return listing(self.hosts.names)

    def _shutdown(self, content: p.Shutdown, header: p.Header) -> p.Bye:
        self.stopping = True
        return p.Bye(closed_sessions=len(self.hosts.names))

    def _prepare(self, content: p.Prepare, header: p.Header) -> p.Preparing:
        return self._kitchen.prepare(content, lambda: self.hosts.places.cue(content.cue))

    # Sessions ---------------------------------------------------------------------------------

    def _join(self, content: p.Join, header: p.Header) -> p.Opened:
        return opened(self.hosts.find(header).session)

    def _cancel(self, content: p.Cancel, header: p.Header) -> p.Accepted:
        session = self.hosts.find(header).session
        session.cancel(content.command)
        here = session.position()
        return p.Accepted(
            id=header.id,
            scheduled_frame=here.frame,
            scheduled_beat=here.beat,
            scheduled_bar=here.bar,
            eta_seconds=0.0,
        )

    def _advance(self, content: p.Advance, header: p.Header, route: Route) -> None:
        hosted = self.hosts.find(header)
        hosted.session.begin_advance(content.seconds)
        hosted.advancing.append(route)

    def _restore(self, content: p.Restore, header: p.Header) -> p.Restored:
        return p.Restored(position=self.hosts.find(header).session.restore(content.state))

    def _pause(self, content: p.Pause, header: p.Header) -> p.PositionReply:
        return p.PositionReply(position=self.hosts.find(header).session.pause())

    def _resume(self, content: p.Resume, header: p.Header) -> p.PositionReply:
        return p.PositionReply(position=self.hosts.find(header).session.resume())

    def _seek(self, content: p.Seek, header: p.Header) -> p.PositionReply:
        return p.PositionReply(position=self.hosts.find(header).session.seek(content.bar))

    # Time -------------------------------------------------------------------------------------

    def turn(self) -> list[tuple[Route, p.Reply]]:
        """Keep the sessions going; the replies that have become ready."""
        return self.hosts.turn()

    def new_events(self) -> list[p.Event]:
        """Events that have not been sent out."""
        return [*self._kitchen.ready(), *self.hosts.new_events()]

    def new_sound(self) -> Iterator[tuple[p.SoundBlock, bytes]]:
        """Sound that has not been sent out, each block with its samples."""
        return self.hosts.new_sound()

    @property
    def busy(self) -> bool:
        """Whether a rendering goes on."""
        return self.hosts.busy

    @property
    def live(self) -> bool:
        """Whether a session runs in real time, or something is being opened or prepared."""
        return self.hosts.live or self._kitchen.busy

    def close(self, reason: str) -> list[SegueError]:
        """Close all sessions; what went wrong with their files."""
        self._kitchen.close()
        return self.hosts.close(reason)
