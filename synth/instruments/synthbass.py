"""Synth bass: a saw whose filter snaps shut.

Range C1 to C4. Two endless loops, a round one and a full saw with a resonant edge; the full one
falls off within a quarter of a second. Loudness and brightness decide how much of it is heard.
"""

import numpy as np

from ..colours import TwoColours
from ..instrument import simple
from ..recipes import Recipe
from ..tables import Floats, Samples, spread_loop


def _round(number: Floats) -> Floats:
    return number**-1.0 / (1.0 + (number / 3.0) ** 3)


def _edge(number: Floats) -> Floats:
    peak = 1.0 + 2.0 * np.exp(-0.5 * ((number - 9.0) / 2.0) ** 2)
    return number**-1.0 * peak / (1.0 + (number / 14.0) ** 3)


def _render(hz: float, sample_rate: int) -> Samples:
    layers = [
        spread_loop(hz, levels, sample_rate, cents=4, widening=0.4, seed=71)
        for levels in (_round, _edge)
    ]
    return np.stack(layers)


class SynthBass(TwoColours):
    """One note."""

    recipe = Recipe("synthbass", _render, 24, 64, step=5)
    attack, attack_seconds, release_seconds = 0.004, 0.02, 0.09
    bright_attack, bright_decay, bright_sustain = 0.003, 0.28, 0.2


INSTRUMENT = simple(SynthBass, level_db=0.1, polyphony=4, shaped_by=("brightness", "attack"))
