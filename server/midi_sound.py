"""A session that plays on a MIDI port, for hardware and other programs."""

import threading
from contextlib import suppress

from ..music.errors import UnknownNameError
from ..music.events import Channel, Events
from ..synth.midi_out import MidiOut
from ..synth.midi_ports import open_output
from .clock import WallClock

SAMPLE_RATE = 48_000
TICK_SECONDS = 0.001


class MidiSound:
    """Sends a session's notes to a port: as time is moved by hand, or by a thread of its own.

    :param port: name of the port, '' for the first one
    """

    def __init__(self, port: str, channels: list[Channel], *, realtime: bool) -> None:
        self.sample_rate = SAMPLE_RATE
        self._lock = threading.Lock()
        opened = open_output(port)
        self._midi = MidiOut(opened, channels, sample_rate=SAMPLE_RATE, owns_port=True)
        self._clock = WallClock(SAMPLE_RATE) if realtime else None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="segue-midi", daemon=True)
        if realtime:
            self._thread.start()

    @property
    def frame(self) -> int:
        """The next frame to sound."""
        return self._midi.frame if self._clock is None else self._clock.frame

    def schedule(self, events: Events) -> None:
        """Play notes at their frames."""
        with self._lock:
            self._midi.schedule(events)

    def cancel(self, from_frame: int) -> None:
        """Forget notes that begin at or after a frame."""
        with self._lock:
            self._midi.cancel(from_frame)

    def control(self, name: str, value: float, ramp_seconds: float) -> None:
        """Set a controller (see `synth.controls`), without a ramp; MIDI has none for some."""
        with self._lock, suppress(UnknownNameError):
            self._midi.control(name, value)

    def pause(self) -> None:
        """End what sounds and let time stand (real time)."""
        if self._clock is not None:
            self._clock.pause()
            self.release_all()

    def resume(self) -> None:
        """Let time go on."""
        if self._clock is not None:
            self._clock.resume()

    def release_all(self) -> None:
        """End every sounding note."""
        with self._lock:
            self._midi.release_all()

    def advance_to(self, frame: int) -> None:
        """Send all that falls due before a frame (manual clock)."""
        if self._clock is None and frame > self._midi.frame:
            self._midi.advance(frame - self._midi.frame)

    def close(self) -> list[str]:
        """End all notes and close the port; it leaves no file."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._midi.close()
        return []

    def discard(self) -> None:
        """End all notes and close the port."""
        self.close()

    def _run(self) -> None:
        while not self._stop.wait(TICK_SECONDS):
            with self._lock:
                self._midi.advance(max(self.frame - self._midi.frame, 0))
