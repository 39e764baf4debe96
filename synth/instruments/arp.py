"""Arp: a short, bright synthesizer note for running figures.

Range C2 to E7. Struck material: the partials of a saw, of which the upper ones die first, which is
what a filter that closes does; two saws a few cents apart beat slowly. Loudness and brightness open
the filter.
"""

import numpy as np

from ..instrument import StruckPatch, simple
from ..recipes import Recipe
from ..tables import Samples, finish, modes

OPENING = (4.0, 8.0, 16.0)  # of the layers: the partial from which on levels fall


def _render(hz: float, sample_rate: int) -> Samples:
    numbers = np.arange(1, 41, dtype=float)
    ring = float(np.clip(0.9 * (440.0 / hz) ** 0.3, 0.4, 1.4))
    ratios = np.concatenate([numbers * 1.0012, numbers * 0.9988])
    decays = np.tile(ring / numbers**0.55, 2)
    levels = np.stack([numbers**-1.0 / (1.0 + (numbers / n) ** 3) for n in OPENING])
    return finish(modes(hz * ratios, decays, np.tile(levels, 2), ring, sample_rate), peak=0.7)


class Arp(StruckPatch):
    """One note."""

    recipe = Recipe("arp", _render, 36, 100, step=5, keep=True)
    release_seconds = 0.12


INSTRUMENT = simple(Arp, level_db=-1.5, polyphony=8, spread=0.6, shaped_by=("brightness",))
