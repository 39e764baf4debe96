"""MIDI clock: 24 ticks a beat with start, stop, continue and song position, sent and followed.

`MidiClock` turns bars on the audio clock into messages; `ClockFollower` turns messages with their
times of arrival into tempo and place. Both know no port and no time of their own.

Reference: The Complete MIDI 1.0 Detailed Specification, System Real Time and System Common
messages. A tick is due at the place that it counts; the first one after start or continue counts
the place named before. A song position is in sixteenth notes, six ticks each.
"""

import math
from collections import deque
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

TICKS_PER_BEAT = 24
TICKS_PER_SIXTEENTH = 6
SONG_SIXTEENTHS = 16368
"""Song positions go round after this many sixteenths, the most of 14 bits that is a multiple of a
bar of 4/4, of 3/4 and of 6/8, so that bar lines stay bar lines."""

LOCATE_SECONDS = 0.010  # a song position goes out this long before its tick
LEAD_SECONDS = 0.002  # start and continue go out this long before their tick; 1 ms is asked for
_EPSILON_TICKS = 1e-6  # bar lines were added up from floats


@dataclass(frozen=True)
class Stretch:
    """Music at one tempo, such as a bar."""

    start_frame: int
    start_beat: float
    beats: float  # length
    bpm: float


class _Due(NamedTuple):
    """A message that is to be sent, and the tick that it belongs to."""

    frame: int
    kind: str  # of mido's messages
    tick: int  # counted from beat 0
    tick_frame: int


