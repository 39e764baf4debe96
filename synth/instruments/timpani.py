"""Timpani: kettledrums, tuned.

Range C2 to C4. The skin's modes at 1, 1.5, 2 and 2.5 times the pitch ring; the round ones thud and
are gone. Harder sticks, by velocity and brightness, bring out the upper modes and the slap, in
three layers. A stroke rings to its end.
"""

import numpy as np

from ..instrument import simple
from ..struck import RungPatch, whole
from ..tables import Struck, knock

RATIOS = np.array([1.0, 1.504, 1.742, 2.0, 2.245, 2.494, 2.8, 2.98, 3.46, 3.93, 4.44, 0.85, 1.7])
DECAYS = np.array([1.0, 0.85, 0.2, 0.65, 0.15, 0.45, 0.12, 0.3, 0.22, 0.18, 0.15, 0.2, 0.13])
LEVELS = np.array([1.0, 0.8, 0.3, 0.55, 0.25, 0.45, 0.2, 0.35, 0.28, 0.2, 0.15, 0.7, 0.45])
LAYERS = (0.25, 0.55, 1.0)


def _sound(hz: float) -> Struck:
    rng = np.random.default_rng(22)
    ring = float(np.clip(3.2 * (110.0 / hz) ** 0.4, 2.0, 3.8))
    hard = np.array(LAYERS)[:, None] ** (0.45 * np.maximum(RATIOS - 1.0, 0.0))
    turned = np.exp(1j * rng.normal(scale=0.5, size=(2, len(RATIOS))))
    skin = Struck(hz * RATIOS, ring * DECAYS, (LEVELS * hard)[:, None, :] * turned, ring, 0.003)
    slap = knock(rng, 300.0, 4000.0, 0.22, (0.15, 0.4, 0.8))
    return skin + slap + knock(rng, 60.0, 400.0, 0.3, (0.3, 0.4, 0.5), 30)


class Timpani(RungPatch):
    """One kettle."""

    reels = whole("timpani", _sound, 36, 60)
    release_seconds = 1.2
    one_shot = True


INSTRUMENT = simple(Timpani, level_db=4.0, polyphony=6, spread=0.2, shaped_by=("brightness",))
