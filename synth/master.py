"""The last stage, in numpy: gentle bus compression and a look-ahead true-peak limiter.

Both link the two channels, so that the stereo image stands still. Blocks are float32
[shape=(frames, 2)], full scale at 1.

The limiter keeps a running maximum of the oversampled peak over its look-ahead, lets it fall in a
straight line of dB, and smooths the gain over the look-ahead, so that it moves before the peak
comes: the classic brick-wall design (dynamic range control in U. Zölzer, ed., DAFX, 2nd ed., 2011,
chapter 4). Peaks between samples are found by fourfold oversampling, as ITU-R BS.1770 asks.
"""

import math

import numpy as np
from numpy.typing import NDArray

Curve = NDArray[np.float64]
Samples = NDArray[np.float32]

OVERSAMPLING = 4
FIR_TAPS = 12  # per phase
STRETCH_FRAMES = 16  # oversampled by one row of a matrix product
STRETCH_INPUTS = 2 * (STRETCH_FRAMES + FIR_TAPS - 1)
POINTS = 2 * OVERSAMPLING  # of each frame, in both channels


def _oversampler() -> Samples:
    """From stretches of stereo sound to all points of their frames, by windowed-sinc filters.

    [shape=(POINTS * STRETCH_FRAMES, STRETCH_INPUTS)]
    """
    position = np.arange(FIR_TAPS) - (FIR_TAPS // 2 - 1)
    matrix = np.zeros((OVERSAMPLING, 2, STRETCH_FRAMES, STRETCH_INPUTS // 2, 2), np.float32)
    for phase in range(OVERSAMPLING):
        x = position - phase / OVERSAMPLING
        taps = np.sinc(x) * np.cos(np.pi * x / (FIR_TAPS + 1)) ** 2
        for frame in range(STRETCH_FRAMES):
            for side in range(2):
                matrix[phase, side, frame, frame : frame + FIR_TAPS, side] = taps / taps.sum()
    return matrix.reshape(-1, STRETCH_INPUTS)


class Compressor:
    """Stereo-linked RMS compressor with a soft knee, for a touch of glue. It says the gain only.

    The power is averaged before attack and release, so that it matters little how the swings of a
    low note fall on blocks, and how long those are.
    """

    def __init__(
        self,
        sample_rate: int,
        *,
        threshold_db: float = -19.2,
        ratio: float = 1.6,
        knee_db: float = 8.0,
        average_seconds: float = 0.01,
        attack_seconds: float = 0.01,
        release_seconds: float = 0.25,
        makeup_db: float = 2.3,
    ) -> None:
        self._rate, self._makeup = sample_rate, 10 ** (makeup_db / 20)
        self._threshold_db, self._slope, self._knee_db = threshold_db, 1 / ratio - 1, knee_db
        self._average_seconds = average_seconds
        self._attack_seconds, self._release_seconds = attack_seconds, release_seconds
        self._average = self._power = 0.0
        self.gain = self._makeup

    def follow(self, power: float, frames: int) -> float:
        """Hear frames of a mean power, both channels added; the amplitude to be reached by then."""
        seconds = frames / self._rate
        self._average += (1 - math.exp(-seconds / self._average_seconds)) * (power - self._average)
        rising = self._average > self._power
        inertia = self._attack_seconds if rising else self._release_seconds
        self._power += (1 - math.exp(-seconds / inertia)) * (self._average - self._power)
        self.gain = self._gain_for(self._power)
        return self.gain

    def _gain_for(self, power: float) -> float:
        over = 10 * math.log10(power + 1e-12) - self._threshold_db
        if over <= -self._knee_db / 2:
            return self._makeup
        if over < self._knee_db / 2:
            over = (over + self._knee_db / 2) ** 2 / (2 * self._knee_db)
        gain: float = self._makeup * 10 ** (self._slope * over / 20)
        return gain


class Limiter:
    """Brick wall for true peaks, behind a gain, delaying the sound by `delay_frames`.

    `reduction_db` is the deepest reduction so far, `limited_frames` the number of frames turned
    down by more than 0.1 dB.

    :param gain: from which the first block starts
    """

    WINDOW_FRAMES = 32
    TAPE_FRAMES = 4096
    NEAR = 0.67

    def __init__(
        self,
        sample_rate: int,
        *,
        ceiling_db: float = -1.0,
        release_db_per_second: float = 60.0,
        gain: float = 1.0,
    ) -> None:
        self._ceiling = 10 ** (ceiling_db / 20) * (1 - 1e-6)  # peaks are found in single precision
        self._fall_db = release_db_per_second / sample_rate  # per frame
        self._oversampler = _oversampler()
        self.delay_frames = self.WINDOW_FRAMES + FIR_TAPS // 2
        self._gain, self._count = gain, _count(0)
        # sound is written on and on, and what is returned are views of it: nothing is written twice
        self._end = self.delay_frames + FIR_TAPS
        self._tape = np.zeros((self._end, 2), np.float32)
        self._need_db = np.zeros(self.WINDOW_FRAMES + 1)  # reduction that lately would have done
        self._held_db = np.zeros(self.WINDOW_FRAMES - 1)  # the same, held and let fall
        self._resting = True  # both are zero
        self.reduction_db = 0.0
        self.limited_frames = 0

    def process(self, block: NDArray[np.floating], gain: float = 1.0) -> Samples:
        """The block at its gain, delayed by `delay_frames`, under the ceiling.

        :param block: [shape=(frames, 2)], as what is returned
        :param gain: amplitude at its end, reached in a straight line from that of the last block
        """
        frames = len(block)
        if self._end + frames > len(self._tape):
            self._new_tape(frames)
        start, self._end = self._end, self._end + frames
        self._write(self._tape[start : self._end], block, gain)
        late = self.delay_frames
        delayed = self._tape[start - late : self._end - late]
        over_db = self._over_db(self._tape[start - FIR_TAPS + 1 : self._end])
        if over_db is None:
            if self._resting:
                return delayed
            over_db = np.zeros(frames)
        gain_db = self._gain_db(over_db)
        self.reduction_db = max(self.reduction_db, float(gain_db.max()))
        self.limited_frames += int(np.count_nonzero(gain_db > 0.1))
        return delayed * (10 ** (-gain_db / 20)).astype(np.float32)[:, None]

    def _new_tape(self, frames: int) -> None:
        """Room for so many frames, behind what the delay and the oversampler reach back for."""
        past = self._tape[self._end - self.delay_frames - FIR_TAPS : self._end]
        self._end = len(past)
        self._tape = np.empty((self._end + max(frames, self.TAPE_FRAMES), 2), np.float32)
        self._tape[: self._end] = past

    def _write(self, place: Samples, block: NDArray[np.floating], gain: float) -> None:
        frames, before = len(block), self._gain
        self._gain = gain
        if gain == before:
            np.multiply(block, gain, out=place)
            return
        if frames > len(self._count):
            self._count = _count(frames)
        np.multiply(self._count[:frames], (gain - before) / frames, out=place)
        np.add(place, before, out=place)
        np.multiply(place, block, out=place)

    def _over_db(self, recent: Samples) -> Curve | None:
        """How far the true peak of each new frame is over the ceiling [shape=(frames,)].

        None if none is. Where no sample comes within 3.5 dB of the ceiling, it is not looked for:
        only sound above a quarter of the sample rate peaks that far between its samples.
        """
        if _peak(recent) <= self.NEAR * self._ceiling:
            return None
        over = self._peaks(recent).astype(np.float64) / self._ceiling
        if over.max() <= 1.0:
            return None
        over_db: Curve = 20 * np.log10(np.maximum(over, 1.0))
        return over_db

    def _peaks(self, recent: Samples) -> Samples:
        """The highest of each new frame and the points up to the next one [shape=(frames,)]."""
        frames = len(recent) - FIR_TAPS + 1
        rows = -(-frames // STRETCH_FRAMES)
        whole = np.zeros((rows * STRETCH_FRAMES + FIR_TAPS - 1, 2), np.float32)
        whole[: len(recent)] = recent
        step = STRETCH_FRAMES * whole.strides[0]
        stretches = np.ndarray(
            (rows, STRETCH_INPUTS), np.float32, whole, strides=(step, whole.itemsize)
        )
        points = self._oversampler @ stretches.copy().T
        peaks = np.abs(points).reshape(POINTS, STRETCH_FRAMES, rows).max(axis=0)
        by_frame: Samples = peaks.T.reshape(-1)[:frames]
        return by_frame

    def _gain_db(self, over_db: Curve) -> Curve:
        """Smoothed reduction in dB for each frame that leaves now [shape=(frames,)]."""
        frames = len(over_db)
        need = np.concatenate([self._need_db, over_db])
        held = _sliding_max(need, len(self._need_db) + 1)
        fall = self._fall_db * np.arange(1, frames + 1)
        fallen = np.maximum(np.maximum.accumulate(held + fall), self._held_db[-1]) - fall
        fallen = np.concatenate([self._held_db, np.maximum(fallen, 0.0)])
        self._need_db, self._held_db = need[frames:], fallen[frames:]
        self._resting = not (self._need_db.any() or self._held_db.any())
        total = np.cumsum(np.concatenate([[0.0], fallen]))
        smooth: Curve = (total[self.WINDOW_FRAMES :] - total[:frames]) / self.WINDOW_FRAMES
        return smooth


def _count(frames: int) -> Samples:
    """The number of each frame, from 1 on, for both channels [shape=(frames, 2)]."""
    return np.repeat(np.arange(1, frames + 1, dtype=np.float32), 2).reshape(-1, 2)


def _peak(sound: Samples) -> float:
    flat = sound.reshape(-1)  # where the peaks are is found in less time than how high they are
    return max(float(flat[flat.argmax()]), -float(flat[flat.argmin()]))


def _sliding_max(values: Curve, width: int) -> Curve:
    """The largest of each `width` neighbours [shape=(len(values) - width + 1,)]."""
    span = 1
    while 2 * span <= width:
        values, span = np.maximum(values[:-span], values[span:]), 2 * span
    rest = width - span
    return np.maximum(values[:-rest], values[rest:]) if rest else values
