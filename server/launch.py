"""A server in a process of its own, started and ended by this one."""

import multiprocessing
from contextlib import suppress
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
        process.start()
        theirs.close()
        self._process = process
        with suppress(EOFError):  # it ended before it could listen, and said why
            if ours.poll(START_SECONDS):
                self.endpoint = ours.recv()
        ours.close()
        if not self.endpoint:
            self.end()
            raise SegueError("the server did not start; its own message says why")
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


def _run(pipe: Connection, port: int, folder: str) -> None:
    def tell(server: Server) -> None:
        pipe.send(server.endpoint)
        pipe.close()

    raise SystemExit(serve(port, folder=folder, ready=tell))
