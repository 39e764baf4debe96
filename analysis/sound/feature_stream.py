"""Features of sound that arrives block by block: the same numbers as offline, frame by frame."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...music.errors import SegueError, check_range
from ..spectra import RATE, Floats
from .feature_rows import AT_ONCE, FrameWorker, Rows
from .features import HOP, WINDOW, Features, check_settings, from_rows

CORE_MEL_BANDS, CORE_MFCCS = 64, 13

_HELD = 1 << 16  # samples that are buffered
_TRIAL_BLOCKS = 100  # of 5 ms


class FeatureStream:
    """Tells the features of each frame as soon as its last sample is there.

    How the sound is cut into blocks does not matter. Values are those of `extract_features` with
    the same settings, up to rounding. Memory does not grow.

    :param sample_rate: of what is pushed, 1000 to 768000 Hz; other options as there
    """

    def __init__(
        self,
        sample_rate: int,
        *,
        rate: int = RATE,
        window: int = WINDOW,
        hop: int = HOP,
        mel_bands: int = CORE_MEL_BANDS,
        mfccs: int = CORE_MFCCS,
        tuning_cents: float = 0.0,
    ) -> None:
        check_settings(rate, window, hop, mel_bands, mfccs, tuning_cents)
        self.rate, self.hop, self.window = int(rate), int(hop), int(window)
        self._widths = (mel_bands, mfccs)
        self._worker = FrameWorker(
            self.rate, self.window, self.hop, mel_bands, mfccs, float(tuning_cents)
        )
        self._intake = MonoIntake(sample_rate, self.rate)
        self._held = np.zeros(_HELD + self.window, np.float32)
        self._start, self._stop = 0, self.window // 2  # of the samples that are still needed
        self._taken = 0  # samples at `rate`
        self._told = 0  # frames

    @property
    def latency_seconds(self) -> float:
        """How long after its time a frame is told at the latest, not counting the block."""
        return self.window / 2 / self.rate + self._intake.delay_seconds

    def push(self, block: NDArray[np.floating]) -> Features:
        """Take the next samples [shape=(n,) or (n, channels)]; the frames that are whole now.

        Channels are mixed. Raises SegueError for what is no sound or not finite.
        """
        return self._take(self._intake.push(block))

    def finish(self) -> Features:
        """The frames whose centre was reached but whose end was not; silence follows."""
        last = self._intake.finish()
        taken = self._taken + len(last)
        if not taken:
            return self._take(last)
        end = taken // self.hop * self.hop + self.window // 2
        return self._take(np.concatenate([last, np.zeros(max(end - taken, 0), np.float32)]))

    def _take(self, samples: Floats) -> Features:
        self._taken += len(samples)
        rows: list[Rows] = []
        first, at = self._told, 0
        while True:
            piece = samples[at : at + len(self._held) - self._stop]
            self._held[self._stop : self._stop + len(piece)] = piece
            self._stop += len(piece)
            at += len(piece)
            self._work(rows)
            if at >= len(samples):
                break
            self._make_room()
        times = np.asarray(np.arange(first, self._told) * (self.hop / self.rate))
        return from_rows(rows, times, *self._widths)

    def _work(self, rows: list[Rows]) -> None:
        """Add the rows of the frames that are whole."""
        while self._stop - self._start >= self.window:
            ready = min((self._stop - self._start - self.window) // self.hop + 1, AT_ONCE)
            stop = self._start + (ready - 1) * self.hop + self.window
            rows.append(self._worker.work(self._held[self._start : stop]))
            self._start += ready * self.hop
            self._told += ready
        if self._stop == len(self._held):
            self._make_room()

    def _make_room(self) -> None:
        kept = self._held[self._start : self._stop].copy()
        self._held[: len(kept)] = kept
        self._start, self._stop = 0, len(kept)


class MonoIntake:
    """Blocks of any channels and rate to mono float32 at one rate; checks that they are sound."""

    def __init__(self, sample_rate: int, rate: int) -> None:
        check_range("sample rate in Hz", sample_rate, 1_000, 768_000)
        self._resampler: Any = None
        self.delay_seconds = 0.0  # that the change of rate adds
        self._channels = 0  # not known yet
        if sample_rate != rate:
            import soxr

            self.delay_seconds = _longest_delay(sample_rate, rate)
            self._resampler = soxr.ResampleStream(sample_rate, rate, 1, dtype="float32")

    def push(self, block: NDArray[np.floating]) -> Floats:
        """The samples that come out now."""
        mono = np.asarray(block)
        if mono.dtype.kind != "f" or mono.ndim not in (1, 2):
            raise SegueError(
                f"a block is {mono.dtype} of shape {mono.shape}; give floats with full scale 1, "
                "(frames,) or (frames, channels)"
            )
        channels = 1 if mono.ndim == 1 else mono.shape[1]
        if channels != self._channels:
            if self._channels or not channels:
                raise SegueError(
                    f"a block has {channels} channels after blocks of {self._channels}; open "
                    "another stream for sound of another shape"
                )
            self._channels = channels
        if mono.ndim == 2:
            mono = mono.mean(axis=1) if channels > 1 else mono[:, 0]
        if mono.dtype != np.float32:
            mono = mono.astype(np.float32)
        if not np.isfinite(mono).all():
            raise SegueError("a block has NaN or infinite samples; mend the input")
        if self._resampler is None:
            return mono
        return np.asarray(self._resampler.resample_chunk(mono), np.float32)

    def finish(self) -> Floats:
        """What the change of rate still held back."""
        nothing = np.zeros(0, np.float32)
        if self._resampler is None:
            return nothing
        return np.asarray(self._resampler.resample_chunk(nothing, last=True), np.float32)


@lru_cache(maxsize=16)
def _longest_delay(sample_rate: int, rate: int) -> float:
    """How far what comes out of a change of rate falls behind: it comes in bursts."""
    import soxr

    stream = soxr.ResampleStream(sample_rate, rate, 1, dtype="float32")
    block = np.zeros(max(sample_rate // 200, 1), np.float32)
    taken, given, longest = 0, 0, 0.0
    for _ in range(_TRIAL_BLOCKS):
        taken += len(block)
        given += len(stream.resample_chunk(block))
        longest = max(longest, taken / sample_rate - given / rate)
    return longest
