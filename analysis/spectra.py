"""Sound as the ears take it in: one channel at one rate, and its spectrum frame by frame.

Conventions: samples are float [shape=(frames,)] or [shape=(frames, channels)] with full scale 1.
Spectra are float32 [shape=(n, bins)], one row each `hop` samples, row i centred on sample i * hop;
what lies beyond the ends of the recording is silence.
"""

from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ..music.errors import SegueError, check_range

Floats = NDArray[np.float32]

RATE = 22_050
"""The sample rate in Hz at which the ears listen."""

_CANCELLED = 0.3  # share of the loudest channel's level that a mix of all must keep
_GROUP = 32  # filters that are multiplied together
_NARROW = 0.6  # share of a bank that may be touched for that
_AT_ONCE = 128  # frames: what stays in the cache between window, transform and product


def to_mono(samples: NDArray[np.floating], sample_rate: int, rate: int = RATE) -> Floats:
    """One channel at `rate` Hz [shape=(n,)]; mono float32 at that rate is returned as it is.

    Channels are mixed, unless they cancel each other: then the loudest one counts. Raises
    SegueError for another shape or samples that are not finite, RangeError for a sample rate that
    is not 1000 to 768000 Hz.
    """
    check_range("sample rate in Hz", sample_rate, 1_000, 768_000)
    sound = np.asarray(samples)
    if sound.ndim not in (1, 2) or not np.issubdtype(sound.dtype, np.floating):
        raise SegueError(
            f"samples are {sound.dtype} of shape {sound.shape}; give floats with full scale 1, "
            "(frames,) or (frames, channels)"
        )
    if sound.ndim == 2:
        sound = mix_channels(sound)
    mono: Floats = np.ascontiguousarray(sound, np.float32)
    if not np.isfinite(mono).all():
        first = int(np.flatnonzero(~np.isfinite(mono))[0])
        raise SegueError(
            f"samples are not finite, the first at {first / sample_rate:.2f} seconds; mend the "
            "recording"
        )
    if sample_rate == rate or not len(mono):
        return mono
    import soxr

    return np.asarray(soxr.resample(mono, sample_rate, rate), np.float32)


def mix_channels(sound: NDArray[np.floating]) -> NDArray[np.floating]:
    """One channel [shape=(frames,)] of some, the loudest where the mix of all would cancel out."""
    if sound.shape[1] == 1 or not len(sound):
        return sound[:, 0] if sound.shape[1] else np.zeros(0, np.float32)
    # products instead of means over channels, which are slow for so few
    mixed = sound @ np.full(sound.shape[1], 1.0 / sound.shape[1], sound.dtype)
    powers = np.einsum("fc,fc->c", sound, sound)
    loudest = int(powers.argmax())
    if np.dot(mixed, mixed) < _CANCELLED**2 * powers[loudest]:
        return np.asarray(sound[:, loudest])
    return np.asarray(mixed)


def frame_count(samples: int, hop: int) -> int:
    """How many rows the spectrum of so many samples has: all centres up to the end."""
    return samples // hop + 1 if samples else 0


def magnitudes(mono: Floats, window: int, hop: int) -> Floats:
    """Magnitude spectrum [shape=(n, window // 2 + 1)]; a full-scale sine peaks at 1 (Hann)."""
    return spectrum_product(mono, window, hop, None)


