"""Brass: a small section of trumpets and trombones.

Range Bb1 to C6. Levels of the partials as measured on recorded notes of a trombone, spread as a
few players spread them; loudness and brightness mix the soft and the loud colour, and the loud one
comes later, as a blown note opens.
"""

from math import log2

import numpy as np

from ..colours import TwoColours, measured
from ..instrument import simple
from ..recipes import Recipe
from ..tables import Samples, spread_loop

SOFT = (
    (44, (-8, -1, -4, -1, -10, -11, -14, -17, -22, -21, -25, -29, -38)),
    (58, (0, -4, -13, -19, -31, -33, -44, -51)),
    (70, (-1, -4, -20, -29, -48, -55)),
    (84, (0, -10, -26, -40)),
)
LOUD = (
    (44, (-6, -2, -1, 0, -2, -3, -4, -6, -8, -9, -11, -13, -15, -18, -20, -23)),
    (58, (-2, 0, -2, -5, -7, -10, -13, -14, -18, -21, -24, -28)),
    (70, (0, -2, -6, -10, -15, -20, -25, -30, -34)),
    (84, (0, -6, -13, -20, -27, -34)),
)


def _render(hz: float, sample_rate: int) -> Samples:
    pitch = 69.0 + 12.0 * log2(hz / 440.0)
    layers = [
        spread_loop(hz, measured(spectrum, pitch, 3.0), sample_rate, cents=9, seed=7)
        for spectrum in (SOFT, LOUD)
    ]
    return np.stack(layers)


class Brass(TwoColours):
    """One note of the section."""

    recipe = Recipe("brass", _render, 34, 86, step=5)
    stereo = True
    attack, attack_seconds, release_seconds = 0.05, 0.05, 0.18
    bright_attack, bright_decay, bright_sustain = 0.11, 0.4, 0.7


INSTRUMENT = simple(
    Brass, level_db=-1.7, polyphony=8, spread=0.2, shaped_by=("brightness", "attack")
)
