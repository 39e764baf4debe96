"""A session that plays on a MIDI port, for hardware and other programs."""

import time
from collections.abc import Sequence
from dataclasses import replace

from ...music.errors import SegueError
from ...music.events import Channel, Events
from ...music.world import Bar
from ...synth.midi_options import format_options, parse_options
from ...synth.midi_process import MidiProcess
from .clock import WallClock

SAMPLE_RATE = 48_000


def midi_output(output: str, *, clock: bool = False, mpe: Sequence[str] = ()) -> str:
    """An output with MIDI options added, e.g. `midi:Synth A?clock&mpe=theme`.

    :param clock: send MIDI clock
    :param mpe: layers that play in MPE zones, one or two

    Raises SegueError if options are asked of an output that is not MIDI.
    """
    if not clock and not mpe:
        return output
    kind, _, port = output.partition(":")
    if kind != "midi":
        raise SegueError(f"output {output!r} is no MIDI port, which clock and MPE need; use midi")
    name, options = parse_options(port)
    options = replace(options, clock=clock or options.clock, mpe=tuple(mpe) or options.mpe)
    return f"midi:{format_options(name, options)}"


class MidiSound:
    """A session's notes, bars and controls on a port, sent by a process of its own.

    :param port: name of the port, '' for the first one, and options: see
        `synth.midi_options.parse_options`
    :param realtime: time moves by itself, instead of by `advance_to`
    """

    def __init__(self, port: str, channels: list[Channel], *, realtime: bool) -> None:
        self.sample_rate = SAMPLE_RATE
        name, options = parse_options(port)
        self._process = MidiProcess(name, channels, sample_rate=SAMPLE_RATE, options=options)
        self._frame = 0  # where time that is moved by hand stands
        self._clock = WallClock(SAMPLE_RATE) if realtime else None
        self._start()

    @property
    def frame(self) -> int:
        """The next frame to sound."""
        return self._frame if self._clock is None else self._clock.frame

    @property
    def process(self) -> MidiProcess:
        """Who sends; its `metrics` tell how steady the clock is."""
        return self._process

    def schedule(self, events: Events) -> None:
        """Play notes at their frames."""
        self._process.schedule(events)

    def bar(self, bar: Bar, start_frame: int, end_frame: int) -> None:
        """A bar begins at a frame: for the clock and for expression."""
        dynamics = bar.direction.dynamics
        self._process.bar(start_frame, bar.start_beats, bar.beats, bar.bpm, dynamics)

    def cancel(self, from_frame: int) -> None:
        """Forget notes and bars that begin at or after a frame."""
        self._process.cancel(from_frame)

    def control(self, name: str, value: float, ramp_seconds: float) -> None:
        """Move a control of `synth.controls`, where MIDI has a controller for it."""
        self._process.control(name, value, ramp_seconds)

    def pause(self) -> None:
        """End what sounds and let time stand (real time)."""
        if self._clock is not None:
            self._clock.pause()
            self._process.pause()

    def resume(self) -> None:
        """Let time go on (real time)."""
        if self._clock is not None:
            self._clock.resume()
            self._start()

    def release_all(self) -> None:
        """End every sounding note."""
        self._process.release_all()

    def settle(self) -> None:
        """Nothing to do: notes are sent at their time."""

    def advance_to(self, frame: int) -> None:
        """Send all that falls due before a frame (manual clock)."""
        if self._clock is None and frame > self._frame:
            self._process.advance(frame - self._frame)
            self._frame = frame

    def take_notices(self) -> list[str]:
        """Nothing happens to a port that the session has to be told."""
        return []

    def close(self) -> list[str]:
        """End all notes and close the port; it leaves no file."""
        self._process.close()
        return []

    def discard(self) -> None:
        """End all notes and close the port."""
        self.close()

    def _start(self) -> None:
        if self._clock is not None:
            self._process.start(time.monotonic() - self._clock.frame / SAMPLE_RATE)
