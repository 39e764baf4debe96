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

REACH = 0.13
"""Distance from the nearest row up to which a sound is taken to be one that can be sounded.

Chosen on validation, of .13, .16 and no reach at all, on 512 new episodes of each kind of target:
no kind worse with its interval apart, and the best mean over the four kinds.
"""

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


def within_reach(target: FloatArray, row: FloatArray, weights: dict[str, float]) -> FloatArray:
    """What networks that were trained on settings are to follow [shape=(n, 29)].

    They have only learned to follow what the synthesizer can sound, and most of an instrument's
    sounds it cannot. A target that is farther than `REACH` from its nearest row is moved towards
    that row until it is about as near as that; any other stays.

    :param target: descriptors of what is wanted [n, 29]
    :param row: and of the table's nearest rows [n, 29]
    """
    share = REACH / np.maximum(distance(row, target, weights), REACH)
    return np.asarray(row + share[:, None] * (target - row))


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
