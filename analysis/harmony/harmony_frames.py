"""What the chord network hears, frame by frame: chords and keys are both decided from it.

`hear_harmony` is the costly part of `chords.find_chords` and `key.find_key`; whoever wants both
calls it once and hands its result to `chords_of` and `key_of`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..networks import load_network
from ..spectra import RATE, Floats, frame_count, to_mono
from .chord_decoder import CLASSES, NO_CHORD
from .chroma import HOP, find_offset, fine_spectrum, in_tune

FRAME_SECONDS = HOP / RATE

_PIECE = 1292  # frames that the network hears at once: 60 seconds
_MARGIN = 136  # frames on either side that it looks at, even
_SILENT = 0.05  # loudness of the loudest band below which nothing sounds


@dataclass(frozen=True)
class HarmonyFrames:
    """Harmony in each frame of 46 ms; frame i is centred on i * `FRAME_SECONDS`."""

    seconds: float  # of the recording
    chord: Floats  # [shape=(n, CLASSES)] natural logs of probabilities, see `chord_decoder`
    bass: Floats  # [n, 13] the same of the bass's pitch class, the last: none
    active: Floats  # [n, 12] probability that a pitch class sounds
    key: Floats  # [n, 24] evidence for each key in nats, 12 major ones, then 12 minor ones
    tuning_cents: float  # against A4 = 440 Hz, -50..50

    def __len__(self) -> int:
        return len(self.chord)

    @property
    def times_seconds(self) -> NDArray[np.float64]:
        """Middles of the frames [shape=(n,)]."""
        return np.asarray(np.arange(len(self)) * FRAME_SECONDS, np.float64)


def hear_harmony(
    samples: NDArray[np.floating],
    sample_rate: int,
    *,
    progress: Callable[[float], None] | None = None,
) -> HarmonyFrames:
    """Chords, bass, pitch classes and key evidence in each frame.

    :param progress: called with the share that is done, 0..1, after each minute of sound
    """
    mono = to_mono(samples, sample_rate)
    count = frame_count(len(mono), HOP)
    heard: list[tuple[Floats, ...]] = []
    offsets: list[tuple[float, float]] = []
    for start in range(0, count, _PIECE):
        first, stop = max(0, start - _MARGIN), min(count, start + _PIECE + _MARGIN)
        piece = mono[first * HOP : stop * HOP if stop < count else len(mono)]
        fine = fine_spectrum(piece)[: stop - first]
        offset = find_offset(fine)
        offsets.append((offset, float(fine[:, 0].sum())))
        outputs = run_network(in_tune(fine, offset))
        kept = slice(start - first, min(count, start + _PIECE) - first)
        heard.append(tuple(output[kept] for output in outputs))
        if progress is not None:
            progress(min(1.0, (start + _PIECE) / count))
    seconds = len(mono) / RATE
    if not heard:
        heard = [tuple(np.zeros((0, width), np.float32) for width in (CLASSES, 13, 12, 24))]
    chord, bass, active, key = (np.concatenate(parts) for parts in zip(*heard, strict=True))
    return HarmonyFrames(seconds, chord, bass, active, key, 100.0 * _mean_turn(offsets))


def run_network(loudness: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """(chord, bass, pitch classes, key) of frames as in `HarmonyFrames`; silence has none."""
    count = len(loudness)
    even = np.pad(loudness, ((0, count % 2), (0, 0), (0, 0)))
    chord, bass, active, key = (
        output[:count] for output in load_network("chords").run(loudness=even)
    )
    silent = loudness[:, 0].max(axis=1) < _SILENT
    chord[silent] = np.log(1e-6)
    chord[silent, NO_CHORD] = 0.0
    bass[silent] = np.log(1e-6)
    bass[silent, 12] = 0.0
    active[silent] = 0.0
    key[silent] = 0.0
    return chord, bass, active, key


def _mean_turn(offsets: list[tuple[float, float]]) -> float:
    """Mean of offsets in semitones that wrap at half of one, weighted."""
    turns = sum(weight * np.exp(2j * np.pi * offset) for offset, weight in offsets)
    return float(np.angle(turns) / (2 * np.pi)) if abs(turns) > 0 else 0.0
