"""Clarinet: a closed pipe, so the odd partials lead, most of all down low.

Range D3 to G6. Levels of the partials as measured on recorded notes of a clarinet, soft and loud;
loudness and brightness mix the two colours. It starts quickly, from almost nothing, and keeps its
tone still, without vibrato.
"""

from ..colours import TwoColours
from ..instrument import simple
from ..players import measured, onset_noise, player_loops
from ..recipes import Recipe
from ..tables import Samples

SOFT = (
    (52, (0, -29, -4, -32, -19, -33, -23, -33, -30, -40, -46, -49, -49, -53, -53, -57, -56)),
    (60, (0, -25, -6, -29, -21, -32, -32, -46, -47, -50, -52, -54, -53, -53, -59, -61, -60)),
    (68, (0, -24, -13, -31, -32, -42, -44, -53, -54, -54, -59, -60, -59, -59, -65, -64, -68)),
    (76, (0, -18, -23, -35, -40, -43, -52, -57, -63, -63, -71, -62, -73, -65)),
    (84, (0, -11, -21, -29, -38, -49, -60, -63, -66)),
    (92, (0, -5, -19, -29, -40)),
)
LOUD = (
    (52, (0, -31, -2, -23, -2, -20, -9, -17, -7, -17, -13, -18, -18, -20, -14, -18, -23)),
    (60, (0, -26, -1, -13, 0, -13, -9, -16, -14, -21, -18, -21, -26, -23, -28, -31, -35)),
    (68, (0, -26, -2, -17, -9, -22, -17, -21, -25, -27, -29, -33, -38, -42, -44, -47, -48)),
    (76, (0, -17, -13, -23, -25, -28, -32, -34, -41, -45, -49, -54, -55, -57)),
    (84, (0, -6, -11, -19, -25, -33, -37, -43, -44)),
    (92, (0, -5, -17, -30, -38)),
)
NOISES_DB = (
    (-50, -50, -56, -56, -50, -46, -52, -58),
    (-48, -46, -44, -42, -42, -41, -44, -50),
)
"""Breath of each colour, by octaves."""
ONSET_DB = (-60, -42, -34, -32, -30, -30, -32, -38)


def _render(hz: float, sample_rate: int) -> Samples:
    spectra = measured(SOFT, hz), measured(LOUD, hz)
    return player_loops(hz, sample_rate, spectra, NOISES_DB, wander_cents=1.8, flicker_db=1.0)


def _onset(hz: float, sample_rate: int) -> Samples:
    return onset_noise(sample_rate, ONSET_DB, seconds=0.07, rise_seconds=0.004)


class Clarinet(TwoColours):
    """One player."""

    recipe = Recipe("clarinet", _render, 50, 94, step=4)
    onset = Recipe("clarinet-onset", _onset, 60, 60, step=1)
    attack, settle, sustain = 0.05, 0.5, 0.85
    attack_seconds, release_seconds = 0.03, 0.12


INSTRUMENT = simple(
    Clarinet, level_db=-5.1, polyphony=4, spread=0.1, shaped_by=("brightness", "attack")
)
