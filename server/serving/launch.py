"""A server in a process of its own, started and ended by this one.

It is a session of its own to the terminal, so that Ctrl-C is this process's to handle, which then
ends the server in good order; and it ends by itself when this process is gone.
"""

import subprocess
import sys
import threading
from pathlib import Path
from typing import Self

from ...music.errors import SegueError
from .serve import serve
from .server import Server
from .settings import ServeSettings

MODULE = "segue.server.serving.launch"  # this one, run by itself
END_SECONDS = 20.0


class ServerProcess:
    """A context in which a server runs at `endpoint`, on any free port unless told.

    Its sessions are closed, and their files written, when the context is left.

    :param whole: with models, console and OSC, on any free ports
    """

    def __init__(self, *, port: int = 0, folder: str | Path = ".", whole: bool = False) -> None:
        self.endpoint = ""
        self._command = [
            sys.executable,
            "-m",
            MODULE,
            str(port),
            str(folder),
        ]
        self._command += ["whole"] if whole else []
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,  # its end tells the server that this process is gone
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            if self._process.stdout is not None:
                self.endpoint = self._process.stdout.readline().strip()
            if not self.endpoint:
                raise SegueError("the server did not start; its own message says why")
        except BaseException:
            self.end()
            raise
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
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
        return process.returncode

    def __exit__(self, *_: object) -> None:
        self.end()


def main(port: str, folder: str, parts: str = "") -> int:
    """Serve until told to end or the parent is gone; prints the endpoint when it listens."""

    def tell(server: Server) -> None:
        threading.Thread(target=_end_with_parent, args=(server,), daemon=True).start()
        print(server.endpoint, flush=True)

    whole = parts == "whole"
    other = 0 if whole else None
    settings = ServeSettings(
        port=int(port), folder=folder, models=whole, web_port=other, osc_port=other
    )
    return serve(settings, ready=tell)


def _end_with_parent(server: Server) -> None:
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
