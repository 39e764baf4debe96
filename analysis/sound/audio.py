"""Measures of sound: loudness, peaks, clicks, levels and spectrum over time.

Conventions: samples are float [shape=(frames,) or (frames, channels)] with full scale 1; levels in
dB relative to full scale; loudness in LUFS.

References: ITU-R BS.1770-4, "Algorithms to measure audio programme loudness and true-peak audio
level", 2015 (loudness by pyloudnorm; true peak here with a longer filter than the one of annex 2).
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ...music.errors import SegueError, check_range

FloatArray = NDArray[np.float64]

FLOOR_DB = -120.0
"""Levels below count as this."""

_SHORTEST_SECONDS = 0.4  # one gating block of BS.1770
_FULL_SCALE = 32766 / 32768  # of 16 bits, either way round
_OVERSAMPLING, _TAPS = 4, 32  # taps of each phase
_CLICK_BLOCK_SECONDS, _CLICK_SIDE_BLOCKS = 0.001, 25


@dataclass(frozen=True)
class AudioMeasures:
    """What a piece of sound measures."""

    duration_seconds: float
    loudness_lufs: float  # integrated; -inf for silence
    true_peak_db: float
    peak_db: float
    rms_db: float
    clicks: tuple[int, ...]  # frames
    offset: float  # largest mean of a channel, full scale 1
    silence_share: float  # of blocks of 50 ms below -60 dB


def measure_audio(samples: NDArray[np.floating], sample_rate: int) -> AudioMeasures:
    """All measures of at least 0.4 seconds of sound, or SegueError."""
    sound = check_audio(samples, sample_rate)
    levels = level_curve(sound, sample_rate, window_seconds=0.05)
    return AudioMeasures(
        duration_seconds=len(sound) / sample_rate,
        loudness_lufs=integrated_loudness(sound, sample_rate),
        true_peak_db=true_peak(sound, sample_rate),
        peak_db=decibels(float(np.abs(sound).max())),
        rms_db=decibels(float(np.sqrt(np.mean(np.square(sound))))),
        clicks=tuple(find_clicks(sound, sample_rate).tolist()),
        offset=float(np.abs(sound.mean(axis=0)).max()),
        silence_share=float(np.mean(levels < -60.0)),
    )


def check_audio(samples: NDArray[np.floating], sample_rate: int) -> FloatArray:
    """The samples as float64 [shape=(frames, channels)], or SegueError that says what is wrong."""
    check_range("sample rate", sample_rate, 8000, 384000)
    sound = np.asarray(samples, dtype=np.float64)
    if sound.ndim == 1:
        sound = sound[:, None]
    if sound.ndim != 2 or not 1 <= sound.shape[1] <= 8 or not len(sound):
        raise SegueError(
            f"audio has the shape {np.shape(samples)}; give (frames,) or (frames, channels) with "
            "at least one frame and at most 8 channels"
        )
    bad = ~np.isfinite(sound)
    if bad.any():
        frame = int(np.flatnonzero(bad.any(axis=1))[0])
        raise SegueError(f"audio has NaN or infinite samples, the first at frame {frame}")
    return sound


def decibels(amplitude: float) -> float:
    """Level of an amplitude in dB, `FLOOR_DB` at least."""
    return float(max(20.0 * np.log10(max(amplitude, 1e-12)), FLOOR_DB))


def integrated_loudness(samples: NDArray[np.floating], sample_rate: int) -> float:
    """Gated loudness of the whole in LUFS, -inf for silence; SegueError below 0.4 seconds."""
    import pyloudnorm

    sound = check_audio(samples, sample_rate)
    if len(sound) < _SHORTEST_SECONDS * sample_rate:
        raise SegueError(
            f"audio lasts {len(sound) / sample_rate:.3g} seconds, too short to have a loudness; "
            f"give {_SHORTEST_SECONDS} seconds or more"
        )
    if not np.abs(sound).max() > 1e-6:
        return -np.inf
    return float(pyloudnorm.Meter(sample_rate).integrated_loudness(sound))


def true_peak(samples: NDArray[np.floating], sample_rate: int) -> float:
    """Peak between the samples in dB, by fourfold oversampling with a windowed sinc."""
    return float(true_peak_curve(samples, sample_rate).max())


def true_peak_curve(
    samples: NDArray[np.floating], sample_rate: int, *, window_seconds: float = 0.1
) -> FloatArray:
    """`true_peak` in dB of each window [shape=(windows,)], all channels; the last may be short."""
    sound = check_audio(samples, sample_rate)
    starts = _window_starts(len(sound), sample_rate, window_seconds)
    half = _TAPS // 2
    taps = np.arange(-half, half)
    window = np.kaiser(_TAPS + 1, 8.0)
    delayed = starts + half
    delayed[0] = 0
    peaks = np.maximum.reduceat(np.abs(sound).max(axis=1), starts)
    for phase in range(1, _OVERSAMPLING):
        at = taps + phase / _OVERSAMPLING
        kernel = np.sinc(at) * np.interp(at, np.arange(-half, half + 1), window)
        for channel in sound.T:
            between = np.abs(np.convolve(channel, kernel))
            np.maximum(peaks, np.maximum.reduceat(between, delayed), out=peaks)
    return np.asarray(np.maximum(20.0 * np.log10(np.maximum(peaks, 1e-12)), FLOOR_DB))


def _window_starts(frames: int, sample_rate: int, window_seconds: float) -> NDArray[np.intp]:
    check_range("window in seconds", window_seconds, 1e-3, 3600.0)
    return np.arange(0, frames, max(int(window_seconds * sample_rate), 1))


def find_clipping(samples: NDArray[np.floating], sample_rate: int) -> NDArray[np.int64]:
    """First frames of the runs of at least three samples that stand still at full scale."""
    sound = check_audio(samples, sample_rate)
    full = np.abs(sound) >= _FULL_SCALE
    flat = full[2:] & full[1:-1] & full[:-2]
    held = (sound[2:] == sound[1:-1]) & (sound[1:-1] == sound[:-2])
    runs = np.pad((flat & held).any(axis=1), (1, 0))
    return np.asarray(np.flatnonzero(runs[1:] & ~runs[:-1]), dtype=np.int64)


def find_clicks(
    samples: NDArray[np.floating],
    sample_rate: int,
    *,
    ratio: float = 10.0,
    least: float = 0.003,
) -> NDArray[np.int64]:
    """Frames of lone jumps or kinks of the wave, such as a note cut off makes.

    The second difference of a click stands out for a sample or two, that of an attack or of a wave
    with corners comes again. So a click is a block of 1 ms whose largest second difference exceeds
    `least` (full scale 1) and is `ratio` times that of all others within 25 ms on both sides. Sound
    is taken to be silent before and after, so that a file that starts or stops abruptly shows. Not
    found are clicks that come more often than 40 times a second, and those inside loud bright
    sound, which hides them from the ear as well.
    """
    sound = check_audio(samples, sample_rate)
    padded = np.concatenate([np.zeros((2, sound.shape[1])), sound, np.zeros((2, sound.shape[1]))])
    bend = np.abs(np.diff(padded, n=2, axis=0)).max(axis=1)
    size = max(int(sample_rate * _CLICK_BLOCK_SECONDS), 4)
    blocks = -(-len(bend) // size)
    grid = np.pad(bend, (0, blocks * size - len(bend))).reshape(blocks, size)
    largest = grid.max(axis=1)
    # A click may straddle two blocks: its direct neighbours are left out on both sides.
    side = _CLICK_SIDE_BLOCKS
    around = np.pad(largest, side)
    before = sliding_window_view(around[: blocks + side - 2], side - 1).max(axis=1)
    after = sliding_window_view(around[side + 2 :], side - 1).max(axis=1)
    others = np.maximum(before[:blocks], after[:blocks])
    alone = (largest > least) & (largest > ratio * others)
    alone[1:] &= ~alone[:-1]
    found = np.flatnonzero(alone)
    frames: NDArray[np.int64] = found * size + grid[found].argmax(axis=1) - 1
    return np.minimum(np.maximum(frames, 0), len(sound) - 1)


def level_curve(
    samples: NDArray[np.floating], sample_rate: int, *, window_seconds: float = 0.4
) -> FloatArray:
    """RMS level in dB of each window [shape=(windows,)], all channels; the last may be short."""
    sound = check_audio(samples, sample_rate)
    starts = _window_starts(len(sound), sample_rate, window_seconds)
    sums = np.add.reduceat(np.square(sound).mean(axis=1), starts)
    means = sums / np.diff(np.append(starts, len(sound)))
    return np.asarray(np.maximum(10.0 * np.log10(np.maximum(means, 1e-24)), FLOOR_DB))


@dataclass(frozen=True)
class Spectrogram:
    """Levels over time and frequency."""

    level_db: FloatArray  # [shape=(bands, frames)]
    hz: FloatArray  # [shape=(bands,)], centres, evenly spaced in logarithm
    seconds: FloatArray  # [shape=(frames,)], middles of the windows


def log_spectrogram(
    samples: NDArray[np.floating],
    sample_rate: int,
    *,
    bands: int = 96,
    low_hz: float = 40.0,
    high_hz: float = 16000.0,
    window: int = 4096,
    hop_seconds: float = 0.05,
) -> Spectrogram:
    """Levels in bands of equal ratio, by Hann windows; a full-scale sine is at 0 dB within 2 dB."""
    sound = check_audio(samples, sample_rate).mean(axis=1)
    check_range("bands", bands, 1, 4096)
    check_range("window", window, 16, 1 << 20)
    check_range("high_hz", high_hz, low_hz, sample_rate / 2)
    check_range("low_hz", low_hz, 1.0, high_hz)
    hop = max(int(hop_seconds * sample_rate), 1)
    padded = np.pad(sound, window // 2)
    shape = np.hanning(window)
    frames = sliding_window_view(padded, window)[::hop]
    hz = np.geomspace(low_hz, high_hz, bands)
    weights = _band_weights(hz, np.arange(window // 2 + 1) * sample_rate / window)
    level = np.empty((bands, len(frames)))
    for start in range(0, len(frames), 256):  # an hour of sound must fit into memory
        part = frames[start : start + 256] * shape
        spectrum = np.abs(np.fft.rfft(part, axis=1)) * (2.0 / shape.sum())
        level[:, start : start + 256] = np.sqrt(weights @ np.square(spectrum).T)
    level_db = np.maximum(20.0 * np.log10(np.maximum(level, 1e-12)), FLOOR_DB)
    return Spectrogram(level_db, hz, np.arange(len(frames)) * hop / sample_rate)


def _band_weights(hz: FloatArray, bins: FloatArray) -> FloatArray:
    """Triangles over frequency bins [shape=(bands, bins)], at least four bins wide.

    Their height makes up for the 1.5 bins over which the Hann window spreads power.
    """
    ratio = hz[1] / hz[0] if len(hz) > 1 else 2.0
    spacing = bins[1] - bins[0]
    width = np.maximum(hz * (ratio - 1.0), 2.0 * spacing)[:, None]
    return np.asarray(np.maximum(1.0 - np.abs(bins - hz[:, None]) / width, 0.0) / 1.5)
