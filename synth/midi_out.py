"""Events to a live MIDI port, with the interface of an engine.

`MidiOut` sends what falls due as its frame moves on, and knows no time of its own: `midi_process`
paces it in a process of its own. What is sent beside notes:

| what | as |
| --- | --- |
| instrument | bank (controllers 0 and 32) and program |
| gain of a layer and its group | 7 (volume), where amplitude goes with the square (General MIDI) |
| gain of the master | master volume (universal system exclusive) |
| pan, reverb, delay | 10, 91, 94 |
| brightness, attack | 74 (brightness), 73 (attack time, the longer the softer) |
| dynamics of the bar | 11 (expression), 80 soft .. 127 loud; velocities follow it too |
| fractional pitches | pitch bend, its range told by RPN 0; see `_key_and_bend` |
| an MPE zone | RPN 6, then a channel for each note; see `mpe` |
| bars and their tempos | clock, start, stop, continue, song position; see `midi_clock` |
"""

import atexit
import heapq
import logging
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, Self

from ..music.errors import UnknownNameError, check_range
from ..music.events import Channel, Events, check_events
from ..music.midi import BANK_COARSE, BANK_FINE
from ..music.orchestra import ORCHESTRA
from .controls import check_control
from .midi_clock import MidiClock, Stretch
from .midi_options import MidiOptions
from .midi_ports import NullPort
from .mpe import PLAIN_BEND_SEMITONES, Place, is_kit, lay_out

log = logging.getLogger(__name__)

VOLUME, PAN, EXPRESSION, REVERB_SEND, DELAY_SEND = 7, 10, 11, 91, 94  # controller numbers
ATTACK, BRIGHTNESS, PEDAL = 73, 74, 64
ALL_SOUND_OFF, RESET_CONTROLLERS, ALL_NOTES_OFF = 120, 121, 123
DATA_ENTRY, DATA_ENTRY_FINE, RPN_FINE, RPN_COARSE = 6, 38, 100, 101
RPN_BEND_RANGE, RPN_MPE, RPN_NONE = 0, 6, 127

KNOBS = {
    "gain": VOLUME,
    "pan": PAN,
    "reverb": REVERB_SEND,
    "delay": DELAY_SEND,
    "brightness": BRIGHTNESS,
    "attack": ATTACK,
}
"""Controllers of the knobs of a layer; MIDI has none for the others of `synth.controls`."""

EXPRESSION_RANGE = (80, 127)  # at dynamics 0 and 1
FULL_VOLUME = 100  # of a layer at 0 dB, General MIDI's default
BEND_STEPS = 8192
RAMP_STEP_SECONDS = 0.01
NOTE_OFF, RAMP, CONTROL, NOTE_ON = range(4)  # in this order at the same frame


class _Row(NamedTuple):
    """Something that waits for its frame."""

    at_frame: int
    kind: int
    serial: int  # so that rows of one frame keep their order
    data: tuple[Any, ...]