class MidiClock:
    """The clock messages of music whose tempo becomes known bar by bar.

    Ticks are sent while the music is known and cease where it is not. Where the beat jumps, the
    receiver is stopped, located and continued at the next sixteenth.

    :param sample_rate: frames a second
    """

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self._stretches: deque[tuple[Stretch, float]] = deque()  # each with the frame it is cut at
        self._from_frame = 0  # ticks before it are not sent any more
        self._expected: int | None = None  # running: the tick that goes on where the last one was
        self._located: int | None = None  # the tick whose song position has been sent

    def add(self, stretch: Stretch, now_frame: int = 0) -> None:
        """The music goes on with a stretch; stretches come in the order of their frames.

        Of one that began before `now_frame` the ticks before that are left out.
        """
        if stretch.start_frame < now_frame:
            self._from_frame = max(self._from_frame, now_frame)
        self._stretches.append((stretch, math.inf))

    def cancel(self, from_frame: int) -> None:
        """Forget what lies at or after a frame; something else may be added there."""
        while self._stretches and self._stretches[-1][0].start_frame >= from_frame:
            self._stretches.pop()
        if self._stretches:
            stretch, cut = self._stretches.pop()
            self._stretches.append((stretch, min(cut, from_frame)))

    def next_frame(self) -> int | None:
        """When the next message is due, None if none is known."""
        due = self._next()
        return due.frame if due is not None else None

    def pop(self) -> Any:
        """The next message (mido's), which counts as sent. Only if `next_frame` names a frame."""
        due = self._next()
        if due is None:
            raise LookupError("no clock message is due")
        match due.kind:
            case "clock":
                self._expected, self._from_frame = due.tick + 1, due.tick_frame + 1
            case "start" | "continue":
                self._expected, self._located = due.tick, None
            case "stop":
                self._expected = None
            case "songpos":
                self._located, self._from_frame = due.tick, due.tick_frame
                return _message("songpos", pos=due.tick // TICKS_PER_SIXTEENTH % SONG_SIXTEENTHS)
        return _message(due.kind)

    def halt(self) -> list[Any]:
        """Messages that stop the receiver now; it is located again before the next tick."""
        running, self._expected, self._located = self._expected is not None, None, None
        return [_message("stop")] if running else []

    def _next(self) -> _Due | None:
        """The next message, by where the receiver is thought to be."""
        tick = self._next_tick(1)
        if tick is not None and self._expected is not None:
            if tick[0] == self._expected:
                return _Due(tick[1], "clock", *tick)
            return self._before(tick, "stop", LOCATE_SECONDS)
        if tick is not None and tick[0] == 0:
            return self._before(tick, "start", LEAD_SECONDS)
        tick = self._next_tick(TICKS_PER_SIXTEENTH)
        if tick is None:
            return None
        if tick[0] == self._located:
            return self._before(tick, "continue", LEAD_SECONDS)
        return self._before(tick, "songpos", LOCATE_SECONDS)

    def _before(self, tick: tuple[int, int], kind: str, seconds: float) -> _Due:
        return _Due(max(tick[1] - round(seconds * self.sample_rate), 0), kind, *tick)

    def _next_tick(self, multiple: int) -> tuple[int, int] | None:
        """Number and frame of the first tick not sent whose number is a multiple of one."""
        for stretch, cut in list(self._stretches):
            tick = self._first_tick(stretch, multiple)
            end = (stretch.start_beat + stretch.beats) * TICKS_PER_BEAT
            if tick[0] < end - _EPSILON_TICKS and tick[1] < cut:
                return tick
            if multiple == 1 and len(self._stretches) > 1:
                self._stretches.popleft()  # all of it has been sent
        return None

    def _first_tick(self, stretch: Stretch, multiple: int) -> tuple[int, int]:
        start = stretch.start_beat * TICKS_PER_BEAT
        frames_per_tick = self.sample_rate * 60.0 / stretch.bpm / TICKS_PER_BEAT
        passed = max(self._from_frame - stretch.start_frame, 0) / frames_per_tick
        number = max(math.ceil(start - _EPSILON_TICKS), math.floor(start + passed) - 1)
        while True:
            frame = stretch.start_frame + round((number - start) * frames_per_tick)
            if number % multiple == 0 and frame >= self._from_frame:
                return number, frame
            number += 1


WINDOW_TICKS = 48
"""A tempo is the slope of so many ticks: with a jitter of 1 ms its error is 0.05 %."""

ENOUGH_TICKS = 12
LOST_SECONDS = 0.5  # between two ticks: 5 bpm
_ASTRAY_TICKS, _KEPT_TICKS = 4, 3
_ASTRAY_SHARE, _ASTRAY_SECONDS = 0.25, 0.003


class ClockFollower:
    """Tempo and place of another machine's clock, from its messages and their times.

    The tempo is that of the line of least squares through the last ticks. When several ticks on end
    lie far off on one side, the tempo has jumped, and the line begins anew with them.

    `bpm` is None until some ticks have come; `running` tells what start, continue and stop said;
    `beat` is the place of the last tick.
    """

    def __init__(self) -> None:
        self.bpm: float | None = None
        self.running = False
        self._ticks: deque[tuple[int, float]] = deque(maxlen=WINDOW_TICKS)  # count, seconds
        self._count = 0  # of all ticks
        self._place = 0  # in ticks: of the next tick, running or not
        self._astray = 0  # ticks on end that lay far off; below 0 if early
        self._line: tuple[float, float] | None = None  # seconds of count 0, seconds a tick

    @property
    def beat(self) -> float:
        """The place of the last tick, or that at which a stopped clock will go on."""
        return max(self._place - self.running, 0) / TICKS_PER_BEAT

    def beat_at(self, seconds: float) -> float | None:
        """The place at a time, None until the tempo is known; it rests while the clock does."""
        if self._line is None:
            return None
        if not self.running:
            return self._place / TICKS_PER_BEAT
        first, period = self._line
        ticks = (seconds - first) / period - self._count
        return (self._place + ticks) / TICKS_PER_BEAT

    def take(self, seconds: float, message: Any) -> None:
        """Take in a message (mido's) that came at a time; others than those of clocks are left."""
        match message.type:
            case "clock":
                self._tick(seconds)
            case "start":
                self.running, self._place = True, 0
            case "continue":
                self.running = True
            case "stop":
                self.running = False
            case "songpos":
                self._place = message.pos * TICKS_PER_SIXTEENTH

    def _tick(self, seconds: float) -> None:
        ticks = self._ticks
        if ticks and not 0.0 <= seconds - ticks[-1][1] <= LOST_SECONDS:
            ticks.clear()
        self._watch(seconds)
        ticks.append((self._count, seconds))
        self._count += 1
        self._place += self.running
        if len(ticks) >= ENOUGH_TICKS or (len(ticks) >= _KEPT_TICKS and self._line is not None):
            self._fit()

    def _watch(self, seconds: float) -> None:
        """Begin anew if the last ticks lay far off the line on one side."""
        if self._line is None:
            return
        first, period = self._line
        off = seconds - (first + self._count * period)
        if abs(off) < max(_ASTRAY_SHARE * period, _ASTRAY_SECONDS):
            self._astray = 0
            return
        side = 1 if off > 0 else -1
        self._astray = self._astray + side if self._astray * side > 0 else side
        if abs(self._astray) >= _ASTRAY_TICKS:
            self._astray = 0
            while len(self._ticks) > _KEPT_TICKS:
                self._ticks.popleft()

    def _fit(self) -> None:
        counts, seconds = np.array(self._ticks).T
        deviation = counts - counts.mean()
        period = float(deviation @ seconds / (deviation @ deviation))
        if period <= 0.0:  # several came at one moment: a tempo cannot be told from them
            return
        self._line = float(seconds.mean() - period * counts.mean()), period
        if len(self._ticks) >= ENOUGH_TICKS:
            self.bpm = 60.0 / period / TICKS_PER_BEAT


def _message(kind: str, **values: int) -> Any:
    from mido import Message

    return Message(kind, **values)
