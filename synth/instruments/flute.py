"""Flute: few partials, breath round the tone, vibrato that comes late.

Range C4 to C7. Levels of the partials as measured on recorded notes of a flute, soft and loud;
loudness and brightness mix the two colours, and with the breath comes noise. A soft attack speaks
late; density adds nothing to a single player.
"""

from math import log2

from ..colours import TwoColours, player
from ..instrument import simple
from ..recipes import Recipe
from ..tables import Samples

SOFT = (
    (60, (0, -4, -21, -27, -17, -27, -44, -42)),
    (70, (0, -24, -19, -32, -39, -43, -59, -69)),
    (83, (0, -13, -28, -37, -45, -50, -55, -57)),
)
LOUD = (
    (60, (-6, -6, -2, 0, -4, -18, -27, -28, -26, -32)),
    (70, (0, -3, -5, -16, -24, -24, -29, -32, -38, -46)),
    (83, (0, -9, -24, -31, -40, -44, -44, -44)),
)


def _render(hz: float, sample_rate: int) -> Samples:
    pitch = 69.0 + 12.0 * log2(hz / 440.0)
    return player(
        hz, pitch, (SOFT, LOUD), sample_rate, breath=(0.10, 0.05), cents=2.0, low=0.7, high=7000.0
    )


class Flute(TwoColours):
    """One player."""

    recipe = Recipe("flute", _render, 58, 98, step=4, keep=True)
    attack, attack_seconds, release_seconds = 0.07, 0.05, 0.16
    bright_attack, bright_decay, bright_sustain = 0.1, 0.3, 0.75
    vibrato_hz, vibrato_cents, vibrato_onset = 5.0, 11.0, 0.7


INSTRUMENT = simple(
    Flute, level_db=-0.5, polyphony=4, spread=0.1, shaped_by=("brightness", "attack")
)
