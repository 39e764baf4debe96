"""The processes beside the music: started, watched, started again when they die.

A child reads its `ChildConfig` as one line, prints one line `{"ready": {...}}` once it serves, and
ends when its standard input does, so that none outlives the server.
"""

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec

from ...music.errors import SegueError
from .settings import ChildConfig

log = logging.getLogger(__name__)

READY_SECONDS = 60.0
END_SECONDS = 5.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 10.0
"""Between two starts of a child that dies again and again; the pause doubles."""

STEADY_SECONDS = 30.0  # who lives so long begins anew with the shortest pause
REFUSED = 2  # exit code of a child that cannot be: a port in use, say


class Child:
    """A process of the server: `module` run by this Python.

    :param config: asked for at each start, so that endpoints may have changed
    :param ready: told what the child says of itself, at each start
    """

    def __init__(
        self,
        module: str,
        config: Callable[[], ChildConfig],
        ready: Callable[[dict[str, Any]], None] = lambda facts: None,
    ) -> None:
        self.module = module
        self.starts = 0
        self._config, self._ready = config, ready
        self._process: subprocess.Popen[str] | None = None
        self._ending = threading.Event()
        self._watcher: threading.Thread | None = None

    def start(self) -> None:
        """Start it and return when it serves; SegueError if it does not come to that."""
        self._launch()
        self._watcher = threading.Thread(target=self._watch, name="segue-child", daemon=True)
        self._watcher.start()

    @property
    def pid(self) -> int | None:
        """Of the process that runs now."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def end(self) -> None:
        """End it, by force if it does not go."""
        self._ending.set()
        process = self._process
        if process is not None:
            _end(process)
        if self._watcher is not None:
            self._watcher.join(END_SECONDS)

    def _launch(self) -> None:
        process = subprocess.Popen(
            [sys.executable, "-m", self.module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is the server's to handle
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        self._process = process
        self.starts += 1
        assert process.stdin is not None and process.stdout is not None
        timer = threading.Timer(READY_SECONDS, process.kill)
        timer.daemon = True
        timer.start()
        try:
            process.stdin.write(msgspec.json.encode(self._config()).decode() + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
            facts = json.loads(line)["ready"] if line.strip() else None
        except (OSError, ValueError, KeyError):
            facts = None
        finally:
            timer.cancel()
        if facts is None:
            _end(process)
            raise SegueError(f"{self.module} did not start; its own message says why")
        self._ready(facts)

    def _watch(self) -> None:
        pause_seconds = FIRST_PAUSE_SECONDS
        while not self._ending.is_set():
            began = time.monotonic()
            process = self._process
            code = process.wait() if process is not None else REFUSED
            if self._ending.is_set():
                return
            if process is not None:
                _close_pipes(process)
            if time.monotonic() - began > STEADY_SECONDS:
                pause_seconds = FIRST_PAUSE_SECONDS
            log.warning("%s ended with code %s; it is started again", self.module, code)
            if self._ending.wait(pause_seconds):
                return
            pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)
            try:
                self._launch()
            except SegueError as error:
                log.error("%s", error)


def _end(process: "subprocess.Popen[str]") -> None:
    _close_pipes(process)
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _close_pipes(process: "subprocess.Popen[str]") -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except OSError:  # what it had not read yet
                pass
