"""Glass: a bowed, glassy pad of slightly stretched partials.

Range C3 to E7. Endless loops with few, narrow partials a little sharper than harmonic, as bowed or
rubbed glass has, over a soft breath of highs. Brightness and loudness bring out the upper partials.
"""

import numpy as np

from ..colours import TwoColours
from ..instrument import simple
from ..players import Crowd, section_loops
from ..recipes import Recipe
from ..tables import Floats, Samples

BREATH_DB = ((-80, -70, -62, -56, -50, -46, -44, -46), (-80, -66, -56, -48, -42, -37, -35, -37))


def _dark(number: Floats) -> Floats:
    return np.where(number <= 3, np.array(number) ** -1.8, 0.0)


def _bright(number: Floats) -> Floats:
    return np.where(np.isin(number, (1, 3, 4, 7, 9, 12)), number**-0.8, 0.02 / number)


def _render(hz: float, sample_rate: int) -> Samples:
    return section_loops(
        hz,
        sample_rate,
        (_dark, _bright),
        Crowd(cents=8.0, stretch=0.0012, swell=0.4, seed=31),
        noises_db=BREATH_DB,
    )


class Glass(TwoColours):
    """One note."""

    recipe = Recipe("glass", _render, 48, 100, step=5)
    attack, settle, sustain = 0.3, 1.8, 0.75
    attack_seconds, release_seconds = 0.1, 2.2
    roam = 0.06  # opens from the loop's dark beginning
    width = 0.5


INSTRUMENT = simple(Glass, level_db=-6.4, polyphony=12, shaped_by=("brightness", "attack"))
