"""Timpani: kettledrums, tuned.

Range C2 to C4. The skin's modes at 1, 1.5, 2 and 2.5 times the pitch ring; the deeper round mode thuds and
is gone. Harder sticks, by velocity and brightness, bring out the upper modes and the slap.
"""

import numpy as np

from ..instrument import simple
from ..struck import LongPatch, long_recipes
from ..tables import Struck, knock

RATIOS = np.array([1.0, 1.504, 1.742, 2.0, 2.245, 2.494, 2.8, 2.98, 3.46, 0.85, 1.7])
DECAYS = np.array([1.0, 0.85, 0.2, 0.65, 0.15, 0.45, 0.12, 0.3, 0.22, 0.16, 0.12])
LEVELS = np.array([1.0, 0.75, 0.15, 0.5, 0.12, 0.3, 0.1, 0.2, 0.14, 0.6, 0.3])
LAYERS = (0.25, 0.55, 1.0)


def _sound(hz: float) -> Struck:
    rng = np.random.default_rng(round(hz))
    ring = float(np.clip(3.6 * (110.0 / hz) ** 0.5, 2.0, 4.5))
    amplitudes = np.array([LEVELS * v ** (0.5 * (RATIOS - 1.0).clip(0.0)) for v in LAYERS])
    sides = np.exp(1j * rng.normal(scale=0.7, size=(2, len(RATIOS))))
    skin = Struck(hz * RATIOS, ring * DECAYS, amplitudes[:, None, :] * sides, ring, 0.003)
    return skin + knock(rng, 150.0, 2500.0, 0.12, (0.1, 0.2, 0.4))


class Timpani(LongPatch):
    """One kettle."""

    recipes = long_recipes("timpani", _sound, 36, 60)
    release_seconds = 1.2
    one_shot = True


INSTRUMENT = simple(Timpani, level_db=-8.0, polyphony=6, spread=0.2, shaped_by=("brightness",))
