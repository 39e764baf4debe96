"""Follows the beat of sound as it comes in, and says when the next beats will fall.

The network of `beats` hears the last seconds anew each 80 ms; the walk through bars of
`beat_decoder` goes on with each step, and its last beats give phase and tempo. Beats are told ahead
of their time, so that a transport or a light can be on them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...music.errors import SegueError, check_range
from ..networks import load_network
from ..spectra import RATE, Floats
from .beat_decoder import BeatDecoder, DecoderSettings, balanced, beat_gains
from .beat_spectrum import (
    FRAME_RATE,
    HOP,
    LIVE_LATE,
    LIVE_SAMPLES,
    LIVE_STEP,
    MEL_BANDS,
    SEMITONES,
    TEMPO_CLASSES,
    WINDOW,
    live_spectra,
)
from .beats import finer_chances, refined_frames

FloatArray = NDArray[np.float64]

SETTINGS = DecoderSettings(tempo_stiffness=25.0, tempo_weight=0.4)

_FINER = SETTINGS.rate // FRAME_RATE
_DELAY = 3  # frames that the network must have heard after one for it to count
_WINDOW_FRAMES = 6 * FRAME_RATE  # that it hears
_FEWEST = FRAME_RATE // 2  # frames before it is asked at all
_SEEN_SECONDS = 6.0  # of beats that are looked at for phase and tempo
_WEIGHT = 0.5  # of a beat against the next
_USUAL_RMS = 0.1
_LOUD_SECONDS = 5.0  # over which the level is taken
_SILENT_RMS = 1e-4
_LEAST_CONFIDENCE = 0.05  # of beats that are told
_LATEST = 0.05  # seconds after its time that a beat is still told
_PIN = 0.02  # how near a tempo that was told is kept, in log
_OPEN_TEMPO = 0.05


@dataclass(frozen=True)
class BeatEvent:
    """A beat that is about to fall."""

    time_seconds: float  # from the first sample
    number: int  # position in the bar, 1 = downbeat
    meter_beats: int
    tempo_bpm: float
    confidence: float  # 0..1


@dataclass(frozen=True)
class Pulse:
    """What is known of the beat at some time."""

    beat_seconds: float  # a beat
    number: int  # its position in the bar
    meter_beats: int
    tempo_bpm: float
    confidence: float  # 0..1

    def phase(self, seconds: float) -> float:
        """How far from one beat to the next a time is, 0..1."""
        return float((seconds - self.beat_seconds) * self.tempo_bpm / 60.0 % 1.0)

    def beats_after(self, seconds: float, count: int) -> list[BeatEvent]:
        """The next beats after a time, if the tempo stays."""
        period = 60.0 / self.tempo_bpm
        first = int(np.floor((seconds - self.beat_seconds) / period)) + 1
        return [
            BeatEvent(
                self.beat_seconds + index * period,
                (self.number - 1 + index) % self.meter_beats + 1,
                self.meter_beats,
                self.tempo_bpm,
                self.confidence,
            )
            for index in range(first, first + count)
        ]


class BeatFollower:
    """Live beats; blocks of any size give the same beats.

    :param sample_rate: in Hz, 8000 to 192000
    :param lead_seconds: how long before its time a beat is told at the latest
    """

    def __init__(self, sample_rate: int, *, lead_seconds: float = 0.1) -> None:
        check_range("sample rate in Hz", sample_rate, 8_000, 192_000)
        check_range("lead_seconds", lead_seconds, 0.0, 1.0)
        self.sample_rate, self.lead_seconds = int(sample_rate), float(lead_seconds)
        self.pulse: Pulse | None = None
        """What is known of the beat now; None until something is heard."""
        self._network = load_network("beats")
        self._resampler = _resampler(self.sample_rate)
        # the first frame is centred on the first sample
        self._sound = np.zeros(LIVE_SAMPLES - (LIVE_STEP - 1) * HOP - WINDOW // 2, np.float32)
        self._mel = np.zeros((0, MEL_BANDS), np.float32)
        self._semitones = np.zeros((0, SEMITONES), np.float32)
        self._heard_frames = 0
        self._power, self._power_weight = 0.0, 0.0
        self._decoder = BeatDecoder(SETTINGS)
        self._chances = np.zeros((0, 2), np.float32)  # of the frames that the network hears
        self._decided = 0  # frames of the decoder
        self._told_bpm: float | None = None
        self._last_told = -np.inf

    @property
    def heard_seconds(self) -> float:
        """Up to when sound has been looked at."""
        return self._heard_frames / FRAME_RATE

    def set_tempo(self, bpm: float | None) -> None:
        """Say the tempo, as of a conductor's clock, from which beats then hardly stray; None:
        it is not known."""
        if bpm is not None:
            check_range("tempo in bpm", bpm, SETTINGS.slowest_bpm, SETTINGS.fastest_bpm)
        self._told_bpm = bpm

    def push(self, block: NDArray[np.floating]) -> list[BeatEvent]:
        """Take the next samples [shape=(n,) or (n, channels)]; the beats that are told by them."""
        sound = np.asarray(block, np.float32)
        if sound.ndim == 2 and sound.shape[1]:
            sound = sound.mean(axis=1)
        if sound.ndim != 1:
            raise SegueError(f"a block has the shape {sound.shape}; give (frames,) or (frames, n)")
        if not np.isfinite(sound).all():
            raise SegueError("a block has NaN or infinite samples; mend the recording")
        if self._resampler is not None:
            sound = self._resampler.resample_chunk(sound)
        self._sound = np.concatenate([self._sound, np.asarray(sound, np.float32)])
        told: list[BeatEvent] = []
        start = 0
        while start + LIVE_SAMPLES <= len(self._sound):
            self._step(self._sound[start : start + LIVE_SAMPLES])
            told += self._due()
            start += LIVE_STEP * HOP
        self._sound = self._sound[start:]
        return told

    def _step(self, sound: Floats) -> None:
        """Hear some more frames."""
        power = float(np.square(sound[-LIVE_STEP * HOP :]).mean())
        forget = LIVE_STEP / (FRAME_RATE * _LOUD_SECONDS)
        self._power += forget * (power - self._power)
        self._power_weight += forget * (1.0 - self._power_weight)
        rms = np.sqrt(self._power / self._power_weight)
        spectra = live_spectra(sound, _USUAL_RMS / max(rms, _SILENT_RMS))
        self._heard_frames += LIVE_STEP
        self._mel = np.concatenate([self._mel, spectra.mel])[-_WINDOW_FRAMES:]
        rows = np.concatenate([self._semitones, spectra.semitones])
        self._semitones = rows[-_WINDOW_FRAMES // 2 :]
        if len(self._mel) < _FEWEST:
            return
        # rows in their time, the last one standing for those that are not known yet
        known = np.concatenate([self._semitones[LIVE_LATE:], self._semitones[[-1] * LIVE_LATE]])
        heard, tempo = self._network.run(mel=self._mel[None], semitones=known[None])
        chances = 1.0 / (1.0 + np.exp(-heard[0, :2].T))
        self._chances = np.asarray(chances * (rms > _SILENT_RMS), np.float32)
        self._prefer(tempo[0])
        self._decide()
        self.pulse = self._pulse()

    def _prefer(self, tempo: Floats) -> None:
        if self._told_bpm is not None:
            off = np.log(TEMPO_CLASSES / self._told_bpm) / _PIN
            self._decoder.set_tempo_prior(TEMPO_CLASSES, np.maximum(-0.5 * np.square(off), -8.0))
            return
        chance = np.exp(tempo - tempo.max())
        chance = chance / chance.sum() + _OPEN_TEMPO / len(TEMPO_CLASSES)
        self._decoder.set_tempo_prior(TEMPO_CLASSES, np.log(chance / chance.max()))

    def _decide(self) -> None:
        """Let the walk go on over what was heard, but for the last frames that count for more."""
        heard = balanced(self._chances[:-_DELAY], SETTINGS.down_share)
        fine = finer_chances(heard)
        first = _FINER * (self._heard_frames - len(self._chances))  # decoder frame of its start
        ready = first + len(fine) - SETTINGS.reach
        if ready <= self._decided:
            return
        around = slice(max(0, self._decided - first - SETTINGS.reach), len(fine))
        gains = beat_gains(fine[around], SETTINGS)
        skip = self._decided - first - around.start
        for start in range(skip, skip + ready - self._decided, self._decoder.block):
            stop = min(start + self._decoder.block, skip + ready - self._decided)
            self._decoder.push(gains[start:stop])
        self._decided = ready
        self._decoder.forget(ready - round(2 * _SEEN_SECONDS * SETTINGS.rate))

    def _pulse(self) -> Pulse | None:
        """Phase and tempo by a straight line through the last beats, the newest counting most."""
        walk = self._decoder.trace(self._decided - round(_SEEN_SECONDS * SETTINGS.rate))
        if len(walk.frames) < 3:
            return None
        first = self._heard_frames - len(self._chances)
        beats = refined_frames(walk.frames / _FINER - first, self._chances[:, 0]) + first
        chance = self._chances[
            (np.round(beats - first).astype(int)).clip(0, len(self._chances) - 1), 0
        ]
        age = np.arange(len(beats))[::-1]
        weights = _WEIGHT**age * (0.05 + chance)
        steps = -age.astype(np.float64)
        slope, last = _line(steps, beats, weights)
        confidence = float(np.average(chance, weights=_WEIGHT**age))
        return Pulse(
            last / FRAME_RATE,
            int(walk.numbers[-1]),
            int(walk.meters[-1]),
            60.0 * FRAME_RATE / slope,
            confidence,
        )

    def _due(self) -> list[BeatEvent]:
        pulse = self.pulse
        if pulse is None or pulse.confidence < _LEAST_CONFIDENCE:
            return []
        after = max(self._last_told + 30.0 / pulse.tempo_bpm, self.heard_seconds - _LATEST)
        due = self.heard_seconds + self.lead_seconds + LIVE_STEP / FRAME_RATE
        told = [event for event in pulse.beats_after(after, 2) if event.time_seconds <= due][:1]
        for event in told:
            self._last_told = event.time_seconds
        return told


def _line(x: FloatArray, y: FloatArray, weights: FloatArray) -> tuple[float, float]:
    """Slope of a weighted straight line and its height at 0."""
    mean_x, mean_y = np.average(x, weights=weights), np.average(y, weights=weights)
    spread = np.average(np.square(x - mean_x), weights=weights)
    slope = np.average((x - mean_x) * (y - mean_y), weights=weights) / spread
    return float(slope), float(mean_y - slope * mean_x)


def _resampler(sample_rate: int) -> Any:
    if sample_rate == RATE:
        return None
    import soxr

    return soxr.ResampleStream(sample_rate, RATE, 1, dtype="float32", quality="MQ")
