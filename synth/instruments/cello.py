"""Cello: one player, bowed.

Range C2 to E5. Levels of the partials as measured on recorded notes of a cello, with the bow's
noise; loudness and brightness mix a soft and a pressed bow. Starts slowly when the attack control
is low; a wide vibrato comes after half a second.
"""

from math import log2

from ..colours import TwoColours, player
from ..instrument import simple
from ..recipes import Recipe
from ..tables import Samples

SOFT = (
    (44, (-4, 0, -5, -11, -19, -26, -27, -30, -26, -34, -38, -37, -41)),
    (57, (0, -13, -22, -27, -26, -30, -30, -46, -43, -41)),
    (70, (0, -14, -16, -21, -29, -31, -40, -42)),
)
LOUD = (
    (44, (-7, 0, -8, -10, -12, -16, -18, -22, -24, -24, -30, -31, -30, -32)),
    (57, (0, -10, -14, -15, -18, -20, -23, -26, -31, -30, -34, -36)),
    (70, (0, -9, -10, -13, -19, -21, -28, -31, -34, -36, -38)),
)


def _render(hz: float, sample_rate: int) -> Samples:
    pitch = 69.0 + 12.0 * log2(hz / 440.0)
    return player(
        hz, pitch, (SOFT, LOUD), sample_rate, breath=(0.03, 0.04), cents=3.0, low=1.0, high=5000.0
    )


class Cello(TwoColours):
    """One player."""

    recipe = Recipe("cello", _render, 36, 80, step=4, keep=True)
    attack, attack_seconds, release_seconds = 0.11, 0.06, 0.25
    bright_attack, bright_decay, bright_sustain = 0.08, 0.5, 0.75
    vibrato_hz, vibrato_cents, vibrato_onset = 5.3, 14.0, 0.5


INSTRUMENT = simple(
    Cello, level_db=-2.1, polyphony=4, spread=0.2, shaped_by=("brightness", "attack")
)
