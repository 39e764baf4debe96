"""Clarinet: a closed pipe, so the odd partials lead, most of all down low.

Range D3 to G6. Levels of the partials as measured on recorded notes of a clarinet, soft and loud;
loudness and brightness mix the two colours. It starts quickly, from almost nothing, and keeps its
tone still: a hint of vibrato only.
"""

from math import log2

from ..colours import TwoColours, player
from ..instrument import simple
from ..recipes import Recipe
from ..tables import Samples

SOFT = (
    (54, (-1, -25, -4, -32, -13, -30, -26, -38, -39, -50)),
    (70, (0, -26, -9, -28, -33, -40, -53, -56)),
    (83, (0, -12, -19, -29, -44, -56, -65)),
)
LOUD = (
    (54, (0, -37, -3, -27, -4, -26, -12, -25, -11, -26, -16, -24, -27, -24, -19, -20)),
    (70, (0, -20, -9, -25, -28, -35, -31, -39, -41, -49)),
    (83, (0, -6, -15, -24, -32, -35, -45, -49)),
)


def _render(hz: float, sample_rate: int) -> Samples:
    pitch = 69.0 + 12.0 * log2(hz / 440.0)
    return player(
        hz, pitch, (SOFT, LOUD), sample_rate, breath=(0.012, 0.01), cents=1.6, low=1.0, high=6000.0
    )


class Clarinet(TwoColours):
    """One player."""

    recipe = Recipe("clarinet", _render, 50, 94, step=4, keep=True)
    attack, attack_seconds, release_seconds = 0.035, 0.03, 0.1
    bright_attack, bright_decay, bright_sustain = 0.07, 0.4, 0.85
    vibrato_hz, vibrato_cents, vibrato_onset = 4.6, 3.0, 0.8


INSTRUMENT = simple(
    Clarinet, level_db=-3.3, polyphony=4, spread=0.1, shaped_by=("brightness", "attack")
)
