"""Synth bass: a saw whose filter snaps shut.

Range C1 to C4. Two endless loops, a round one and a full saw with a resonant edge; the full one
falls off within a third of a second. Loudness and brightness decide how much of it is heard.
"""

import numpy as np

from ..colours import TwoColours
from ..instrument import simple
from ..players import player_loops
from ..recipes import Recipe
from ..tables import Floats, Samples

QUIET_DB = (-90,) * 8


def _round(number: Floats) -> Floats:
    return number**-0.8 / (1.0 + (number / 5.0) ** 3)


def _edge(number: Floats) -> Floats:
    peak = 1.0 + 2.0 * np.exp(-0.5 * ((number - 11.0) / 3.0) ** 2)
    return number**-0.8 * peak / (1.0 + (number / 40.0) ** 2)


def _render(hz: float, sample_rate: int) -> Samples:
    return player_loops(
        hz, sample_rate, (_round, _edge), (QUIET_DB, QUIET_DB), wander_cents=1.5, flicker_db=0.7
    )


class SynthBass(TwoColours):
    """One note."""

    recipe = Recipe("synthbass", _render, 24, 64, step=5)
    attack, settle, sustain = 0.005, 0.35, 0.68
    attack_seconds, release_seconds = 0.02, 0.1
    late = 2
    least = 0.3


INSTRUMENT = simple(SynthBass, level_db=-1.5, polyphony=4, shaped_by=("brightness", "attack"))
