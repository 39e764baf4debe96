"""Features of sound: what a frame, a beat or a whole clip is like, in numbers with units.

Conventions: samples are float with full scale 1; a frame is `window` samples, shaped by a Hann
window whose sum makes a full-scale sine 1, centred on its time; what lies beyond the ends of the
recording is silence. `feature_stream.FeatureStream` gives the same values for sound that arrives.

Mel bands, MFCC and chroma follow librosa's definitions (B. McFee et al., "librosa: audio and music
signal analysis in Python", SciPy 2015), except that levels are relative to full scale.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...music.errors import SegueError, check_range
from ..spectra import RATE, Floats, frame_count, to_mono
from .feature_rows import AT_ONCE, STATISTICS, FrameWorker, Rows

WINDOW, HOP = 2048, 512
MEL_BANDS, MFCCS = 128, 20

UNITS = {
    "log_mel_db": "dB, power of each mel band of unit area, full-scale sine 0 dB in 1 Hz",
    "mfcc": "dB, cosine transform of log_mel_db",
    "chroma": "power of each pitch class from C, the strongest of the frame 1",
    "bass_chroma": "the same of what lies below middle C",
    "treble_chroma": "the same of what lies above middle C",
    "centroid_hz": "Hz, mean frequency, weighted by magnitude: brightness",
    "bandwidth_hz": "Hz, spread of the magnitudes around the centroid",
    "rolloff_hz": "Hz, below which 85 % of the magnitudes lie",
    "flatness": "0..1, geometric over arithmetic mean of power: 0 tone, 1 noise",
    "crest": "largest over mean magnitude, 1 or more: a few tones stand out",
    "flux": "sum of the magnitudes' rises since the frame before, full-scale sine about 2",
    "onset_strength": "dB, mean rise of the mel bands since the frame before",
    "rms": "root mean square of the samples, full scale 1",
    "zero_crossings_hz": "sign changes a second",
}
"""The features of a frame and their units, in the order of the fields of `Features`."""


@dataclass(frozen=True)
class Features:
    """Features of n frames (or beats), float32; `UNITS` says what each is."""

    times_seconds: NDArray[np.float64]  # [shape=(n,)] middles of frames, or starts of beats
    log_mel_db: Floats  # [n, bands]
    mfcc: Floats  # [n, coefficients]
    chroma: Floats  # [n, 12]
    bass_chroma: Floats  # [n, 12]
    treble_chroma: Floats  # [n, 12]
    centroid_hz: Floats  # [n], as all that follow
    bandwidth_hz: Floats
    rolloff_hz: Floats
    flatness: Floats
    crest: Floats
    flux: Floats
    onset_strength: Floats
    rms: Floats
    zero_crossings_hz: Floats

    def __len__(self) -> int:
        return len(self.times_seconds)

    def named(self) -> Iterator[tuple[str, Floats]]:
        """Each feature with its name, without the times."""
        return ((name, getattr(self, name)) for name in UNITS)

    def between(self, start_seconds: float, stop_seconds: float) -> "Features":
        """The frames from one time to before another."""
        first, last = np.searchsorted(self.times_seconds, [start_seconds, stop_seconds])
        parts = {field.name: getattr(self, field.name)[first:last] for field in fields(self)}
        return Features(**parts)

    def per_beat(self, beats_seconds: ArrayLike) -> "Features":
        """Means over the frames from each beat to before the next, one row for each but the last.

        A beat without a frame of its own has that of the nearest. Raises SegueError for beats that
        do not rise.
        """
        beats = np.asarray(beats_seconds, np.float64)
        if beats.ndim != 1 or (np.diff(beats) <= 0.0).any() or not np.isfinite(beats).all():
            raise SegueError(
                f"beats of shape {beats.shape} are not finite times that rise; give seconds in "
                "order, each once"
            )
        if len(beats) < 2 or not len(self):
            return replace(self.between(0.0, -1.0), times_seconds=np.zeros(0))
        edges = np.searchsorted(self.times_seconds, beats)
        starts = np.minimum(edges[:-1], len(self) - 1)
        counts = np.maximum(edges[1:] - edges[:-1], 1)
        kept = slice(0, int(max(edges[-1], starts[-1] + 1)))
        means = {}
        for name, values in self.named():
            sums = np.add.reduceat(values[kept], starts, axis=0)
            means[name] = (sums.T / counts).T.astype(np.float32)
        return Features(times_seconds=beats[:-1], **means)

    def weighted_mean(self, weights: ArrayLike) -> "Features":
        """One row at the first time: the mean of all rows, weighted [shape=(n,)]."""
        shares = np.asarray(weights, np.float32)
        shares = shares / max(float(shares.sum()), 1e-9)
        means = {name: np.tensordot(shares, values, 1)[None] for name, values in self.named()}
        return Features(times_seconds=self.times_seconds[:1], **means)

    def summary(self) -> dict[str, "Summary"]:
        """What each feature is like over all frames; frames are equal, silent or not."""
        return {name: Summary.of(values) for name, values in self.named()}


@dataclass(frozen=True)
class Summary:
    """Mean and spread of a feature over frames; [shape=(k,)] for one of k values a frame."""

    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    low: NDArray[np.float64]  # 10th percentile
    median: NDArray[np.float64]
    high: NDArray[np.float64]  # 90th percentile

    @classmethod
    def of(cls, values: Floats) -> "Summary":
        """Of values [shape=(n, ...)]; zeros where there are no frames."""
        if not len(values):
            nothing = np.zeros(values.shape[1:])
            return cls(nothing, nothing, nothing, nothing, nothing)
        low, median, high = np.percentile(values, [10.0, 50.0, 90.0], axis=0)
        exact = values.astype(np.float64)
        return cls(exact.mean(axis=0), exact.std(axis=0), low, median, high)


def extract_features(
    samples: NDArray[np.floating],
    sample_rate: int,
    *,
    rate: int = RATE,
    window: int = WINDOW,
    hop: int = HOP,
    mel_bands: int = MEL_BANDS,
    mfccs: int = MFCCS,
    tuning_cents: float = 0.0,
) -> Features:
    """Features of a whole recording, a frame each `hop` samples; errors as for `to_mono`.

    :param rate: at which the sound is analysed, in Hz
    :param window: samples of a frame: 128 to 16384, a multiple of 64
    :param tuning_cents: of the instruments above A4 = 440 Hz, as `find_tuning` tells, for chroma
    """
    check_settings(rate, window, hop, mel_bands, mfccs, tuning_cents)
    mono = to_mono(samples, sample_rate, rate)
    worker = FrameWorker(rate, window, hop, mel_bands, mfccs, float(tuning_cents))
    count = frame_count(len(mono), hop)
    padded = np.pad(mono, (window // 2, window))
    rows = [
        worker.work(padded[at * hop : (min(at + AT_ONCE, count) - 1) * hop + window])
        for at in range(0, count, AT_ONCE)
    ]
    times = np.asarray(np.arange(count) * (hop / rate))
    return from_rows(rows, times, mel_bands, mfccs)


def join_features(parts: Sequence[Features]) -> Features:
    """Frames that follow each other as one; at least one part."""
    if len(parts) == 1:
        return parts[0]
    names = [field.name for field in fields(Features)]
    return Features(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def check_settings(
    rate: int, window: int, hop: int, mel_bands: int, mfccs: int, tuning_cents: float
) -> None:
    """Raise RangeError or SegueError for settings that cannot be."""
    check_range("analysis rate in Hz", rate, 1_000, 768_000)
    check_range("window", window, 128, 16_384)
    check_range("hop", hop, 1, window)
    check_range("mel_bands", mel_bands, 4, 512)
    check_range("mfccs", mfccs, 1, mel_bands)
    check_range("tuning_cents", tuning_cents, -100.0, 100.0)
    if window % 64:
        raise SegueError(f"window is {window} samples; give a multiple of 64")


def from_rows(
    rows: Sequence[Rows], times_seconds: NDArray[np.float64], mel_bands: int, mfccs: int
) -> Features:
    """The rows of frames that follow each other as one."""
    if len(rows) == 1:
        whole = rows[0]
    elif rows:
        whole = Rows(
            *(np.concatenate([getattr(row, f.name) for row in rows]) for f in fields(Rows))
        )
    else:
        shapes = ((mel_bands,), (mfccs,), (3, 12), (len(STATISTICS),))
        whole = Rows(*(np.zeros((0, *shape), np.float32) for shape in shapes))
    chroma = whole.chroma
    return Features(
        times_seconds,
        whole.log_mel_db,
        whole.mfcc,
        chroma[:, 0],
        chroma[:, 1],
        chroma[:, 2],
        *whole.statistics.T,
    )
