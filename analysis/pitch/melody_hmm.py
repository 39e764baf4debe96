"""The melody of a mix by Gaussian mixtures and a hidden Markov model: to hold `melody` against.

Each semitone is a state, and so is no melody. What is seen of a semitone is how strong its
harmonics are, against the strongest of the moment and against its octaves; one Gaussian mixture
says how that looks where the melody is, another where it is not (as M. Ryynänen and A. Klapuri,
"Automatic transcription of melody, bass line, and chords in polyphonic music", Computer Music
Journal 32, 2008, whose models are of notes). Steps between semitones are counted from melodies.

`training.train_melody_hmm` makes the model `melody_hmm`.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..cards import MODELS, load_weights
from ..spectra import Floats, to_mono
from .melody import Melody
from .pitch_spectrum import (
    BANDS,
    BANDS_PER_OCTAVE,
    FRAMES_PER_SECOND,
    LOW_HZ,
    frames_in,
    pitch_spectra,
    refined,
)
from .voice import midi_to_hz

FloatArray = NDArray[np.float64]

LOWEST, HIGHEST = 45, 93
"""MIDI numbers of the semitones that a melody may have, the latter left out."""

FEATURES = 5
STEPS = 24
"""Semitones up and down between which steps are counted."""

EACH = 2
"""Frames of 10 ms from one observation to the next."""

_HARMONICS = 8
_DECAY = 0.85
_AT_ONCE = 400
_FLOOR = 1e-4


@dataclass(frozen=True)
class Mixture:
    """Gaussians with diagonal covariance."""

    weights: FloatArray  # [shape=(k,)]
    means: FloatArray  # [k, FEATURES]
    variances: FloatArray  # [k, FEATURES]

    def log_density(self, seen: FloatArray) -> FloatArray:
        """Of observations [shape=(..., FEATURES)]."""
        parts = []
        for weight, mean, variance in zip(self.weights, self.means, self.variances, strict=True):
            scale = np.log(weight) - 0.5 * np.log(2 * np.pi * variance).sum()
            parts.append(scale - 0.5 * (np.square(seen - mean) / variance).sum(axis=-1))
        return np.asarray(np.logaddexp.reduce(np.stack(parts), axis=0))


@dataclass(frozen=True)
class MelodyModel:
    """What the model holds."""

    there: Mixture
    elsewhere: Mixture
    steps: FloatArray  # log probability of each step from -STEPS to STEPS, given a change
    change: float  # probability a frame of a new note
    begin: float  # of a melody that begins, a frame
    end: float  # of one that ends


def find_melody_hmm(samples: NDArray[np.floating], sample_rate: int) -> Melody:
    """The melody of a recording; errors as for `melody.find_melody`. Needs no onnxruntime."""
    sound = to_mono(samples, sample_rate)
    count = frames_in(len(sound))
    times = np.arange(count) / FRAMES_PER_SECOND
    if not count:
        return Melody(times, np.zeros(0), np.zeros(0), np.zeros(0))
    seen, loud, magnitudes = observations(sound)
    model = melody_model()
    ratio = model.there.log_density(seen) - model.elsewhere.log_density(seen)
    ratio[~loud] = -20.0
    path = _line(ratio, model)
    best = ratio.argmax(axis=1)
    state = np.where(path < 0, best, path)
    guess = np.where(loud, midi_to_hz(state + float(LOWEST)), 0.0)
    guess = refined(np.asarray(guess, np.float32), magnitudes).astype(np.float64)
    odds = np.take_along_axis(ratio, state[:, None], axis=1)[:, 0]
    sure = np.where(loud, 1.0 / (1.0 + np.exp(-np.clip(odds, -30, 30))), 0.0)
    hz = np.where(path < 0, 0.0, guess)
    spread = np.minimum(np.arange(count) // EACH, len(path) - 1)
    return Melody(times, hz[spread], guess[spread], sure[spread])


def observations(sound: Floats) -> tuple[FloatArray, NDArray[np.bool_], Floats]:
    """What is seen of each semitone each `EACH` frames [shape=(n, semitones, FEATURES)].

    With it: where anything sounds [n], and the magnitudes of those frames.
    """
    count = frames_in(len(sound))
    seen, loud, kept = [], [], []
    for start in range(0, count, _AT_ONCE):
        stop = min(start + _AT_ONCE, count)
        levels, magnitudes = pitch_spectra(sound, start, stop)
        salience = _salience(levels[0, ::EACH])
        seen.append(_features(salience))
        kept.append(magnitudes[::EACH])
        loud.append(magnitudes[::EACH].max(axis=1) > _FLOOR)
    return np.concatenate(seen), np.concatenate(loud), np.concatenate(kept)


def _salience(levels: Floats) -> FloatArray:
    """Sum of the harmonics of each semitone and its octaves [shape=(n, semitones + 24)]."""
    strength = 10.0 ** (0.5 * levels.astype(np.float64))
    first = 12.0 * np.log2(440.0 / LOW_HZ) - 69.0  # bands are counted from LOW_HZ
    semitones = np.arange(LOWEST - 12, HIGHEST + 12) + first
    total = np.zeros((len(levels), len(semitones)))
    for rank in range(1, _HARMONICS + 1):
        band = np.rint((semitones / 12 + np.log2(rank)) * BANDS_PER_OCTAVE).astype(np.int64)
        near = [strength[:, np.clip(band + step, 0, BANDS - 1)] for step in (-1, 0, 1)]
        total += _DECAY ** (rank - 1) * np.where(band < BANDS, np.maximum.reduce(near), 0.0)
    return total


def _features(salience: FloatArray) -> FloatArray:
    """Of each semitone: against the loudest, octaves below and above, neighbours, a moment ago."""
    log = np.log(salience + 1e-4)
    middle = log[:, 12:-12]
    top = log.max(axis=1, keepdims=True)
    before = np.concatenate([middle[:1], middle[:1], middle[:-2]])[: len(middle)]
    beside = np.maximum(log[:, 11:-13], log[:, 13:-11])
    return np.stack(
        [
            middle - top,
            middle - log[:, :-24],
            middle - log[:, 24:],
            middle - beside,
            middle - before,
        ],
        axis=2,
    )


@lru_cache(maxsize=1)
def melody_model() -> MelodyModel:
    """The shipped model."""
    _, held = load_weights(MODELS / "melody_hmm.json")
    there, elsewhere = (
        Mixture(*(held[f"{name}_{part}"] for part in ("weights", "means", "variances")))
        for name in ("there", "elsewhere")
    )
    change, begin, end = (float(held[name]) for name in ("change", "begin", "end"))
    return MelodyModel(there, elsewhere, held["steps"], change, begin, end)


def _line(ratio: FloatArray, model: MelodyModel) -> NDArray[np.int64]:
    """The state of each frame, -1 for none, by a Viterbi search."""
    count, states = ratio.shape
    apart = np.arange(states)[:, None] - np.arange(states)  # to, from
    step = model.steps[np.clip(apart + STEPS, 0, 2 * STEPS)]
    ways = np.log(model.change) + step
    np.fill_diagonal(ways, np.log(1.0 - model.change - model.end))
    ends, begins = np.log(model.end), np.log(model.begin / states)
    rests = np.log(1.0 - model.begin)
    total, rest = ratio[0].copy(), 0.0
    came = np.empty((count, states), np.int64)
    rest_came = np.empty(count, np.int64)
    for frame in range(1, count):
        all_ways = total[None, :] + ways
        came[frame] = all_ways.argmax(axis=1)
        best = all_ways.max(axis=1)
        fresh = rest + begins
        came[frame][best < fresh] = -1
        leader = int(total.argmax())
        stops = total[leader] + ends
        rest_came[frame] = leader if stops > rest + rests else -1
        rest = max(stops, rest + rests)
        total = np.maximum(best, fresh) + ratio[frame]
    state = int(total.argmax()) if total.max() > rest else -1
    path = np.empty(count, np.int64)
    for frame in range(count - 1, -1, -1):
        path[frame] = state
        state = int(came[frame, state]) if state >= 0 else int(rest_came[frame])
    return path
