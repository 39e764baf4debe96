"""A worker: a process that runs one task after another. Started by `pool.Pool`."""

import os
import shutil
import sys
import threading
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import zmq

from ...client.protocol import Error
from ...music.errors import MissingPartError
from ..security.faults import wire_error
from .given import Answer, Given, Runner, described
from .tasks import OUT_OF_MEMORY, Done, Failed, FromWorker, Ready, Task, Told, encode

NICENESS = {"quick": 5, "jobs": 10}
"""Music comes first, then what somebody waits for."""

TELL_SECONDS = 0.1  # between two reports of progress
MOST_VALUE_BYTES = 32 * 1024**2  # of a result, without its buffers


def main(endpoint: str, name: str, scratch: str, lane: str, memory_bytes: str, warm: str) -> None:
    """Serve tasks until the process that started this one is gone."""
    threading.Thread(target=_end_with_parent, args=(Path(scratch).parent,), daemon=True).start()
    os.nice(NICENESS[lane])
    _limit_memory(int(memory_bytes))
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    socket = context.socket(zmq.DEALER)
    socket.setsockopt(zmq.IDENTITY, name.encode())
    socket.setsockopt(zmq.LINGER, 1000)
    socket.connect(endpoint)
    if lane == "quick" and warm:
        _warm_up()
    socket.send(encode(Ready()))
    while True:
        head, *buffers = socket.recv_multipart()
        task = msgspec.msgpack.decode(head, type=Task)
        message, arrays = _work(task, buffers, Path(scratch), socket)
        socket.send_multipart([encode(message), *arrays])


def _work(
    task: Task, buffers: list[bytes], scratch: Path, socket: "zmq.Socket[bytes]"
) -> tuple[FromWorker, list[bytes]]:
    """The message that ends a task, and its buffers. Without memory the process ends."""
    began = time.monotonic()
    told = 0.0

    def tell(share: float, what: str) -> None:
        nonlocal told
        if time.monotonic() - told >= TELL_SECONDS:
            told = time.monotonic()
            socket.send(encode(Told(task.number, min(max(share, 0.0), 1.0), what)))

    try:
        with Given(task, buffers, scratch) as given:
            runner: Runner = load(task.runner)
            options = msgspec.convert(task.options, type=load(task.options_type))
            answer = runner(given, options, tell)
            made = answer if isinstance(answer, Answer) else Answer(answer)
            buffer_list, frames = described(made)
            done = Done(task.number, _plain(made.value), buffer_list, time.monotonic() - began)
            _check_size(done)
            return done, frames
    except MemoryError:  # who knows what was left half done
        os._exit(OUT_OF_MEMORY)
    except Exception as error:  # whatever one task does must not end the worker
        return Failed(task.number, _told(error, task), time.monotonic() - began), []


def load(place: str) -> Any:
    """What "package.module:name" names."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


def _told(error: Exception, task: Task) -> Error:
    """The error for the client, in which a file is called as the client calls it."""
    if isinstance(error, ImportError):
        package = (error.name or str(error)).partition(".")[0]
        error = MissingPartError(
            f"this needs the package {package}, which the server lacks; "
            "pip install 'segue[ears]' brings it"
        )
    found = wire_error(error)
    if task.path:
        found.message = found.message.replace(Path(task.path).name, task.title)
    return found


def _plain(value: Any) -> Any:
    from ...analysis.report.told import plain

    return plain(value)


def _check_size(done: Done) -> None:
    from ...music.errors import SegueError

    size = len(encode(done))
    if size > MOST_VALUE_BYTES:
        raise SegueError(
            f"the result has {size / 1024**2:.0f} MiB, more than can be sent; ask for a part of it"
        )


def _warm_up() -> None:
    """Load what most quick calls need, before the first of them."""
    import numpy as np

    from ... import analysis

    tone = 0.1 * np.sin(np.arange(2 * 22_050) * 0.05).astype(np.float32)
    for hear in (
        analysis.find_beats,
        analysis.find_chords,
        analysis.track_f0,
        analysis.measure_audio,
    ):
        with suppress(Exception):  # who calls will be told what is missing
            hear(tone, 22_050)


def _limit_memory(most_bytes: int) -> None:
    """Allocations beyond fail in this process alone, instead of taking memory from the music."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (most_bytes, most_bytes))


def _end_with_parent(home: Path) -> None:
    sys.stdin.buffer.read()
    shutil.rmtree(home, ignore_errors=True)  # it had no time to, if it was killed
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
