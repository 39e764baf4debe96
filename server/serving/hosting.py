"""Sessions in a server: opened in threads of their own, kept going, and closed."""

import contextlib
import time
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from ...client import protocol as p
from ...client.errors import RequestError
from ...music.errors import SegueError, check_range
from ...synth.stream import BlockQueue, Stream
from ..security.faults import wire_error, without_folders
from ..security.places import Places
from ..sessions.catalogue import cue_info
from ..sessions.session import MAX_FADE_SECONDS, Session
from ..sounding.mix import SMOOTH_SECONDS

MAX_SESSIONS = 64
MAX_OPENING = 4  # at once
MAX_TIMEOUT_SECONDS = 86_400.0
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
    asking: list[tuple[Future[p.Meters], Route]] = field(default_factory=list)
    closing: list[Route] = field(default_factory=list)  # who waits for the end
    close_seconds: float | None = None  # monotonic, when it has faded out
    ending: Future[list[str]] | None = None  # the files, once the last notes have rung out
    blocks: BlockQueue | None = None  # of its sound, for those who stream it


@dataclass
class Opening(Generic[Route]):
    """A session that is being opened, in a thread of its own."""

    future: "Future[Session]"
    name: str
    timeout_seconds: float
    id: str  # of the request
    routes: list[Route]  # who waits for it
    blocks: BlockQueue | None = None  # of its sound


