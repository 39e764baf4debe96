"""The melody of a mix: the pitch that leads, over time.

The network `melody` (of the form of `f0`, see `training.train_f0`) says how much each third of a
semitone is the melody's and whether there is one; a Viterbi search finds the likeliest line that
seldom leaps. `melody_hmm` does the same with Gaussian mixtures, for comparison.

Conventions: a value each 10 ms, time i / 100 exactly; pitch in Hz, 0 where nothing leads.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..spectra import Floats, to_mono
from .f0 import pitch_logits
from .pitch_spectrum import FRAMES_PER_SECOND, PITCHES, band_hz, frames_in

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

CANDIDATES = 10
"""Pitches of a frame that a line may take."""

_AT_ONCE = 300
_BLOCK = 1024  # frames whose moves are weighed at once
_LEAP_COST, _GLIDE_COST, _GLIDE_BANDS = 8.0, 0.4, 3
_SHARED = 1.0  # added to the logit that there is a melody: a pitch's share lies in several bands
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
    heard = [_NOTHING]
    for start in range(0, count, _AT_ONCE):
        stop = min(start + _AT_ONCE, count)
        pitch, voiced, magnitudes = pitch_logits("melody", sound, start, stop)
        loud = magnitudes.max(axis=1, initial=0.0) > _FLOOR
        heard.append(candidates(pitch, voiced, loud))
    return melody_of(Candidates(*(np.concatenate(column) for column in zip(*heard, strict=True))))


class Candidates(NamedTuple):
    """The likeliest pitches of each frame."""

    band: IntArray  # [shape=(n, CANDIDATES)]
    log_share: Floats  # [n, CANDIDATES]: log probability of the band
    between: Floats  # [n, CANDIDATES]: the pitch as a band, between bands as its neighbours say
    near: Floats  # [n, CANDIDATES]: probability within two thirds of a semitone
    voiced: Floats  # [n]: logit that there is a melody
    loud: NDArray[np.bool_]  # [n]: that anything sounds


def candidates(pitch: Floats, voiced: Floats, loud: NDArray[np.bool_]) -> Candidates:
    """The likeliest bands.

    :param pitch: logits of the bands [shape=(n, PITCHES)]
    :param voiced: logit that there is a melody [n]
    :param loud: where anything sounds [n]
    """
    share = np.exp(pitch - pitch.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    band = np.argpartition(-share, CANDIDATES - 1, axis=1)[:, :CANDIDATES]
    around = np.clip(band[:, :, None] + np.arange(-2, 3), 0, PITCHES - 1)
    beside = np.take_along_axis(share[:, None, :], around, axis=2)
    inner = beside[:, :, 1:4]
    between = (inner * around[:, :, 1:4]).sum(axis=2) / np.maximum(inner.sum(axis=2), 1e-12)
    own = np.take_along_axis(share, band, axis=1)
    return Candidates(
        band,
        np.log(np.maximum(own, 1e-12)),
        np.asarray(np.where(own > 1e-9, between, band), np.float32),
        np.minimum(beside.sum(axis=2), 1.0),
        voiced,
        loud,
    )


def melody_of(heard: Candidates) -> Melody:
    """The likeliest line through candidates."""
    count = len(heard.voiced)
    times = np.arange(count) / FRAMES_PER_SECOND
    if not count:
        return Melody(times, np.zeros(0), np.zeros(0), np.zeros(0))
    voiced = heard.voiced.astype(np.float64) + _SHARED
    sings = np.where(heard.loud, -np.logaddexp(0.0, -voiced), -20.0)
    rests = np.where(heard.loud, -np.logaddexp(0.0, voiced), 0.0)
    path = likeliest_line(heard.band, heard.log_share + sings[:, None], rests)
    state = np.where(path < 0, heard.log_share.argmax(axis=1), path)[:, None]
    between = np.take_along_axis(heard.between, state, axis=1)[:, 0]
    guess = np.where(heard.loud, band_hz(between), 0.0)
    near = np.take_along_axis(heard.near, state, axis=1)[:, 0]
    sure = np.where(heard.loud, near / (1.0 + np.exp(-heard.voiced.astype(np.float64))), 0.0)
    return Melody(times, np.where(path < 0, 0.0, guess), guess, np.asarray(sure))


def likeliest_line(
    bands: IntArray, sings: NDArray[np.floating], rests: NDArray[np.floating]
) -> IntArray:
    """Which candidate of each frame a line takes, -1 for none, by a Viterbi search.

    :param bands: of the candidates [shape=(n, k)]
    :param sings: their log likelihoods [n, k]
    :param rests: log likelihood of none [n]
    """
    count, kept = bands.shape
    came = np.empty((count, kept), np.int64)
    rest_came = np.full(count, -1, np.int64)
    total, rest = sings[0].astype(np.float64), float(rests[0])
    rows = np.arange(kept)
    for frame in range(1, count):
        if frame % _BLOCK == 1:
            block = bands[frame - 1 : frame + _BLOCK]
            apart = np.abs(block[1:, :, None] - block[:-1, None, :])
            moves = np.where(apart <= _GLIDE_BANDS, _GLIDE_COST * apart, _LEAP_COST)
        ways = total - moves[(frame - 1) % _BLOCK]
        came[frame] = ways.argmax(axis=1)
        found = ways[rows, came[frame]]
        begin = rest - _SWITCH_COST
        leader = int(total.argmax())
        ends = float(total[leader]) - _SWITCH_COST
        if ends > rest:
            rest, rest_came[frame] = ends, leader
        rest += float(rests[frame])
        came[frame][found < begin] = -1
        total = np.maximum(found, begin) + sings[frame]
    state = int(total.argmax()) if total.max() > rest else -1
    path = np.empty(count, np.int64)
    for frame in range(count - 1, -1, -1):
        path[frame] = state
        state = int(came[frame, state]) if state >= 0 else int(rest_came[frame])
    return path


_NOTHING = candidates(
    np.zeros((0, PITCHES), np.float32), np.zeros(0, np.float32), np.zeros(0, np.bool_)
)
