"""Beats, downbeats, meter and tempo of a recording.

A network gives the chance of a beat and of a downbeat in each frame and the chance of each tempo
(`beat_spectrum.hear_beats`); the most likely walk through bars explains them (`beat_decoder`). The
network's tempo is the walk's prior, which settles whether one counts in halves or doubles.
Times in seconds from the first sample, tempo in beats a minute.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..spectra import to_mono
from .beat_decoder import DecoderSettings, Walk, decode
from .beat_spectrum import FRAME_RATE, TEMPO_CLASSES, BeatChances, hear_beats
from .tempo import TempoCandidate, candidates_around, tempo_curve, tempo_of_beats

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

SETTINGS = DecoderSettings()
_FINER = SETTINGS.rate // FRAME_RATE
_LEAST_CHANCE = 0.05  # of the surest beats of a recording in which there are any
_OPEN_TEMPO = 0.02  # chance that the tempo is not what the network says


@dataclass(frozen=True)
class Beats:
    """Beats of a recording, how they are counted, and how fast."""

    times_seconds: FloatArray  # [shape=(n,)]
    numbers: IntArray  # [n] position in the bar, 1 = downbeat
    confidence: FloatArray  # [n] 0..1
    tempo_curve_bpm: FloatArray  # [n] at each beat
    meter_beats: int  # beats of most bars, 0 where there are no beats
    meter_confidence: float
    tempo_bpm: float  # of the whole, 0 where there are no beats
    tempo_confidence: float  # 0..1: that it is the tempo one would tap, not its half or double
    tempo_candidates: tuple[TempoCandidate, ...]  # the most likely first

    @property
    def downbeat_times_seconds(self) -> FloatArray:
        """When each bar begins [shape=(bars,)]."""
        return np.asarray(self.times_seconds[self.numbers == 1])

    def __len__(self) -> int:
        return len(self.times_seconds)


NO_BEATS = Beats(np.zeros(0), np.zeros(0, np.intp), np.zeros(0), np.zeros(0), 0, 0.0, 0.0, 0.0, ())


def find_beats(
    samples: NDArray[np.floating], sample_rate: int, *, chances: BeatChances | None = None
) -> Beats:
    """The beats of a recording [shape=(frames,) or (frames, channels)].

    :param chances: from `hear_beats`, if they are already known
    :raises SegueError: for samples of another shape or not finite
    """
    mono = to_mono(samples, sample_rate)
    return beats_of(hear_beats(mono) if chances is None else chances)


def beats_of(chances: BeatChances) -> Beats:
    """The beats that explain a network's chances."""
    if len(chances.beats) < FRAME_RATE or np.sort(chances.beats)[-4:].mean() < _LEAST_CHANCE:
        return NO_BEATS
    both = np.stack([chances.beats, chances.downbeats], axis=1)
    walk = decode(finer_chances(both), SETTINGS, _prior(chances))
    if len(walk.frames) < 2:
        return NO_BEATS
    frames = np.maximum(refined_frames(walk.frames / _FINER, chances.beats), 0.0)
    times = np.maximum.accumulate(frames) / FRAME_RATE
    meters = np.bincount(walk.meters)
    posterior = chances.tempo.mean(axis=0)
    bpm = tempo_of_beats(times)
    candidates = candidates_around(bpm, posterior)
    return Beats(
        times,
        walk.numbers,
        _beat_confidence(times, chances.beats),
        tempo_curve(times),
        int(meters.argmax()),
        _meter_confidence(walk, times, chances),
        bpm,
        candidates[0].weight if candidates and candidates[0].bpm == bpm else 0.0,
        candidates,
    )


def _prior(chances: BeatChances) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
    if not len(chances.tempo):
        return None
    chance = chances.tempo.mean(axis=0) + _OPEN_TEMPO / len(TEMPO_CLASSES)
    return TEMPO_CLASSES.astype(np.float32), np.log(chance / chance.max()).astype(np.float32)


def finer_chances(chances: NDArray[np.float32]) -> NDArray[np.float32]:
    """Chances [shape=(n, k)] at the decoder's rate, straight lines between frames."""
    middles = 0.5 * (chances[1:] + chances[:-1])
    fine = np.empty((max(2 * len(chances) - 1, 0), chances.shape[1]), np.float32)
    fine[::2], fine[1::2] = chances, middles
    return fine


def refined_frames(frames: FloatArray, chance: NDArray[np.float32]) -> FloatArray:
    """Beats moved to the middle of what was heard within two frames of each [shape=(n,)]."""
    near = np.round(frames).astype(int)[:, None] + np.arange(-2, 3)
    inside = (near >= 0) & (near < len(chance))
    weights = np.where(inside, chance[near.clip(0, len(chance) - 1)] ** 2, 0.0)
    weights = weights + 0.02 * np.exp(-0.5 * np.square(near - frames[:, None]))
    return np.asarray((weights * near).sum(axis=1) / weights.sum(axis=1))


def _beat_confidence(times: FloatArray, chance: NDArray[np.float32]) -> FloatArray:
    """The chance at each beat, next to that of its neighbours: a walk is sure of what fits in."""
    near = np.round(times * FRAME_RATE).astype(int)[:, None] + np.arange(-2, 3)
    own = chance[near.clip(0, len(chance) - 1)].max(axis=1)
    around = np.convolve(np.pad(own, 4, mode="edge"), np.ones(9) / 9, "valid")
    return np.asarray(np.clip(0.5 * own + 0.5 * around, 0.0, 1.0), np.float64)


def _meter_confidence(walk: Walk, times: FloatArray, chances: BeatChances) -> float:
    """How much of the downbeats' chance lies on the beats that are counted as 1."""
    near = np.round(times * FRAME_RATE).astype(int)[:, None] + np.arange(-2, 3)
    own = chances.downbeats[near.clip(0, len(chances.downbeats) - 1)].max(axis=1)
    if own.sum() < 1e-6:
        return 0.0
    return float(own[walk.numbers == 1].sum() / own.sum())
