"""Analysis and models of a server: functions called at once, or submitted as jobs.

    with Client() as music:
        print(music.models.call("key", file="songs/one.ogg").value["key"])
        job = music.models.submit("transcribe", samples, sample_rate=48_000)
        print(job.progress().share, job.result(60.0).value["bars"])

Sound is any object with the buffer protocol, such as an array of numpy: float32 or int16 of shape
(frames,) or (frames, channels) with its `sample_rate`; bytes are the contents of a sound or MIDI
file. Arrays come back as memoryviews with their shape, which numpy takes as they are.
"""

import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import zmq

from . import protocol as p
from .errors import ClientError, NoAnswerError
from .heart import dealer
from .keys import ClientKeys
from .verbs import new_id
from .wire import Message, pack, read_reply, unpack

if TYPE_CHECKING:
    from typing_extensions import Buffer as BufferProtocol

R = TypeVar("R", bound=p.Reply)

MOST_BYTES = p.MAX_UPLOAD_BYTES - 64 * 1024
"""Of sound in one message, beside what else is in it."""

_TYPES = {"f": "float32", "h": "int16", "B": "uint8"}
_FORMATS = {name: letter for letter, name in _TYPES.items()}


@dataclass(frozen=True)
class ModelArray:
    """An array of a result."""

    data: memoryview  # with its shape; float32, int16 or uint8 (a file)
    sample_rate: int  # 0 for what is no sound


@dataclass(frozen=True)
class ModelResult:
    """What a function found or made."""

    function: str
    value: Any  # maps, lists, numbers, words
    arrays: list[ModelArray]
    seconds: float  # that the work took


class Models:
    """The models socket of a server; used from one thread.

    :param endpoint: as `welcome` tells it
    :param timeout_seconds: the longest wait for an answer, unless a call says otherwise
    """

    def __init__(
        self,
        context: "zmq.Context[zmq.Socket[bytes]]",
        endpoint: str,
        *,
        timeout_seconds: float = 5.0,
        keys: ClientKeys | None = None,
        packed: bool = True,
    ) -> None:
        self.endpoint, self.timeout_seconds = endpoint, timeout_seconds
        self._packed = packed
        self._socket = dealer(context, endpoint, keys, max_bytes=p.MAX_UPLOAD_BYTES)
        self._replies: dict[str, Message] = {}  # to what is waited for, by its id
        self._jobs: dict[str, RemoteJob] = {}  # that have not ended, by the id of the submission

    def functions(self) -> list[p.Function]:
        """What can be called, with a JSON Schema of the options of each."""
        return self._ask(p.GetFunctions(), p.FunctionList).functions

    def library(self, search: str = "", limit: int = 100) -> p.Library:
        """What lies in the server's library."""
        return self._ask(p.GetLibrary(search=search, limit=limit), p.Library)

    def cards(self, name: str = "") -> dict[str, dict[str, Any]]:
        """The cards of the learned models by name."""
        return self._ask(p.GetCards(name=name), p.Cards).cards

    def call(
        self,
        function: str,
        sound: "BufferProtocol | None" = None,
        *,
        sample_rate: int = 0,
        file: str = "",
        library: str = "",
        timeout_seconds: float | None = None,
        **options: Any,
    ) -> ModelResult:
        """Call a function and wait for what comes of it.

        :param sound: samples, or the bytes of a file
        :param file: path in the server's folder, instead
        :param library: id of an item of the library, instead
        :param options: those of the function

        Raises RequestError for what cannot be done, NoAnswerError if it takes too long.
        """
        source, frames = _source(sound, sample_rate, file, library)
        content = p.Call(function=function, source=source, options=options)
        message = self._exchange(content, frames, timeout_seconds)
        return _result(message, read_reply(message, content, p.Result))

    def submit(
        self,
        function: str,
        sound: "BufferProtocol | None" = None,
        *,
        sample_rate: int = 0,
        file: str = "",
        library: str = "",
        **options: Any,
    ) -> "RemoteJob":
        """Begin a job; parameters as for `call`."""
        source, frames = _source(sound, sample_rate, file, library)
        content = p.Submit(function=function, source=source, options=options)
        job = RemoteJob(self, new_id())
        self._jobs[job.submission] = job
        try:
            message = self._exchange(content, frames, None, job.submission)
            job.state = read_reply(message, content, p.JobReply).job
        except ClientError:
            self._jobs.pop(job.submission, None)
            raise
        return job

    def jobs(self) -> list[p.Job]:
        """All jobs that the server knows and this client may see."""
        return self._ask(p.GetJobs(), p.JobList).jobs

    def close(self) -> None:
        """End the connection; jobs go on."""
        self._socket.close(0)

    def _ask(self, content: p.Request, reply: type[R]) -> R:
        return read_reply(self._exchange(content, (), None), content, reply)

    def _exchange(
        self,
        content: p.Request,
        frames: Sequence[bytes],
        timeout_seconds: float | None,
        id: str = "",
    ) -> Message:
        """Send a request; its reply."""
        header = p.Header(id=id or new_id(), type=content.TYPE)
        multipart = bool(frames)
        packed = pack(content, header, packed=self._packed, multipart=multipart, buffers=frames)
        seconds = self.timeout_seconds if timeout_seconds is None else timeout_seconds
        try:
            self._socket.send_multipart(packed, zmq.NOBLOCK)
        except zmq.ZMQError:
            raise self._no_answer(seconds) from None
        deadline = time.monotonic() + seconds
        while header.id not in self._replies:
            if not self.receive(deadline - time.monotonic()):
                raise self._no_answer(seconds)
        return self._replies.pop(header.id)

    def receive(self, seconds: float) -> bool:
        """Take the next message, if one comes within some time; jobs get theirs."""
        if not self._socket.poll(max(round(seconds * 1000), 0)):
            return False
        message = Message()
        frames = self._socket.recv_multipart(zmq.NOBLOCK)
        unpack(frames, message, max_bytes=p.MAX_UPLOAD_BYTES)
        asked = str(message.parent.get("id", ""))
        job = self._jobs.get(asked)
        if job is None or message.header.type == p.JobReply.TYPE or job.state is None:
            self._replies = {asked: message}  # of those before, nobody waited any more
        elif message.header.type == p.Progress.TYPE:
            told = message.read(p.Progress)
            job.state.share, job.state.message = told.share, told.message
        else:
            job.ended = message
            del self._jobs[asked]
        return True

    def _no_answer(self, seconds: float) -> NoAnswerError:
        return NoAnswerError(
            f"no answer from the models at {self.endpoint} within {seconds:g} s; long work is for "
            "`submit`, or give a longer timeout_seconds"
        )