class MidiOut:
    """Plays events on a MIDI port. A port that fails is left with one logged line.

    :param port: what has mido's `send(message)` and, if owned, `close()`
    :param channels: the layers; their programs, volumes, pans and sends are set at the start
    :param sample_rate: of the frames of events, in Hz
    :param options: clock, MPE, other programs
    :param owns_port: close the port with this object
    """

    def __init__(
        self,
        port: Any,
        channels: Sequence[Channel],
        *,
        sample_rate: int = 48_000,
        options: MidiOptions | None = None,
        owns_port: bool = False,
    ) -> None:
        from mido import Message

        self._message = Message
        self.options = options or MidiOptions()
        self.port, self.channels, self.sample_rate = port, tuple(channels), int(sample_rate)
        self.frame = 0
        self.late = 0
        self._voices = _voices(channels, self.options.programs)
        self._owns_port = owns_port
        self._places = lay_out(channels, self.options.mpe)
        self._clock = MidiClock(self.sample_rate) if self.options.clock else None
        self._queue: list[_Row] = []
        self._sounding: dict[tuple[int, int], int] = {}  # (MIDI channel, key) -> how many notes on
        self._bends: dict[int, float] = {}  # semitones, by MIDI channel
        self._values: dict[tuple[int, int], int] = {}  # by MIDI channel and controller
        self._gains: dict[tuple[str, str], float] = {}  # of layers and groups, by name
        self._serial = 0
        self._closed = False
        _OPEN.add(self)
        for number in range(len(self.channels)):
            self._set_up(number)

    def schedule(self, events: Events) -> None:
        """Take events [shape=(n,)] of dtype `EVENT`, in any order."""
        for at, length, pitch, velocity, channel in check_events(
            events, len(self.channels)
        ).tolist():
            self.late += at < self.frame
            # the note's end lies in the queue only once it has begun, so that `cancel` is whole
            self._push(at, NOTE_ON, (channel, pitch, velocity, at + length))

    def bar(
        self,
        start_frame: int,
        start_beat: float,
        beats: float,
        bpm: float,
        dynamics: float | None = None,
    ) -> None:
        """A bar goes on from where the last one ended.

        :param beats: its length in quarter notes
        :param dynamics: of its direction, 0 soft .. 1 loud
        """
        if self._clock is not None:
            self._clock.add(Stretch(start_frame, start_beat, beats, bpm), self.frame)
        if dynamics is not None:
            low, high = EXPRESSION_RANGE
            value = low + (high - low) * check_range("dynamics", dynamics, 0.0, 1.0)
            for master in dict.fromkeys(place.master for place in self._places):
                self._push(start_frame, CONTROL, (master, EXPRESSION, value))

    def cancel(self, from_frame: int = 0) -> int:
        """Forget notes not yet begun and bars that lie at or after a frame; how many notes."""
        gone = [row for row in self._queue if row.kind >= CONTROL and row.at_frame >= from_frame]
        serials = {row.serial for row in gone}
        self._queue = [row for row in self._queue if row.serial not in serials]
        heapq.heapify(self._queue)
        if self._clock is not None:
            self._clock.cancel(from_frame)
        return sum(row.kind == NOTE_ON for row in gone)

    def control(self, name: str, value: float, ramp_seconds: float = 0.0) -> None:
        """Move a control of `synth.controls`; one for which MIDI has no controller is left.

        Raises UnknownNameError or RangeError.
        """
        target, seconds = check_control(self.channels, name, value, ramp_seconds)
        where, _, rest = name.partition(".")
        owner, _, knob = rest.rpartition(".")
        if name == "master.gain":
            coarse, fine = divmod(round(target * 16383), 128)
            self._give(self._message("sysex", data=(0x7F, 0x7F, 0x04, 0x01, fine, coarse)))
        elif knob == "gain":
            self._gains[where, owner] = target
            for number, channel in enumerate(self.channels):
                if owner == (channel.name if where == "layer" else channel.group):
                    self._move(number, "gain", self._gain(channel), seconds)
        elif where == "layer" and knob in KNOBS:
            names = [channel.name for channel in self.channels]
            self._move(names.index(owner), knob, target, seconds)

    def _gain(self, channel: Channel) -> float:
        """A layer's gain, with its group's."""
        own = self._gains.get(("layer", channel.name), 1.0)
        return own * self._gains.get(("group", channel.group), 1.0)

    def _move(self, number: int, knob: str, value: float, seconds: float) -> None:
        level = _level(self.channels[number], knob, value)
        self._ramp(self._places[number].master, KNOBS[knob], level, seconds)

    def next_frame(self) -> int | None:
        """When the next message is due, None if none is known."""
        noted = self._queue[0].at_frame if self._queue else None
        ticked = self._clock.next_frame() if self._clock is not None else None
        return min((due for due in (noted, ticked) if due is not None), default=None)

    def send_next(self) -> None:
        """Send what `next_frame` speaks of, and move on to its frame."""
        ticked = self._clock.next_frame() if self._clock is not None else None
        if ticked is not None and (not self._queue or ticked <= self._queue[0].at_frame):
            self.frame = max(self.frame, ticked)
            assert self._clock is not None
            self._give(self._clock.pop())
            return
        row = heapq.heappop(self._queue)
        self.frame = max(self.frame, row.at_frame)
        if row.kind == NOTE_ON:
            self._begin(*row.data)
        elif row.kind == NOTE_OFF:
            self._end(row.serial, *row.data)
        else:
            self._controller(*row.data)

    def advance(self, n_frames: int) -> None:
        """Send all that falls due in the next `n_frames` frames, and move on by them."""
        end = self.frame + int(n_frames)
        while (due := self.next_frame()) is not None and due < end:
            self.send_next()
        self.frame = end

    def release_all(self) -> None:
        """End every sounding note; notes not yet begun stay."""
        self._queue = [row for row in self._queue if row.kind != NOTE_OFF]
        heapq.heapify(self._queue)
        for number, key in list(self._sounding):
            self._send("note_off", channel=number, note=key)
        self._sounding.clear()
        for place in self._places:
            place.sounding.clear()

    def halt(self) -> None:
        """The music stands: end what sounds, stop the receiver's clock.

        It goes on where it stood, at the next sixteenth, with the next tick that is sent.
        """
        if self._clock is not None:
            for message in self._clock.halt():
                self._give(message)
        self.release_all()

    def panic(self) -> None:
        """Halt, end all sounds, lift the pedal, put controllers and bends back."""
        self.halt()
        for number in sorted({n for place in self._places for n in (place.master, *place.members)}):
            for controller in (PEDAL, ALL_NOTES_OFF, ALL_SOUND_OFF, RESET_CONTROLLERS):
                self._send("control_change", channel=number, control=controller, value=0)
            self._send("pitchwheel", channel=number, pitch=0)
        self._values.clear()
        self._bends.clear()

    def close(self) -> None:
        """Panic, and close the port if it is owned. Twice is allowed."""
        if self._closed:
            return
        self._closed = True
        self.panic()
        if self._owns_port:
            self.port.close()

    # Notes ------------------------------------------------------------------------------------

    def _begin(self, channel: int, pitch: float, velocity: float, end_frame: int) -> None:
        place = self._places[channel]
        member = place.choose()
        if is_kit(self.channels[channel]):
            key = round(pitch)
        else:
            key = self._key_and_bend(place, member, pitch)
        count = self._sounding.get((member, key), 0)
        if count:  # the same key again: end it first, as a pianist must
            self._send("note_off", channel=member, note=key)
        loud = min(max(round(velocity * 127), 1), 127)
        self._send("note_on", channel=member, note=key, velocity=loud)
        self._sounding[member, key] = count + 1
        place.begin(member)
        self._push(max(end_frame, self.frame + 1), NOTE_OFF, (channel, member, key))

    def _key_and_bend(self, place: Place, member: int, pitch: float) -> int:
        """The key of a pitch, once its channel is bent for it.

        A bend moves all notes of its channel. So it is moved only while none sounds there;
        otherwise the note takes the nearest key at the bend that is.
        """
        bend = self._bends.get(member, 0.0)
        if not place.sounding.get(member, 0):
            bend = pitch - round(pitch)
            steps = round(bend / place.bend_semitones * BEND_STEPS)
            if steps != round(self._bends.get(member, 0.0) / place.bend_semitones * BEND_STEPS):
                self._send("pitchwheel", channel=member, pitch=steps)
            self._bends[member] = bend
        return min(max(round(pitch - bend), 0), 127)

    def _end(self, serial: int, channel: int, member: int, key: int) -> None:
        self._places[channel].end(member, serial)
        count = self._sounding.get((member, key), 0)
        if count > 1:  # a later note holds the key
            self._sounding[member, key] = count - 1
        elif count == 1:
            del self._sounding[member, key]
            self._send("note_off", channel=member, note=key)

    # Controllers ------------------------------------------------------------------------------

    def _set_up(self, number: int) -> None:
        """Tell the receiver what a layer is."""
        channel, place = self.channels[number], self._places[number]
        if place.is_zone:
            self._rpn(place.master, RPN_MPE, len(place.members))
            self._rpn(place.master, RPN_BEND_RANGE, PLAIN_BEND_SEMITONES)
        if not is_kit(channel):
            for member in place.members:
                self._rpn(member, RPN_BEND_RANGE, place.bend_semitones)
        program, bank = self._voices[number]
        if bank or not is_kit(channel):  # some take any bank on the drum channel for a melodic one
            self._controller(place.master, BANK_COARSE, bank >> 7)
            self._controller(place.master, BANK_FINE, bank & 0x7F)
        self._send("program_change", channel=place.master, program=program)
        for knob, value in (
            ("gain", 1.0),
            ("pan", channel.pan),
            ("reverb", channel.reverb),
            ("delay", channel.delay),
        ):
            self._controller(place.master, KNOBS[knob], _level(channel, knob, value))

    def _rpn(self, number: int, parameter: int, value: float) -> None:
        """Set a registered parameter, and leave none chosen, so that no stray value can reach it.

        The value's whole part is the coarse byte, hundredths of it are the fine one.
        """
        whole = int(value)
        for controller, byte in (
            (RPN_COARSE, 0),
            (RPN_FINE, parameter),
            (DATA_ENTRY, whole),
            (DATA_ENTRY_FINE, round((value - whole) * 100)),
            (RPN_COARSE, RPN_NONE),
            (RPN_FINE, RPN_NONE),
        ):
            if controller != DATA_ENTRY_FINE or parameter == RPN_BEND_RANGE:
                self._send("control_change", channel=number, control=controller, value=byte)

    def _ramp(self, number: int, controller: int, target: float, seconds: float) -> None:
        """Move a controller in a straight line, and forget where it was going before."""
        self._queue = [
            row for row in self._queue if row.kind != RAMP or row.data[:2] != (number, controller)
        ]
        heapq.heapify(self._queue)
        start = self._values.get((number, controller), target)
        steps = min(round(seconds / RAMP_STEP_SECONDS), abs(round(target) - round(start)))
        for step in range(1, steps):
            at = self.frame + round(step / steps * seconds * self.sample_rate)
            value = start + (target - start) * step / steps
            self._push(at, RAMP, (number, controller, value))
        if steps > 1:
            at = self.frame + round(seconds * self.sample_rate)
            self._push(at, RAMP, (number, controller, target))
        else:
            self._controller(number, controller, target)

    def _controller(self, number: int, controller: int, value: float) -> None:
        level = min(max(round(value), 0), 127)
        if self._values.get((number, controller)) != level:
            self._values[number, controller] = level
            self._send("control_change", channel=number, control=controller, value=level)

    # Sending ----------------------------------------------------------------------------------

    def _push(self, at_frame: int, kind: int, data: tuple[Any, ...]) -> None:
        self._serial += 1
        heapq.heappush(self._queue, _Row(at_frame, kind, self._serial, data))

    def _send(self, kind: str, **values: int) -> None:
        self._give(self._message(kind, **values))

    def _give(self, message: Any) -> None:
        try:
            self.port.send(message)
        except Exception as error:  # of the backend's own kinds; the music goes on without it
            log.warning(
                "MIDI output %r is gone (%s); the music goes on without it, open it again to "
                "have it back",
                getattr(self.port, "name", "?"),
                error,
            )
            if self._owns_port:
                with suppress(Exception):
                    self.port.close()
            self.port = NullPort()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_OPEN: "weakref.WeakSet[MidiOut]" = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """The program ends: no note may go on sounding."""
    for out in list(_OPEN):
        out.close()


def _voices(
    channels: Sequence[Channel], programs: Mapping[str, tuple[int, int]]
) -> list[tuple[int, int]]:
    """Program and bank of each layer; samples sound as a piano, or as the drum kit."""
    names = [channel.name for channel in channels]
    for name, (program, bank) in programs.items():
        if name not in names:
            raise UnknownNameError("layer", name, names)
        check_range(f"program of layer {name!r}", program, 0, 127)
        check_range(f"bank of layer {name!r}", bank, 0, 16383)
    players = [
        ORCHESTRA.get(channel.instrument, ORCHESTRA["drums" if channel.kit else "piano"])
        for channel in channels
    ]
    own = [(player.program, player.bank) for player in players]
    return [programs.get(name, voice) for name, voice in zip(names, own, strict=True)]


def _level(channel: Channel, knob: str, value: float) -> float:
    """A layer's control as a controller's value, 0..127."""
    if knob == "gain":
        return float(FULL_VOLUME * 10 ** (channel.gain_db / 40) * value**0.5)
    if knob == "attack":
        return 127 * (1 - value)
    return 64 + 63 * value if knob == "pan" else 127 * value
