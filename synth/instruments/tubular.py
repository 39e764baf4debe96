"""Tubular bells: long tubes struck at the rim, the church bells of an orchestra.

Range F3 to C6. A tube's modes lie near odd numbers squared; the ear hears the fourth, fifth and
sixth as 2, 3 and 4 of a strike note that is hardly there itself. The upper ones come in pairs that
beat. Harder strokes, by velocity and brightness, bring out the upper ones, in three layers.
"""

import numpy as np

from ..instrument import simple
from ..struck import RungPatch, head_and_tail
from ..tables import Struck, knock

RATIOS = np.array([1.0, 0.618, 1.218, 1.981, 2.923, 4.018, 5.137, 5.244, 6.381, 6.585])
RATIOS = np.concatenate([RATIOS, [7.69, 8.02, 9.05, 9.54, 11.2]])
LEVELS = np.array([0.1, 0.09, 0.14, 0.24, 0.68, 1.0, 0.5, 0.5, 0.24, 0.15, 0.09, 0.2, 0.06, 0.12])
LEVELS = np.concatenate([LEVELS, [0.06]])
LAYERS = (0.3, 0.6, 1.0)


def _sound(hz: float) -> Struck:
    rng = np.random.default_rng(17)
    hard = np.array(LAYERS)[:, None] ** (0.25 * np.maximum(RATIOS - 2.5, 0.0))
    decays = 8.0 / (1.0 + (hz * RATIOS / 2200.0) ** 1.2)
    beats = np.array([0.0, *rng.uniform(0.15, 0.7, len(RATIOS) - 1)])  # Hz
    turned = np.exp(1j * rng.normal(scale=0.8, size=(2, 2 * len(RATIOS))))
    both = np.concatenate([LEVELS * hard, 0.3 * LEVELS * hard], axis=1)[:, None, :] * turned
    tube = Struck(
        np.concatenate([hz * RATIOS, hz * RATIOS + beats]),
        np.concatenate([decays, 1.1 * decays]),
        both,
        float(np.clip(8.0 * (350.0 / hz) ** 0.4, 4.5, 9.0)),
        0.0008,
    )
    return tube + knock(rng, 300.0, 5000.0, 0.08, (0.05, 0.1, 0.2))


class Tubular(RungPatch):
    """One tube."""

    reels = head_and_tail("tubular", _sound, 53, 85)
    release_seconds = 1.5


INSTRUMENT = simple(Tubular, level_db=2.2, polyphony=8, spread=0.3, shaped_by=("brightness",))
