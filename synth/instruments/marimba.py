"""Marimba: rosewood bars over resonators, struck with yarn mallets.

Range C2 to C7. A bar's modes lie at 1, 3.9 and 9.9 times its pitch (it is cut to make them so); the
resonator lets the first ring, the others are gone within a tenth of a second. Harder mallets, that
is velocity and brightness, bring out the upper modes and the knock, in four layers.
"""

import numpy as np

from ..instrument import StruckPatch, simple
from ..struck import short_recipe
from ..tables import Struck, knock

RATIOS = np.array([1.0, 3.93, 9.9, 17.2])
LAYERS = (0.15, 0.4, 0.7, 1.0)


def _sound(hz: float) -> Struck:
    rng = np.random.default_rng(round(hz))
    ring = float(np.clip(2.2 * (220.0 / hz) ** 0.55, 0.4, 3.0))
    decays = ring * np.array([1.0, 0.16, 0.06, 0.04])
    amplitudes = np.array([[1.0, 0.28 * v**0.7, 0.14 * v, 0.08 * v**1.5] for v in LAYERS])
    bar = Struck(hz * RATIOS, decays, amplitudes[:, None, :], ring, 0.0015)
    box = knock(rng, 150.0, 2500.0, 0.06, (0.02, 0.04, 0.06, 0.1))
    return bar + Struck(box.hz, box.decay_seconds, box.amplitudes[:, :1], 0.0)


class Marimba(StruckPatch):
    """One bar."""

    recipe = short_recipe("marimba", _sound, 36, 96)
    release_seconds = 0.4


INSTRUMENT = simple(Marimba, level_db=-6.0, polyphony=10, spread=0.7, shaped_by=("brightness",))
