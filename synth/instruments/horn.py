"""Horn: round and covered when soft, brassy when blown hard.

Range Bb1 to F5. Levels of the partials as measured on recorded notes of a French horn played
softly; the loud colour adds what steep pressure waves in a long tube add. The bright colour comes
later than the dark one, as a blown note opens.
"""

from math import log2

from ..colours import TwoColours, player
from ..instrument import simple
from ..recipes import Recipe
from ..tables import Samples

SOFT = (
    (46, (-10, -5, -3, -12, -21, -27, -36, -37, -45, -44)),
    (58, (0, -1, -20, -33, -39, -51, -43, -55)),
    (70, (0, -21, -35, -46, -54, -65)),
)
LOUD = (
    (46, (-9, -3, -1, -2, -5, -8, -11, -14, -17, -20, -24, -28)),
    (58, (-1, 0, -4, -8, -13, -18, -22, -27, -31, -35)),
    (70, (0, -5, -12, -19, -26, -33, -39)),
)


def _render(hz: float, sample_rate: int) -> Samples:
    pitch = 69.0 + 12.0 * log2(hz / 440.0)
    return player(
        hz, pitch, (SOFT, LOUD), sample_rate, breath=(0.03, 0.015), cents=3.0, low=1.0, high=6000.0
    )


class Horn(TwoColours):
    """One player."""

    recipe = Recipe("horn", _render, 34, 78, step=4, keep=True)
    attack, attack_seconds, release_seconds = 0.07, 0.05, 0.2
    bright_attack, bright_decay, bright_sustain = 0.14, 0.5, 0.7
    vibrato_hz, vibrato_cents, vibrato_onset = 4.8, 4.0, 1.0


INSTRUMENT = simple(
    Horn, level_db=-0.7, polyphony=6, spread=0.2, shaped_by=("brightness", "attack")
)
