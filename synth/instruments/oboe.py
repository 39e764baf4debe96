"""Oboe: a double reed, nasal and clear, with a strong second and third partial.

Range Bb3 to G6. Levels of the partials as measured on recorded notes of an oboe, soft and loud;
loudness and brightness mix the two colours. Speaks at once; a narrow, quick vibrato.
"""

from math import log2

from ..colours import TwoColours, player
from ..instrument import simple
from ..recipes import Recipe
from ..tables import Samples

SOFT = (
    (58, (-1, -7, -12, -6, -10, -16, -15, -21, -29, -35, -43)),
    (70, (-2, -1, -4, -10, -16, -31, -44, -45, -50)),
    (83, (0, -5, -29, -35, -46, -45, -51)),
)
LOUD = (
    (58, (-9, -6, -5, -4, -6, -10, -12, -16, -22, -28, -34)),
    (70, (-13, -5, -4, -12, -18, -27, -33, -37, -45)),
    (83, (0, -6, -21, -40, -34, -51, -62)),
)


def _render(hz: float, sample_rate: int) -> Samples:
    pitch = 69.0 + 12.0 * log2(hz / 440.0)
    return player(
        hz, pitch, (SOFT, LOUD), sample_rate, breath=(0.03, 0.012), cents=2.0, low=1.0, high=6000.0
    )


class Oboe(TwoColours):
    """One player."""

    recipe = Recipe("oboe", _render, 57, 93, step=4, keep=True)
    attack, attack_seconds, release_seconds = 0.03, 0.03, 0.1
    bright_attack, bright_decay, bright_sustain = 0.05, 0.3, 0.85
    vibrato_hz, vibrato_cents, vibrato_onset = 5.6, 8.0, 0.5


INSTRUMENT = simple(
    Oboe, level_db=-2.0, polyphony=4, spread=0.1, shaped_by=("brightness", "attack")
)
