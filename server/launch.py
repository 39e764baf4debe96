"""A server in a process of its own, started and ended by this one.

Ctrl-C in a terminal reaches every process there; it is this one's to handle, which then ends the
server in good order. A server whose parent is gone ends by itself.
"""

import multiprocessing
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Self

from ..music.errors import SegueError
from .server import Server, serve

START_SECONDS, END_SECONDS = 60.0, 20.0


class ServerProcess:
    """A context in which a server runs at `endpoint`, on any free port unless told.

    Its sessions are closed, and their files written, when the context is left.
    """

    def __init__(self, *, port: int = 0, folder: str | Path = ".") -> None:
        self.endpoint = ""
        self._port, self._folder = port, str(folder)
        self._process: multiprocessing.process.BaseProcess | None = None

    def __enter__(self) -> Self:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_run, args=(theirs, self._port, self._folder))
        with _deaf_to_interrupts():
            process.start()
        self._process = process
        theirs.close()
        try:
            with suppress(EOFError):  # it ended before it could listen, and said why
                if ours.poll(START_SECONDS):
                    self.endpoint = ours.recv()
            if not self.endpoint:
                raise SegueError("the server did not start; its own message says why")
        except BaseException:
            self.end()
            raise
        finally:
            ours.close()
        return self

    @property
    def pid(self) -> int | None:
        """Of the server's process."""
        return self._process.pid if self._process is not None else None

    def end(self) -> int | None:
        """Ask the server to end and wait for it; its exit code."""
        process = self._process
        if process is None:
            return None
        if process.is_alive():
            process.terminate()
        process.join(END_SECONDS)
        if process.is_alive():
            process.kill()
            process.join()
        return process.exitcode

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """A child started here begins its life with Ctrl-C ignored."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may say how signals are taken
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _run(pipe: Connection, port: int, folder: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def tell(server: Server) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # `serve` listens to it
        threading.Thread(target=_end_with_parent, args=(server,), daemon=True).start()
        pipe.send(server.endpoint)
        pipe.close()

    raise SystemExit(serve(port, folder=folder, ready=tell))


def _end_with_parent(server: Server) -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        server.stop()
