"""Celesta: steel plates over wooden boxes, struck by felt hammers.

Range C4 to C8. A pure tone with a little of the plates' upper modes, gone in a moment; harder strokes
bring out more of them.
"""

import numpy as np

from ..instrument import StruckPatch, simple
from ..struck import short_recipe
from ..tables import Struck, knock

RATIOS = np.array([1.0, 2.76, 5.4, 8.93])
LAYERS = (0.25, 0.55, 1.0)


def _sound(hz: float) -> Struck:
    rng = np.random.default_rng(round(hz))
    ring = float(np.clip(2.4 * (523.0 / hz) ** 0.6, 0.6, 2.6))
    amplitudes = np.array([[1.0, 0.12 * v, 0.1 * v**1.3, 0.05 * v**2] for v in LAYERS])
    bar = Struck(
        hz * RATIOS, ring * np.array([1.0, 0.3, 0.12, 0.06]), amplitudes[:, None, :], ring, 0.001
    )
    box = knock(rng, 400.0, 3000.0, 0.06, (0.02, 0.04, 0.06))
    return bar + Struck(box.hz, box.decay_seconds, box.amplitudes[:, :1], 0.0)


class Celesta(StruckPatch):
    """One plate."""

    recipe = short_recipe("celesta", _sound, 60, 108)
    release_seconds = 0.5


INSTRUMENT = simple(Celesta, level_db=-8.0, polyphony=12, spread=0.5, shaped_by=("brightness",))
