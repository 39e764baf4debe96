"""Tones and strokes apart: what goes on in time, and what reaches over all frequencies at once.

Method: D. Fitzgerald, "Harmonic/percussive separation using median filtering", DAFx 2010: the
median of a bin over time keeps what is held, the median over frequencies keeps what is struck;
their squares, one over the sum of both, are the masks (soft, as there).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...music.errors import check_range
from ..spectra import RATE, Floats, frame_count, hann, to_mono
from .running_median import running_median

WINDOW, HOP = 2048, 512

_FRAMES, _BINS = 17, 17  # of the medians: 0.4 seconds, 180 Hz
_LEAST = 1e-20
_PIECE_FRAMES = 1_024  # 24 seconds are separated at once


@dataclass(frozen=True)
class HarmonicPercussive:
    """How much of a sound is held and how much is struck, over time; powers with full scale 1."""

    times_seconds: NDArray[np.float64]  # [shape=(n,)]
    harmonic_power: Floats  # [n] summed over the squared magnitudes of a frame
    percussive_power: Floats  # [n]
    harmonic: Floats | None = None  # [shape=(samples,)] mono at `spectra.RATE`, if asked for
    percussive: Floats | None = None  # both add up to the sound

    @property
    def percussive_share(self) -> float:
        """Share of power that is struck, 0..1, over the whole; 0 of silence."""
        struck = float(self.percussive_power.sum(dtype=np.float64))
        whole = struck + float(self.harmonic_power.sum(dtype=np.float64))
        return struck / whole if whole > _LEAST else 0.0

    def __len__(self) -> int:
        return len(self.times_seconds)


def separate_harmonic(
    samples: NDArray[np.floating], sample_rate: int, *, signals: bool = False, hop: int = HOP
) -> HarmonicPercussive:
    """Separate a recording; errors as for `to_mono`.

    :param signals: whether the separated sounds are wanted as well; they take more time
    :param hop: samples at 22,050 Hz between frames, 128 to 1024; the medians span the same time
    """
    check_range("hop", hop, 128, WINDOW // 2)
    mono = to_mono(samples, sample_rate)
    count = frame_count(len(mono), hop)
    powers = np.zeros((2, count), np.float32)
    sounds = np.zeros((2, count * hop + WINDOW), np.float32) if signals else None
    padded = np.pad(mono, (WINDOW // 2, WINDOW))
    length = max(round(_FRAMES * HOP / hop) // 2 * 2 + 1, 3)
    around = length // 2
    for start in range(0, count, _PIECE_FRAMES):
        stop = min(start + _PIECE_FRAMES, count)
        first, last = max(start - around, 0), min(stop + around, count)
        spectrum = _spectrum(padded[first * hop : (last - 1) * hop + WINDOW], hop)
        kept = slice(start - first, stop - first)
        for row, mask in enumerate(_masks(np.abs(spectrum), kept, length)):
            part = spectrum[kept] * mask
            powers[row, start:stop] = np.square(np.abs(part)).sum(axis=1)
            if sounds is not None:
                _overlap_add(part, sounds[row, start * hop :], hop)
    times = np.asarray(np.arange(count) * (hop / RATE))
    if sounds is None:
        return HarmonicPercussive(times, powers[0], powers[1])
    harmonic, percussive = _levelled(sounds, hop, count)[:, WINDOW // 2 :][:, : len(mono)]
    return HarmonicPercussive(times, powers[0], powers[1], harmonic, percussive)


def _spectrum(padded: Floats, hop: int) -> NDArray[np.complex64]:
    from numpy.lib.stride_tricks import sliding_window_view
    from scipy.fft import rfft

    frames = sliding_window_view(padded, WINDOW)[::hop]
    found: NDArray[np.complex64] = rfft(frames * hann(WINDOW), axis=1)
    return found


def _masks(magnitude: Floats, kept: slice, length: int) -> tuple[Floats, Floats]:
    """Shares of each bin that are held and struck, of the kept rows."""
    held = running_median(magnitude, length, 0)[kept]
    struck = running_median(magnitude[kept], _BINS, 1)
    np.square(held, out=held)
    np.square(struck, out=struck)
    whole = np.maximum(held + struck, _LEAST)
    harmonic = held / whole
    return harmonic, np.float32(1.0) - harmonic


def _overlap_add(spectrum: NDArray[np.complex64], sound: Floats, hop: int) -> None:
    from scipy.fft import irfft

    frames = irfft(spectrum, WINDOW, axis=1) * hann(WINDOW)
    for at, frame in enumerate(frames):
        sound[at * hop : at * hop + WINDOW] += frame


def _levelled(sounds: Floats, hop: int, count: int) -> Floats:
    """Sums of windowed frames over the sum of the squared windows."""
    weight = np.zeros(sounds.shape[1], np.float32)
    square = np.square(hann(WINDOW))
    for at in range(count):
        weight[at * hop : at * hop + WINDOW] += square
    return np.asarray(sounds / np.maximum(weight, 1e-3 * weight.max(initial=1e-9)))
