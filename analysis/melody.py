"""The melody of a mix: the pitch that leads, over time.

The network `melody` (of the form of `f0`, see `training.train_f0`) says how much each third of a
semitone is the melody's and whether there is one; a Viterbi search finds the likeliest line that
seldom leaps. `melody_hmm` does the same with Gaussian mixtures, for comparison.

Conventions: a value each 10 ms, time i / 100 exactly; pitch in Hz, 0 where nothing leads.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .f0 import pitch_logits
from .pitch_spectrum import FRAMES_PER_SECOND, PITCHES, band_hz, frames_in
from .spectra import Floats, to_mono

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_AT_ONCE = 300
_LEAP_COST, _GLIDE_COST, _GLIDE_BANDS = 5.0, 0.4, 3
_SWITCH_COST = 3.0  # of a melody that begins or ends
_FLOOR = 1e-4  # magnitude below which nothing sounds


@dataclass(frozen=True)
class Melody:
    """The leading pitch over time."""

    times_seconds: FloatArray  # [shape=(n,)]
    hz: FloatArray  # [n]; 0 where nothing leads
    guess_hz: FloatArray  # [n]; also where a melody is unlikely; 0 in silence
    confidence: FloatArray  # [n] 0..1: that there is a melody of this pitch

    @property
    def voiced(self) -> NDArray[np.bool_]:
        """Where there is a melody [shape=(n,)]."""
        return np.asarray(self.hz > 0.0)

    def __len__(self) -> int:
        return len(self.times_seconds)


def find_melody(samples: NDArray[np.floating], sample_rate: int) -> Melody:
    """The melody of a recording; silence has none.

    Raises SegueError for samples that are no sound, MissingPartError without onnxruntime.
    """
    sound = to_mono(samples, sample_rate)
    count = frames_in(len(sound))
    pitch, voiced = np.zeros((count, PITCHES), np.float32), np.zeros(count, np.float32)
    loud = np.zeros(count, bool)
    for start in range(0, count, _AT_ONCE):
        stop = min(start + _AT_ONCE, count)
        logits, sure, magnitudes = pitch_logits("melody", sound, start, stop)
        top = logits.max(axis=1, keepdims=True)
        pitch[start:stop] = logits - top - np.log(np.exp(logits - top).sum(axis=1, keepdims=True))
        voiced[start:stop] = sure
        loud[start:stop] = magnitudes.max(axis=1, initial=0.0) > _FLOOR
    return melody_of(pitch, voiced, loud)


def melody_of(pitch: Floats, voiced: Floats, loud: NDArray[np.bool_]) -> Melody:
    """The likeliest line.

    :param pitch: log probabilities of the bands [shape=(n, PITCHES)]
    :param voiced: logit that there is a melody [n]
    :param loud: where anything sounds [n]
    """
    times = np.arange(len(pitch)) / FRAMES_PER_SECOND
    if not len(pitch):
        return Melody(times, np.zeros(0), np.zeros(0), np.zeros(0))
    sings = np.where(loud, -np.logaddexp(0.0, -voiced), -20.0)
    rests = np.where(loud, -np.logaddexp(0.0, voiced), 0.0)
    path = likeliest_line(pitch + sings[:, None], rests)
    band = np.where(path < 0, pitch.argmax(axis=1), path)
    guess = np.where(loud, band_hz(_between(pitch, band)), 0.0)
    near = np.clip(band[:, None] + np.arange(-2, 3), 0, PITCHES - 1)
    share = np.exp(np.take_along_axis(pitch, near, axis=1)).sum(axis=1)
    sure = np.where(loud, np.minimum(share, 1.0) / (1.0 + np.exp(-voiced)), 0.0)
    return Melody(times, np.where(path < 0, 0.0, guess), guess, np.asarray(sure, np.float64))


def likeliest_line(
    sings: NDArray[np.floating], rests: NDArray[np.floating], leap_cost: float = _LEAP_COST
) -> IntArray:
    """The state of each frame, -1 for none, by a Viterbi search.

    :param sings: log likelihood of each state [shape=(n, states)]
    :param rests: of none [n]
    """
    count, states = sings.shape
    steps = np.arange(-_GLIDE_BANDS, _GLIDE_BANDS + 1)
    glide = _GLIDE_COST * np.abs(steps)[:, None]
    came = np.empty((count, states), np.int16)
    rest_came = np.empty(count, np.int16)
    total, rest = np.asarray(sings[0], np.float64), float(rests[0])
    padded = np.full(states + 2 * _GLIDE_BANDS, -np.inf)
    lanes = np.lib.stride_tricks.sliding_window_view(padded, states)
    columns = np.arange(states)
    for frame in range(1, count):
        padded[_GLIDE_BANDS:-_GLIDE_BANDS] = total
        ways = lanes - glide
        lane = ways.argmax(axis=0)
        best = ways[lane, columns]
        source = columns + steps[lane]
        leader = int(total.argmax())
        far, begin = total[leader] - leap_cost, rest - _SWITCH_COST
        other, origin = (far, leader) if far >= begin else (begin, -1)
        leaps = best < other
        came[frame] = np.where(leaps, origin, source)
        ends = total[leader] - _SWITCH_COST
        rest_came[frame] = leader if ends > rest else -1
        rest = max(ends, rest) + float(rests[frame])
        total = np.where(leaps, other, best) + sings[frame]
    state = int(total.argmax()) if total.max() > rest else -1
    path = np.empty(count, np.int64)
    for frame in range(count - 1, -1, -1):
        path[frame] = state
        state = int(came[frame, state]) if state >= 0 else int(rest_came[frame])
    return path


def _between(pitch: Floats, band: IntArray) -> FloatArray:
    """Bands moved by what their neighbours say."""
    around = np.clip(band[:, None] + np.arange(-1, 2), 0, PITCHES - 1)
    share = np.exp(np.take_along_axis(pitch, around, axis=1).astype(np.float64))
    total = share.sum(axis=1)
    middle = np.divide((share * around).sum(axis=1), total, out=band * 1.0, where=total > 1e-12)
    return np.asarray(middle)