class RemoteJob:
    """A job in a server."""

    def __init__(self, models: Models, submission: str) -> None:
        self.submission = submission  # id of the request
        self.state: p.Job | None = None  # as last told
        self.ended: Message | None = None  # its result or error
        self._models = models
        self._result: ModelResult | None = None

    @property
    def id(self) -> str:
        """As the server calls it."""
        assert self.state is not None
        return self.state.id

    def progress(self) -> p.Job:
        """How far it is, as the server tells now."""
        self.state = self._models._ask(p.GetJob(job=self.id), p.JobReply).job
        return self.state

    def result(self, timeout_seconds: float | None = None) -> ModelResult:
        """Wait for what comes of it, for ever if no time is given.

        Raises RequestError if it failed or was cancelled, NoAnswerError if the time is over or the
        server is gone.
        """
        if self._result is None:
            message = self._wait(timeout_seconds)
            self._result = _result(message, read_reply(message, p.GetResult(job=""), p.Result))
        return self._result

    def cancel(self) -> p.Job:
        """End it, wherever it is; its state then."""
        self.state = self._models._ask(p.CancelJob(job=self.id), p.JobReply).job
        return self.state

    def _wait(self, timeout_seconds: float | None) -> Message:
        deadline = float("inf") if timeout_seconds is None else time.monotonic() + timeout_seconds
        patience = self._models.timeout_seconds
        while self.ended is None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise self._models._no_answer(timeout_seconds or 0.0)
            if not self._models.receive(min(left, patience)) and left > patience:
                self._look()
        return self.ended

    def _look(self) -> None:
        """Nothing came for a while: is the server there, and was the result lost?"""
        if self.progress().state in ("done", "failed", "cancelled") and self.ended is None:
            content = p.GetResult(job=self.id)
            self.ended = self._models._exchange(content, (), None)


def _source(
    sound: "BufferProtocol | None", sample_rate: int, file: str, library: str
) -> tuple[p.Source, list[bytes]]:
    if sound is None:
        return p.Source(file=file, library=library), []
    view = memoryview(sound)
    data, shape, letter = view.tobytes(), list(view.shape or ()), view.format.lstrip("<=@")
    if letter == "d":  # what numpy makes unless asked
        data, letter = array("f", array("d", data)).tobytes(), "f"
    if letter not in _TYPES:
        raise ClientError(
            f"sound of format {view.format!r} cannot be sent; give float32, int16, or the bytes of "
            "a file"
        )
    if len(data) > MOST_BYTES:
        raise ClientError(
            f"sound of {len(data)} bytes is more than the {MOST_BYTES} of a message; send int16, "
            "one channel or a compressed file, or name a file of the server"
        )
    rate = 0 if letter == "B" else sample_rate
    described = p.Buffer(dtype=_TYPES[letter], shape=shape, sample_rate=rate)
    return p.Source(file=file, library=library, buffers=[described]), [data]


def _result(message: Message, found: p.Result) -> ModelResult:
    arrays = [
        ModelArray(_shaped(frame, described), described.sample_rate)
        for frame, described in zip(message.buffers, found.buffers, strict=True)
    ]
    return ModelResult(found.function, found.value, arrays, found.seconds)


def _shaped(frame: bytes, described: p.Buffer) -> memoryview:
    letter = _FORMATS[described.dtype]
    view: Any = memoryview(frame)
    shaped: memoryview = view.cast(letter, described.shape) if frame else view.cast(letter)
    return shaped
