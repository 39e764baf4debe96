"""Spectral features of a few frames at a time: the one place where they are computed.

`features.extract_features` runs it over a recording, `feature_stream.FeatureStream` over what
arrives, so both give the same values. It works in buffers of its own that fit into the cache, and
the filters are multiplied where they are not zero only.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import exp, log, sqrt

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ..spectra import Floats, filter_groups, hann, mel_bank

AT_ONCE = 64
"""Frames that are worked on together."""

LOG_MEL_FLOOR_DB = -100.0
"""Level of an empty mel band."""

HIGH_HZ = 11_025.0
"""Where the mel bands end, or at half the sample rate if that is lower."""

SPLIT_HZ = 261.63
"""Half of the chroma of this pitch (middle C) counts as bass, half as treble."""

_ROLLOFF = 0.85  # share of magnitude below the rolloff
_LEAST_POWER = 10.0 ** (LOG_MEL_FLOOR_DB / 10.0)
_LEAST_BIN = 1e-15  # power of a bin that still counts for flatness
_SILENT = 1e-7  # sum of magnitudes below which a frame has no shape
_SILENT_CHROMA = np.float32(1e-11)  # power of a pitch class
_CROSSING = -1e-10  # what is below is negative
_BLOCK = 32  # bins whose moments are taken together
_GROUPS = 4  # of mel bands
_DB = np.float32(10.0 / np.log(10.0))

STATISTICS = (
    "centroid_hz",
    "bandwidth_hz",
    "rolloff_hz",
    "flatness",
    "crest",
    "flux",
    "onset_strength",
    "rms",
    "zero_crossings_hz",
)
"""The features that are one number a frame, as `Rows.statistics` has them."""


@dataclass(frozen=True)
class Rows:
    """Features of some frames in a row, float32."""

    log_mel_db: Floats  # [shape=(n, bands)]
    mfcc: Floats  # [shape=(n, coefficients)]
    chroma: Floats  # [shape=(n, 3, 12)] of all, below and above `SPLIT_HZ`
    statistics: Floats  # [shape=(n, 9)] in the order of `STATISTICS`


class FrameWorker:
    """Computes features of frames that follow each other; remembers the last one for flux.

    :param rate: sample rate in Hz
    :param window: samples of a frame, a multiple of 64
    :param hop: samples between two frames
    """

    def __init__(
        self, rate: int, window: int, hop: int, mel_bands: int, mfccs: int, tuning_cents: float
    ) -> None:
        from scipy.fft import rfft

        self._rfft = rfft
        self.window, self.hop = window, hop
        self._bins = window // 2 + 1
        self._blocks = -(-self._bins // _BLOCK)
        padded = self._blocks * _BLOCK
        self._shape = hann(window)
        self._windowed = np.empty((AT_ONCE, window), np.float32)
        self._magnitude = np.zeros((AT_ONCE + 1, padded), np.float32)  # row 0: the frame before
        self._power = np.zeros((AT_ONCE, padded), np.float32)
        self._scratch = np.zeros((AT_ONCE, padded), np.float32)
        self._levels = np.empty((AT_ONCE + 1, mel_bands), np.float32)  # row 0 likewise
        mel = mel_bank(window, mel_bands, 0.0, min(HIGH_HZ, rate / 2), rate)
        self._groups = filter_groups(mel, -(-mel_bands // _GROUPS))
        self._dct = dct_matrix(mel_bands, mfccs)
        self._chroma = np.zeros((padded, 37), np.float32)  # and the sum of all bins
        self._chroma[: self._bins, :36] = chroma_bank(window, rate, tuning_cents)
        self._chroma[:, 36] = 1.0
        self._moments, self._whole = _moment_maps(self._blocks)
        self._centres = np.asarray(_block_centres(self._blocks), np.float32)
        self._ones = np.ones(padded, np.float32)
        self._mean_db = np.full(mel_bands, 1.0 / mel_bands, np.float32)
        self._scales = np.ones(len(STATISTICS), np.float32)
        self._scales[:3] = self._scales[8] = rate / window  # bins, or crossings of a frame, to Hz
        self._sum_before = -1.0  # nothing was heard yet

    def work(self, samples: Floats) -> Rows:
        """Features of the n frames in (n - 1) * hop + window samples, n at most `AT_ONCE`."""
        if len(samples) == self.window:
            frames = samples[None]
        else:
            frames = sliding_window_view(samples, self.window)[:: self.hop]
        count = len(frames)
        windowed = np.multiply(frames, self._shape, out=self._windowed[:count])
        magnitude = self._magnitude[1 : count + 1]
        np.abs(self._rfft(windowed), out=magnitude[:, : self._bins])
        power = np.multiply(magnitude, magnitude, out=self._power[:count])
        levels = self._mel_levels(power)
        products = np.dot(power, self._chroma)
        chroma = products[:, :36].reshape(count, 3, 12)
        chroma /= np.maximum(chroma.max(axis=2, keepdims=True), _SILENT_CHROMA)
        statistics = np.empty((count, len(STATISTICS)), np.float32)
        if count == 1:
            sums = self._shape_of_one(magnitude, statistics[0])
        else:
            sums = self._shape_statistics(magnitude, statistics)
        self._tone_statistics(power, products[:, 36], statistics)
        self._change_statistics(magnitude, sums, levels, statistics)
        self._wave_statistics(samples, frames, statistics)
        statistics *= self._scales
        self._magnitude[0], self._levels[0] = magnitude[-1], levels[-1]
        return Rows(levels.copy(), np.dot(levels, self._dct), chroma, statistics)

    def _mel_levels(self, power: Floats) -> Floats:
        levels = self._levels[1 : len(power) + 1]
        for bins, bands, filters in self._groups:
            levels[:, bands] = np.dot(power[:, bins], filters)
        np.maximum(levels, _LEAST_POWER, out=levels)
        np.log(levels, out=levels)
        levels *= _DB
        return levels

    def _shape_statistics(self, magnitude: Floats, found: Floats) -> Floats:
        """Centroid, bandwidth, rolloff and crest in bins; the sums of magnitudes [shape=(n,)].

        The moments of blocks of bins are taken around their middles, so that the bandwidth, which
        is a small difference of large numbers, keeps its precision.
        """
        count = len(magnitude)
        moments = np.dot(self._moments, magnitude.reshape(-1, _BLOCK).T)
        moments = moments.reshape(3, count, self._blocks)
        rising = moments[0].cumsum(axis=1)
        sums: Floats = rising[:, -1]
        safe = np.maximum(sums, _SILENT)
        centroid = np.dot(moments[0], self._centres)
        centroid += 0.5 * np.dot(moments[1], self._whole)
        centroid /= safe
        away = self._centres - centroid[:, None]
        spread = away * moments[0]
        spread += moments[1]
        spread *= away
        spread += moments[2]
        found[:, 0] = centroid
        found[:, 1] = np.sqrt(np.maximum(np.dot(spread, self._whole) / safe, 0.0))
        found[:, 2] = self._rolloff_bins(magnitude, rising)
        found[:, 4] = np.maximum(magnitude.max(axis=1) * np.float32(self._bins) / safe, 1.0)
        return sums

    def _shape_of_one(self, magnitude: Floats, found: Floats) -> Floats:
        """`_shape_statistics` of one row, with fewer steps."""
        row = magnitude[0]
        sums, firsts, seconds = np.dot(self._moments, row.reshape(-1, _BLOCK).T)
        rising: Floats = sums.cumsum()
        whole = max(float(rising[-1]), _SILENT)
        centroid = (float(sums.dot(self._centres)) + 0.5 * float(firsts.dot(self._whole))) / whole
        away = self._centres - np.float32(centroid)
        sums *= away
        sums += firsts
        spread = float(sums.dot(away)) + float(seconds.dot(self._whole))
        found[0] = centroid
        found[1] = sqrt(max(spread / whole, 0.0))
        found[2] = self._rolloff_bin(row, rising)
        found[4] = max(float(row.max()) * self._bins / whole, 1.0)
        return rising[-1:]

    def _rolloff_bin(self, magnitude: Floats, rising: Floats) -> int:
        """The first bin up to which the magnitudes sum to the share of `_ROLLOFF`."""
        wanted = _ROLLOFF * rising[-1]
        block = min(int(rising.searchsorted(wanted)), self._blocks - 1)
        inside = magnitude[block * _BLOCK : (block + 1) * _BLOCK].cumsum()
        before = rising[block] - inside[-1]
        return block * _BLOCK + min(int(inside.searchsorted(wanted - before)), _BLOCK - 1)

    def _rolloff_bins(self, magnitude: Floats, rising: Floats) -> NDArray[np.intp]:
        """`_rolloff_bin` of each row [shape=(n,)]."""
        rows = np.arange(len(magnitude))
        wanted = _ROLLOFF * rising[:, -1]
        block = np.minimum((rising < wanted[:, None]).sum(axis=1), self._blocks - 1)
        inside = magnitude.reshape(len(magnitude), self._blocks, _BLOCK)[rows, block].cumsum(axis=1)
        before = rising[rows, block] - inside[:, -1]
        at = (inside < (wanted - before)[:, None]).sum(axis=1)
        return np.asarray(block * _BLOCK + np.minimum(at, _BLOCK - 1))

    def _tone_statistics(self, power: Floats, power_sum: Floats, found: Floats) -> None:
        """Flatness: the geometric over the arithmetic mean of power."""
        bins = self._bins
        logs = np.maximum(power, _LEAST_BIN, out=self._scratch[: len(power)])
        np.log(logs, out=logs)
        mean_log = np.dot(logs[:, :bins], self._ones[:bins]) / np.float32(bins)
        if len(power) == 1:
            mean = max(float(power_sum[0]) / bins, _LEAST_BIN)
            found[0, 3] = min(exp(float(mean_log[0]) - log(mean)), 1.0)
            return
        means = np.maximum(power_sum / np.float32(bins), _LEAST_BIN)
        found[:, 3] = np.minimum(np.exp(mean_log - np.log(means)), 1.0)

    def _change_statistics(
        self, magnitude: Floats, sums: Floats, levels: Floats, found: Floats
    ) -> None:
        """Flux and onset strength against the frame before."""
        count = len(magnitude)
        if self._sum_before < 0.0:
            self._magnitude[0], self._levels[0] = magnitude[0], levels[0]
            self._sum_before = float(sums[0])
        higher = np.maximum(magnitude, self._magnitude[:count], out=self._scratch[:count])
        flux = np.dot(higher, self._ones)
        flux[0] -= self._sum_before
        if count > 1:
            flux[1:] -= sums[:-1]
        np.maximum(flux, 0.0, out=found[:, 5])
        rise = levels - self._levels[:count]
        np.maximum(rise, 0.0, out=rise)
        found[:, 6] = np.dot(rise, self._mean_db)
        self._sum_before = float(sums[-1])

    def _wave_statistics(self, samples: Floats, frames: Floats, found: Floats) -> None:
        """RMS and zero crossings of the frames as they are, without a window."""
        negative = samples < _CROSSING
        crossing = negative[1:] != negative[:-1]
        if len(frames) == 1:
            found[0, 7] = np.sqrt(np.dot(samples, samples) / self.window)
            found[0, 8] = np.count_nonzero(crossing)
            return
        found[:, 7] = np.sqrt(np.einsum("nw,nw->n", frames, frames) / self.window)
        counts = np.zeros(len(samples), np.int32)
        np.cumsum(crossing, dtype=np.int32, out=counts[1:])
        starts = np.arange(len(frames)) * self.hop
        found[:, 8] = counts[starts + self.window - 1] - counts[starts]


def _block_centres(blocks: int) -> NDArray[np.float64]:
    return np.asarray(np.arange(blocks) * _BLOCK + (_BLOCK - 1) / 2)


def _moment_maps(blocks: int) -> tuple[Floats, Floats]:
    """Maps from the bins of a block to its moments [shape=(3, bins)], and ones for its blocks.

    Moments are taken around the middle of the block; the first one is doubled.
    """
    local = np.arange(_BLOCK) - (_BLOCK - 1) / 2
    moments = np.stack([np.ones(_BLOCK), 2.0 * local, local * local]).astype(np.float32)
    return moments, np.ones(blocks, np.float32)


@lru_cache(maxsize=16)
def dct_matrix(bands: int, coefficients: int) -> Floats:
    """The orthonormal cosine transform of type II [shape=(bands, coefficients)]."""
    angles = np.pi / bands * np.outer(np.arange(bands) + 0.5, np.arange(coefficients))
    matrix = np.cos(angles) * np.sqrt(2.0 / bands)
    matrix[:, 0] = np.sqrt(1.0 / bands)
    return np.asarray(matrix, np.float32)


@lru_cache(maxsize=16)
def chroma_bank(window: int, rate: int, tuning_cents: float) -> Floats:
    """Filters for power [shape=(bins, 36)]: 12 pitch classes from C of all, of bass, of treble.

    Each bin spreads over pitch classes as a Gaussian of the width of a bin, and octaves far from
    880 Hz count less (D. P. W. Ellis, "Chroma feature analysis and synthesis", 2007).
    """
    bins = window // 2 + 1
    hz = np.arange(1, window) * rate / window
    classes = 12.0 * np.log2(hz / (440.0 * 2.0 ** (tuning_cents / 1200.0))) + 9.0 + 120.0
    classes = np.concatenate([[classes[0] - 18.0], classes])  # what lies below the first bin
    widths = np.append(np.maximum(np.diff(classes), 1.0), 1.0)
    away = (classes[:, None] - np.arange(12) + 126.0) % 12.0 - 6.0
    filters = np.exp(-0.5 * (2.0 * away / widths[:, None]) ** 2)
    filters /= np.linalg.norm(filters, axis=1, keepdims=True)
    octaves = (classes - 129.0) / 12.0 - 1.0  # above 880 Hz
    filters *= np.exp(-0.5 * (octaves / 2.0) ** 2)[:, None]
    semitones = np.clip(12.0 * (octaves + np.log2(880.0 / SPLIT_HZ)), -60.0, 60.0)
    treble = 1.0 / (1.0 + np.exp(-semitones))[:, None]
    parts = np.concatenate([filters, filters * (1.0 - treble), filters * treble], axis=1)
    return np.asarray(parts[:bins], np.float32)