class Hosts(Generic[Route]):
    """The sessions of a server.

    :param places: where sessions write files, and cues of one's own lie
    """

    def __init__(self, places: Places) -> None:
        self.places = places
        self.hosted: dict[str, Hosted[Route]] = {}
        self.opening: list[Opening[Route]] = []
        self._count = 0
        self._opened: OrderedDict[str, p.Opened] = OrderedDict()
        self._pool = ThreadPoolExecutor(MAX_OPENING, "segue-open")
        self._endings = ThreadPoolExecutor(MAX_OPENING, "segue-close")

    def find(self, header: p.Header) -> Hosted[Route]:
        """The session that a header names; RequestError if none is open."""
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

    @property
    def names(self) -> list[str]:
        """The open sessions."""
        return [name for name, hosted in self.hosted.items() if not hosted.session.closed]

    @property
    def waiting(self) -> list[Route]:
        """Who waits for a session to be opened, once for each."""
        return [route for opening in self.opening for route in opening.routes]

    # Opening ----------------------------------------------------------------------------------

    def open(self, content: p.Open, id: str, route: Route) -> p.Opened | None:
        """Begin to open a session; `turn` has the reply, so that others need not wait for it."""
        known = self._opened.get(id) if id else None
        if known is not None and known.session in self.hosted:
            return known
        for opening in self.opening:
            if id and opening.id == id:
                opening.routes.append(route)
                return None
        if len(self.hosted) + len(self.opening) >= MAX_SESSIONS:
            raise RequestError(
                "busy", f"{MAX_SESSIONS} sessions are open", "", "close one, or try again later"
            )
        timeout = check_range("timeout_seconds", content.timeout_seconds, 0, MAX_TIMEOUT_SECONDS)
        name = f"s{self._count + 1}"
        options: dict[str, Any] = {
            "director": content.director,
            "output": self._output(content.output),
            "seed": content.seed,
            "clock": content.clock,
            "parameters": content.parameters,
            "look_ahead_bars": content.look_ahead_bars,
            "midi": self.places.writable(content.midi),
            "log": self.places.writable(content.log),
            "voices": content.voices,
            "grid_beats": content.grid_beats,
            "meter_hz": content.meter_hz,
            "id": name,
        }
        blocks = BlockQueue() if content.output == "stream" else None
        if blocks is not None:
            options["output"] = Stream(blocks.put, realtime=content.clock == "realtime")
        future = self._pool.submit(lambda: Session.open(self.places.cue(content.cue), **options))
        self._count += 1
        self.opening.append(Opening(future, name, timeout, id, [route], blocks))
        return None

    def _opened_now(self) -> list[tuple[Route, p.Reply]]:
        """The replies to openings that are done."""
        ready: list[tuple[Route, p.Reply]] = []
        for opening in [o for o in self.opening if o.future.done()]:
            self.opening.remove(opening)
            reply: p.Reply
            try:
                reply = self._host(opening, opening.future.result())
            except Exception as error:  # whatever it is, whoever asked is told
                reply = wire_error(error)
            ready += [(route, reply) for route in opening.routes]
        return ready

    def _host(self, opening: Opening[Route], session: Session) -> p.Opened:
        name = opening.name
        hosted: Hosted[Route] = Hosted(session, opening.timeout_seconds, time.monotonic())
        hosted.blocks = opening.blocks
        self.hosted[name] = hosted
        reply = opened(session)
        if opening.id:
            self._opened[opening.id] = reply
            while len(self._opened) > REMEMBERED_OPENS:
                self._opened.popitem(last=False)
        return reply

    def _output(self, output: str) -> str:
        kind, colon, path = output.partition(":")
        return f"{kind}:{self.places.writable(path)}" if kind == "file" and colon else output

    # Time -------------------------------------------------------------------------------------

    def turn(self) -> list[tuple[Route, p.Reply]]:
        """Keep the sessions going; the replies that have become ready."""
        ready = self._opened_now()
        for hosted in list(self.hosted.values()):
            if hosted.ending is not None:
                ready += self._ended(hosted, hosted.ending)
                continue
            try:
                reply = self._turn(hosted)
            except SegueError as error:  # an engine that died, a disk that is full
                reply = wire_error(error)
                _give_up(hosted.session, without_folders(str(error)))
            if reply is not None:
                ready += [(route, reply) for route in hosted.advancing]
                hosted.advancing.clear()
            ready += self._answered(hosted)
        return ready

    def ask_meters(self, header: p.Header, route: Route) -> None:
        """Ask a session's engine how loud it is; `turn` has the reply."""
        hosted = self.find(header)
        hosted.asking.append((hosted.session.ask_meters(), route))

    def _answered(self, hosted: Hosted[Route]) -> list[tuple[Route, p.Reply]]:
        """What the engine of a session has answered."""
        done = [pair for pair in hosted.asking if pair[0].done()]
        hosted.asking = [pair for pair in hosted.asking if pair not in done]
        return [(route, _result(future)) for future, route in done]

    def close_session(self, header: p.Header, fade_seconds: float, route: Route) -> None:
        """End a session, in real time with a fade; `turn` has the reply."""
        seconds = check_range("fade_seconds", fade_seconds, 0.0, MAX_FADE_SECONDS)
        hosted = self.find(header)
        hosted.closing.append(route)
        if seconds and hosted.session.fade_out(seconds):
            hosted.close_seconds = time.monotonic() + seconds + SMOOTH_SECONDS
        else:
            self._end(hosted, "closed")

    def _end(self, hosted: Hosted[Route], reason: str) -> None:
        """Let a session ring out and write its files, which may take seconds, in a thread."""
        hosted.ending = self._endings.submit(hosted.session.close, reason)

    def _ended(
        self, hosted: Hosted[Route], ending: "Future[list[str]]"
    ) -> list[tuple[Route, p.Reply]]:
        """Who is told that a session has ended, once it has."""
        if not ending.done():
            return []
        hosted.ending = None
        reply: p.Reply
        try:
            reply = p.Closed(files=[self.places.told(file) for file in ending.result()])
        except Exception as error:  # a disk that is full
            reply = wire_error(error)
        routes, hosted.closing = hosted.closing, []
        gone = SegueError(f"session {hosted.session.id!r} was closed meanwhile; open another")
        waiting = [*hosted.advancing, *(route for _, route in hosted.asking)]
        hosted.advancing.clear()
        return [
            *((route, wire_error(gone)) for route in waiting),
            *((route, reply) for route in routes),
        ]

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
        now = time.monotonic()
        if hosted.close_seconds is not None and now >= hosted.close_seconds:
            self._end(hosted, "closed")
        elif hosted.timeout_seconds and now - hosted.heard_seconds > hosted.timeout_seconds:
            self._end(hosted, f"no client spoke of it for {hosted.timeout_seconds:g} s")
        return None

    def new_events(self) -> list[p.Event]:
        """Events that have not been sent out; closed sessions are let go after theirs."""
        events: list[p.Event] = []
        for name, hosted in list(self.hosted.items()):
            if hosted.ending is not None:
                continue  # its lock is taken until it has rung out
            events += hosted.session.events_after(hosted.published)
            hosted.published = hosted.session.sequence
            if hosted.session.closed:
                del self.hosted[name]
        return events

    def new_sound(self) -> Iterator[tuple[p.SoundBlock, bytes]]:
        """Blocks of sessions that stream, each with its samples."""
        for name, hosted in self.hosted.items():
            while hosted.blocks is not None and len(hosted.blocks):
                block = hosted.blocks.get()
                if block is not None:
                    rate, shape = hosted.session.sample_rate, list(block.samples.shape)
                    buffer = p.Buffer(dtype="float32", shape=shape, sample_rate=rate)
                    told = p.SoundBlock(session=name, at_frame=block.music_frame, buffer=buffer)
                    yield told, block.samples.tobytes()

    @property
    def busy(self) -> bool:
        """Whether a rendering goes on."""
        return any(hosted.advancing for hosted in self.hosted.values())

    @property
    def live(self) -> bool:
        """Whether a session runs in real time, or somebody waits for what takes a moment."""
        return bool(self.opening) or any(
            hosted.session.realtime or hosted.asking or hosted.closing
            for hosted in self.hosted.values()
        )

    def fade_out(self, seconds: float) -> bool:
        """Let all music in real time begin to fade out; whether there is any."""
        faded = False
        for hosted in self.hosted.values():
            with contextlib.suppress(SegueError):  # its engine is gone, so it is silent
                faded |= hosted.session.fade_out(seconds)
        return faded

    def close(self, reason: str) -> list[SegueError]:
        """Close all sessions; what went wrong with their files."""
        faults = []
        self._pool.shutdown(wait=True)
        self._opened_now()
        self._endings.shutdown(wait=True)
        for hosted in self.hosted.values():
            hosted.ending = None
        for hosted in self.hosted.values():
            try:
                hosted.session.close(reason)
            except SegueError as error:
                faults.append(error)
        return faults


def _result(future: "Future[p.Meters]") -> p.Reply:
    try:
        return future.result()
    except Exception as error:
        return wire_error(error)


def _give_up(session: Session, reason: str) -> None:
    """Close a session that has failed; its files may be lost, which `reason` has told."""
    with contextlib.suppress(SegueError):
        session.close(reason)


def opened(session: Session) -> p.Opened:
    """What a client needs to know of a session that it has opened or joins."""
    return p.Opened(
        session=session.id,
        cue=cue_info(session.cue),
        topic=f"{p.PROTOCOL_TAG.decode()}/{session.id}/",
        sample_rate=session.sample_rate,
        position=session.position(),
    )
