"""How loud an engine sounds: peak, power and momentary loudness, worked out when asked."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .leveller import K_WEIGHTING

Samples = NDArray[np.float32]

SILENT_DB = -120.0
MOMENTARY_SECONDS = 0.4  # of ITU-R BS.1770-4 and EBU Tech 3341


@dataclass(frozen=True)
class Levels:
    """Levels in decibels of full scale, `SILENT_DB` at the least."""

    frame: int  # where the last block ends
    peak_db: list[float]  # of each channel, in the last block
    rms_db: list[float]
    lufs: float  # of the last 400 ms
    layers: dict[str, float]  # rms in the last block, of both sides together
    voices: int  # sounding or ringing


class Meter:
    """Keeps the last 400 ms of sound; a block costs one copy, and asking a transform."""

    def __init__(self, sample_rate: int) -> None:
        self._frames = round(MOMENTARY_SECONDS * sample_rate)
        self._pairs = np.zeros(self._frames, np.complex64)  # left + i * right
        self._heard: Samples = self._pairs.view(np.float32).reshape(-1, 2)
        self._at = 0  # where the next sample is written
        self._block: Samples = np.zeros((1, 2), np.float32)
        self._weights = _k_power(self._frames, sample_rate)

    def hear(self, block: Samples) -> None:
        """Take in a block [shape=(frames, 2)]."""
        self._block = block
        tail = block[-self._frames :]
        first = min(len(tail), self._frames - self._at)
        self._heard[self._at : self._at + first] = tail[:first]
        self._heard[: len(tail) - first] = tail[first:]
        self._at = (self._at + len(tail)) % self._frames

    def peaks_db(self) -> list[float]:
        """Highest sample of each channel in the last block."""
        return [decibels(float(peak) ** 2) for peak in np.abs(self._block).max(axis=0)]

    def rms_db(self) -> list[float]:
        """Root mean square of each channel in the last block."""
        power = np.mean(np.square(self._block, dtype=np.float64), axis=0)
        return [decibels(float(value)) for value in power]

    def lufs(self) -> float:
        """Momentary loudness (BS.1770-4), both channels added.

        The weighting is applied to the spectrum. One transform does for both sides: their crossing
        terms cancel, the weights being symmetric; and where in time it begins does not matter.
        """
        spectrum = np.fft.fft(self._pairs)
        power = float(np.dot(self._weights, spectrum.real**2 + spectrum.imag**2))
        return max(decibels(power) - 0.691, SILENT_DB)


def decibels(power: float) -> float:
    """A mean power in decibels, `SILENT_DB` at the least."""
    return max(10.0 * math.log10(power), SILENT_DB) if power > 0.0 else SILENT_DB


def _k_power(size: int, sample_rate: int) -> Samples:
    """What each bin of a transform adds to the weighted mean power, by its power."""
    delay = np.exp(-2j * np.pi * np.fft.fftfreq(size, 1.0 / sample_rate) / 48_000)
    response = np.full(size, 1.0 / size)
    for above, below in K_WEIGHTING:
        response *= np.abs(np.polyval(above[::-1], delay) / np.polyval(below[::-1], delay))
    return np.asarray(np.square(response), np.float32)
