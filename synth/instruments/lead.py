"""Lead: a singing synthesizer of two detuned saws.

Range C2 to C7. Two endless loops, a mellow and a full saw; loudness and brightness mix them, the
attack control sets how quickly it speaks, and vibrato comes late.
"""

import numpy as np

from ..colours import TwoColours
from ..instrument import simple
from ..recipes import Recipe
from ..tables import Floats, Samples, spread_loop


def _mellow(number: Floats) -> Floats:
    return number**-1.0 / (1.0 + (number / 4.0) ** 2)


def _full(number: Floats) -> Floats:
    return number**-0.95 / (1.0 + (number / 22.0) ** 2)


def _render(hz: float, sample_rate: int) -> Samples:
    layers = [
        spread_loop(hz, levels, sample_rate, cents=6.5, widening=0.6, seed=51)
        for levels in (_mellow, _full)
    ]
    return np.stack(layers)


class Lead(TwoColours):
    """One note."""

    recipe = Recipe("lead", _render, 36, 96, step=5)
    stereo = True
    attack, attack_seconds, release_seconds = 0.012, 0.02, 0.14
    bright_attack, bright_decay, bright_sustain = 0.015, 0.5, 0.65
    vibrato_hz, vibrato_cents, vibrato_onset = 5.6, 13.0, 0.45


INSTRUMENT = simple(Lead, level_db=-1.2, polyphony=6, shaped_by=("brightness", "attack"))
