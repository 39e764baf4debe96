"""The child of `EngineProcess`: an engine and its sink, driven by messages on standard input.

Messages are [serial, method, arguments]; replies [serial, value] or [serial, None, [error class,
text]], in the order asked. Serials below zero say what nobody asked for: the time, PCM blocks, log
records. Offline, the main thread renders. Live, the sink's thread carries out the messages between
two blocks, and another thread writes the replies, so that a slow reader never holds up the audio.
"""

import gc
import logging
import os
import signal
import sys
import threading
import time
from collections import deque
from dataclasses import asdict
from typing import IO, Any

import msgspec
import numpy as np

from ..music.errors import SegueError
from ..music.events import EVENT, Channel, MixSettings
from ..music.stems import SEGMENT
from .ending import Ending
from .engine import Engine
from .live import LiveSink
from .pipe import receive, send
from .priority import raise_priority
from .pyo_host import Samples
from .sinks import PushSink, open_sink
from .stream import PcmBlock, PcmWriter

ORPHAN_CHECK_SECONDS, ORPHAN_SECONDS = 1.0, 5.0
SWITCH_SECONDS = 0.0005  # between threads; Python's 5 ms are a whole block
CLOCK_SECONDS = 0.1  # how often a live child tells its parent the time, which runs on evenly
RESTLESS_CLOCK_SECONDS, RESTLESS_SECONDS = 0.02, 0.2  # how often, and how long, after a move
CLOCK, BLOCK, LOG = -1, -2, -3  # serials of what nobody asked for
MOVES = ("pause", "resume", "seek", "restore")  # the parent has to know the time afterwards


