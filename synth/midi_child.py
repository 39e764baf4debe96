"""The child of `MidiProcess`: a port and its messages at their times, and nothing else.

Messages on standard input are [serial, method, arguments]; those with a serial above 0 are answered
by [serial, value] or [serial, None, [error class, text]]. What is to be logged goes to the parent
as [LOG, text]. A thread reads, the main thread waits for the next deadline or message, whichever
comes first; the last millisecond before a deadline is spun. When the parent ends, however that is,
standard input ends, and the child silences its port.
"""

import gc
import logging
import os
import queue
import signal
import sys
import threading
import time
from collections import deque
from typing import IO, Any, Protocol

import numpy as np

from ..music.errors import SegueError
from ..music.events import EVENT, Channel
from .midi_options import MidiOptions
from .midi_out import MidiOut
from .midi_ports import NullPort, open_output
from .pipe import receive, send

LOG = -1  # the serial number of a line for the log
SPIN_SECONDS = 0.001
IDLE_SECONDS = 0.5
PRIORITY = 40  # of SCHED_FIFO, above everything that is not real-time
PACE_SECONDS = 0.0005  # between two messages to a driver, after
BURST = 16  # of them at once
CLOCK_TYPES = ("clock", "start", "stop", "continue", "songpos")
MOST_TICKS = 65_536  # whose times are kept
_PATIENCE = 16  # deadlines in a row before a message is taken all the same

Inbox = queue.SimpleQueue[Any]


class Clock(Protocol):
    """A clock to pace by."""

    def now(self) -> float:
        """Seconds, never going back."""

    def take(self, inbox: Inbox, until: float) -> Any:
        """The next message if one comes before `until`; raises queue.Empty then."""

    def wait_until(self, seconds: float) -> None:
        """Return at that time (at once if it has passed)."""


class SystemClock:
    """The machine's monotonic clock, the same in all processes."""

    def now(self) -> float:
        """Seconds of `time.monotonic`."""
        return time.monotonic()

    def take(self, inbox: Inbox, until: float) -> Any:
        """Sleep until a message comes or it is `until`."""
        seconds = until - time.monotonic()
        return inbox.get(timeout=seconds) if seconds > 0 else inbox.get_nowait()

    def wait_until(self, seconds: float) -> None:
        """Spin."""
        while time.monotonic() < seconds:
            pass


class _PacedPort:
    """A port that is never flooded, and keeps when its clock ticks were due and when they had gone.

    A driver has room for some dozen messages a period (JACK) or sends one a millisecond (a cable);
    what comes too fast may be lost. Messages wait here for their turn; those of the clock do not.
    """

    def __init__(self, port: Any, clock: Clock) -> None:
        self.name = getattr(port, "name", "?")
        self.due = 0.0
        self.ticks: deque[tuple[float, float]] = deque(maxlen=MOST_TICKS)  # due, gone, in seconds
        self._port, self._clock = port, clock
        self._waiting: deque[Any] = deque()
        self._free_from = clock.now() - BURST * PACE_SECONDS  # moves on with each message

    def send(self, message: Any) -> None:
        if message.type in CLOCK_TYPES:
            self._port.send(message)
            if message.type == "clock":
                self.ticks.append((self.due, self._clock.now()))
            return
        self._waiting.append(message)
        self.flush()

    def ready(self) -> float | None:
        """When the next message that waits may go, in seconds; None if none waits."""
        return self._free_from if self._waiting else None

    def flush(self) -> None:
        """Send what may go by now."""
        now = self._clock.now()
        while self._waiting and (self._free_from <= now or isinstance(self._port, NullPort)):
            self._free_from = max(self._free_from, now - BURST * PACE_SECONDS) + PACE_SECONDS
            self._port.send(self._waiting.popleft())

    def drain(self) -> None:
        """Send all that waits, each in its turn."""
        while (ready := self.ready()) is not None:
            self._clock.wait_until(ready)
            self.flush()

    def close(self) -> None:
        self.drain()
        self._port.close()