def spectrum_product(mono: Floats, window: int, hop: int, bank: Floats | None) -> Floats:
    """Magnitude spectrum times a bank of filters [shape=(bins, bands)], without keeping the former.

    :param bank: from `log_bank`, `mel_bank` or of one's own; None: the spectrum itself
    """
    from scipy.fft import rfft

    count = frame_count(len(mono), hop)
    bins = window // 2 + 1
    found = np.empty((count, bins if bank is None else bank.shape[1]), np.float32)
    padded = np.pad(np.asarray(mono, np.float32), (window // 2, window))
    frames = sliding_window_view(padded, window)[::hop]
    shape = hann(window)
    groups = None if bank is None else filter_groups(bank, _GROUP)
    for start in range(0, count, _AT_ONCE):
        stop = min(start + _AT_ONCE, count)
        spectrum = np.abs(rfft(frames[start:stop] * shape, axis=1))
        if groups is None:
            found[start:stop] = spectrum
            continue
        for touched, bands, filters in groups:
            found[start:stop, bands] = spectrum[:, touched] @ filters
    return found


def filter_groups(bank: Floats, size: int) -> list[tuple[slice, slice, Floats]]:
    """Some neighbouring filters at a time, with the bins that they touch: (bins, bands, filters).

    Multiplying each group with its own bins is several times faster than all with all, where
    filters are narrow. Where they are not, they are left as one group.

    :param size: filters of a group, about
    """
    groups = []
    edges = [*range(0, bank.shape[1], size), bank.shape[1]]
    for low, high in pairwise(edges):
        touched = np.flatnonzero(bank[:, low:high].any(axis=1))
        bins = slice(int(touched[0]), int(touched[-1]) + 1) if len(touched) else slice(0, 1)
        groups.append((bins, slice(low, high), np.ascontiguousarray(bank[bins, low:high])))
    if sum(filters.size for _, _, filters in groups) > _NARROW * bank.size:
        return [(slice(0, len(bank)), slice(0, bank.shape[1]), bank)]
    return groups


@lru_cache(maxsize=16)
def hann(window: int) -> Floats:
    """Periodic Hann window whose sum makes a full-scale sine 1."""
    shape = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    return np.asarray(2.0 * shape / shape.sum(), np.float32)


@lru_cache(maxsize=16)
def log_bank(
    window: int, low_hz: float, bands: int, bands_per_octave: int, rate: int = RATE
) -> Floats:
    """Triangular filters on a logarithmic scale [shape=(window // 2 + 1, bands)].

    Band i is centred on low_hz * 2 ** (i / bands_per_octave) and reaches to its neighbours, but at
    least over one bin on either side, so that low bands of short windows are not empty.
    """
    hz = np.arange(window // 2 + 1) * rate / window
    steps = np.arange(-1, bands + 1) / bands_per_octave
    edges = low_hz * 2.0**steps
    centre = edges[1:-1]
    width = rate / window
    below = np.minimum(edges[:-2], centre - width)
    above = np.maximum(edges[2:], centre + width)
    rise = (hz[:, None] - below) / (centre - below)
    fall = (above - hz[:, None]) / (above - centre)
    return np.asarray(np.clip(np.minimum(rise, fall), 0.0, None), np.float32)


@lru_cache(maxsize=16)
def mel_bank(window: int, bands: int, low_hz: float, high_hz: float, rate: int = RATE) -> Floats:
    """Triangular mel filters of equal area [shape=(window // 2 + 1, bands)].

    Source: the scale of Slaney's Auditory Toolbox (1998), linear below 1 kHz, as librosa has it.
    """
    hz = np.arange(window // 2 + 1) * rate / window
    edges = _mel_to_hz(np.linspace(_hz_to_mel(low_hz), _hz_to_mel(high_hz), bands + 2))
    rise = (hz[:, None] - edges[:-2]) / np.diff(edges)[:-1]
    fall = (edges[2:] - hz[:, None]) / np.diff(edges)[1:]
    area = 2.0 / (edges[2:] - edges[:-2])
    return np.asarray(np.clip(np.minimum(rise, fall), 0.0, None) * area, np.float32)


def mel_centres(bands: int, low_hz: float, high_hz: float) -> NDArray[np.float64]:
    """Centres in Hz of the bands of `mel_bank` [shape=(bands,)]."""
    return _mel_to_hz(np.linspace(_hz_to_mel(low_hz), _hz_to_mel(high_hz), bands + 2))[1:-1]


_MEL_STEP_HZ, _MEL_BREAK_HZ = 200.0 / 3.0, 1000.0
_MEL_LOG_STEP = np.log(6.4) / 27.0


def _hz_to_mel(hz: float) -> float:
    if hz < _MEL_BREAK_HZ:
        return hz / _MEL_STEP_HZ
    return float(_MEL_BREAK_HZ / _MEL_STEP_HZ + np.log(hz / _MEL_BREAK_HZ) / _MEL_LOG_STEP)


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    knee = _MEL_BREAK_HZ / _MEL_STEP_HZ
    bent = _MEL_BREAK_HZ * np.exp(_MEL_LOG_STEP * (np.maximum(mel, knee) - knee))
    return np.where(mel < knee, mel * _MEL_STEP_HZ, bent)
