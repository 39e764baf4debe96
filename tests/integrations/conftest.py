"""A server as its users start it, `segue serve`, and the programs that connect to it."""

import os
import queue
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import pytest

from segue.client import Client

HERE = Path(__file__).parent
INTEGRATIONS = HERE.parents[1] / "integrations"


class Served:
    """A `segue serve` without models, on ports that stay the same when it is started again.

    :param options: further ones of the command
    """

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder, self.options = folder, options
        self.port = free_ports(6)
        self.control = f"tcp://127.0.0.1:{self.port}"
        self.web_port, self.osc_port = self.port + 4, self.port + 5
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        ports = ["--port", self.port, "--web", self.web_port, "--osc", self.osc_port]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "segue", "serve", "--no-models", "--folder", self.folder]
            + [str(option) for option in [*ports, *self.options]],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        told = iter(self._process.stdout.readline, "")
        assert any(line.split()[0] == "heartbeat" for line in told)  # the last one told

    def stop(self) -> None:
        """As by Ctrl-C."""
        self._end(kill=False)

    def kill(self) -> None:
        """As when it crashes."""
        self._end(kill=True)

    def _end(self, *, kill: bool) -> None:
        if self._process is None:
            return
        if kill:
            self._process.kill()
        else:
            self._process.terminate()
        self._process.communicate(timeout=30)
        self._process = None


class Told:
    """A running program, and the lines that it prints; it ends when its input does.

    :param command: program and arguments
    """

    def __init__(self, *command: str | Path, **options: Any) -> None:
        self.lines: list[str] = []
        self._news: queue.Queue[str] = queue.Queue()
        self.process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **options,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._news.put(line.rstrip("\n"))

    def wait_for(self, start: str, seconds: float = 40.0) -> list[str]:
        """The words of the next line that begins so; AssertionError if none comes in time."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self._news.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no {start!r} within {seconds} s: {self.lines}") from None
            self.lines.append(line)
            if line.startswith(start):
                return line.split()

    def find(self, start: str) -> list[str]:
        """The words of a line that begins so, whether it has come already or not."""
        known = next((line for line in self.lines if line.startswith(start)), None)
        return self.wait_for(start) if known is None else known.split()

    def end(self) -> int:
        """Let it end; its exit code, after which `lines` has everything."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            return self.process.wait(20)
        finally:
            self.kill()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()
        while not self._news.empty():
            self.lines.append(self._news.get())


def free_ports(count: int) -> int:
    """The first of so many ports in a row that nobody uses, in TCP and UDP."""
    start = 20_000 + 64 * os.getpid() % 10_000  # apart from those of tests in other processes
    for first in range(start, 32_000, count):
        try:
            with ExitStack() as stack:
                for port in range(first, first + count):
                    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                        probe = stack.enter_context(socket.socket(socket.AF_INET, kind))
                        probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
    pytest.skip("no ports are free")


def program(name: str, package: str) -> str:
    """The path of a program, or a skip that says how to get it."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed (Debian: apt install {package})")
    return path


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for all tests of a module."""
    with Served(tmp_path_factory.mktemp("served")) as running:
        yield running


@pytest.fixture
def music(served: Served) -> Iterator[Client]:
    """Segue's own client, which sees what the others did."""
    with Client(served.control) as client:
        yield client


Tell = Callable[..., Told]


@pytest.fixture
def tell() -> Iterator[Tell]:
    """Starts programs whose lines are read; they end with the test."""
    with ExitStack() as stack:

        def start(*command: str | Path, **options: Any) -> Told:
            told = Told(*command, **options)
            stack.callback(told.kill)
            return told

        yield start
