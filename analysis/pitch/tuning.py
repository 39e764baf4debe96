"""How a recording or an instrument is tuned, in cents against equal temperament on A4 = 440 Hz.

`find_tuning` hears the reference of a whole recording from the peaks of its spectrum; `Tuner` is
what one holds an instrument to.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...music.errors import check_range
from ..spectra import RATE, Floats, magnitudes, to_mono
from .f0 import F0Tracker
from .voice import PitchTrack

FloatArray = NDArray[np.float64]

A4_HZ, A4_MIDI = 440.0, 69

_WINDOW, _HOP = 8192, 4096
_LOW_HZ, _HIGH_HZ = 80.0, 1_800.0
_PEAKS = 8  # of a frame that count
_QUIET = 1e-4  # magnitude below which nothing counts
_MOST_FRAMES = 1_200  # spread over the recording
_NEAR_CENTS = 30.0
_STEADY_FRAMES = 5  # of the tuner that are heard together
_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


@dataclass(frozen=True)
class Tuning:
    """What the notes of a recording are tuned to."""

    cents: float  # -50..50 against A4 = 440 Hz
    reference_hz: float  # of A4
    confidence: float  # 0..1: how much the peaks agree


@dataclass(frozen=True)
class Reading:
    """What a tuner shows at one moment."""

    time_seconds: float
    note: str  # with octave, A4 is 440 Hz; '' where nothing sounds
    midi: int  # its number, -1 where nothing sounds
    cents: float  # -50..50: how far the sound is above the note
    hz: float  # of the sound, 0 where there is none
    confidence: float  # 0..1


def find_tuning(samples: NDArray[np.floating], sample_rate: int) -> Tuning:
    """The tuning of a recording; of silence 0 cents with confidence 0.

    Raises SegueError for samples that are no sound.
    """
    sound = to_mono(samples, sample_rate)
    cents, weights = [np.zeros(0)], [np.zeros(0)]
    for part in _parts(sound):
        of_part = _peaks(magnitudes(part, _WINDOW, _HOP))
        cents.append(of_part[0])
        weights.append(of_part[1])
    return _agreed(np.concatenate(cents), np.concatenate(weights))


def _parts(sound: Floats) -> Iterator[Floats]:
    """Stretches spread over a recording."""
    frames = len(sound) // _HOP + 1
    if frames <= _MOST_FRAMES:
        yield sound
        return
    size = 16 * _HOP
    for start in np.linspace(0, len(sound) - size, _MOST_FRAMES // 16).astype(np.int64):
        yield sound[start : start + size]


def _peaks(spectrum: Floats) -> tuple[FloatArray, FloatArray]:
    """Cents from the nearest semitone of the strongest peaks of all frames, and their weights."""
    if not len(spectrum):
        return np.zeros(0), np.zeros(0)
    low, high = int(_LOW_HZ * _WINDOW / RATE), int(_HIGH_HZ * _WINDOW / RATE)
    inside = spectrum[:, low:high]
    top = (inside > spectrum[:, low - 1 : high - 1]) & (inside >= spectrum[:, low + 1 : high + 1])
    height = np.where(top & (inside > _QUIET), inside, 0.0)
    best = np.argpartition(-height, _PEAKS, axis=1)[:, :_PEAKS]
    rows, columns = np.nonzero(np.take_along_axis(height, best, axis=1) > 0.0)
    bins = best[rows, columns] + low
    left, middle, right = (
        np.log(np.maximum(spectrum[rows, bins + step], 1e-12)).astype(np.float64)
        for step in (-1, 0, 1)
    )
    bend = left - 2.0 * middle + right
    shift = 0.5 * (left - right) / np.where(bend < -1e-9, bend, -1.0)
    hz = (bins + np.clip(shift, -0.5, 0.5)) * RATE / _WINDOW
    midi = A4_MIDI + 12.0 * np.log2(hz / A4_HZ)
    return 100.0 * (midi - np.rint(midi)), np.sqrt(np.exp(middle))


def _agreed(cents: FloatArray, weights: FloatArray) -> Tuning:
    """The cents that most peaks have, round the circle of a semitone."""
    if not weights.sum() > 0.0:
        return Tuning(0.0, A4_HZ, 0.0)
    grid = np.arange(-50.0, 50.0)
    apart = np.abs((cents[:, None] - grid + 50.0) % 100.0 - 50.0)
    centre = float(grid[(weights[:, None] * (apart < 10.0)).sum(axis=0).argmax()])
    offsets = (cents - centre + 50.0) % 100.0 - 50.0
    for _ in range(3):
        near = weights * (np.abs(offsets) < _NEAR_CENTS)
        middle = float((near * offsets).sum() / near.sum())
        offsets = (cents - centre - middle + 50.0) % 100.0 - 50.0
        centre += middle
    found = (centre + 50.0) % 100.0 - 50.0
    turns = np.exp(2j * np.pi * offsets / 100.0)
    agreed = float(np.abs((weights * turns).sum()) / weights.sum())
    return Tuning(found, A4_HZ * 2.0 ** (found / 1200.0), agreed)


class Tuner:
    """An instrument tuner, block by block; a reading each 10 ms.

    How the sound is cut into blocks does not matter. Needs no network. Raises as `f0.F0Tracker`.

    :param reference_hz: what A4 shall be, 390 to 490
    """

    def __init__(self, sample_rate: int, reference_hz: float = A4_HZ) -> None:
        self.reference_hz = check_range("reference in Hz", reference_hz, 390.0, 490.0)
        self._tracker = F0Tracker(sample_rate, method="yin")
        self._recent: list[float] = []

    @property
    def latency_seconds(self) -> float:
        """How long after its time a reading is told, not counting the block."""
        return self._tracker.latency_seconds

    def push(self, block: NDArray[np.floating]) -> list[Reading]:
        """Take the next samples; the readings that are due now, maybe none."""
        return self._read(self._tracker.push(block))

    def finish(self) -> list[Reading]:
        """The readings that are still to come."""
        return self._read(self._tracker.finish())

    def _read(self, track: PitchTrack) -> list[Reading]:
        found = zip(
            track.times_seconds.tolist(), track.hz.tolist(), track.confidence.tolist(), strict=True
        )
        return [self._reading(*frame) for frame in found]

    def _reading(self, time_seconds: float, hz: float, confidence: float) -> Reading:
        if hz <= 0.0:
            self._recent.clear()
            return Reading(time_seconds, "", -1, 0.0, 0.0, confidence)
        midi = A4_MIDI + 12.0 * np.log2(hz / self.reference_hz)
        if self._recent and abs(midi - self._recent[-1]) > 0.5:
            self._recent.clear()
        self._recent = [*self._recent[1 - _STEADY_FRAMES :], float(midi)]
        steady = float(np.median(self._recent))
        nearest = round(steady)
        return Reading(
            time_seconds,
            f"{_NAMES[nearest % 12]}{nearest // 12 - 1}",
            nearest,
            100.0 * (steady - nearest),
            float(self.reference_hz * 2.0 ** ((steady - A4_MIDI) / 12.0)),
            confidence,
        )
