"""Intensity over time: how much is going on, as a designer of a cue would draw it.

Loudness counts half, how many attacks there are three tenths, brightness two tenths; each is put on
a scale that recordings of all kinds share, so that a lullaby stays low throughout.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..sound.features import extract_features
from ..spectra import RATE, to_mono

FloatArray = NDArray[np.float64]

STEP_SECONDS = 0.5
SMOOTH_SECONDS = 3.0
SILENT_DB, LOUD_DB = -50.0, -10.0  # RMS, full scale 1
BUSY_ATTACKS = 8.0  # a second
DULL_HZ, BRIGHT_HZ = 300.0, 4_000.0

_SHARES = (0.5, 0.3, 0.2)  # of loudness, attacks and brightness
_HOP = 512
_ATTACK_DB = 1.5  # mean rise of the mel bands in a frame
_AROUND = 3  # frames, 70 ms, in which an attack is the highest


@dataclass(frozen=True)
class Intensity:
    """A value each half second; the three that it is made of beside it, 0..1 each."""

    times_seconds: FloatArray  # [shape=(n,)] middles
    values: FloatArray  # [n] 0..1
    loudness: FloatArray  # [n]
    attacks: FloatArray  # [n]
    brightness: FloatArray  # [n]
    confidence: FloatArray  # [n] 0..1: whether there is sound enough to judge

    def __len__(self) -> int:
        return len(self.times_seconds)

    def between(self, start_seconds: float, end_seconds: float) -> float:
        """Mean of a stretch; the nearest value of one that holds none, 0 where there are none."""
        if not len(self):
            return 0.0
        inside = (self.times_seconds >= start_seconds) & (self.times_seconds < end_seconds)
        if inside.any():
            return float(self.values[inside].mean())
        nearest = np.abs(self.times_seconds - (start_seconds + end_seconds) / 2).argmin()
        return float(self.values[nearest])

    def at(self, seconds: float | FloatArray) -> FloatArray:
        """Values at times, on straight lines between those that are known."""
        if not len(self):
            return np.zeros(np.shape(seconds))
        return np.asarray(np.interp(seconds, self.times_seconds, self.values))


def find_intensity(samples: NDArray[np.floating], sample_rate: int) -> Intensity:
    """The intensity curve of a recording; SegueError for samples that are no sound."""
    mono = to_mono(samples, sample_rate)
    heard = extract_features(mono, RATE, hop=_HOP, mel_bands=64)
    count = int(np.ceil(len(mono) / RATE / STEP_SECONDS))
    if not count:
        nothing = np.zeros(0)
        return Intensity(nothing, nothing, nothing, nothing, nothing, nothing)
    step = np.minimum((heard.times_seconds / STEP_SECONDS).astype(np.intp), count - 1)
    frames = np.maximum(np.bincount(step, minlength=count), 1)

    def summed(values: FloatArray) -> FloatArray:
        return np.asarray(np.bincount(step, values, count), np.float64)

    rms = heard.rms.astype(np.float64)
    power = summed(np.square(rms)) / frames
    attacks = summed(_attacks(heard.onset_strength))
    centre = summed(rms * heard.centroid_hz) / np.maximum(summed(rms), 1e-9)
    level = 10.0 * np.log10(np.maximum(power, 1e-12))
    loudness = _smooth(_scaled(level, SILENT_DB, LOUD_DB))
    rate = _smooth(attacks) / STEP_SECONDS
    sounding: FloatArray = np.clip(loudness / 0.1, 0.0, 1.0)
    busy: FloatArray = np.clip(rate / BUSY_ATTACKS, 0.0, 1.0) * sounding
    octaves = np.log2(np.maximum(_smooth(centre), 1.0))
    bright: FloatArray = _scaled(octaves, np.log2(DULL_HZ), np.log2(BRIGHT_HZ)) * sounding
    parts = (loudness, busy, bright)
    shared = [share * part for share, part in zip(_SHARES, parts, strict=True)]
    whole = np.asarray(np.sum(shared, axis=0), np.float64)
    times = np.asarray((np.arange(count) + 0.5) * STEP_SECONDS, np.float64)
    return Intensity(times, whole, loudness, busy, bright, sounding)


def _attacks(strength: NDArray[np.float32]) -> FloatArray:
    """1 in frames where an attack is, else 0."""
    padded = np.pad(strength, _AROUND, constant_values=-np.inf)
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * _AROUND + 1)
    highest = (strength >= around.max(axis=1)) & (strength > _ATTACK_DB)
    highest[1:] &= ~highest[:-1]
    return np.asarray(highest, np.float64)


def _smooth(values: FloatArray) -> FloatArray:
    """Means over `SMOOTH_SECONDS`, over what is there at the ends."""
    kernel = np.ones(max(round(SMOOTH_SECONDS / STEP_SECONDS) // 2 * 2 + 1, 1))
    half = len(kernel) // 2
    sums = np.convolve(np.pad(values, half), kernel, mode="valid")
    counts = np.convolve(np.pad(np.ones(len(values)), half), kernel, mode="valid")
    return np.asarray(sums / counts)


def _scaled(values: FloatArray, low: float, high: float) -> FloatArray:
    return np.asarray(np.clip((values - low) / (high - low), 0.0, 1.0))
