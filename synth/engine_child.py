"""The child of `EngineProcess`: an engine and its sink, driven by messages on standard input.

Messages are [serial, method, arguments]; replies [serial, value] or [serial, None, [error class,
text]], in the order asked. Offline, the main thread renders. Live, the sink's thread carries out
the messages between two blocks, and another thread writes the replies, so that a slow reader never
holds up the audio.
"""

import os
import queue
import signal
import sys
import threading
import time
from collections import deque
from dataclasses import asdict
from typing import IO, Any

import numpy as np

from ..music.errors import SegueError
from ..music.events import EVENT, Channel
from .engine import Engine
from .live import LIVE_SINKS, LiveSink, open_live
from .pipe import receive, send
from .pyo_host import Samples
from .sinks import FileSink, NullSink, PushSink

ORPHAN_CHECK_SECONDS = 1.0
CLOCK_SECONDS = 0.02  # how often a live child tells its parent the time
CLOCK = -1  # the serial number of such a message


class Child:
    """One engine with its sink."""

    def __init__(self, config: dict[str, Any], replies: "queue.SimpleQueue[Any]") -> None:
        channels = [Channel(**channel) for channel in config["channels"]]
        options: dict[str, Any] = dict(config["options"])
        sink: str = config["sink"]
        self.replies = replies
        self.live: LiveSink | None = None
        self.push: PushSink = NullSink()
        if sink in LIVE_SINKS:
            self.live = open_live(
                sink, sample_rate=options["sample_rate"], block_frames=options["block_frames"]
            )
            options |= {
                "sample_rate": self.live.sample_rate,
                "block_frames": max(64, self.live.block_frames),
            }
        elif sink == "file":
            self.push = FileSink(config["path"], options["sample_rate"])
        try:
            self.engine = Engine(channels, **options)
        except BaseException:
            self.push.abort()
            raise
        self._asked: deque[list[Any]] = deque()
        self._told = 0.0  # when the parent was told the time
        if self.live is not None:
            self.live.start(self._pull)

    def facts(self) -> dict[str, Any]:
        """What the parent has to know of the engine."""
        return {
            "sample_rate": self.engine.sample_rate,
            "block_frames": self.engine.block_frames,
            "latency_frames": self.engine.latency_frames,
            "live": self.live is not None,
        }

    def take(self, message: list[Any]) -> None:
        """Carry out a message now, or leave it to the audio thread."""
        if self.live is None:
            self._answer(message)
        elif self.live.failure is not None:
            self._fail(message[0], SegueError(f"the engine stopped: {self.live.failure}"))
        else:
            self._asked.append(message)

    def finish(self, *, keep: bool) -> None:
        """Stop, and complete the sink or remove what it wrote."""
        if self.live is not None:
            self.live.close()
        if keep:
            self.push.close()
        else:
            self.push.abort()
        self.engine.close()

    def _pull(self, frames: int) -> Samples:
        try:
            while self._asked:
                self._answer(self._asked.popleft())
            if time.monotonic() - self._told >= CLOCK_SECONDS:
                self._told = time.monotonic()
                self.replies.put([CLOCK, [self.engine.frame, self._told]])
            return self.engine.render(frames)
        except BaseException as error:
            while self._asked:
                self._fail(self._asked.popleft()[0], SegueError(f"the engine stopped: {error}"))
            raise

    def _answer(self, message: list[Any]) -> None:
        serial, method, arguments = message
        try:
            self.replies.put([serial, self._call(method, arguments)])
        except SegueError as error:
            self._fail(serial, error)

    def _fail(self, serial: int, error: SegueError) -> None:
        self.replies.put([serial, None, [type(error).__name__, str(error)]])

    def _call(self, method: str, arguments: list[Any]) -> Any:
        engine = self.engine
        if method == "schedule":
            return engine.schedule(np.frombuffer(arguments[0], dtype=EVENT))
        if method == "frame":
            return [engine.frame, time.monotonic()]
        if method == "metrics":
            return asdict(engine.metrics())
        if method == "render":
            block = engine.render(arguments[0])
            self.push.write(block)
            return block.tobytes()
        if method == "advance":
            left = int(arguments[0])
            while left > 0:
                block = engine.render(min(engine.block_frames, left))
                self.push.write(block)
                left -= len(block)
            return engine.frame
        return getattr(engine, method)(*arguments)  # cancel, control, release_all


def _write_replies(out: IO[bytes], replies: "queue.SimpleQueue[Any]") -> None:
    while (reply := replies.get()) is not None:
        try:
            send(out, reply)
        except OSError:
            return  # the parent is gone; the main thread sees that too


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(ORPHAN_CHECK_SECONDS)
    os._exit(1)


def main() -> int:
    """Serve one parent until it says close or is gone."""
    for number in (signal.SIGINT, signal.SIGTERM):  # sent to a whole group: the parent's to handle
        signal.signal(number, signal.SIG_IGN)
    asked = os.fdopen(os.dup(0), "rb")
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever the audio libraries print must not mix with the replies
    if hasattr(os, "getppid"):
        threading.Thread(target=_watch_parent, args=(os.getppid(),), daemon=True).start()
    replies: queue.SimpleQueue[Any] = queue.SimpleQueue()
    writer = threading.Thread(target=_write_replies, args=(out, replies), daemon=True)
    writer.start()
    try:
        child = Child(receive(asked), replies)
    except SegueError as error:
        replies.put([0, None, [type(error).__name__, str(error)]])
        replies.put(None)
        writer.join()
        return 1
    replies.put([0, child.facts()])
    keep = False
    try:
        while True:
            message = receive(asked)
            if message[1] in ("close", "abort"):
                keep = message[1] == "close"
                break
            child.take(message)
        child.finish(keep=keep)
        replies.put([message[0], None])
    except EOFError:
        child.finish(keep=False)
    except SegueError as error:
        replies.put([message[0], None, [type(error).__name__, str(error)]])
    replies.put(None)
    writer.join()
    return 0


if __name__ == "__main__":
    sys.exit(main())
