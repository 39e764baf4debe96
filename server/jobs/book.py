"""Calls and jobs: what waits, what is at work, what has ended, and how much of it is kept."""

import time
from collections import OrderedDict
from dataclasses import dataclass, field

from ...client import protocol as p
from ...client.errors import RequestError
from ..serving.server import Route
from .tasks import JobLimits, Task

QUEUED, RUNNING, DONE, FAILED, CANCELLED = p.JOB_STATES
OVER = frozenset((DONE, FAILED, CANCELLED))


@dataclass
class Work:
    """One call or job."""

    task: Task
    function: str
    lane: str
    route: Route
    buffers: list[bytes]
    job: str = ""  # its id; '' for a call
    state: str = QUEUED
    share: float = 0.0
    message: str = ""
    asked: float = field(default_factory=time.monotonic)
    began: float = 0.0
    ended: float = 0.0
    answer: p.Reply | None = None  # `result` or `error`
    answer_buffers: list[bytes] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Bytes of what it came with, and of what came of it."""
        return sum(map(len, self.buffers)) + sum(map(len, self.answer_buffers))

    def told(self) -> p.Job:
        """What clients are told of it."""
        now = time.monotonic()
        ended = self.ended or now
        began = self.began or ended
        return p.Job(
            id=self.job,
            function=self.function,
            state=self.state,
            share=self.share,
            message=self.message,
            waited_seconds=began - self.asked,
            seconds=ended - began,
        )


class Book:
    """All work that is known."""

    def __init__(self, limits: JobLimits) -> None:
        self._limits = limits
        self._waiting: list[Work] = []
        self._running: dict[int, Work] = {}
        self._jobs: OrderedDict[str, Work] = OrderedDict()
        self._served: dict[str | bytes, int] = {}  # when each client had its last turn
        self._turn = self._numbers = 0

    def number(self) -> int:
        """A number for new work."""
        self._numbers += 1
        return self._numbers

    def add(self, work: Work) -> None:
        """Put work behind what waits; RequestError `busy` if there is too much already."""
        limits, client = self._limits, work.route.client
        own = sum(other.route.client == client for other in self._waiting)
        size = sum(other.size for other in self._waiting)
        if own >= limits.client_waiting:
            raise _busy(f"{own} calls and jobs of this client wait already")
        if len(self._waiting) >= limits.waiting or size + work.size > limits.waiting_bytes:
            raise _busy(f"{len(self._waiting)} calls and jobs wait already, of {size} bytes")
        self._waiting.append(work)
        if work.job:
            self._jobs[work.job] = work

    def next(self, lane: str) -> Work | None:
        """What a lane should do next: clients take turns, each in its own order."""
        waiting = [work for work in self._waiting if work.lane == lane]
        return min(waiting, key=lambda work: self._served.get(work.route.client, 0), default=None)

    def begin(self, work: Work) -> None:
        """Work has been given to a worker."""
        self._waiting.remove(work)
        self._running[work.task.number] = work
        self._turn += 1
        self._served[work.route.client] = self._turn
        if len(self._served) > self._limits.kept:
            del self._served[min(self._served, key=self._served.__getitem__)]
        work.state, work.began, work.buffers = RUNNING, time.monotonic(), []

    def running(self, number: int) -> Work | None:
        """The work of a number, if it is at work."""
        return self._running.get(number)

    def end(self, work: Work, state: str, answer: p.Reply, buffers: list[bytes]) -> None:
        """Work is over."""
        if work in self._waiting:
            self._waiting.remove(work)
        self._running.pop(work.task.number, None)
        work.state, work.answer, work.answer_buffers = state, answer, buffers
        work.ended, work.buffers = time.monotonic(), []
        work.share = 1.0 if state == DONE else work.share

    def job(self, id: str) -> Work:
        """A job; RequestError `unknown_name` if there is none (any more)."""
        if id not in self._jobs:
            raise RequestError(
                "unknown_name",
                f"no job {id[:64]!r}, or it is forgotten",
                "$.content.job",
                "ask for `jobs`, which lists those that are known",
            )
        return self._jobs[id]

    def jobs(self) -> list[Work]:
        """All jobs that are known, oldest first."""
        return list(self._jobs.values())

    def forget(self) -> None:
        """Drop jobs that ended long ago, and the oldest of too many or too large ones."""
        limits, oldest = self._limits, time.monotonic() - self._limits.kept_seconds
        ended = [work for work in self._jobs.values() if work.state in OVER]
        ended.sort(key=lambda work: work.ended)
        size = sum(work.size for work in ended)
        for index, work in enumerate(ended):
            many = len(ended) - index > limits.kept or size > limits.kept_bytes
            if not many and work.ended >= oldest:
                return
            size -= work.size
            del self._jobs[work.job]


def _busy(fact: str) -> RequestError:
    return RequestError("busy", fact, "", "wait for some of them, or cancel some")
