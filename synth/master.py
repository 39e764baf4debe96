"""The last stage, in numpy: gentle bus compression and a look-ahead true-peak limiter.

Both link the two channels, so that the stereo image stands still. Blocks are float32 or float64
[shape=(frames, 2)], full scale at 1.

The limiter keeps a running maximum of the oversampled peak over its look-ahead, lets it fall in a
straight line of dB, and smooths the gain over the look-ahead, so that it moves before the peak
comes: the classic brick-wall design (dynamic range control in U. Zölzer, ed., DAFX, 2nd ed., 2011,
chapter 4). Peaks between samples are found by fourfold oversampling, as ITU-R BS.1770 asks.
"""

import math

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view
from numpy.typing import NDArray

Block = NDArray[np.float64]

OVERSAMPLING = 4
FIR_TAPS = 12  # per phase


def _interpolators() -> NDArray[np.float32]:
    """Windowed-sinc filters for the three points between samples [shape=(FIR_TAPS, 3)]."""
    position = np.arange(FIR_TAPS) - (FIR_TAPS // 2 - 1)
    columns = []
    for phase in range(1, OVERSAMPLING):
        x = position - phase / OVERSAMPLING
        taps = np.sinc(x) * np.cos(np.pi * x / (FIR_TAPS + 1)) ** 2
        columns.append(taps / taps.sum())
    return np.stack(columns, axis=1).astype(np.float32)


class Compressor:
    """Stereo-linked RMS compressor with a soft knee, for a touch of glue.

    The level is measured over pieces of about 64 frames; the gain moves in straight lines between.
    """

    PIECE_FRAMES = 64

    def __init__(
        self,
        sample_rate: int,
        *,
        threshold_db: float = -18.0,
        ratio: float = 1.6,
        knee_db: float = 8.0,
        attack_seconds: float = 0.02,
        release_seconds: float = 0.25,
        makeup_db: float = 2.3,
    ) -> None:
        self._rate, self._makeup = sample_rate, 10 ** (makeup_db / 20)
        self._threshold_db, self._slope, self._knee_db = threshold_db, 1 / ratio - 1, knee_db
        self._attack_seconds, self._release_seconds = attack_seconds, release_seconds
        self._power = 0.0
        self._gain = self._makeup

    def process(self, block: Block) -> Block:
        """The block with its loud stretches turned down [shape=(frames, 2)]."""
        frames = len(block)
        pieces = max(1, frames // self.PIECE_FRAMES)
        edges = [frames * piece // pieces for piece in range(pieces + 1)]
        energy = np.add.reduceat(np.einsum("fc,fc->f", block, block), edges[:-1])
        seconds = frames / pieces / self._rate
        rise = 1 - math.exp(-seconds / self._attack_seconds)
        fall = 1 - math.exp(-seconds / self._release_seconds)
        gains = [self._gain]
        for piece_power in (energy * (pieces / frames)).tolist():
            step = rise if piece_power > self._power else fall
            self._power += step * (piece_power - self._power)
            gains.append(self._gain_for(self._power))
        self._gain = gains[-1]
        if max(gains) - min(gains) < 1e-9:
            return block * self._gain
        curve = np.interp(np.arange(1, frames + 1), edges, gains)
        return block * curve[:, None]

    def _gain_for(self, power: float) -> float:
        over = 10 * math.log10(power + 1e-12) - self._threshold_db
        if over <= -self._knee_db / 2:
            return self._makeup
        if over < self._knee_db / 2:
            over = (over + self._knee_db / 2) ** 2 / (2 * self._knee_db)
        gain: float = self._makeup * 10 ** (self._slope * over / 20)
        return gain


class Limiter:
    """Brick wall for true peaks, delaying the sound by `delay_frames`.

    `reduction_db` is the deepest reduction so far, `limited_frames` the number of frames turned
    down by more than 0.1 dB.
    """

    WINDOW_FRAMES = 32
    CHUNK_FRAMES = 128
    NEAR = 0.67

    def __init__(
        self, sample_rate: int, *, ceiling_db: float = -1.0, release_db_per_second: float = 60.0
    ) -> None:
        self._ceiling = 10 ** (ceiling_db / 20) * (1 - 1e-6)  # peaks are found in single precision
        self._fall_db = release_db_per_second / sample_rate  # per frame
        self._fir = _interpolators()
        self.delay_frames = self.WINDOW_FRAMES + FIR_TAPS // 2
        # inputs kept: the delay, and what the interpolators reach back for
        self._past = np.zeros((self.delay_frames + FIR_TAPS, 2))
        self._need_db = np.zeros(self.WINDOW_FRAMES + 1)  # reduction that lately would have done
        self._held_db = np.zeros(self.WINDOW_FRAMES - 1)  # the same, held and let fall
        self.reduction_db = 0.0
        self.limited_frames = 0

    def process(self, block: Block) -> Block:
        """The block before, delayed by `delay_frames`, under the ceiling [shape=(frames, 2)]."""
        frames = len(block)
        signal = np.concatenate([self._past, block])
        end = len(signal)
        self._past = signal[end - len(self._past) :]
        delayed = signal[end - self.delay_frames - frames : end - self.delay_frames]
        recent = signal[end - frames - FIR_TAPS :]
        quiet = max(recent.max(), -recent.min()) < self.NEAR * self._ceiling
        if quiet and not self._need_db.any() and not self._held_db.any():
            return delayed
        peaks = self._peaks(recent)
        if peaks.max() <= self._ceiling and not self._need_db.any() and not self._held_db.any():
            return delayed
        gain_db = self._gain_db(peaks)
        self.reduction_db = max(self.reduction_db, float(gain_db.max()))
        self.limited_frames += int((gain_db > 0.1).sum())
        return delayed * (10 ** (-gain_db / 20))[:, None]

    def _peaks(self, recent: Block) -> Block:
        """Largest true peak of both channels round each new frame [shape=(frames,)].

        Where no sample near by comes within 3.5 dB of the ceiling, it is left at 0: only sound
        above a quarter of the sample rate peaks that far between its samples.
        """
        sides = np.ascontiguousarray(recent[1:].T, dtype=np.float32)
        frames = sides.shape[1] - FIR_TAPS + 1
        level = np.abs(sides).max(axis=0)
        peaks = np.zeros(frames)
        step = sides.strides[1]
        windows = as_strided(sides, (2, frames, FIR_TAPS), (sides.strides[0], step, step))
        for start in range(0, frames, self.CHUNK_FRAMES):
            end = min(start + self.CHUNK_FRAMES, frames)
            if level[start : end + FIR_TAPS - 1].max() < self.NEAR * self._ceiling:
                continue
            between = np.abs(windows[:, start:end].reshape(-1, FIR_TAPS) @ self._fir).max(axis=1)
            first = start + FIR_TAPS // 2 - 1
            at = np.maximum(level[first : first + end - start], level[first + 1 :][: end - start])
            peaks[start:end] = np.maximum(between.reshape(2, -1).max(axis=0), at)
        return peaks

    def _gain_db(self, peaks: Block) -> Block:
        """Smoothed reduction in dB for each frame that leaves now [shape=(frames,)]."""
        need = np.concatenate(
            [self._need_db, 20 * np.log10(np.maximum(peaks / self._ceiling, 1.0))]
        )
        held = sliding_window_view(need, len(self._need_db) + 1).max(axis=1)
        fall = self._fall_db * np.arange(1, len(held) + 1)
        fallen = np.maximum(np.maximum.accumulate(held + fall), self._held_db[-1]) - fall
        fallen = np.concatenate([self._held_db, np.maximum(fallen, 0.0)])
        self._need_db = need[len(peaks) :]
        self._held_db = fallen[len(peaks) :]
        smooth: Block = sliding_window_view(fallen, self.WINDOW_FRAMES).mean(axis=1)
        return smooth
