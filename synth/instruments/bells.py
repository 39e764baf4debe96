"""Bells: small bells between celesta and music box.

Range C3 to E7. A strike tone and inharmonic partials that leave quickly, each a pair that beats
slowly. Harder strokes, by velocity and brightness, bring out the upper ones, in three layers.
"""

import numpy as np

from ..instrument import simple
from ..struck import RungPatch, whole
from ..tables import Struck, knock

RATIOS = np.array([1.0, 2.0, 3.98, 6.1, 10.8])
LEVELS = np.array([1.0, 0.1, 0.42, 0.17, 0.12])
DECAYS = np.array([1.0, 0.6, 0.35, 0.2, 0.06])
LAYERS = (0.15, 0.55, 1.3)


def _sound(hz: float) -> Struck:
    rng = np.random.default_rng(18)
    ring = float(np.clip(4.0 * (523.0 / hz) ** 0.45, 1.5, 5.5))
    hard = np.array(LAYERS)[:, None] ** (0.3 + 0.1 * RATIOS)
    amplitudes = (LEVELS * np.where(RATIOS > 1.0, hard, 1.0))[:, None, :]
    beats = np.array([0.4, *rng.uniform(0.6, 2.2, len(RATIOS) - 1)])  # Hz
    return Struck(
        np.concatenate([hz * RATIOS, hz * RATIOS + beats]),
        np.concatenate([DECAYS, DECAYS]) * ring,
        np.concatenate([amplitudes, 0.22 * amplitudes], axis=2),
        ring,
    ) + knock(rng, 800.0, 7000.0, 0.03, (0.02, 0.05, 0.1), sides=1)


class Bells(RungPatch):
    """One bell."""

    reels = whole("bells", _sound, 48, 100)
    sides = 1
    release_seconds = 1.0


INSTRUMENT = simple(Bells, level_db=3.4, polyphony=12, spread=0.6, shaped_by=("brightness",))
