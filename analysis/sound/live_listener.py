"""What is heard now: features, loudness, attacks, beats and chords of sound that comes in.

A `LiveListener` sits on an input or on the engine's own output. What it tells does not depend on
how the sound is cut into blocks, its memory does not grow, and its core set (features, loudness,
onsets) costs a fraction of a millisecond a hop. Beats and chords are followed on request, by
networks. Where the beats are known, as from the conductor's clock, they are told to it
(`know_beats`), and features come for each beat and bar as well.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...music.errors import SegueError, check_range
from ..spectra import RATE
from .audio import FLOOR_DB
from .feature_stream import FeatureStream
from .features import WINDOW, Features, join_features
from .loudness_meter import LoudnessMeter

if TYPE_CHECKING:
    from ..harmony.chord_follower import ChordFollower, HeardHarmony
    from ..rhythm.beat_follower import BeatEvent, BeatFollower

_AROUND_FRAMES = 22  # half a second, over which usual onset strength is averaged
_LEAST_RISE_DB = 1.5  # of an attack above what is usual
_USUAL_SHARE = 1.5  # of the usual that an attack must exceed
_EARLY_SECONDS = WINDOW / 4 / RATE  # by which a frame rises before the attack is in its middle
_APART_SECONDS = 0.05  # of two attacks
_SURE_DB = 6.0  # rise at which an attack has a confidence of 0.63
_LONGEST_SPAN_SECONDS = 30.0  # that frames are kept for while no beat comes
_MOST_BEATS = 4_096  # that may be known ahead


@dataclass(frozen=True)
class OnsetEvent:
    """Something that begins."""

    time_seconds: float  # from the first sample, to a hop
    strength_db: float  # mean rise of the spectrum
    confidence: float  # 0..1


@dataclass(frozen=True)
class HeardSpan:
    """Features over a beat or a bar: means of its frames."""

    start_seconds: float
    end_seconds: float
    number: int  # of the beat in its bar, 1 = downbeat; of a bar: its first beat
    features: Features  # one row


@dataclass(frozen=True)
class Heard:
    """What a block brought to hear; sequences may be empty."""

    seconds: float  # of sound that came in so far
    features: Features  # frames that became whole
    momentary_lufs: float  # of the last 0.4 seconds, `audio.FLOOR_DB` before
    short_term_lufs: float  # of the last 3 seconds
    onsets: tuple[OnsetEvent, ...]
    beats: "tuple[BeatEvent, ...]"  # that were told now, mostly ahead of their time
    tempo_bpm: float  # of the beats that are followed; 0: not known
    tempo_confidence: float  # 0..1
    beat_spans: tuple[HeardSpan, ...]  # beats that ended
    bar_spans: tuple[HeardSpan, ...]  # bars that ended
    harmony: "tuple[HeardHarmony, ...]"


class LiveListener:
    """Hears sound as it comes; raises SegueError for what is no sound or not finite.

    :param sample_rate: 8000 to 192000 Hz
    :param follow_beats: whether beats are to be found; else there are none but those it is told
    :param follow_chords: whether chords and the key are to be found
    :param tuning_cents: of what is heard, for chroma
    """

    def __init__(
        self,
        sample_rate: int,
        *,
        follow_beats: bool = False,
        follow_chords: bool = False,
        tuning_cents: float = 0.0,
    ) -> None:
        check_range("sample rate in Hz", sample_rate, 8_000, 192_000)
        self.sample_rate = int(sample_rate)
        self._stream = FeatureStream(self.sample_rate, tuning_cents=tuning_cents)
        self._meter: LoudnessMeter | None = None  # once the channels are known
        self._onsets = OnsetPicker()
        self._spans = _Spans()
        self._taken = 0
        self._told_beats = False
        self._beats: BeatFollower | None = None
        self._chords: ChordFollower | None = None
        if follow_beats:
            from ..rhythm import beat_follower

            self._beats = beat_follower.BeatFollower(self.sample_rate)
        if follow_chords:
            from ..harmony import chord_follower

            self._chords = chord_follower.ChordFollower(self.sample_rate)

    @property
    def latency_seconds(self) -> float:
        """How long after its time a frame is told, not counting the block."""
        return self._stream.latency_seconds

    def know_beats(self, beats: Iterable[tuple[float, int]]) -> None:
        """Tell beats ahead, as (seconds from the first sample, number in the bar, 1 = downbeat).

        From then on, spans are those of these beats. Raises SegueError for beats that do not rise.
        """
        for seconds, number in beats:
            if not self._told_beats:
                self._spans.forget()
                self._told_beats = True
            self._spans.know(float(seconds), int(number))

    def push(self, block: NDArray[np.floating]) -> Heard:
        """Take the next samples [shape=(frames,) or (frames, channels)]."""
        features = self._stream.push(block)
        if self._meter is None:
            channels = 1 if np.ndim(block) == 1 else np.shape(block)[1]
            self._meter = LoudnessMeter(self.sample_rate, channels, keep=False)
        self._meter.push(block)
        self._taken += len(block)
        beats: tuple[BeatEvent, ...] = ()
        harmony: tuple[HeardHarmony, ...] = ()
        if self._beats is not None:
            beats = tuple(self._beats.push(block))
            self._follow(beats)
        if self._chords is not None:
            harmony = tuple(self._chords.push(block if block.ndim == 1 else block.mean(axis=1)))
        return self._heard(features, beats, harmony)

    def finish(self) -> Heard:
        """What the last samples bring; nothing comes after."""
        harmony = self._chords.finish() if self._chords is not None else ()
        return self._heard(self._stream.finish(), (), harmony)

    def _follow(self, beats: "tuple[BeatEvent, ...]") -> None:
        if not self._told_beats:
            for beat in beats:
                if beat.time_seconds > self._spans.last_seconds:
                    self._spans.know(beat.time_seconds, beat.number)

    def _heard(
        self,
        features: Features,
        beats: "tuple[BeatEvent, ...]",
        harmony: "tuple[HeardHarmony, ...]",
    ) -> Heard:
        beat_spans, bar_spans = self._spans.push(features)
        pulse = self._beats.pulse if self._beats is not None else None
        meter = self._meter
        return Heard(
            self._taken / self.sample_rate,
            features,
            meter.momentary_lufs if meter else FLOOR_DB,
            meter.short_term_lufs if meter else FLOOR_DB,
            self._onsets.push(features),
            beats,
            pulse.tempo_bpm if pulse else 0.0,
            pulse.confidence if pulse else 0.0,
            beat_spans,
            bar_spans,
            harmony,
        )


class OnsetPicker:
    """Finds attacks in onset strength as it comes: peaks that stand out of the half second before.

    An attack is told one frame after its own.
    """

    def __init__(self) -> None:
        self._recent: deque[float] = deque([0.0] * _AROUND_FRAMES, _AROUND_FRAMES)
        self._sum = 0.0
        self._before, self._last, self._last_seconds = 0.0, 0.0, 0.0
        self._told_seconds = -1.0

    def push(self, features: Features) -> tuple[OnsetEvent, ...]:
        """The attacks that are sure now."""
        if not len(features):
            return ()
        found = []
        strengths, times = features.onset_strength.tolist(), features.times_seconds.tolist()
        for strength, seconds in zip(strengths, times, strict=True):
            if self._last > self._before and self._last >= strength:
                usual = max(self._sum, 0.0) / _AROUND_FRAMES
                excess = self._last - _USUAL_SHARE * usual - _LEAST_RISE_DB
                if excess > 0.0 and self._last_seconds - self._told_seconds >= _APART_SECONDS:
                    sure = 1.0 - float(np.exp(-(excess + _LEAST_RISE_DB) / _SURE_DB))
                    at = self._last_seconds + _EARLY_SECONDS
                    found.append(OnsetEvent(at, self._last, sure))
                    self._told_seconds = self._last_seconds
            self._sum += self._last - self._recent[0]
            self._recent.append(self._last)
            self._before, self._last, self._last_seconds = self._last, strength, seconds
        return tuple(found)


class _Spans:
    """Gathers frames between beats, and beats between downbeats."""

    def __init__(self) -> None:
        self._frames: deque[Features] = deque()
        self._ahead: deque[tuple[float, int]] = deque()
        self._start: tuple[float, int] | None = None  # of the beat that goes on
        self._bar: list[tuple[HeardSpan, int]] | None = None  # None: no downbeat came yet
        self.last_seconds = -np.inf

    def forget(self) -> None:
        """Other beats will be told: what was gathered is of no use."""
        self._ahead.clear()
        self._start, self._bar, self.last_seconds = None, None, -np.inf

    def know(self, seconds: float, number: int) -> None:
        """A beat that comes."""
        if not seconds > self.last_seconds:
            raise SegueError(
                f"a beat at {seconds:.3f} seconds was told after one at {self.last_seconds:.3f}; "
                "tell beats in order, each once"
            )
        if len(self._ahead) >= _MOST_BEATS:
            raise SegueError(
                f"{_MOST_BEATS} beats are known that did not come yet; tell them nearer to their "
                "time"
            )
        self._ahead.append((seconds, number))
        self.last_seconds = seconds

    def push(self, features: Features) -> tuple[tuple[HeardSpan, ...], tuple[HeardSpan, ...]]:
        """The beats and the bars that ended with these frames."""
        if not len(features) or (self._start is None and not self._ahead):
            return (), ()
        self._frames.append(features)
        now = float(features.times_seconds[-1])
        if not self._ahead or now < self._ahead[0][0]:
            while now - self._frames[0].times_seconds[0] > _LONGEST_SPAN_SECONDS:
                self._frames.popleft()
            return (), ()
        beats: list[HeardSpan] = []
        bars: list[HeardSpan] = []
        held = join_features(list(self._frames))
        while self._ahead and now >= self._ahead[0][0]:
            beat = self._ahead.popleft()
            if self._start is not None:
                self._end_beat(held, self._start, beat, beats)
            if beat[1] == 1:
                self._end_bar(beat[0], bars)
            self._start = beat
        start = self._start[0] if self._start else 0.0
        self._frames = deque([held.between(start, np.inf)])
        return tuple(beats), tuple(bars)

    def _end_beat(
        self,
        held: Features,
        start: tuple[float, int],
        end: tuple[float, int],
        beats: list[HeardSpan],
    ) -> None:
        inside = held.between(start[0], end[0])
        if not len(inside):
            return
        span = HeardSpan(start[0], end[0], start[1], inside.per_beat([start[0], end[0]]))
        beats.append(span)
        if self._bar is not None:
            self._bar.append((span, len(inside)))

    def _end_bar(self, seconds: float, bars: list[HeardSpan]) -> None:
        if self._bar:
            first = self._bar[0][0]
            rows = join_features([span.features for span, _ in self._bar])
            weights = np.array([count for _, count in self._bar], np.float32)
            bars.append(
                HeardSpan(first.start_seconds, seconds, first.number, rows.weighted_mean(weights))
            )
        self._bar = []
