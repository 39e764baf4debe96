"""Drums to a drum track: which drum is struck when, and how hard, by a small network."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..networks import load_network
from ..spectra import RATE, Floats, log_bank, spectrum_product, to_mono

HOP = 220  # samples: about 100 frames a second
BANDS = 64
CLASSES = ("kick", "snare", "hat", "tom", "cymbal")
"""What the network tells apart; it also says if a hat is open and if a cymbal is a ride."""

KICK, SNARE, CLOSED_HAT, OPEN_HAT, TOM, CRASH, RIDE = 36, 38, 42, 46, 45, 49, 51
_WINDOW = 1024
_LOW_HZ, _BANDS_PER_OCTAVE = 40.0, 8
_REACH = 2  # frames on either side that a stroke must stand above
_PIECE, _MARGIN = (
    6_000,
    64,
)  # frames: what is heard at once, and its overlap, above the network's reach
THRESHOLDS = (0.45, 0.55, 0.6, 0.35, 0.4)
"""By class, from which output on a peak is a stroke; tuned on the validation part of the corpus."""

_PITCHES = ((KICK, KICK), (SNARE, SNARE), (CLOSED_HAT, OPEN_HAT), (TOM, TOM), (CRASH, RIDE))
_SILENT = 1e-4


@dataclass(frozen=True)
class DrumHits:
    """Strokes in the order of their times.

    :param times_seconds: [shape=(n,)]
    :param pitches: General MIDI drums [shape=(n,)]: 36 kick, 38 snare, 42 closed hat, 46 open hat,
        45 tom, 49 crash, 51 ride
    :param velocities: 1 to 127 [shape=(n,)]
    :param confidence: 0 to 1 [shape=(n,)]
    """

    times_seconds: NDArray[np.float64]
    pitches: NDArray[np.int64]
    velocities: NDArray[np.int64]
    confidence: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.times_seconds)


def find_drums(samples: NDArray[np.floating], sample_rate: int) -> DrumHits:
    """The strokes of a drum kit in a recording, alone or among other instruments.

    Raises SegueError for sound that `to_mono` refuses, MissingPartError without onnxruntime.
    """
    mono = to_mono(samples, sample_rate)
    features = drum_features(mono)
    if not len(features):
        return _hits([])
    onsets, detail = _heard(features)
    found: list[tuple[float, int, int, float]] = []
    for index, threshold in enumerate(THRESHOLDS):
        for frame in peaks(onsets[:, index], threshold):
            loudness, other = detail[frame, index], detail[frame, len(CLASSES) + (index == 4)]
            pitch = _PITCHES[index][int(index in (2, 4) and other > 0.5)]
            velocity = int(np.clip(round(127 * float(loudness)), 1, 127))
            time = _between(onsets[:, index], frame) * HOP / RATE
            found.append((time, pitch, velocity, float(onsets[frame, index])))
    return _hits(found)


def _hits(found: list[tuple[float, int, int, float]]) -> DrumHits:
    found.sort()
    columns = list(zip(*found, strict=True)) if found else [(), (), (), ()]
    return DrumHits(
        np.array(columns[0], np.float64),
        np.array(columns[1], np.int64),
        np.array(columns[2], np.int64),
        np.array(columns[3], np.float64),
    )


def drum_features(mono: Floats) -> Floats:
    """What the network hears [shape=(frames, BANDS)]: the logarithm of a logarithmic spectrum.

    The loudest moments are taken as a reference, so that the level of a recording does not count.
    Silence gives no frames.
    """
    bank = log_bank(_WINDOW, _LOW_HZ, BANDS, _BANDS_PER_OCTAVE)
    bands = spectrum_product(mono, _WINDOW, HOP, bank)
    loudest = float(np.percentile(bands.max(axis=1), 99)) if len(bands) else 0.0
    if loudest < _SILENT:
        return np.zeros((0, BANDS), np.float32)
    return np.asarray(np.log1p(bands * np.float32(300.0 / loudest)), np.float32)


def _heard(features: Floats) -> tuple[Floats, Floats]:
    """Stroke probabilities [shape=(frames, 5)] and velocities, open, ride [shape=(frames, 7)]."""
    network = load_network("drums")
    onsets, details = [], []
    for start in range(0, len(features), _PIECE):
        first = max(0, start - _MARGIN)
        piece = features[first : start + _PIECE + _MARGIN]
        onset, detail = network.run(features=piece[None])
        inside = slice(start - first, start - first + _PIECE)
        onsets.append(onset[0, inside])
        details.append(detail[0, inside])
    return np.concatenate(onsets), np.concatenate(details)


def peaks(curve: NDArray[np.floating], threshold: float) -> NDArray[np.intp]:
    """Frames where a curve is at least the threshold and the highest within `_REACH` frames."""
    padded = np.pad(curve, _REACH, constant_values=-1.0)
    here = np.lib.stride_tricks.sliding_window_view(padded, 2 * _REACH + 1)
    before = here[:, :_REACH].max(axis=1)
    after = here[:, _REACH + 1 :].max(axis=1)
    return np.flatnonzero((curve >= threshold) & (curve > before) & (curve >= after))


def _between(curve: NDArray[np.floating], frame: int) -> float:
    """Where a peak lies between its frame and its neighbours, in frames."""
    near = np.pad(curve, 1)[frame : frame + 3].astype(np.float64)
    return max(0.0, frame + float((near[2] - near[0]) / max(near.sum(), 1e-9)))
