"""Violin: one player, bowed.

Range G3 to E7. A string bowed near the bridge has all partials at nearly 1/n, coloured by the
body's resonances; loudness and brightness mix a soft and a pressed bow, with the bow's noise.
Starts slowly when the attack control is low; vibrato comes after a third of a second.
"""

from math import log2

from ..colours import TwoColours, player
from ..instrument import simple
from ..recipes import Recipe
from ..tables import Samples

SOFT = (
    (57, (-3, 0, -6, -12, -16, -20, -24, -26, -30, -33, -36)),
    (70, (0, -8, -14, -18, -22, -27, -30, -34, -38)),
    (84, (0, -10, -20, -27, -33, -40)),
    (98, (0, -16, -30, -40)),
)
LOUD = (
    (57, (-5, 0, -3, -6, -9, -10, -13, -15, -18, -20, -23, -26)),
    (70, (0, -4, -7, -9, -12, -15, -18, -21, -25, -28)),
    (84, (0, -6, -11, -16, -21, -26, -32)),
    (98, (0, -10, -19, -28)),
)


def _render(hz: float, sample_rate: int) -> Samples:
    pitch = 69.0 + 12.0 * log2(hz / 440.0)
    return player(
        hz, pitch, (SOFT, LOUD), sample_rate, breath=(0.035, 0.04), cents=2.5, low=1.0, high=8000.0
    )


class Violin(TwoColours):
    """One player."""

    recipe = Recipe("violin", _render, 54, 102, step=4, keep=True)
    attack, attack_seconds, release_seconds = 0.09, 0.05, 0.2
    bright_attack, bright_decay, bright_sustain = 0.07, 0.5, 0.8
    vibrato_hz, vibrato_cents, vibrato_onset = 5.8, 16.0, 0.35


INSTRUMENT = simple(
    Violin, level_db=-1.9, polyphony=4, spread=0.2, shaped_by=("brightness", "attack")
)
