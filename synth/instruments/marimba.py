"""Marimba: rosewood bars over resonators, struck with yarn mallets.

Range C2 to C7. A bar's modes lie at 1, 4 and 9.5 times its pitch (it is cut to make them so); the
resonator lets the first ring, the others are gone sooner. Harder mallets, that is velocity and
brightness, bring out the upper modes and the knock, in four layers.
"""

import numpy as np

from ..instrument import simple
from ..struck import RungPatch, whole
from ..tables import Struck, knock

RATIOS = np.array([1.0, 1.95, 3.0, 3.99, 5.63, 9.5, 16.9])
LEVELS = np.array([1.0, 0.03, 0.02, 0.55, 0.05, 0.4, 0.1])
DECAYS = np.array([1.0, 0.3, 0.6, 0.35, 0.12, 0.12, 0.06])
LAYERS = (0.12, 0.4, 0.8, 1.5)


def _sound(hz: float) -> Struck:
    rng = np.random.default_rng(20)
    ring = float(np.clip(1.8 * (131.0 / hz) ** 0.48, 0.35, 2.4))
    hard = np.array(LAYERS)[:, None] ** (0.4 + 0.08 * RATIOS)
    amplitudes = LEVELS * np.where(RATIOS > 1.0, hard, 1.0)
    soft = min(1.0, (262.0 / hz) ** 0.4)  # short bars feel the mallet as softer
    amplitudes[:, 3:] *= soft
    bar = Struck(hz * RATIOS, ring * DECAYS, amplitudes[:, None, :], ring, 0.0015)
    return bar + knock(rng, 120.0, 3000.0, 0.1, (0.06, 0.1, 0.16, 0.25), sides=1).scaled(soft)


class Marimba(RungPatch):
    """One bar."""

    reels = whole("marimba", _sound, 36, 96)
    sides = 1
    release_seconds = 0.4


INSTRUMENT = simple(Marimba, level_db=4.0, polyphony=10, spread=0.7, shaped_by=("brightness",))
