"""Bells: small bells between celesta and music box.

Range C3 to E7. A strike tone and inharmonic partials that leave quickly, each a pair that beats
slowly. Harder strokes, by velocity and brightness, bring out the upper ones.
"""

import numpy as np

from ..instrument import simple
from ..struck import LongPatch, long_recipes
from ..tables import Struck

RATIOS = np.array([1.0, 2.0, 3.98, 6.1, 9.3])
LAYERS = (0.25, 0.55, 1.0)


def _sound(hz: float) -> Struck:
    rng = np.random.default_rng(round(hz))
    ring = float(np.clip(4.5 * (523.0 / hz) ** 0.5, 1.2, 7.0))
    amplitudes = np.array([[1.0, 0.1, 0.35 * v**0.8, 0.16 * v, 0.08 * v**1.5] for v in LAYERS])
    decays = ring * np.array([1.0, 0.6, 0.35, 0.2, 0.08])
    pair = rng.uniform(0.2, 0.5, len(RATIOS)) / hz
    return Struck(
        np.concatenate([hz * RATIOS, hz * RATIOS * (1.0 + pair)]),
        np.concatenate([decays, decays]),
        np.concatenate([amplitudes, 0.25 * amplitudes], axis=1)[:, None, :],
        ring,
    )


class Bells(LongPatch):
    """One bell."""

    recipes = long_recipes("bells", _sound, 48, 100)
    release_seconds = 1.0
    sides = 1


INSTRUMENT = simple(Bells, level_db=-8.0, polyphony=12, spread=0.6, shaped_by=("brightness",))
