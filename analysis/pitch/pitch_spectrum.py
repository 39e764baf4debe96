"""The spectrum as pitch is read from it: a frame each 10 ms, bands of a third of a semitone.

Two windows look at each moment: a long one that tells pitches apart and a short one that tells
when they begin. Conventions: sound is mono float32 at `spectra.RATE`; frame i is centred on second
i / 100 exactly; levels are log10 of the magnitude (a full-scale sine is 0), at least `FLOOR`.
"""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ..spectra import RATE, Floats, log_bank

FRAMES_PER_SECOND = 100
LONG, SHORT = 2048, 1024
"""Windows in samples: 93 and 46 ms."""

BANDS_PER_OCTAVE = 36
LOW_HZ = 27.5
PITCHES = 226  # bands that a fundamental may lie in: up to 2.1 kHz
BANDS = 268  # bands that are looked at: up to 4.8 kHz
FLOOR = -5.0

_CACHED = 128  # frames that are transformed at once
_HZ_PER_BIN = RATE / LONG
_BINS = int(5_000.0 / _HZ_PER_BIN) + 2  # of the long spectrum that are kept
_HARMONICS = 5  # that a pitch is refined by
_APART_BINS = 4.0  # spacing of harmonics that a Hann window tells apart
_NEAR_CENTS = 45.0  # how far a peak may lie from where its harmonic is looked for


def frames_in(samples: int) -> int:
    """How many frames there are: all centres up to the end."""
    return samples * FRAMES_PER_SECOND // RATE + 1 if samples else 0


def centre(frame: int) -> int:
    """The sample that a frame is centred on."""
    return frame * RATE // FRAMES_PER_SECOND


def pitch_spectra(sound: Floats, first: int, last: int, offset: int = 0) -> tuple[Floats, Floats]:
    """Levels [shape=(2, last - first, `BANDS`)], long window first, and the long magnitudes.

    What lies outside of the sound is silence.

    :param offset: which sample of the recording the sound begins with, may be negative
    """
    windows = _windows(sound, first, last, offset)
    levels = np.empty((2, last - first, BANDS), np.float32)
    spectrum = np.empty((last - first, _BINS), np.float32)
    edge = (LONG - SHORT) // 2
    for start in range(0, last - first, _CACHED):
        part = slice(start, min(start + _CACHED, last - first))
        spectrum[part] = _magnitudes(windows[part], LONG)
        levels[0, part] = (_bank(LONG) @ spectrum[part].T).T
        short = _magnitudes(windows[part, edge : edge + SHORT], SHORT)
        levels[1, part] = (_bank(SHORT) @ short.T).T
    np.maximum(levels, np.float32(10.0**FLOOR), out=levels)
    np.log10(levels, out=levels)
    return levels, spectrum


def long_magnitudes(sound: Floats, first: int, last: int, offset: int = 0) -> Floats:
    """The magnitudes alone [shape=(last - first, bins)]; as `pitch_spectra`."""
    return _magnitudes(_windows(sound, first, last, offset), LONG)


def _magnitudes(windows: Floats, size: int) -> Floats:
    """Of windows [shape=(n, size)], the bins up to 5 kHz."""
    from scipy.fft import rfft

    spectrum = rfft(windows * _hann(size), axis=1)[:, : _BINS * size // LONG]
    power = spectrum.real**2 + spectrum.imag**2
    return np.asarray(np.sqrt(power, out=power))


def _windows(sound: Floats, first: int, last: int, offset: int) -> Floats:
    """The samples round each frame [shape=(last - first, LONG)]."""
    middles = np.arange(first, last) * RATE // FRAMES_PER_SECOND - offset
    start = int(middles[0]) - LONG // 2
    stop = int(middles[-1]) + LONG // 2
    inside = sound[max(start, 0) : max(stop, 0)]
    padded = np.zeros(stop - start, np.float32)
    at = max(-start, 0)
    padded[at : at + len(inside)] = inside
    return np.asarray(sliding_window_view(padded, LONG)[middles - LONG // 2 - start])


def refined(hz: Floats, magnitudes: Floats) -> Floats:
    """Pitches [shape=(n,)] moved to where the peaks of their harmonics lie; 0 stays 0.

    Each peak is found by a parabola through the log magnitudes of three bins; their mean counts by
    magnitude. Pitches so low that harmonics run together stay as they are.

    :param magnitudes: of the long window [shape=(n, bins)]
    """
    ranks = np.arange(1, _HARMONICS + 1)
    expected = hz[:, None] * ranks
    at = expected / _HZ_PER_BIN
    usable = (hz[:, None] >= _APART_BINS * _HZ_PER_BIN) & (at < magnitudes.shape[1] - 3)
    nearest = np.clip(np.rint(at).astype(np.int64), 2, magnitudes.shape[1] - 3)
    rows = np.arange(len(hz))[:, None]
    log = np.log(np.maximum(magnitudes, 1e-9))
    around = np.stack([log[rows, nearest + step] for step in (-1, 0, 1)])
    peak = nearest + around.argmax(axis=0) - 1
    left, middle, right = (log[rows, peak + step] for step in (-1, 0, 1))
    bend = left - 2.0 * middle + right
    top = (middle >= left) & (middle >= right) & (bend < -1e-6)
    shift = np.where(top, 0.5 * (left - right) / np.where(top, bend, 1.0), 0.0)
    found = (peak + shift) * _HZ_PER_BIN
    ratio = np.where(usable, found / np.maximum(expected, 1e-9), 1.0)
    cents = 1200.0 * np.log2(np.maximum(ratio, 1e-9))
    weight = np.where(usable & top & (np.abs(cents) < _NEAR_CENTS), np.exp(middle) * ranks, 0.0)
    total = weight.sum(axis=1)
    mean = np.divide((weight * cents).sum(axis=1), total, out=np.zeros(len(hz)), where=total > 0)
    return np.asarray(hz * 2.0 ** (mean / 1200.0), np.float32)


@lru_cache(maxsize=4)
def _bank(window: int) -> Any:
    """The filters as a sparse matrix [shape=(BANDS, bins)]: most of each is zero."""
    from scipy.sparse import csr_matrix

    bank = log_bank(window, LOW_HZ, BANDS, BANDS_PER_OCTAVE)
    return csr_matrix(bank[: _BINS * window // LONG].T)


@lru_cache(maxsize=4)
def _hann(window: int) -> Floats:
    shape = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    return np.asarray(2.0 * shape / shape.sum(), np.float32)


def band_hz(bands: NDArray[np.floating]) -> NDArray[np.float64]:
    """The centre of bands, whole or between, in Hz."""
    return np.asarray(LOW_HZ * 2.0 ** (bands / BANDS_PER_OCTAVE), np.float64)
