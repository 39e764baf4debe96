"""An engine in a process of its own, so that a busy server never disturbs the audio.

The child is a fresh interpreter that loads pyo and numpy only. It ends with its parent, however
that ends; a child that crashes turns every waiting and later call into a clear error.
"""

import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np

from ..music.errors import SegueError, check_range
from ..music.events import Channel, Events, MixSettings, check_events
from ..music.stems import SEGMENT, Segments
from .child import end_child, last_words, revive
from .controls import check_control
from .engine import EngineMetrics
from .engine_child import BLOCK, CLOCK, LOG
from .live import SinkState
from .pipe import receive, send
from .pyo_host import Samples
from .sinks import check_sink, part_path
from .stream import LIMIT_BLOCKS, SAMPLE_FORMATS, Delivery, PcmBlock, PcmWriter, Stream

START_SECONDS = 180.0  # an instrument that has never sounded here computes its tables first
CALL_SECONDS, LIVE_CALL_SECONDS = 60.0, 10.0
AHEAD_SECONDS = 2.0  # that `advance` may be ahead of the child
CHUNK_SECONDS = 10.0  # the most that one message renders, so that the child stays responsive
MAX_TAIL_SECONDS = 30.0
OFFLINE = ("null", "file")
ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Environment of the child: matrices are small, and threads that wait for each other cost more."""


class EngineProcess:
    """The interface of `Engine`, carried out by a child process.

    The options are those of `Engine`, but a live device may impose its own rate and block: see the
    attributes. A device that goes away later is logged, and the music plays on in silence until it
    is back. Raises MissingPartError when there is no audio device, SegueError for bad options and
    from any call when the child has ended.

    :param sink: one of `sinks.SINKS`. "null", "file" and a "stream" that is not real-time are
        offline: time moves by `advance` and `render`. The others are live: time moves by itself
    :param path: the file for sink "file"; complete only after `close`
    :param stream: who gets the blocks of sink "stream"
    """

    def __init__(
        self,
        channels: Sequence[Channel],
        *,
        sink: str = "null",
        path: str | Path | None = None,
        stream: Stream | None = None,
        mix: MixSettings | None = None,
        sample_rate: int = 48_000,
        block_frames: int = 256,
        seed: int = 0,
        voices_per_channel: int | None = None,
        gain_db: float = 0.0,
    ) -> None:
        check_sink(sink, path, stream)
        self.channels, self.mix = tuple(channels), mix or MixSettings()
        self._path = None if path is None else Path(path).absolute()
        self._delivery: Delivery | None = None
        self._writer: PcmWriter | None = None
        self._advancing: deque[tuple[Future[Any], int]] = deque()  # with how many frames
        options = {
            "sample_rate": sample_rate,
            "block_frames": block_frames,
            "seed": seed,
            "voices_per_channel": voices_per_channel,
            "gain_db": gain_db,
        }
        facts = self._start(self._config(sink, stream, options))
        self.sample_rate: int = facts["sample_rate"]
        self.block_frames: int = facts["block_frames"]
        self.latency_frames: int = facts["latency_frames"]
        self.live: bool = facts["live"]

    def _config(self, sink: str, stream: Stream | None, options: dict[str, Any]) -> dict[str, Any]:
        """What the child has to be; a stream's blocks come here, by `_delivery` or `_writer`."""
        live_stream = stream if stream is not None and stream.realtime else None
        if live_stream is not None:
            sink = "silent"
            self._delivery = Delivery(live_stream.on_block, live_stream.limit_blocks)
            self._pcm_type = SAMPLE_FORMATS[live_stream.sample_format]
        elif stream is not None:
            sink = "null"
            self._writer = PcmWriter(stream.on_block, stream.sample_format)
        return {
            "channels": msgspec.to_builtins(self.channels),
            "mix": msgspec.to_builtins(self.mix),
            "sink": sink,
            "path": None if self._path is None else str(self._path),
            "sample_format": live_stream.sample_format if live_stream else None,
            "limit_blocks": live_stream.limit_blocks if live_stream else LIMIT_BLOCKS,
            "realtime": live_stream is not None or sink not in (*OFFLINE, "silent"),
            "options": options,
        }

    def _start(self, config: dict[str, Any]) -> dict[str, Any]:
        """Start the child, send it what it is to be, and return what it says of itself."""
        self._errors = tempfile.TemporaryFile()  # what the child writes to standard error
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.engine_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=os.environ | ONE_THREAD,
        )
        self._lock = threading.Lock()
        self._serial = 0
        ready: Future[Any] = Future()
        self._waiting: dict[int, Future[Any]] = {0: ready}
        self._clock: list[Any] | None = None  # the last frame and time that a live child sent
        self._ended = False
        self._closed = False
        self._reader = threading.Thread(target=self._read_replies, daemon=True)
        self._reader.start()
        try:
            self._write(config)
            facts: dict[str, Any] = self._result(ready, "start", START_SECONDS)
        except BaseException:
            self._process.kill()  # it may be busy for long, and has nothing to lose yet
            self._kill()
            raise
        return facts

    @property
    def alive(self) -> bool:
        """Whether the child is there and has not been closed."""
        return not (self._ended or self._closed)

    @property
    def process_id(self) -> int:
        """The child's process id."""
        return self._process.pid

    @property
    def frame(self) -> int:
        """The next frame to render; live, reckoned from the clock that the child sends."""
        frame, seconds, running = self._time()
        if self.live and running:
            frame += max(0, round((time.monotonic() - seconds) * self.sample_rate))
        return frame

    def frame_and_time(self) -> tuple[int, float]:
        """The next frame to render, and the `time.monotonic` seconds when that was so."""
        frame, seconds, _ = self._time()
        return frame, seconds

    def _time(self) -> tuple[int, float, bool]:
        clock = self._clock if self.live and self._clock is not None else self._call("clock")
        return int(clock[0]), float(clock[1]), bool(clock[2])

    def schedule(self, events: Events) -> None:
        """As `Engine.schedule`; does not wait for the child."""
        self._post("schedule", check_events(events, len(self.channels)).tobytes())

    def schedule_stems(self, segments: Segments) -> None:
        """As `Engine.schedule_stems`; does not wait for the child."""
        self._post("schedule_stems", segments.astype(SEGMENT).tobytes())

    def cancel(self, from_frame: int = 0) -> int:
        """As `Engine.cancel`."""
        return int(self._call("cancel", int(from_frame)))

    def control(self, name: str, value: float, ramp_seconds: float = 0.0) -> None:
        """As `Engine.control`; does not wait for the child."""
        self._post("control", name, *check_control(self.channels, name, value, ramp_seconds))

    def release_all(self) -> None:
        """As `Engine.release_all`; does not wait for the child."""
        self._post("release_all")

    def controls(self) -> dict[str, float]:
        """As `Engine.controls`."""
        return dict(self._call("controls"))

    @property
    def paused(self) -> bool:
        """As `Engine.paused`."""
        return not self._call("clock")[2]

    def pause(self) -> None:
        """As `Engine.pause`."""
        self._call("pause")

    def resume(self) -> None:
        """As `Engine.resume`."""
        self._call("resume")

    def seek(self, frame: int) -> None:
        """As `Engine.seek`."""
        self._call("seek", frame)

    def snapshot(self) -> dict[str, Any]:
        """As `Engine.snapshot`."""
        return dict(self._call("snapshot"))

    def restore(self, state: dict[str, Any]) -> None:
        """As `Engine.restore`."""
        self._call("restore", state)

    def metrics(self) -> EngineMetrics:
        """As `Engine.metrics`."""
        return EngineMetrics(**self._call("metrics"))

    def ask_levels(self) -> "Future[dict[str, Any]]":
        """`Engine.levels` as a map, once the child has come so far; does not wait for it."""
        return self._post("levels")

    def sink_state(self) -> SinkState:
        """How a live sink fares: its device, and what it has missed."""
        return SinkState(**self._call("sink_state"))

    @property
    def blocks_dropped(self) -> int:
        """Blocks of a live stream that its receiver was too slow for."""
        return self._delivery.dropped if self._delivery is not None else 0

    def advance(self, n_frames: int) -> None:
        """Render `n_frames` into the sink. Offline only.

        The child may be some seconds behind when this returns, so that both work at once; what goes
        wrong there is raised by a later call, `close` at the latest.
        """
        for frames in self._chunks(n_frames):
            if self._writer is None:
                self._advancing.append((self._post("advance", frames), frames))
                self._wait_for_advance(AHEAD_SECONDS)
            else:
                self._render(frames)

    def settle(self) -> None:
        """Return when all that `advance` asked for is rendered, or raise what went wrong."""
        self._wait_for_advance(0.0)

    def _wait_for_advance(self, ahead_seconds: float) -> None:
        """Return when no more than so much is left to be rendered."""
        left = sum(frames for _, frames in self._advancing)
        while self._advancing and left > ahead_seconds * self.sample_rate:
            future, frames = self._advancing.popleft()
            left -= frames
            self._result(future, "advance", CALL_SECONDS)

    def render(self, n_frames: int) -> Samples:
        """Render into the sink and return it: float32 [shape=(n_frames, 2)]. Offline only."""
        parts = [self._render(frames) for frames in self._chunks(n_frames)]
        return np.concatenate(parts) if parts else np.zeros((0, 2), np.float32)

    def close(self, tail_seconds: float = 0.0) -> None:
        """Stop, complete the sink and end the child. Twice is allowed.

        :param tail_seconds: how long the notes that sound may ring out, 0 to 30; those not yet
            begun are dropped. Live, what is left then fades; with 0 it does so at once
        """
        self._end("close", check_range("tail in seconds", tail_seconds, 0.0, MAX_TAIL_SECONDS))

    def abort(self) -> None:
        """End the child, live with a short fade, and remove what a file sink wrote."""
        self._end("abort")

    def _render(self, frames: int) -> Samples:
        data = self._call("render", frames)
        block: Samples = np.frombuffer(data, np.float32).reshape(-1, 2)
        if self._writer is not None:
            for start in range(0, frames, self.block_frames):
                self._writer.write(block[start : start + self.block_frames])
        return block

    # the wire

    def _chunks(self, n_frames: int) -> list[int]:
        if self.live:
            raise SegueError("a live engine keeps its own time; advance only offline sinks")
        most = round(CHUNK_SECONDS * self.sample_rate)
        whole, rest = divmod(int(n_frames), most)
        return [most] * whole + [rest] * (rest > 0)

    def _call(self, method: str, *arguments: Any) -> Any:
        seconds = LIVE_CALL_SECONDS if self.live else CALL_SECONDS
        return self._result(self._post(method, *arguments), method, seconds)

    def _post(self, method: str, *arguments: Any) -> "Future[Any]":
        if self._closed:
            raise SegueError("this engine is closed; make a new one")
        future: Future[Any] = Future()
        with self._lock:
            self._serial += 1
            if self._ended:
                raise self._obituary()
            self._waiting[self._serial] = future
            self._write([self._serial, method, arguments])
        return future

    def _write(self, message: Any) -> None:
        assert self._process.stdin is not None
        try:
            send(self._process.stdin, message)
        except OSError:
            pass  # the child is gone: the reader fails whatever waits

    def _result(self, future: "Future[Any]", what: str, seconds: float) -> Any:
        try:
            return future.result(seconds)
        except FutureTimeoutError:
            raise SegueError(
                f"the engine process did not answer {what!r} within {seconds:g} s; "
                "close it and make a new one"
            ) from None

    def _read_replies(self) -> None:
        assert self._process.stdout is not None
        try:
            while True:
                serial, value, *error = receive(self._process.stdout)
                if serial < 0:
                    self._hear(serial, value)
                elif error:
                    self._waiting.pop(serial).set_exception(revive(*error[0]))
                else:
                    self._waiting.pop(serial).set_result(value)
        except (EOFError, OSError, ValueError):
            self._process.wait()
            with self._lock:
                self._ended = True
                waiting, self._waiting = self._waiting, {}
            for future in waiting.values():
                future.set_exception(self._obituary())

    def _hear(self, serial: int, value: list[Any]) -> None:
        """Take in what the child says unasked."""
        if serial == CLOCK:
            self._clock = value
        elif serial == LOG:
            level, name, text = value
            logging.getLogger(name).log(level, "%s", text)
        elif serial == BLOCK and self._delivery is not None:
            sequence, frame, music_frame, data = value
            samples = np.frombuffer(data, self._pcm_type).reshape(-1, 2)
            self._delivery.put(PcmBlock(sequence, frame, samples, music_frame))

    def _obituary(self) -> SegueError:
        words = last_words(self._process, self._errors)
        return SegueError(f"the engine process {words}; make a new engine")

    def _end(self, method: str, tail_seconds: float = 0.0) -> None:
        if self._closed:
            return
        try:
            if not self._ended:
                if method == "close":
                    self.settle()
                future = self._post(method, tail_seconds)
                self._result(future, method, CALL_SECONDS + tail_seconds)
            elif method == "close":  # nobody may take an unfinished file for a finished one
                raise self._obituary()
        finally:
            self._closed = True
            self._kill()

    def _kill(self) -> None:
        end_child(self._process, self._reader)
        self._errors.close()
        if self._delivery is not None:
            self._delivery.close()
        if self._path is not None:
            part_path(self._path, self._process.pid).unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()
