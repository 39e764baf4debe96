"""A table of settings with what each sounds like, as sound-matching tools keep one."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...analysis.sound.descriptors import Describer, FloatArray
from ...analysis.spectra import RATE
from ...envs.timbre.perception import at_ears_rate, distance, step_frames
from ...synth.patch import KNOBS, Patch

SIZE = 8192
SEED = 77
_AT_ONCE = 64


@dataclass(frozen=True)
class Table:
    """Settings drawn at random and rendered."""

    knobs: FloatArray  # [shape=(rows, 8)], 0..1
    descriptors: FloatArray  # [rows, 29]

    def nearest(self, target: FloatArray, weights: dict[str, float]) -> NDArray[np.int64]:
        """The rows [shape=(n,)] that sound most like descriptors [n, 29]."""
        found = [distance(self.descriptors, row[None], weights).argmin() for row in target]
        return np.array(found, np.int64)


@lru_cache(maxsize=2)
def rendered_table(size: int = SIZE, seed: int = SEED) -> Table:
    """A table of so many rows, a multiple of 64; 8192 take some three seconds. Cached."""
    knobs = np.random.default_rng(seed).uniform(0.0, 1.0, (size, len(KNOBS)))
    return Table(knobs, describe_settings(knobs))


def describe_settings(knobs: FloatArray, sample_rate: int = RATE) -> FloatArray:
    """What settings [shape=(rows, 8)] sound like [rows, 29], each rendered for one step."""
    describer = Describer()
    found = []
    for start in range(0, len(knobs), _AT_ONCE):
        patch = Patch(knobs[start : start + _AT_ONCE], sample_rate)
        sound = patch.play(step_frames(sample_rate))
        found.append(describer.describe(at_ears_rate(sound, sample_rate)))
        patch.close()
    return np.concatenate(found)
