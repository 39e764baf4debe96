"""What a moment of sound is like in the few numbers that one sound is compared with another by.

Loudness, brightness, noisiness, pitch, spectral envelope and pitch classes of n sounds at once,
from the same frames as `features`; pitch as in YIN (A. de Cheveigné and H. Kawahara, JASA 111,
2002). The choice is that of C. Madaghiele and S. Fasciani's improvising agents (AIMC 2024).

Conventions: sound is mono at `spectra.RATE` [shape=(n, samples)], full scale 1; descriptors are
float64 [shape=(n, 29)] in the order of `DESCRIPTORS`.
"""

import numpy as np
from numpy.typing import NDArray

from ...music.errors import SegueError
from ..pitch.voice import normalised_difference
from ..spectra import RATE
from .feature_rows import AT_ONCE, STATISTICS, FrameWorker
from .feature_stream import CORE_MEL_BANDS
from .features import WINDOW

FloatArray = NDArray[np.float64]

MFCCS, CLASSES = 12, 12
DESCRIPTORS = (
    "loudness_db",
    "brightness_octaves",
    "noisiness_db",
    "pitch_midi",
    "voicing",
    *(f"mfcc_{number}" for number in range(1, MFCCS + 1)),
    *(f"chroma_{number}" for number in range(CLASSES)),
)
"""Level (full-scale sine -3); centroid above 1 kHz; flatness; pitch, 69 = 440 Hz; how much of a
pitch there is, 0..1; cosine transform of the mel levels, without their mean, dB; pitch classes from
C, the strongest 1."""

LOUDNESS, BRIGHTNESS, NOISINESS, PITCH, VOICING = range(5)
MFCC = slice(5, 5 + MFCCS)
CHROMA = slice(5 + MFCCS, 5 + MFCCS + CLASSES)

HEARD_FRAMES = 2 * WINDOW
"""Samples that are listened to, the last ones of what is given: 0.19 seconds."""

SILENCE_DB = -80.0
_LEAST_HZ, _LEAST_FLATNESS = 20.0, 1e-6
_LOW_HZ, _HIGH_HZ = 40.0, 1_400.0  # of pitches
_COMPARED = 1024  # samples of a period and those that follow
_SURE_DIP = 0.15  # of the difference function: the first below is the period


class Describer:
    """Describes moments of sound; one thread at a time."""

    def __init__(self) -> None:
        self._worker = FrameWorker(RATE, WINDOW, WINDOW, CORE_MEL_BANDS, MFCCS + 1, 0.0)

    def describe(self, sound: NDArray[np.floating]) -> FloatArray:
        """Descriptors of the ends of n sounds [shape=(n, samples)], `HEARD_FRAMES` or more."""
        if sound.ndim != 2 or sound.shape[1] < HEARD_FRAMES:
            raise SegueError(
                f"sound of the shape {sound.shape} cannot be described; give (n, samples) with "
                f"{HEARD_FRAMES} samples or more"
            )
        heard = np.asarray(sound[:, -HEARD_FRAMES:], np.float32)
        at_once = AT_ONCE * WINDOW // HEARD_FRAMES
        parts = [self._some(heard[at : at + at_once]) for at in range(0, len(heard), at_once)]
        return np.concatenate(parts)

    def _some(self, heard: NDArray[np.float32]) -> FloatArray:
        n = len(heard)
        rows = self._worker.work(heard.reshape(-1))  # windows of all sounds, one after another
        statistics = dict(zip(STATISTICS, rows.statistics.reshape(n, 2, -1).mean(1).T, strict=True))
        found = np.empty((n, len(DESCRIPTORS)))
        level = np.maximum(statistics["rms"], 1e-9)
        found[:, LOUDNESS] = np.maximum(20.0 * np.log10(level), SILENCE_DB)
        found[:, BRIGHTNESS] = np.log2(np.maximum(statistics["centroid_hz"], _LEAST_HZ) / 1_000.0)
        found[:, NOISINESS] = 10.0 * np.log10(np.maximum(statistics["flatness"], _LEAST_FLATNESS))
        found[:, PITCH], found[:, VOICING] = _pitch(heard)
        found[:, MFCC] = rows.mfcc[:, 1:].reshape(n, 2, -1).mean(1)
        found[:, CHROMA] = rows.chroma[:, 0].reshape(n, 2, -1).mean(1)
        found[found[:, LOUDNESS] <= SILENCE_DB, BRIGHTNESS:] = 0.0
        return found


def _pitch(heard: NDArray[np.float32]) -> tuple[FloatArray, FloatArray]:
    """MIDI pitch and voicing, each [shape=(n,)], of the middle of each sound."""
    shortest, longest = int(RATE / _HIGH_HZ), int(RATE / _LOW_HZ) + 1
    size = _COMPARED + longest
    start = (heard.shape[1] - size) // 2
    normal = normalised_difference(heard[:, start : start + size].astype(np.float64), _COMPARED)
    inside = normal[:, shortest:-1]
    dips = (inside < normal[:, shortest - 1 : -2]) & (inside <= normal[:, shortest + 1 :])
    depth = np.where(dips, inside, 1.0)
    sure = depth < _SURE_DIP
    lag = np.where(sure.any(axis=1), sure.argmax(axis=1), depth.argmin(axis=1)) + shortest
    rows = np.arange(len(heard))
    left, middle, right = (normal[rows, lag + step] for step in (-1, 0, 1))
    bend = left - 2.0 * middle + right
    shift = np.divide(left - right, 2.0 * bend, out=np.zeros(len(lag)), where=bend > 1e-12)
    period = lag + np.clip(shift, -0.5, 0.5)
    midi = 69.0 + 12.0 * np.log2(RATE / period / 440.0)
    return midi, np.clip(1.0 - middle, 0.0, 1.0)
