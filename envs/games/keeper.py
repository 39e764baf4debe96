"""Keeping watch on a game engine that runs as a child process.

The engine must not outlive its owner and must not hang it. If the engine stops answering, a
watchdog thread kills it, so that the blocked call returns with an error. If the owner dies without
cleaning up, a small guard process sees its pipe close and kills the engine. `release` ends both
watchers.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_GUARD_PROGRAM = """
import os, signal, sys
sys.stdin.buffer.read()
try:
    os.kill(int(sys.argv[1]), signal.SIGKILL)
except ProcessLookupError:
    pass
"""


def child_pids(command_part: str) -> set[int]:
    """Process ids of this process's children whose command line holds `command_part`.

    Empty on systems without /proc; there only the ordinary close ends the engine.
    """
    found: set[int] = set()
    for path in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):
            found.update(int(pid) for pid in path.read_text().split())
    return {pid for pid in found if command_part in _command_line(pid)}


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""


class Keeper:
    """Watches one engine process; `with keeper.limit(seconds)` bounds each call into it."""

    def __init__(self, command_part: str) -> None:
        self._command_part = command_part
        self._others = child_pids(command_part)
        self._pid: int | None = None
        self._deadline = float("inf")
        self._done = threading.Event()
        self._guard: subprocess.Popen[bytes] | None = None
        self._watchdog = threading.Thread(target=self._watch, name="game watchdog", daemon=True)
        self._watchdog.start()

    @property
    def pid(self) -> int | None:
        """Process id of the engine; None before `adopt` or where it cannot be found."""
        return self._pid

    def adopt(self) -> None:
        """Find the engine started since this object was made and put a guard process beside it."""
        self._pid = next(iter(child_pids(self._command_part) - self._others), None)
        if self._pid is not None:
            self._guard = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _GUARD_PROGRAM, str(self._pid)],
                stdin=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C in the terminal must not end the guard first
            )

    @contextmanager
    def limit(self, seconds: float) -> Iterator[None]:
        """Kill the engine if the block takes longer than `seconds` of wall time."""
        self._deadline = time.monotonic() + seconds
        try:
            yield
        finally:
            self._deadline = float("inf")

    def release(self) -> None:
        """End the watchers and the engine, if it still runs. Safe to call twice."""
        self._done.set()
        if self._watchdog is not threading.current_thread():
            self._watchdog.join()
        if self._guard is not None:
            guard, self._guard = self._guard, None
            guard.kill()
            guard.communicate()
        self._kill()

    def _watch(self) -> None:
        while not self._done.wait(0.2):
            if time.monotonic() > self._deadline:
                self._kill()

    def _kill(self) -> None:
        """Kill what was started here, if it is still a child of ours."""
        for pid in child_pids(self._command_part) - self._others:
            if self._pid in (None, pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
