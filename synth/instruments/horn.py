"""Horn: round and covered when soft, brassy when blown hard.

Range Bb1 to F5. Levels of the partials as measured on recorded notes of a French horn, soft and
loud; loudness and brightness mix the two colours. The bright one comes later than the dark one, as
a blown note opens.
"""

from ..colours import TwoColours
from ..instrument import simple
from ..players import measured, onset_noise, player_loops
from ..recipes import Recipe
from ..tables import Samples

SOFT = (
    (38, (-25, -9, -14, -7, 0, -2, -5, -10, -13, -17, -16, -26, -25, -35, -38, -38, -38)),
    (46, (-5, 0, -1, -4, -9, -18, -26, -27, -34, -35, -42, -41, -47, -46, -49, -48, -53)),
    (54, (-1, 0, -11, -24, -28, -38, -40, -46, -44, -52, -58, -55, -57, -57, -61, -60, -60)),
    (62, (0, -6, -26, -38, -43, -50, -50, -59, -60, -59, -66, -63, -63, -67, -70, -68, -65)),
    (70, (0, -21, -36, -42, -50, -58, -62, -70, -69, -68, -72, -70, -73, -72, -73, -69, -67)),
    (77, (0, -20, -34, -37, -48, -55, -59, -72, -66, -68, -72, -71, -72, -72)),
)
LOUD = (
    (38, (-20, -9, -8, -4, 0, -3, -5, -9, -12, -12, -20, -25, -20, -23, -27, -28, -31)),
    (46, (-14, -8, -3, 0, -3, -10, -12, -14, -17, -20, -22, -25, -21, -21, -23, -24, -26)),
    (54, (-5, 0, 0, -4, -13, -18, -18, -23, -23, -20, -20, -23, -24, -24, -25, -29, -31)),
    (62, (-9, 0, -10, -18, -25, -23, -21, -24, -29, -27, -29, -33, -38, -38, -40, -42, -42)),
    (70, (0, -7, -19, -20, -25, -30, -33, -37, -39, -40, -47, -47, -46, -49, -54, -51, -56)),
    (77, (0, -16, -21, -28, -37, -43, -45, -49, -51, -54, -59, -61, -63, -63)),
)
NOISES_DB = (
    (-44, -44, -46, -50, -52, -54, -56, -60),
    (-46, -44, -42, -44, -44, -46, -50, -56),
)
"""Breath of each colour, by octaves."""
ONSET_DB = (-50, -34, -30, -30, -34, -38, -44, -50)


def _render(hz: float, sample_rate: int) -> Samples:
    spectra = measured(SOFT, hz), measured(LOUD, hz)
    return player_loops(hz, sample_rate, spectra, NOISES_DB, wander_cents=2.5, flicker_db=1.2)


def _onset(hz: float, sample_rate: int) -> Samples:
    return onset_noise(sample_rate, ONSET_DB, seconds=0.1, rise_seconds=0.008)


class Horn(TwoColours):
    """One player."""

    recipe = Recipe("horn", _render, 34, 78, step=4)
    onset = Recipe("horn-onset", _onset, 60, 60, step=1)
    attack, settle, sustain = 0.1, 0.5, 0.85
    attack_seconds, release_seconds = 0.06, 0.26
    late = 2


INSTRUMENT = simple(
    Horn, level_db=-4.1, polyphony=6, spread=0.2, shaped_by=("brightness", "attack")
)
