"""Worker processes: started, given work, watched, and started again when they are lost.

One worker is for quick calls, so that no long job delays them; the others take jobs. A worker is
lost when it dies, takes longer than it may, or is killed because its job was cancelled: whatever
else goes on is not touched. Each has a process group of its own, killed as a whole.
"""

import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import zmq

from ...client.protocol import Error
from .tasks import OUT_OF_MEMORY, Failed, FromWorker, JobLimits, Ready, Task, Told, encode

log = logging.getLogger(__name__)

QUICK, JOBS = "quick", "jobs"
START_SECONDS = 60.0  # until a worker says that it is ready
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 10.0
"""Before a worker is started again that died without having been ready; the pause doubles."""

ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}


@dataclass
class Worker:
    """A process, or the place of one that is to be started."""

    lane: str
    scratch: Path
    name: bytes = b""  # on the socket; another after each start
    process: "subprocess.Popen[bytes] | None" = None
    ready: bool = False
    task: int | None = None  # number of what it works on
    since: float = 0.0  # monotonic: of its task, or else of its start
    pause_seconds: float = FIRST_PAUSE_SECONDS
    starts: int = 0


@dataclass
class Pool:
    """Workers, and a socket for all of them; used from one thread."""

    context: "zmq.Context[zmq.Socket[bytes]]"
    limits: JobLimits
    workers: list[Worker] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="segue-jobs-"))  # for this user only
        self.socket = self.context.socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        self.endpoint = f"ipc://{self._home / 'workers'}"
        self.socket.bind(self.endpoint)
        count = self.limits.workers or max((os.cpu_count() or 2) - 1, 1)
        lanes = [QUICK] + [JOBS] * count
        self.workers = [Worker(lane, self._home / str(at)) for at, lane in enumerate(lanes)]
        for worker in self.workers:
            self._start(worker)

    def has_room(self, lane: str) -> bool:
        """Whether a worker of a lane waits for work."""
        return self._idle(lane) is not None

    def give(self, lane: str, task: Task, buffers: Sequence[bytes]) -> bool:
        """Give a task to a worker that waits; false if none of them can take it."""
        worker = self._idle(lane)
        if worker is None:
            return False
        try:
            self.socket.send_multipart([worker.name, encode(task), *buffers], zmq.NOBLOCK)
        except zmq.ZMQError:  # it has just died
            return False
        worker.task, worker.since = task.number, time.monotonic()
        return True

    def collect(self) -> Iterator[tuple[FromWorker, list[bytes]]]:
        """What workers have said, with the buffers of a result."""
        while True:
            try:
                name, head, *buffers = self.socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            worker = next((one for one in self.workers if one.name == name), None)
            if worker is None:  # killed meanwhile
                continue
            message = msgspec.msgpack.decode(head, type=FromWorker)
            if isinstance(message, Ready):
                worker.ready, worker.pause_seconds = True, FIRST_PAUSE_SECONDS
            elif message.number == worker.task:
                if not isinstance(message, Told):
                    worker.task = None
                yield message, buffers

    def watch(self) -> Iterator[Failed]:
        """Replace the workers that are lost; what they worked on has failed."""
        now = time.monotonic()
        for worker in self.workers:
            process = worker.process
            if process is None:
                if now - worker.since > worker.pause_seconds:
                    self._start(worker)
                continue
            allowed = self._allowed_seconds(worker)
            if process.poll() is not None:
                why = _why(process.returncode)
            elif now - worker.since > allowed:
                why = f"it took longer than {allowed:g} seconds"
            else:
                continue
            lost = worker.task
            log.warning("worker %s was lost: %s", worker.name.decode(), why)
            self._replace(worker)
            if lost is not None:
                yield Failed(
                    lost,
                    Error(
                        code="refused",
                        message=f"the work was given up: {why}",
                        remediation="give less at once, or other sound; everything else goes on",
                    ),
                    now - worker.since,
                )

    def stop(self, number: int) -> None:
        """Kill the worker of a task, and start another in its place."""
        for worker in self.workers:
            if worker.task == number:
                self._replace(worker)

    def close(self) -> None:
        """End all workers."""
        for worker in self.workers:
            self._kill(worker)
        self.socket.close(0)
        shutil.rmtree(self._home, ignore_errors=True)

    def _idle(self, lane: str) -> Worker | None:
        return next(
            (one for one in self.workers if one.lane == lane and one.ready and one.task is None),
            None,
        )

    def _allowed_seconds(self, worker: Worker) -> float:
        if not worker.ready:
            return START_SECONDS
        if worker.task is None:
            return float("inf")
        limits = self.limits
        return limits.quick_seconds if worker.lane == QUICK else limits.job_seconds

    def _replace(self, worker: Worker) -> None:
        was_ready = worker.ready
        self._kill(worker)
        if was_ready:
            self._start(worker)
        else:  # it may never be: not too often then
            worker.pause_seconds = min(2 * worker.pause_seconds, LONGEST_PAUSE_SECONDS)
            worker.since = time.monotonic()

    def _start(self, worker: Worker) -> None:
        worker.starts += 1
        worker.name = f"{worker.scratch.name}-{worker.starts}".encode()
        worker.ready, worker.task, worker.since = False, None, time.monotonic()
        worker.scratch.mkdir(exist_ok=True)
        arguments = [self.endpoint, worker.name.decode(), str(worker.scratch), worker.lane]
        arguments += [str(self.limits.memory_bytes), "warm" if self.limits.warm else ""]
        worker.process = subprocess.Popen(
            [sys.executable, "-m", "segue.server.jobs.worker", *arguments],
            stdin=subprocess.PIPE,  # it ends with this process
            stdout=sys.stderr,
            start_new_session=True,
            env=os.environ | ONE_THREAD,
        )

    def _kill(self, worker: Worker) -> None:
        process, worker.process = worker.process, None
        worker.ready, worker.task, worker.name = False, None, b""
        if process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # an engine that it may have started, too
        process.wait()
        if process.stdin is not None:
            process.stdin.close()
        shutil.rmtree(worker.scratch, ignore_errors=True)


def _why(code: int) -> str:
    if code == OUT_OF_MEMORY:
        return "it needed more memory than a worker may have"
    if code < 0:
        return f"its process was killed ({signal.Signals(-code).name})"
    return f"its process ended with code {code}"
