"""The models socket: requests to work for the pool, and what comes of it to replies. One thread."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import msgspec
import zmq

from ...client import protocol as p
from ...client.errors import RequestError
from ...client.wire import Message, pack, unpack
from ...music.errors import SegueError, suggestion
from ..security.faults import wire_error
from ..security.guard import OWN_GUEST, Guard, Guest
from ..security.intake import Asked, Intake
from ..security.keys import KeyFolder
from ..security.limits import LOCAL, Limits, too_many
from ..security.places import Places
from ..security.rights import check_rights
from ..serving.server import Route
from ..sounding.sound import BLOCK_FRAMES, SAMPLE_RATE
from .book import CANCELLED, DONE, FAILED, OVER, RUNNING, Book, Work
from .functions import CARDS, FUNCTIONS, LIBRARY, Entry, function_list
from .library import Library
from .pool import JOBS, QUICK, Pool
from .sources import Found, find_source
from .tasks import Done, Failed, FromWorker, JobLimits, Ready, Roots, Task, Told, encode

log = logging.getLogger(__name__)

LOOK_MS = 50  # at workers, at least so often
SERVED_AT_ONCE = 64
BYTES_A_REQUEST = 128 * 1024  # of a message with sound
REPLIES_KEPT = 100
FORGET_SECONDS = 1.0


class Service:
    """Serves until `stop`; use from one thread.

    :param endpoint: where to listen, e.g. tcp://127.0.0.1:5572; port * takes any free one
    :param folder: whose files may be named as sources
    :param library: folders of sound and MIDI files
    :param keys: folder of keys; None: everybody who reaches the socket is `admin`
    :param own_key: public key of the server's other processes
    :param version: of the package

    Raises SegueError if it cannot listen there.
    """

    def __init__(
        self,
        endpoint: str = "tcp://127.0.0.1:*",
        *,
        folder: str | Path = ".",
        library: Sequence[str | Path] = (),
        keys: KeyFolder | None = None,
        own_key: str = "",
        version: str = "",
        functions: dict[str, Entry] = FUNCTIONS,
        limits: JobLimits | None = None,
    ) -> None:
        self._context = zmq.Context()
        self._guard = Guard(self._context, keys, own_key=own_key)
        self._own_guest = OWN_GUEST if keys else None
        self._socket = self._context.socket(zmq.ROUTER)
        _configure(self._socket)
        self._guard.protect(self._socket)
        try:
            self.endpoint = _bind(self._socket, endpoint)
        except SegueError:
            self._close_sockets()
            raise
        self._guard.start()
        self._functions, self._version = functions, version
        self._told = p.FunctionList(functions=function_list(functions))
        closed = str(keys.folder) if keys else ""
        self._places, self._library = Places(folder, closed or None), Library(library)
        self._roots = Roots(str(self._places.folder), tuple(map(str, library)), closed)
        self._limits = limits or JobLimits()
        limits_of_clients = replace(Limits() if keys else LOCAL, bytes_a_request=BYTES_A_REQUEST)
        self._intake = Intake(self._guard, limits_of_clients, bytes_a_client=2 * p.MAX_UPLOAD_BYTES)
        self._book = Book(self._limits)
        self.pool = Pool(self._context, self._limits)
        self._stop = threading.Event()
        self._forgotten = 0.0
        self._handlers: dict[str, Callable[..., p.Reply | None]] = {
            p.Hello.TYPE: self._hello,
            p.Ping.TYPE: self._ping,
            p.GetFunctions.TYPE: self._list_functions,
            p.GetLibrary.TYPE: self._list_library,
            p.GetCards.TYPE: self._list_cards,
            p.Call.TYPE: self._call,
            p.Submit.TYPE: self._submit,
            p.GetJob.TYPE: self._job,
            p.GetJobs.TYPE: self._jobs,
            p.GetResult.TYPE: self._result,
            p.CancelJob.TYPE: self._cancel,
        }

    def run(self) -> None:
        """Serve until `stop`."""
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self.pool.socket, zmq.POLLIN)
        while not self._stop.is_set():
            poller.poll(0 if self._intake else LOOK_MS)
            self._read()
            for message, buffers in self.pool.collect():
                self._hear(message, buffers)
            for failed in self.pool.watch():
                self._hear(failed, [])
            self._hand_out()
            if time.monotonic() - self._forgotten > FORGET_SECONDS:
                self._forgotten = time.monotonic()
                self._book.forget()

    def stop(self) -> None:
        """End `run` soon; may be called from a signal handler or another thread."""
        self._stop.set()

    def close(self) -> None:
        """End the workers and close the sockets."""
        if not self._socket.closed:
            self.pool.close()
            self._close_sockets()

    def _close_sockets(self) -> None:
        self._guard.close()
        self._socket.close(200)  # ms for the last replies
        self._context.term()

    # Requests ---------------------------------------------------------------------------------

    def _read(self) -> None:
        self._intake.read(self._socket)
        for _ in range(SERVED_AT_ONCE):
            asked = self._intake.next()
            if asked is None:
                return
            self._serve(asked)

    def _serve(self, asked: Asked) -> None:
        frames, guest = asked.frames, asked.guest
        count = 2 if len(frames) > 1 and frames[1] == b"" else 1
        own = guest == self._own_guest  # the gateway: each of its connections is one client
        route = Route(frames[:count], Message(), asked.client)
        reply: p.Reply | None
        try:
            unpack(frames[count:], route.message, max_bytes=p.MAX_UPLOAD_BYTES)
            if not asked.within:
                raise too_many(self._intake.meter.limits)
            reply = self._answer(route, guest, sees_all=guest.rights == "admin" and not own)
        except Exception as error:  # whatever one client causes must not disturb the others
            reply = wire_error(error)
        if reply is not None:
            self._reply(route, reply)

    def _answer(self, route: Route, guest: Guest, *, sees_all: bool) -> p.Reply | None:
        header = route.message.header
        kinds = p.MODEL_REQUESTS | {p.Hello.TYPE: p.Hello, p.Ping.TYPE: p.Ping}
        kind = kinds.get(header.type)
        if kind is None:
            known = ", ".join(sorted(kinds))
            fact = f"no request {header.type[:64]!r} here"
            raise RequestError("unknown_type", fact, "$.header.type", f"use: {known}")
        check_rights(header.type, guest.rights)
        reply = self._handlers[header.type](route.message.read(kind), route, sees_all)
        if isinstance(reply, p.Welcome):
            reply.rights = guest.rights
        return reply

    def _hello(self, content: p.Hello, route: Route, sees_all: bool) -> p.Welcome:
        spoken = [name for name in content.encodings if name in p.ENCODINGS]
        return p.Welcome(
            protocol=p.PROTOCOL_VERSION,
            server=f"segue {self._version}",
            encoding=spoken[0] if spoken else p.ENCODINGS[0],
            encodings=list(p.ENCODINGS),
            capabilities=["models"],
            events="",
            sample_rate=SAMPLE_RATE,
            block_frames=BLOCK_FRAMES,
            clock="monotonic",
            max_message_bytes=p.MAX_UPLOAD_BYTES,
            models=self.endpoint,
        )

    def _ping(self, content: p.Ping, route: Route, sees_all: bool) -> p.Pong:
        now = time.monotonic_ns()
        return p.Pong(t0_ns=content.t0_ns, t1_ns=now, t2_ns=now, unknown=content.sessions)

    def _list_functions(
        self, content: p.GetFunctions, route: Route, sees_all: bool
    ) -> p.FunctionList:
        return self._told

    def _list_library(self, content: p.GetLibrary, route: Route, sees_all: bool) -> None:
        options = {"search": content.search, "limit": content.limit}
        self._add("library", LIBRARY, Found(), options, route)

    def _list_cards(self, content: p.GetCards, route: Route, sees_all: bool) -> None:
        self._add("cards", CARDS, Found(), {"name": content.name}, route)

    def _call(self, content: p.Call, route: Route, sees_all: bool) -> None:
        self._add(*self._checked(content, route), content.options, route)

    def _submit(self, content: p.Submit, route: Route, sees_all: bool) -> p.JobReply:
        name, entry, found = self._checked(content, route)
        return p.JobReply(job=self._add(name, entry, found, content.options, route, True).told())

    def _checked(self, content: p.Call | p.Submit, route: Route) -> tuple[str, Entry, Found]:
        """The function that is asked for and what it is to work on, if all of that can be."""
        name = content.function
        entry = self._functions.get(name)
        if entry is None:
            hint = suggestion(name[:64], self._functions).removeprefix("; ")
            fact = f"unknown function {name[:64]!r}"
            raise RequestError("unknown_name", fact, "$.content.function", hint)
        data = route.message.buffers
        found = find_source(content.source, data, name, entry, self._places, self._library)
        try:
            msgspec.convert(content.options, type=entry.options)
        except msgspec.ValidationError as error:
            text, _, place = str(error).partition(" - at `$")
            path = f"$.content.options{place.rstrip('`')}"
            known = ", ".join(entry.options.__struct_fields__) or "none"
            raise RequestError("invalid", text, path, f"options of {name!r}: {known}") from None
        return name, entry, found

    def _add(
        self,
        name: str,
        entry: Entry,
        found: Found,
        options: dict[str, Any],
        route: Route,
        job: bool = False,
    ) -> Work:
        number = self._book.number()
        task = Task(
            number=number,
            runner=entry.runner_path,
            options_type=entry.options_path,
            options=options,
            kind=found.kind,
            path=found.path,
            title=found.title,
            buffers=list(found.buffers),
            roots=self._roots,
        )
        try:
            encode(task)  # as it will be for the worker
        except (OverflowError, RecursionError):
            fact = "a number of more than 64 bits, or maps nested too deep"
            raise RequestError("out_of_range", fact, "$.content", "give less") from None
        quick = entry.quick and found.small and not job
        buffers, route.message.buffers = route.message.buffers, []
        work = Work(task, name, QUICK if quick else JOBS, route, buffers, f"j{number}" * job)
        self._book.add(work)
        return work

    def _seen(self, id: str, route: Route, sees_all: bool) -> Work:
        work = self._book.job(id)
        if not sees_all and work.route.client != route.client:
            raise RequestError(
                "forbidden", f"job {id!r} is another client's", "$.content.job", "ask for `jobs`"
            )
        return work

    def _job(self, content: p.GetJob, route: Route, sees_all: bool) -> p.JobReply:
        return p.JobReply(job=self._seen(content.job, route, sees_all).told())

    def _jobs(self, content: p.GetJobs, route: Route, sees_all: bool) -> p.JobList:
        seen = [one for one in self._book.jobs() if sees_all or one.route.client == route.client]
        return p.JobList(jobs=[work.told() for work in seen])

    def _result(self, content: p.GetResult, route: Route, sees_all: bool) -> p.Reply | None:
        work = self._seen(content.job, route, sees_all)
        if work.answer is None:
            raise RequestError(
                "refused",
                f"job {work.job} is {work.state}",
                "$.content.job",
                "ask again later, or wait for its `result`",
            )
        self._reply(route, work.answer, work.answer_buffers)
        return None

    def _cancel(self, content: p.CancelJob, route: Route, sees_all: bool) -> p.JobReply:
        work = self._seen(content.job, route, sees_all)
        if work.state not in OVER:
            if work.state == RUNNING:
                self.pool.stop(work.task.number)
            error = p.Error(
                code="refused",
                message=f"job {work.job} was cancelled",
                remediation="submit it anew",
            )
            self._finish(work, CANCELLED, error, [])
        return p.JobReply(job=work.told())

    # Work -------------------------------------------------------------------------------------

    def _hand_out(self) -> None:
        for lane in (QUICK, JOBS):
            while self.pool.has_room(lane) and (work := self._book.next(lane)) is not None:
                if not self.pool.give(lane, work.task, work.buffers):
                    break
                self._book.begin(work)

    def _hear(self, message: FromWorker, buffers: list[bytes]) -> None:
        work = None if isinstance(message, Ready) else self._book.running(message.number)
        if work is None or isinstance(message, Ready):
            return
        if isinstance(message, Told):
            work.share, work.message = message.share, message.message
            if work.job:
                progress = p.Progress(job=work.job, share=message.share, message=message.message)
                self._reply(work.route, progress)
        elif isinstance(message, Failed):
            self._finish(work, FAILED, message.error, [])
        else:
            self._finish(work, DONE, _result_of(work, message), buffers)

    def _finish(self, work: Work, state: str, answer: p.Reply, buffers: list[bytes]) -> None:
        if isinstance(answer, p.Error):
            work.message = answer.message
        self._book.end(work, state, answer, buffers)
        self._reply(work.route, answer, buffers)

    def _reply(self, route: Route, reply: p.Reply, buffers: Sequence[bytes] = ()) -> None:
        asked = route.message
        header = p.Header(id=asked.header.id, type=reply.TYPE, session=asked.header.session)
        frames = pack(
            reply,
            header,
            parent=asked.header if asked.header.type else None,
            packed=asked.packed,
            multipart=asked.multipart or bool(buffers),
            buffers=buffers,
        )
        with suppress(zmq.Again, zmq.ZMQError):  # a peer that does not read its replies loses them
            self._socket.send_multipart([*route.peer, *frames], zmq.NOBLOCK)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _result_of(work: Work, done: Done) -> p.Reply:
    if work.function == "library":
        return msgspec.convert(done.value, type=p.Library)
    if work.function == "cards":
        return p.Cards(cards=done.value)
    return p.Result(
        function=work.function,
        value=done.value,
        buffers=done.buffers,
        job=work.job,
        seconds=done.seconds,
    )


def _configure(socket: "zmq.Socket[bytes]") -> None:
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.MAXMSGSIZE, p.MAX_UPLOAD_BYTES)
    socket.setsockopt(zmq.SNDHWM, REPLIES_KEPT)
    socket.setsockopt(zmq.HANDSHAKE_IVL, 3000)


def _bind(socket: "zmq.Socket[bytes]", endpoint: str) -> str:
    if "[" in endpoint:
        socket.setsockopt(zmq.IPV6, 1)
    try:
        socket.bind(endpoint)
    except zmq.ZMQError as error:
        raise SegueError(
            f"models cannot listen on {endpoint}: {zmq.strerror(error.errno or 0)}; "
            "end what uses that port, or choose another"
        ) from None
    return socket.getsockopt_string(zmq.LAST_ENDPOINT)
