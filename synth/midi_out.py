"""Events to a live MIDI port, with the interface of an engine.

`MidiOut` sends what falls due as its frame moves on: `advance` by hand or by a server's clock,
`play` by a clock of its own with absolute deadlines. Any object with mido's `BaseOutput.send` will
do as port. Fractional pitches go to the nearest note.
"""

import heapq
import threading
import time
from collections.abc import Sequence
from typing import Any, Protocol, Self

from ..music.errors import MissingPartError, SegueError, UnknownNameError, check_range
from ..music.events import PROGRAMS, Channel, Events
from ..music.midi import DRUM_CHANNEL
from .notes import check_events

VOLUME, PAN, REVERB_SEND = 7, 10, 91  # controller numbers
ALL_NOTES_OFF, ALL_SOUND_OFF = 123, 120

NOTE_OFF, NOTE_ON = 0, 1  # in this order at the same frame


FLUSH_SECONDS = 0.1
"""Drivers hand messages on a period later; a port closed before would leave notes hanging."""


class Clock(Protocol):
    """A clock to pace by."""

    def now(self) -> float:
        """Seconds, never going back."""

    def wait_until(self, seconds: float) -> None:
        """Return at that time (at once if it has passed)."""


class SystemClock:
    """The machine's monotonic clock; the last millisecond is spun for precision."""

    SPIN_SECONDS = 0.001

    def now(self) -> float:
        """Seconds of `time.monotonic`."""
        return time.monotonic()

    def wait_until(self, seconds: float) -> None:
        """Sleep, then spin, until `seconds`."""
        left = seconds - time.monotonic() - self.SPIN_SECONDS
        if left > 0:
            time.sleep(left)
        while time.monotonic() < seconds:
            pass


def backend() -> Any:
    """mido with a working backend, or MissingPartError."""
    import mido

    try:
        mido.get_output_names()
    except Exception as error:  # whatever the backend raises, it cannot be used
        raise MissingPartError(
            f"no MIDI system can be reached ({error}); install segue[ports] and a MIDI driver, "
            "or write a MIDI file instead"
        ) from error
    return mido


def output_names() -> list[str]:
    """Names of the MIDI outputs of this machine."""
    return list(backend().get_output_names())


def open_output(name: str | None = None, *, virtual: bool = False) -> Any:
    """A MIDI output by name (the first one if None), or a new virtual one.

    Raises MissingPartError when there is no MIDI system or no output, UnknownNameError for a name
    that is not there.
    """
    mido = backend()
    if virtual:
        return mido.open_output(name or "segue", virtual=True)
    names = mido.get_output_names()
    if not names:
        raise MissingPartError(
            "this machine has no MIDI output; connect one, or write a MIDI file instead"
        )
    if name is not None and name not in names:
        raise UnknownNameError("MIDI output", name, names)
    return mido.open_output(name or names[0])


def midi_channels(channels: Sequence[Channel]) -> list[int]:
    """The MIDI channel (0..15) of each channel: drums on 9, others in order round it."""
    free = [number for number in range(16) if number != DRUM_CHANNEL]
    result = []
    for channel in channels:
        if channel.instrument == "drums":
            result.append(DRUM_CHANNEL)
        elif free:
            result.append(free.pop(0))
        else:
            raise SegueError("MIDI has 15 channels besides the drums; use fewer channels")
    return result


