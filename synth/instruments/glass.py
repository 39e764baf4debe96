"""Glass: a bowed, glassy pad of slightly stretched partials.

Range C3 to E7. Endless loops with few, narrow partials a little sharper than harmonic, as bowed or
rubbed glass has, over a soft breath of highs. Brightness and loudness bring out the upper partials.
"""

import numpy as np

from ..colours import TwoColours, breathing
from ..instrument import simple
from ..recipes import Recipe
from ..tables import Floats, Samples, spread_loop


def _dark(number: Floats) -> Floats:
    return np.where(number <= 3, np.array(number) ** -1.8, 0.0)


def _bright(number: Floats) -> Floats:
    return np.where(np.isin(number, (1, 3, 4, 7, 9, 12)), number**-0.9, 0.02 / number)


def _render(hz: float, sample_rate: int) -> Samples:
    layers = []
    for levels, share in ((_dark, 0.004), (_bright, 0.02)):
        wave = spread_loop(hz, levels, sample_rate, cents=9, stretch=0.0012, seed=31)
        layers.append(breathing(wave, sample_rate, hz, share=share, low=4.0, high=9000.0))
    return np.stack(layers)


class Glass(TwoColours):
    """One note."""

    recipe = Recipe("glass", _render, 48, 102, step=6)
    stereo = True
    attack, attack_seconds, release_seconds = 0.25, 0.1, 1.8
    bright_attack, bright_decay, bright_sustain = 0.15, 1.8, 0.45
    drift_hz, drift_depth = 0.29, 0.25


INSTRUMENT = simple(Glass, level_db=-2.8, polyphony=10, shaped_by=("brightness", "attack"))
