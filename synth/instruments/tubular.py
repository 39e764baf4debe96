"""Tubular bells: long tubes struck at the rim, the church bells of an orchestra.

Range F3 to C6. A tube's modes lie at odd numbers squared; the ear hears the fourth, fifth and sixth as
2, 3 and 4 of a strike note that is hardly there itself. They beat, and ring for ten seconds.
"""

import numpy as np

from ..instrument import simple
from ..struck import LongPatch, long_recipes
from ..tables import Struck

LAYERS = (0.3, 0.6, 1.0)


def _sound(hz: float) -> Struck:
    rng = np.random.default_rng(round(hz))
    ratios = 2.0 * (2.0 * np.arange(1, 10) + 1.0) ** 2 / 81.0
    ratios = np.concatenate([[1.0], ratios])
    levels = np.array([0.3, 0.2, 0.35, 0.5, 1.0, 0.9, 0.7, 0.45, 0.25, 0.12])
    amplitudes = np.array([levels * v ** (0.35 * np.maximum(ratios - 2.0, 0.0)) for v in LAYERS])
    ring = float(np.clip(9.0 * (350.0 / hz) ** 0.4, 5.0, 10.0))
    decays = ring / (1.0 + (hz * ratios / 2500.0) ** 1.3)
    pair = rng.uniform(0.3, 1.1, len(ratios)) / (hz * ratios)
    pair[0] = 0.0
    sides = np.exp(1j * rng.normal(scale=0.8, size=(2, len(ratios))))
    both = amplitudes[:, None, :] * sides
    return Struck(
        np.concatenate([hz * ratios, hz * ratios * (1.0 + pair)]),
        np.concatenate([decays, decays]),
        np.concatenate([both, 0.35 * both[:, ::-1]], axis=2),
        ring,
        0.0008,
    )


class Tubular(LongPatch):
    """One tube."""

    recipes = long_recipes("tubular", _sound, 53, 85)
    release_seconds = 1.5


INSTRUMENT = simple(Tubular, level_db=-8.0, polyphony=8, spread=0.3, shaped_by=("brightness",))
