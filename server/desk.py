"""Requests to replies: what the server does, without its sockets."""

import contextlib
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from ..client import protocol as p
from ..client.errors import RequestError
from ..client.wire import Message
from ..music.errors import SegueError, check_range
from .addresses import Addresses
from .catalogue import cue_info, listing
from .faults import wire_error
from .session import Session
from .sound import BLOCK_FRAMES, SAMPLE_RATE

MAX_SESSIONS = 64
MAX_OPENING = 4  # at once
MAX_TIMEOUT_SECONDS = 86_400.0
MAX_EVENTS = 8192
WORK_FRAMES = 24_000  # rendered for one session before others have their turn
REMEMBERED_OPENS = 256

Route = TypeVar("Route")


@dataclass
class Hosted(Generic[Route]):
    """A session in the server."""

    session: Session
    timeout_seconds: float
    heard_seconds: float  # monotonic, when a client last spoke of it
    published: int = 0  # sequence number of the last event sent out
    advancing: list[Route] = field(default_factory=list)  # who waits for the rendering


@dataclass
class Opening(Generic[Route]):
    """A session that is being opened, in a thread of its own."""

    future: "Future[Session]"
    name: str
    timeout_seconds: float
    id: str  # of the request
    routes: list[Route]  # who waits for it


class Desk(Generic[Route]):
    """Sessions, and an answer for each request.

    :param folder: the only place where sessions write files
    :param addresses: told in `welcome`
    :param version: of the package
    """

    def __init__(self, folder: Path, addresses: Addresses, version: str) -> None:
        self.folder, self.addresses, self.version = folder, addresses, version
        self.hosted: dict[str, Hosted[Route]] = {}
        self.stopping = False
        self._count = 0
        self._opened: OrderedDict[str, p.Opened] = OrderedDict()
        self._opening: list[Opening[Route]] = []
        self._pool = ThreadPoolExecutor(MAX_OPENING, "segue-open")
        self._handlers: dict[type[p.Request], Callable[..., p.Reply]] = {
            p.Hello: self._hello,
            p.List: self._list,
            p.Cancel: self._cancel,
            p.GetPosition: self._position,
            p.GetEvents: self._events,
            p.GetSnapshot: self._snapshot,
            p.Restore: self._restore,
            p.Pause: self._pause,
            p.Resume: self._resume,
            p.Seek: self._seek,
            p.Close: self._close,
            p.Shutdown: self._shutdown,
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
            return self._open(content, header, route)
        if isinstance(content, p.Command):
            return self._hosted(header).session.command(content, header.id or None)
        return self._handlers[kind](content, header)

    # The server -------------------------------------------------------------------------------

    def _hello(self, content: p.Hello, header: p.Header) -> p.Welcome:
        spoken = [name for name in content.encodings if name in p.ENCODINGS]
        return p.Welcome(
            protocol=p.PROTOCOL_VERSION,
            server=f"segue {self.version}",
            encoding=spoken[0] if spoken else p.ENCODINGS[0],
            encodings=list(p.ENCODINGS),
            capabilities=["sessions"],
            sample_rate=SAMPLE_RATE,
            block_frames=BLOCK_FRAMES,
            clock="monotonic",
            max_message_bytes=p.MAX_MESSAGE_BYTES,
            **asdict(self.addresses),
        )

    def _ping(self, content: p.Ping, received_ns: int) -> p.Pong:
        unknown = [name for name in content.sessions if name not in self.hosted]
        for name in content.sessions:
            if name in self.hosted:
                self.hosted[name].heard_seconds = time.monotonic()
        return p.Pong(
            t0_ns=content.t0_ns, t1_ns=received_ns, t2_ns=time.monotonic_ns(), unknown=unknown
        )

    def _list(self, content: p.List, header: p.Header) -> p.Listing:
        return listing(self._open_sessions())

    def _shutdown(self, content: p.Shutdown, header: p.Header) -> p.Bye:
        self.stopping = True
        return p.Bye(closed_sessions=len(self._open_sessions()))

    def _open_sessions(self) -> list[str]:
        return [name for name, hosted in self.hosted.items() if not hosted.session.closed]

    # Sessions ---------------------------------------------------------------------------------

    def _open(self, content: p.Open, header: p.Header, route: Route) -> p.Opened | None:
        """Begin to open a session; `turn` has the reply, so that others need not wait for it."""
        known = self._opened.get(header.id) if header.id else None
        if known is not None and known.session in self.hosted:
            return known
        for opening in self._opening:
            if header.id and opening.id == header.id:
                opening.routes.append(route)
                return None
        if len(self.hosted) + len(self._opening) >= MAX_SESSIONS:
            raise SegueError(f"{MAX_SESSIONS} sessions are open; close one first")
        timeout = check_range("timeout_seconds", content.timeout_seconds, 0, MAX_TIMEOUT_SECONDS)
        name = f"s{self._count + 1}"
        options: dict[str, Any] = {
            "director": content.director,
            "output": self._output(content.output),
            "seed": content.seed,
            "clock": content.clock,
            "parameters": content.parameters,
            "look_ahead_bars": content.look_ahead_bars,
            "midi": self._path(content.midi),
            "log": self._path(content.log),
            "id": name,
        }
        future = self._pool.submit(Session.open, content.cue, **options)
        self._count += 1
        self._opening.append(Opening(future, name, timeout, header.id, [route]))
        return None

    def _opened_now(self) -> list[tuple[Route, p.Reply]]:
        """The replies to openings that are done."""
        ready: list[tuple[Route, p.Reply]] = []
        for opening in [o for o in self._opening if o.future.done()]:
            self._opening.remove(opening)
            reply: p.Reply
            try:
                reply = self._host(opening, opening.future.result())
            except Exception as error:  # whatever it is, whoever asked is told
                reply = wire_error(error)
            ready += [(route, reply) for route in opening.routes]
        return ready

    def _host(self, opening: Opening[Route], session: Session) -> p.Opened:
        name = opening.name
        self.hosted[name] = Hosted(session, opening.timeout_seconds, time.monotonic())
        opened = p.Opened(
            session=name,
            cue=cue_info(session.cue),
            topic=f"{p.PROTOCOL_TAG.decode()}/{name}/",
            sample_rate=session.sample_rate,
            position=session.position(),
        )
        if opening.id:
            self._opened[opening.id] = opened
            while len(self._opened) > REMEMBERED_OPENS:
                self._opened.popitem(last=False)
        return opened

    def _output(self, output: str) -> str:
        kind, colon, path = output.partition(":")
        return f"{kind}:{self._path(path)}" if kind == "file" and colon else output

    def _path(self, text: str) -> Path | None:
        """A path in the server's folder, whose parents are made."""
        if not text:
            return None
        folder = self.folder.resolve()
        path = (folder / text).resolve()
        if not path.is_relative_to(folder) or path == folder:
            raise SegueError(
                f"{text!r} does not lie in the folder in which this server writes; "
                "name a path below it"
            )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SegueError(
                f"cannot make the folder of {text!r}: {error.strerror}; choose another path"
            ) from error
        return path

    def _hosted(self, header: p.Header) -> Hosted[Route]:
        hosted = self.hosted.get(header.session)
        if hosted is None or hosted.session.closed:
            raise RequestError(
                "unknown_session",
                f"no session {header.session[:64]!r} is open",
                "$.header.session",
                "open one, and name it in the header",
            )
        hosted.heard_seconds = time.monotonic()
        return hosted

    def _cancel(self, content: p.Cancel, header: p.Header) -> p.Accepted:
        session = self._hosted(header).session
        session.cancel(content.command)
        here = session.position()
        return p.Accepted(
            id=header.id,
            scheduled_frame=here.frame,
            scheduled_beat=here.beat,
            scheduled_bar=here.bar,
            eta_seconds=0.0,
        )

    def _position(self, content: p.GetPosition, header: p.Header) -> p.PositionReply:
        return p.PositionReply(position=self._hosted(header).session.position())

    def _advance(self, content: p.Advance, header: p.Header, route: Route) -> None:
        hosted = self._hosted(header)
        hosted.session.begin_advance(content.seconds)
        hosted.advancing.append(route)

    def _events(self, content: p.GetEvents, header: p.Header) -> p.EventList:
        limit = int(check_range("limit", content.limit, 1, MAX_EVENTS))
        session = self._hosted(header).session
        events = session.events_after(max(content.after, 0))[:limit]
        return p.EventList(
            events=[msgspec.to_builtins(event) for event in events],
            sequence=session.sequence,
            oldest=session.oldest,
        )

    def _snapshot(self, content: p.GetSnapshot, header: p.Header) -> p.SnapshotReply:
        session = self._hosted(header).session
        return p.SnapshotReply(state=session.snapshot(), sequence=session.sequence)

    def _restore(self, content: p.Restore, header: p.Header) -> p.Restored:
        return p.Restored(position=self._hosted(header).session.restore(content.state))

    def _pause(self, content: p.Pause, header: p.Header) -> p.PositionReply:
        return p.PositionReply(position=self._hosted(header).session.pause())

    def _resume(self, content: p.Resume, header: p.Header) -> p.PositionReply:
        return p.PositionReply(position=self._hosted(header).session.resume())

    def _seek(self, content: p.Seek, header: p.Header) -> p.PositionReply:
        return p.PositionReply(position=self._hosted(header).session.seek(content.bar))

    def _close(self, content: p.Close, header: p.Header) -> p.Closed:
        files = self._hosted(header).session.close()
        root = self.folder.resolve()
        return p.Closed(files=[str(Path(file).relative_to(root)) for file in files])

    # Time -------------------------------------------------------------------------------------

    def turn(self) -> list[tuple[Route, p.Reply]]:
        """Keep the sessions going; the replies that have become ready."""
        ready = self._opened_now()
        for hosted in list(self.hosted.values()):
            try:
                reply = self._turn(hosted)
            except SegueError as error:  # an engine that died, a disk that is full
                reply = wire_error(error)
                _give_up(hosted.session, str(error))
            if reply is not None:
                ready += [(route, reply) for route in hosted.advancing]
                hosted.advancing.clear()
        return ready

    def _turn(self, hosted: Hosted[Route]) -> p.Reply | None:
        session = hosted.session
        session.pump()
        if hosted.advancing:
            hosted.heard_seconds = time.monotonic()
            if session.closed:
                raise SegueError(f"session {session.id!r} was closed meanwhile; open another")
            if session.work(WORK_FRAMES):
                return p.Advanced(position=session.position())
            return None
        silent = time.monotonic() - hosted.heard_seconds
        if hosted.timeout_seconds and silent > hosted.timeout_seconds:
            session.close(f"no client spoke of it for {hosted.timeout_seconds:g} s")
        return None

    def new_events(self) -> list[p.Event]:
        """Events that have not been sent out; closed sessions are let go after theirs."""
        events: list[p.Event] = []
        for name, hosted in list(self.hosted.items()):
            events += hosted.session.events_after(hosted.published)
            hosted.published = hosted.session.sequence
            if hosted.session.closed:
                del self.hosted[name]
        return events

    @property
    def busy(self) -> bool:
        """Whether a rendering goes on."""
        return any(hosted.advancing for hosted in self.hosted.values())

    @property
    def live(self) -> bool:
        """Whether a session runs in real time, or is being opened."""
        realtime = any(hosted.session.realtime for hosted in self.hosted.values())
        return realtime or bool(self._opening)

    def close(self, reason: str) -> list[SegueError]:
        """Close all sessions; what went wrong with their files."""
        faults = []
        self._pool.shutdown(wait=True)
        self._opened_now()
        for hosted in self.hosted.values():
            try:
                hosted.session.close(reason)
            except SegueError as error:
                faults.append(error)
        return faults


def _give_up(session: Session, reason: str) -> None:
    """Close a session that has failed; its files may be lost, which `reason` has told."""
    with contextlib.suppress(SegueError):
        session.close(reason)
