"""Celesta: steel plates over wooden boxes, struck by felt hammers.

Range C4 to C8. A pure tone; the plate's upper modes at 2.8, 5.4, 7.2, 9.1 and 13.5 are gone in a
moment. Harder strokes bring out more of them, in three layers.
"""

import numpy as np

from ..instrument import simple
from ..struck import RungPatch, whole
from ..tables import Struck, knock

RATIOS = np.array([1.0, 2.79, 5.4, 7.15, 9.1, 13.5])
LEVELS = np.array([1.0, 0.06, 0.3, 0.07, 0.07, 0.16])
DECAYS = np.array([1.0, 0.3, 0.11, 0.4, 0.12, 0.1])
LAYERS = (0.2, 0.6, 1.6)


def _sound(hz: float) -> Struck:
    rng = np.random.default_rng(19)
    ring = float(np.clip(1.9 * (523.0 / hz) ** 0.25, 0.9, 2.2))
    hard = np.array(LAYERS)[:, None] ** (0.4 + 0.1 * RATIOS)
    amplitudes = LEVELS * np.where(RATIOS > 1.0, hard, 1.0)
    bar = Struck(hz * RATIOS, ring * DECAYS, amplitudes[:, None, :], ring, 0.0015)
    return bar + knock(rng, 250.0, 3500.0, 0.08, (0.03, 0.06, 0.1), sides=1)


class Celesta(RungPatch):
    """One plate."""

    reels = whole("celesta", _sound, 60, 108)
    sides = 1
    release_seconds = 0.5


INSTRUMENT = simple(Celesta, level_db=3.4, polyphony=12, spread=0.5, shaped_by=("brightness",))