class Outbox:
    """What waits to be written to the parent. Only the last time and the newest blocks are kept."""

    def __init__(self, limit_blocks: int) -> None:
        self._replies: deque[list[Any]] = deque()
        self._clock: list[Any] | None = None
        self._blocks: deque[PcmBlock] = deque(maxlen=limit_blocks)
        self._changed = threading.Condition()
        self._closed = False

    def reply(self, message: list[Any]) -> None:
        """Answer, or log."""
        with self._changed:
            self._replies.append(message)
            self._changed.notify()

    def clock(self, frame: int, seconds: float, running: bool) -> None:
        """Tell the time."""
        with self._changed:
            self._clock = [CLOCK, [frame, seconds, running]]
            self._changed.notify()

    def block(self, block: PcmBlock) -> None:
        """Send a block, instead of the oldest one if the parent is slow."""
        with self._changed:
            self._blocks.append(block)
            self._changed.notify()

    def close(self) -> None:
        """Let `write` end when all is written."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def write(self, out: IO[bytes]) -> None:
        """Write what comes until `close`."""
        while messages := self._take():
            try:
                for message in messages:
                    send(out, message)
            except OSError:
                return  # the parent is gone; the main thread sees that too

    def _take(self) -> list[list[Any]]:
        with self._changed:
            self._changed.wait_for(
                lambda: self._closed or self._clock or self._replies or self._blocks
            )
            messages = [self._clock] if self._clock else []
            messages += self._replies
            if self._blocks:
                block = self._blocks.popleft()
                placed = [block.sequence, block.frame, block.music_frame]
                messages.append([BLOCK, [*placed, block.samples.tobytes()]])
            self._clock = None
            self._replies.clear()
            return messages


class Child:
    """One engine with its sink."""

    def __init__(self, config: dict[str, Any], outbox: Outbox) -> None:
        channels = msgspec.convert(config["channels"], list[Channel])
        mix = msgspec.convert(config["mix"], MixSettings)
        options: dict[str, Any] = dict(config["options"])
        sink = open_sink(
            config["sink"],
            path=config["path"],
            sample_rate=options["sample_rate"],
            block_frames=options["block_frames"],
        )
        self.outbox = outbox
        self.live = sink if isinstance(sink, LiveSink) else None
        self.push: PushSink | None = None if isinstance(sink, LiveSink) else sink
        if self.live is not None:
            options["sample_rate"] = self.live.sample_rate
            options["block_frames"] = max(64, self.live.block_frames)
        pcm: str | None = config["sample_format"]
        self._pcm = PcmWriter(outbox.block, pcm) if pcm else None
        try:
            self.engine = Engine(channels, mix=mix, **options)
        except BaseException:
            sink.abort()
            raise
        self._asked: deque[list[Any]] = deque()
        self._told = 0.0  # when the parent was told the time
        self._moved = 0.0  # when the transport was told to move, which takes it a moment
        self._tail_seconds: float | None = None  # of the ending that is wished
        self._ending: Ending | None = None
        self._ended = threading.Event()
        self._raised = not config["realtime"]  # whether the audio thread's priority is settled
        gc.collect()
        gc.freeze()  # what is there now stays: looking through it again would hold up the audio
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

    def finish(self, *, keep: bool, tail_seconds: float = 0.0) -> None:
        """Let notes ring out, stop, and complete the sink or remove what it wrote."""
        if self.live is not None:
            self._tail_seconds = tail_seconds
            deadline = time.monotonic() + tail_seconds + 2.0
            while self.live.failure is None and time.monotonic() < deadline:
                if self._ended.wait(0.1):
                    break
            self.live.close()
        elif self.push is not None and keep:
            if tail_seconds > 0:
                self._ring_out(self.push, tail_seconds)
            self.push.close()
        elif self.push is not None:
            self.push.abort()
        self.engine.close()

    def _ring_out(self, push: PushSink, tail_seconds: float) -> None:
        ending = Ending(self.engine, tail_seconds)
        while not ending.done.is_set():
            block = self.engine.process()
            push.write(block)
            ending.take(block)

    def _pull(self, frames: int) -> Samples:
        if not self._raised:
            self._raised = True
            raise_priority()
        try:
            while self._asked:
                self._answer(self._asked.popleft())
            now = time.monotonic()
            restless = now - self._moved < RESTLESS_SECONDS
            if now - self._told >= (RESTLESS_CLOCK_SECONDS if restless else CLOCK_SECONDS):
                self._tell_time()
            first = self.engine.frame
            block = self.engine.render(frames)
        except BaseException as error:
            while self._asked:
                self._fail(self._asked.popleft()[0], SegueError(f"the engine stopped: {error}"))
            raise
        if self._pcm is not None:
            self._pcm.write(block, first)
        self._end(block)
        return block

    def _end(self, block: Samples) -> None:
        if self._ending is not None:
            self._ending.take(block)
            if self._ending.done.is_set():
                self._ended.set()
        elif self._tail_seconds is not None:
            self._ending = Ending(self.engine, self._tail_seconds)

    def _tell_time(self) -> None:
        self._told = time.monotonic()
        self.outbox.clock(self.engine.frame, self._told, not self.engine.paused)

    def _answer(self, message: list[Any]) -> None:
        serial, method, arguments = message
        try:
            value = self._call(method, arguments)
        except SegueError as error:
            self._fail(serial, error)
            return
        if self.live is not None and method in MOVES:
            self._tell_time()
            self._moved = self._told
        self.outbox.reply([serial, value])

    def _fail(self, serial: int, error: SegueError) -> None:
        self.outbox.reply([serial, None, [type(error).__name__, str(error)]])

    def _call(self, method: str, arguments: list[Any]) -> Any:
        engine = self.engine
        if method == "schedule":
            return engine.schedule(np.frombuffer(arguments[0], dtype=EVENT))
        if method == "schedule_stems":
            return engine.schedule_stems(np.frombuffer(arguments[0], dtype=SEGMENT))
        if method == "clock":
            return [engine.frame, time.monotonic(), not engine.paused]
        if method == "metrics":
            return asdict(engine.metrics())
        if method == "levels":
            late = self.live.state.late_blocks if self.live is not None else 0
            return asdict(engine.levels()) | {"late_blocks": late}
        if method == "sink_state":
            return asdict(self.live.state) if self.live is not None else {}
        if method == "render":
            return self._render(arguments[0]).tobytes()
        if method == "advance":
            left = int(arguments[0])
            while left > 0:
                left -= len(self._render(min(engine.block_frames, left)))
            return engine.frame
        return getattr(engine, method)(*arguments)  # cancel, control, seek, snapshot ...

    def _render(self, frames: int) -> Samples:
        block = self.engine.render(frames)
        if self.push is not None:
            self.push.write(block)
        return block


class ParentLog(logging.Handler):
    """Hands log records to the parent."""

    def __init__(self, outbox: Outbox) -> None:
        super().__init__(logging.WARNING)
        self._outbox = outbox

    def emit(self, record: logging.LogRecord) -> None:
        """Send level, logger and text."""
        self._outbox.reply([LOG, [record.levelno, record.name, record.getMessage()]])


def _write(outbox: Outbox, out: IO[bytes], realtime: bool) -> None:
    if realtime:
        raise_priority()
    outbox.write(out)


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(ORPHAN_CHECK_SECONDS)
    time.sleep(ORPHAN_SECONDS)  # for the main thread to end the sound in good order
    os._exit(1)


def _serve(asked: IO[bytes], child: Child) -> list[Any] | None:
    """Take messages until told to end; the message that said so, None if the parent is gone."""
    try:
        while True:
            message: list[Any] = receive(asked)
            if message[1] in ("close", "abort"):
                return message
            child.take(message)
    except EOFError:
        return None


def main() -> int:
    """Serve one parent until it says close or is gone."""
    for number in (signal.SIGINT, signal.SIGTERM):  # sent to a whole group: the parent's to handle
        signal.signal(number, signal.SIG_IGN)
    asked = os.fdopen(os.dup(0), "rb")
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever the audio libraries print must not mix with the replies
    if hasattr(os, "getppid"):
        threading.Thread(target=_watch_parent, args=(os.getppid(),), daemon=True).start()
    config = receive(asked)
    realtime: bool = config["realtime"]
    if realtime:
        sys.setswitchinterval(SWITCH_SECONDS)
    outbox = Outbox(config["limit_blocks"])
    logging.getLogger().addHandler(ParentLog(outbox))
    writer = threading.Thread(target=_write, args=(outbox, out, realtime), daemon=True)
    writer.start()
    code = _run(config, asked, outbox)
    outbox.close()
    writer.join()
    return code


def _run(config: dict[str, Any], asked: IO[bytes], outbox: Outbox) -> int:
    serial = 0
    try:
        child = Child(config, outbox)
        outbox.reply([0, child.facts()])
        if config["realtime"]:
            raise_priority()
        message = _serve(asked, child)
        if message is None:
            child.finish(keep=False)
            return 0
        serial, method, arguments = message
        child.finish(keep=method == "close", tail_seconds=arguments[0] if arguments else 0.0)
        outbox.reply([serial, None])
    except SegueError as error:
        outbox.reply([serial, None, [type(error).__name__, str(error)]])
        return 1 if serial == 0 else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
