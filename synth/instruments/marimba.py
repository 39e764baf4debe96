"""Marimba: rosewood bars over resonators, struck with yarn mallets.

Range C2 to C7. A bar's modes lie at 1, 3.9 and 9.9 times its pitch (it is cut to make them so); the
resonator lets the first ring, the others are gone within a tenth of a second. Harder mallets, that
is velocity and brightness, bring out the upper modes and the knock.
"""

import numpy as np

from ..instrument import StruckPatch, simple
from ..recipes import Recipe
from ..tables import Samples, finish, modes

RATIOS = np.array([1.0, 3.93, 9.9, 17.2])
LOUDNESS = (0.2, 0.5, 0.9)  # of the layers


def _render(hz: float, sample_rate: int) -> Samples:
    ring = float(np.clip(2.2 * (220.0 / hz) ** 0.55, 0.35, 3.2))
    decays = ring * np.array([1.0, 0.16, 0.06, 0.04])
    amplitudes = np.array([[1.0, 0.28 * v**0.7, 0.14 * v, 0.08 * v**1.5] for v in LOUDNESS])
    return finish(modes(hz * RATIOS, decays, amplitudes, ring, sample_rate), peak=0.7)


class Marimba(StruckPatch):
    """One bar."""

    recipe = Recipe("marimba", _render, 36, 96, step=4)
    release_seconds = 0.4


INSTRUMENT = simple(Marimba, level_db=-6.0, polyphony=10, spread=0.7, shaped_by=("brightness",))