class MidiOut:
    """Plays events on a MIDI port.

    :param port: what has mido's `send(message)` and, if owned, `close()`
    :param channels: 15 at most besides drums; their programs, volumes, pans and reverb sends are
        set at the start
    :param sample_rate: of the frames of events, in Hz
    :param owns_port: close the port with this object
    """

    def __init__(
        self,
        port: Any,
        channels: Sequence[Channel],
        *,
        sample_rate: int = 48_000,
        owns_port: bool = False,
    ) -> None:
        from mido import Message

        self._message = Message
        self.port, self.channels, self.sample_rate = port, tuple(channels), int(sample_rate)
        self.frame = 0
        self.late = 0
        self._owns_port = owns_port
        self._midi = midi_channels(channels)
        self._queue: list[tuple[int, int, int, int, int, int, int]] = []
        self._sounding: dict[tuple[int, int], int] = {}  # (MIDI channel, note) -> how many notes on
        self._serial = 0
        self._closed = False
        for channel, number in zip(self.channels, self._midi, strict=True):
            self._send("program_change", channel=number, program=PROGRAMS[channel.instrument])
            volume = 100 * 10 ** (channel.gain_db / 40)  # GM: volume goes by 40 log
            self._controller(number, VOLUME, volume)
            self._controller(number, PAN, 64 + 63 * channel.pan)
            self._controller(number, REVERB_SEND, 127 * channel.reverb)

    def schedule(self, events: Events) -> None:
        """Take events [shape=(n,)] of dtype `EVENT`, in any order."""
        for at, length, pitch, velocity, channel in check_events(
            events, len(self.channels)
        ).tolist():
            self._serial += 1
            self.late += at < self.frame
            note = min(max(round(pitch), 0), 127)
            loud = min(max(round(velocity * 127), 1), 127)
            number = self._midi[channel]
            # the note's end lies in the queue only once it has begun, so that `cancel` is whole
            row = (at, NOTE_ON, self._serial, number, note, loud, at + length)
            heapq.heappush(self._queue, row)

    def cancel(self, from_frame: int = 0) -> int:
        """Drop the notes not yet begun that lie at or after `from_frame`; returns how many."""
        kept = [row for row in self._queue if row[1] == NOTE_OFF or row[0] < from_frame]
        dropped = len(self._queue) - len(kept)
        heapq.heapify(kept)
        self._queue = kept
        return dropped

    def control(self, name: str, value: float, ramp_seconds: float = 0.0) -> None:
        """Set `layer.CHANNEL.gain`, `.pan` or `.reverb` by a controller, without a ramp.

        Raises UnknownNameError or RangeError. `ramp_seconds` is there for the interface of engines.
        """
        knobs = {"gain": VOLUME, "pan": PAN, "reverb": REVERB_SEND}
        layers = {channel.name: at for at, channel in enumerate(self.channels)}
        known = [f"layer.{layer}.{knob}" for layer in layers for knob in knobs]
        if name not in known:
            raise UnknownNameError("MIDI control", name, known)
        layer, knob = name.removeprefix("layer.").rsplit(".", 1)
        number = check_range(name, value, -1.0 if knob == "pan" else 0.0, 1.0)
        scaled = 64 + 63 * number if knob == "pan" else 127 * number
        self._controller(self._midi[layers[layer]], knobs[knob], scaled)

    def advance(self, n_frames: int) -> None:
        """Send all that falls due in the next `n_frames` frames, and move on by them."""
        end = self.frame + int(n_frames)
        while self._queue and self._queue[0][0] < end:
            self._dispatch(*heapq.heappop(self._queue))
        self.frame = end

    def play(
        self, until_frame: int, clock: Clock | None = None, stop: threading.Event | None = None
    ) -> None:
        """Pace by a clock from the present frame to `until_frame`, or until `stop` is set."""
        clock = clock or SystemClock()
        start_seconds, start_frame = clock.now(), self.frame
        while self.frame < until_frame and not (stop is not None and stop.is_set()):
            due = max(self._queue[0][0], self.frame) if self._queue else until_frame
            # wake at least ten times a second, so that `stop` and new events are seen
            due = min(due, until_frame, self.frame + self.sample_rate // 10)
            clock.wait_until(start_seconds + (due - start_frame) / self.sample_rate)
            self.advance(max(due - self.frame, 0))
            while self._queue and self._queue[0][0] <= self.frame:
                self._dispatch(*heapq.heappop(self._queue))

    def release_all(self) -> None:
        """End every sounding note; notes not yet begun stay."""
        self._queue = [row for row in self._queue if row[1] == NOTE_ON]
        heapq.heapify(self._queue)
        for number, note in list(self._sounding):
            self._send("note_off", channel=number, note=note)
        self._sounding.clear()

    def close(self) -> None:
        """End all notes on all channels, and close the port if it is owned. Twice is allowed."""
        if self._closed:
            return
        self._closed = True
        self.release_all()
        for number in sorted(set(self._midi)):
            self._controller(number, ALL_NOTES_OFF, 0)
            self._controller(number, ALL_SOUND_OFF, 0)
        if self._owns_port:
            time.sleep(FLUSH_SECONDS)
            self.port.close()

    def _dispatch(
        self, at: int, kind: int, serial: int, number: int, note: int, loud: int, end: int
    ) -> None:
        key = (number, note)
        count = self._sounding.get(key, 0)
        if kind == NOTE_ON:
            if count:  # the same key again: end it first, as a pianist must
                self._send("note_off", channel=number, note=note)
            self._send("note_on", channel=number, note=note, velocity=loud)
            self._sounding[key] = count + 1
            row = (max(end, self.frame + 1), NOTE_OFF, serial, number, note, 0, 0)
            heapq.heappush(self._queue, row)
        elif count > 1:  # a later note holds the key
            self._sounding[key] = count - 1
        elif count == 1:
            del self._sounding[key]
            self._send("note_off", channel=number, note=note)

    def _controller(self, number: int, controller: int, value: float) -> None:
        level = min(max(round(value), 0), 127)
        self._send("control_change", channel=number, control=controller, value=level)

    def _send(self, kind: str, **values: int) -> None:
        self.port.send(self._message(kind, **values))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
