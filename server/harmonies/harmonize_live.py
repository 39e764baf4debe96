"""Harmonies while somebody sings: blocks of a voice in, blocks of parts and notes of a choir out.

The parts run `shift_latency_seconds` behind the voice. The pitch is known `pitch_latency_seconds`
after it was sung; the shift does not wait for it, since its marks follow the voice by themselves.
A new note moves the parts `guess_latency_seconds` after its pitch stands, and once more if it is
decided otherwise, `note_latency_seconds` after it began.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...analysis.notes.sung_notes import Held, NoteFollower
from ...analysis.pitch.voice import PitchTracker
from ...music.errors import SegueError, check_range
from ...music.events import EVENT, Events
from ...music.harmony_parts import Moment, PartWriter
from ...synth.pitch_shift import PitchShifter
from .harmonize_stems import BREATH_GAIN
from .harmony_plan import GLIDE_SECONDS, ChordSpan

FloatArray = NDArray[np.float64]

LOOK_AHEAD_SECONDS = 0.01  # of the pitch tracker

_LONGEST_SECONDS = 20.0  # of a choir note that nothing ends
_SEMITONES_PER_SECOND = 5.0 / GLIDE_SECONDS  # how fast a shift moves
_FADE_SECONDS = 0.02
_VELOCITY_AT_FULL, _SOFTEST, _LOUDEST = 1.6, 0.3, 0.85


class Chords(Protocol):
    """Where the harmony comes from; times in seconds from the first sample."""

    def span_at(self, seconds: float) -> ChordSpan:
        """The chord at a time."""

    def is_strong(self, start_seconds: float, end_seconds: float) -> bool:
        """Whether a strong beat lies in a stretch of time, or just before it."""


@dataclass(frozen=True)
class LiveBlock:
    """What goes with a block of a voice."""

    parts: FloatArray  # shifted parts [shape=(parts, n)], full scale 1
    events: Events  # choir notes that begin now, to be ended by the next `release`
    release: bool  # the choir's notes so far end now, before the new ones begin


class LiveHarmonizer:
    """Harmonises a voice block by block; one thread at a time.

    Raises UnknownNameError or RangeError for options that cannot be, SegueError for blocks that are
    not mono.

    :param chords: a `Course`, or what else knows the harmony
    :param sample_rate: 16000 to 192000 Hz
    :param low_hz: lowest pitch of the singer, 60 to 300; the higher, the less latency
    :param wait_seconds: by how much the parts are held back, 0 to 0.2, so that fewer of their notes
        begin on the tone before
    """

    def __init__(
        self,
        chords: Chords,
        *,
        sample_rate: int = 48_000,
        style: str = "around",
        parts: int = 2,
        low_hz: float = 80.0,
        wait_seconds: float = 0.0,
    ) -> None:
        check_range("wait in seconds", wait_seconds, 0.0, 0.2)
        self._chords, self._rate = chords, sample_rate
        self._tracker = PitchTracker(
            sample_rate, low_hz=low_hz, look_ahead_seconds=LOOK_AHEAD_SECONDS
        )
        self._follower = NoteFollower()
        self._shifter = PitchShifter(sample_rate, parts, low_hz=low_hz)
        self._writer = PartWriter(style, parts)
        self._waiting = np.zeros(round(wait_seconds * sample_rate))
        self.parts = parts
        self.frame = 0  # frames taken so far
        self.broken_blocks = 0  # that held samples which were not finite, and were taken as silence
        self._hz = 0.0
        self._held: Held | None = None
        self._span: ChordSpan | None = None
        self._moment: Moment | None = None
        self._rested = True
        self._semitones = np.zeros(parts)  # where the shifts are
        self._goals = np.zeros(parts)  # where they glide to
        self._gain = 0.0
        self._level = 0.0

    @property
    def pitch_latency_seconds(self) -> float:
        """From the moment a pitch is sung until it is known, not counting the block."""
        return self._tracker.latency_seconds

    @property
    def note_latency_seconds(self) -> float:
        """From the beginning of a note until it is decided which one it is."""
        return self._tracker.latency_seconds + self._follower.latency_seconds

    @property
    def guess_latency_seconds(self) -> float:
        """From the moment a note's pitch stands until the parts begin to follow it."""
        return self._tracker.latency_seconds + self._follower.guess_seconds

    @property
    def shift_latency_seconds(self) -> float:
        """From the voice to its parts."""
        return (self._shifter.latency_frames + len(self._waiting)) / self._rate

    def push(self, block: NDArray[np.floating]) -> LiveBlock:
        """Take the next samples of the voice [shape=(n,)]; what goes with them, as long."""
        voice = np.asarray(block, np.float64)
        if voice.ndim != 1:
            raise SegueError(
                f"a live voice has the shape {voice.shape}; give mono blocks (frames,)"
            )
        if not np.isfinite(voice).all():
            voice = np.zeros(len(voice))
            self.broken_blocks += 1
        track = self._tracker.push(voice)
        if len(track):
            self._hz = float(track.hz[-1])
        power = float(np.square(voice).mean()) if len(voice) else 0.0
        self._level += 0.1 * (np.sqrt(power) - self._level)
        changes = self._follower.push(track)
        release, begun = self._listen(changes)
        parts = self._shift(voice)
        events = self._choir(self._moment if begun else None)
        self.frame += len(voice)
        return LiveBlock(parts, events, release)

    def _listen(self, changes: list[Held | None]) -> tuple[bool, bool]:
        """Whether the parts' notes so far end, and whether new ones begin."""
        if changes:
            ended = changes[-1] is None
            self._rested = self._rested or None in changes
            self._held = changes[-1]
            if ended:
                had, self._moment = self._moment is not None, None
                return had, False
        if self._held is None:
            return False, False
        now = self.frame / self._rate
        span = self._chords.span_at(now)
        if not changes and span is self._span:
            return False, False
        return self._write(self._held, span, now)

    def _write(self, held: Held, span: ChordSpan, now: float) -> tuple[bool, bool]:
        """Set the parts for a note under a chord; returns as `_listen`."""
        start = now - self.note_latency_seconds
        moment = Moment(
            held.pitch,
            span.chord,
            span.scale,
            self._chords.is_strong(start, now + GLIDE_SECONDS) or span is not self._span,
            self._rested,
        )
        before, self._span = self._moment, span
        same = (
            before is not None and before.melody == moment.melody and before.chord == moment.chord
        )
        if same and not self._rested:
            return False, False
        self._goals = np.array(self._writer.next(moment)) - float(moment.melody)
        if self._rested:
            self._semitones = self._goals.copy()
        self._moment, self._rested = moment, False
        return before is not None, True

    def _shift(self, voice: FloatArray) -> FloatArray:
        frames = len(voice)
        passed = np.arange(1, frames + 1) / self._rate
        step = passed * _SEMITONES_PER_SECOND
        gap = self._goals - self._semitones
        moved = np.sign(gap)[:, None] * np.minimum(step, np.abs(gap)[:, None])
        semitones = self._semitones[:, None] + moved
        if frames:
            self._semitones = semitones[:, -1]
        goal = 1.0 if self._hz and self._moment is not None else BREATH_GAIN
        turn = np.minimum(1.0, passed / _FADE_SECONDS)
        gain = self._gain + (goal - self._gain) * turn
        if frames:
            self._gain = float(gain[-1])
        joined = np.concatenate([self._waiting, voice])
        self._waiting = joined[frames:]
        return self._shifter.push(
            joined[:frames],
            np.full(frames, self._hz),
            2.0 ** (semitones / 12.0),
            np.tile(gain, (self.parts, 1)),
        )

    def _choir(self, moment: Moment | None) -> Events:
        """The parts as notes that begin now; none without a moment."""
        if moment is None:
            return np.zeros(0, EVENT)
        events = np.zeros(self.parts, EVENT)
        tuning = float(np.clip(moment.tuning, -0.5, 0.5))
        events["at_frame"] = self.frame
        events["duration_frames"] = round(_LONGEST_SECONDS * self._rate)
        events["pitch"] = self._goals + moment.melody + tuning
        events["velocity"] = np.clip(_VELOCITY_AT_FULL * self._level**0.5, _SOFTEST, _LOUDEST)
        return np.sort(events, order="pitch")
