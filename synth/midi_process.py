"""A MIDI port in a process of its own, so that a busy program beside it never shakes its clock."""

import logging
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import asdict
from queue import Empty, SimpleQueue
from typing import Any, Self

import numpy as np

from ..music.errors import SegueError
from ..music.events import Channel, Events, check_events
from .child import end_child, last_words, revive
from .controls import check_control
from .midi_child import LOG
from .midi_options import MidiOptions
from .pipe import receive, send

log = logging.getLogger(__name__)

START_SECONDS, CALL_SECONDS = 60.0, 20.0


class MidiProcess:
    """The interface of `MidiOut`, carried out by a child process that keeps time.

    However this process ends, the child ends all notes on the port.

    Raises UnknownNameError for a port that is not there, and SegueError from any call when the
    child has ended. On a machine without a MIDI system the port is `null`, and one line is logged.

    :param port: name of an output, as `midi_ports.open_output` takes it
    :param options: clock, MPE, other programs
    """

    def __init__(
        self,
        port: str,
        channels: Sequence[Channel],
        *,
        sample_rate: int = 48_000,
        options: MidiOptions | None = None,
    ) -> None:
        self.channels, self.sample_rate = tuple(channels), int(sample_rate)
        self._lock = threading.Lock()
        self._serial = 0
        self._closed = False
        self._running = False
        self._answers: SimpleQueue[list[Any] | None] = SimpleQueue()
        self._errors = tempfile.TemporaryFile()  # what the child writes to standard error
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.midi_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        config = {
            "port": port,
            "channels": [asdict(channel) for channel in channels],
            "options": asdict(options or MidiOptions()),
            "sample_rate": self.sample_rate,
        }
        try:
            self._write(config)
            self._serial = 1
            self.port: str = self._answer(1, "start", START_SECONDS)["port"]
        except BaseException:
            self._end()
            raise

    @property
    def process_id(self) -> int:
        """The child's process id."""
        return self._process.pid

    def start(self, at_seconds: float) -> None:
        """Let time move by itself, after `pause` too; before that, it moves by `advance`.

        :param at_seconds: of `time.monotonic`, when frame 0 is or would have been
        """
        self._running = True
        self._post("start", float(at_seconds))

    def pause(self) -> None:
        """End what sounds, stop the receiver's clock, and let time stand until `start`."""
        self._running = False
        self._post("pause")

    def schedule(self, events: Events) -> None:
        """As `MidiOut.schedule`; does not wait for the child."""
        checked = check_events(events, len(self.channels))
        self._post("schedule", np.ascontiguousarray(checked).tobytes())

    def bar(
        self,
        start_frame: int,
        start_beat: float,
        beats: float,
        bpm: float,
        dynamics: float | None = None,
    ) -> None:
        """As `MidiOut.bar`; does not wait for the child."""
        self._post("bar", start_frame, start_beat, beats, bpm, dynamics)

    def control(self, name: str, value: float, ramp_seconds: float = 0.0) -> None:
        """As `MidiOut.control`; does not wait for the child."""
        self._post("control", name, *check_control(self.channels, name, value, ramp_seconds))

    def cancel(self, from_frame: int = 0) -> int:
        """As `MidiOut.cancel`."""
        return int(self._call("cancel", int(from_frame)))

    def release_all(self) -> None:
        """As `MidiOut.release_all`; does not wait for the child."""
        self._post("release_all")

    def panic(self) -> None:
        """As `MidiOut.panic`; does not wait for the child."""
        self._post("panic")

    def advance(self, n_frames: int) -> None:
        """As `MidiOut.advance`. Not while time moves by itself."""
        if self._running:
            raise SegueError("this port keeps its own time; advance only one that was not started")
        self._call("advance", int(n_frames))

    def metrics(self) -> dict[str, float]:
        """How steady the clock has been: milliseconds of the last ticks handed to the driver.

        `jitter_*` is how far the time between two ticks was from what it should be, `late_*` how
        long after its time a tick went; `ticks` counts them, `notes_late` the notes that were
        scheduled after their time.
        """
        return dict(self._call("metrics"))

    def close(self) -> None:
        """End all notes and close the port. Twice is allowed."""
        if self._closed:
            return
        try:
            self._call("close")
        finally:
            self._end()

    # The wire ---------------------------------------------------------------------------------

    def _post(self, method: str, *arguments: Any) -> None:
        with self._lock:
            self._check()
            self._write([0, method, arguments])

    def _call(self, method: str, *arguments: Any) -> Any:
        with self._lock:
            self._check()
            self._serial += 1
            self._write([self._serial, method, arguments])
            return self._answer(self._serial, method, CALL_SECONDS)

    def _check(self) -> None:
        if self._closed:
            raise SegueError("this MIDI port is closed; open it again")
        if self._process.poll() is not None:
            raise self._obituary()

    def _write(self, message: Any) -> None:
        assert self._process.stdin is not None
        try:
            send(self._process.stdin, message)
        except OSError:
            pass  # the child is gone: whoever waits is told, and so is the next call

    def _answer(self, serial: int, method: str, seconds: float) -> Any:
        try:
            while (answer := self._answers.get(timeout=seconds)) is not None:
                if answer[0] == serial:
                    if len(answer) > 2:
                        raise revive(*answer[2])
                    return answer[1]
        except Empty:
            raise SegueError(
                f"the MIDI process did not answer {method!r} within {seconds:g} s; "
                "close it and open the port again"
            ) from None
        self._process.wait()
        raise self._obituary()

    def _read(self) -> None:
        assert self._process.stdout is not None
        try:
            while True:
                message = receive(self._process.stdout)
                if message[0] == LOG:
                    log.warning("%s", message[1])
                else:
                    self._answers.put(message)
        except (EOFError, OSError, ValueError):
            self._answers.put(None)

    def _obituary(self) -> SegueError:
        words = last_words(self._process, self._errors)
        return SegueError(f"the MIDI process {words}; open the port again")

    def _end(self) -> None:
        self._closed = True
        end_child(self._process, self._reader)
        self._errors.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