class Sender:
    """A `MidiOut` paced by a clock and told what to do by messages.

    :param port: an open output
    """

    def __init__(
        self,
        port: Any,
        channels: list[Channel],
        options: MidiOptions,
        sample_rate: int,
        clock: Clock,
    ) -> None:
        self._clock = clock
        self._port = _PacedPort(port, clock)
        self.out = MidiOut(
            self._port, channels, sample_rate=sample_rate, options=options, owns_port=True
        )
        self._start: float | None = None  # the clock's seconds at frame 0, None: it stands
        self._turned_away = 0

    def turn(self, inbox: Inbox) -> list[Any] | None:
        """Wait for a deadline or a message, and do what it asks; the message if there was one."""
        if self._start is None:
            self._port.drain()
            message: list[Any] = inbox.get()
            return message
        frame, ready = self.out.next_frame(), self._port.ready()
        due = self._clock.now() + IDLE_SECONDS if frame is None else self._seconds(frame)
        wake = due if ready is None else min(due, ready)
        slack = wake - SPIN_SECONDS - self._clock.now()
        if slack > 0 or self._turned_away >= _PATIENCE:
            self._turned_away = 0
            try:
                return list(self._clock.take(inbox, wake - SPIN_SECONDS))
            except queue.Empty:
                pass
        self._turned_away += 1
        self._clock.wait_until(wake)
        self._port.flush()
        if frame is not None and due <= self._clock.now():
            self._port.due = due
            self.out.send_next()
        return None

    def carry_out(self, method: str, arguments: list[Any]) -> Any:
        """Do what a message asks; the answer."""
        match method:
            case "schedule":
                self.out.schedule(np.frombuffer(arguments[0], EVENT))
            case "start":
                self._start = float(arguments[0])
            case "pause":
                self._start = None
                self.out.halt()
            case "metrics":
                return self.metrics()
            case "bar" | "cancel" | "control" | "advance" | "release_all" | "panic":
                return getattr(self.out, method)(*arguments)
            case _:
                raise SegueError(f"the MIDI process knows no {method!r}")
        return None

    def metrics(self) -> dict[str, float]:
        """How steady the clock was: see `MidiProcess.metrics`."""
        times = np.array(self._port.ticks).reshape(-1, 2)
        late_ms = (times[:, 1] - times[:, 0]) * 1e3
        jitter_ms = np.abs(np.diff(late_ms))
        found: dict[str, float] = {"ticks": len(times), "notes_late": self.out.late}
        for name, values in (("jitter", jitter_ms), ("late", late_ms)):
            values = values if len(values) else np.zeros(1)
            found[f"{name}_p50_ms"], found[f"{name}_p99_ms"] = np.percentile(
                values, (50, 99)
            ).tolist()
            found[f"{name}_max_ms"] = float(values.max())
        return found

    def _seconds(self, frame: int) -> float:
        return (self._start or 0.0) + frame / self.out.sample_rate


def raise_priority() -> None:
    """Be woken before ordinary work where the machine allows that; else as it is."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    except (AttributeError, OSError):
        try:
            os.nice(-10)
        except (AttributeError, OSError):
            pass


class _ParentLog(logging.Handler):
    """Sends what is logged to the parent."""

    def __init__(self, replies: IO[bytes]) -> None:
        super().__init__()
        self._replies = replies

    def emit(self, record: logging.LogRecord) -> None:
        try:
            send(self._replies, [LOG, record.getMessage()])
        except OSError:
            pass  # the parent has gone, and nobody reads


def _read(stream: IO[bytes], inbox: Inbox) -> None:
    """Hand messages on until the parent ends."""
    try:
        while True:
            inbox.put(receive(stream))
    except (EOFError, OSError):
        inbox.put([0, "close", []])


def _stop(*_: object) -> None:
    raise SystemExit(0)


def _serve(sender: Sender, inbox: Inbox, replies: IO[bytes]) -> None:
    """Send until the parent says `close`."""
    while True:
        message = sender.turn(inbox)
        if message is None:
            continue
        serial, method, arguments = message
        if method == "close":
            sender.out.close()
            if serial:
                send(replies, [serial, None])
            return
        try:
            value = sender.carry_out(method, arguments)
            error = None
        except SegueError as fault:
            value, error = None, [type(fault).__name__, str(fault)]
        if serial:
            send(replies, [serial, value] if error is None else [serial, None, error])
        elif error is not None:
            send(replies, [LOG, error[1]])


def main() -> None:
    """Serve one port for the parent that started this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the parent too, which decides
    signal.signal(signal.SIGTERM, _stop)
    requests, replies = sys.stdin.buffer, sys.stdout.buffer
    logging.getLogger("segue").addHandler(_ParentLog(replies))
    logging.getLogger("segue").propagate = False
    config = receive(requests)
    raise_priority()
    try:
        sender = Sender(
            open_output(config["port"]),
            [Channel(**channel) for channel in config["channels"]],
            MidiOptions(**config["options"]),
            config["sample_rate"],
            SystemClock(),
        )
    except SegueError as error:
        send(replies, [1, None, [type(error).__name__, str(error)]])
        return
    with sender.out:
        send(replies, [1, {"port": sender.out.port.name}])
        inbox: Inbox = queue.SimpleQueue()
        threading.Thread(target=_read, args=(requests, inbox), daemon=True).start()
        gc.collect()
        gc.disable()  # nothing here makes cycles, and a collection would be heard
        try:
            _serve(sender, inbox, replies)
        except (BrokenPipeError, SystemExit):
            pass  # the parent has gone, or it was told to end: the port is silenced on the way out
    os._exit(0)  # the reading thread may hold standard input, which the usual way out waits for


if __name__ == "__main__":
    main()
