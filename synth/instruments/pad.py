"""Pad: warm, slow and wide, with an upper colour that comes and goes.

Range C2 to C7. Two endless loops of many detuned saws, a dark and a bright one; the bright one
fades in after the dark one and drifts. Brightness and loudness open it, a hard attack lets it
speak sooner.
"""

import numpy as np

from ..colours import TwoColours
from ..instrument import simple
from ..recipes import Recipe
from ..tables import Floats, Samples, spread_loop


def _dark(number: Floats) -> Floats:
    return number**-1.9


def _bright(number: Floats) -> Floats:
    return number**-1.0 / (1.0 + (number / 14.0) ** 2)


def _render(hz: float, sample_rate: int) -> Samples:
    layers = [
        spread_loop(hz, levels, sample_rate, cents=38, widening=0.9, seed=21)
        for levels in (_dark, _bright)
    ]
    return np.stack(layers)


class Pad(TwoColours):
    """One note."""

    recipe = Recipe("pad", _render, 36, 96, step=6)
    stereo = True
    attack, attack_seconds, release_seconds = 0.5, 0.12, 1.4
    bright_attack, bright_decay, bright_sustain = 1.3, 2.0, 0.7
    drift_hz, drift_depth = 0.17, 0.3
    most = 0.8


INSTRUMENT = simple(Pad, level_db=-1.6, polyphony=10, shaped_by=("brightness", "attack"))
