"""Choir: many voices on a vowel that moves from oo to ah.

Range E2 to C6. Endless loops of a glottal spectrum through the formants of two vowels, lower for
men than for women (Peterson and Barney, J. Acoust. Soc. Am. 24(2), 1952), spread as singers spread,
with breath. Loudness and brightness open the mouth towards ah; the vowel comes and goes slowly
while a note is held.
"""

from functools import partial

import numpy as np

from ..colours import TwoColours
from ..instrument import simple
from ..players import Crowd, section_loops
from ..recipes import Recipe
from ..tables import Floats, Samples

OO = ((320.0, 1.0, 90.0), (870.0, 0.28, 110.0), (2250.0, 0.05, 170.0), (3000.0, 0.04, 250.0))
AH = ((730.0, 1.0, 120.0), (1110.0, 0.7, 130.0), (2500.0, 0.28, 190.0), (3000.0, 0.26, 300.0))
"""Formants of men: Hz, gain, bandwidth in Hz."""
WOMEN = 1.16  # times the formants of men
NOISES_DB = (
    (-60, -54, -50, -46, -42, -40, -42, -46),
    (-60, -54, -46, -42, -38, -35, -36, -40),
)
"""Breath of each vowel, by octaves."""


def _vowel(formants: tuple[tuple[float, float, float], ...], size: float, hz: Floats) -> Floats:
    gain = np.full_like(hz, 0.006)
    for centre, height, width in formants:
        gain += height / (1.0 + ((hz - size * centre) / (1.3 * width)) ** 2)
    return gain


def _glottis(number: Floats) -> Floats:
    return number**-0.75


def _render(hz: float, sample_rate: int) -> Samples:
    size = float(np.interp(hz, (165.0, 330.0), (1.0, WOMEN)))
    return section_loops(
        hz,
        sample_rate,
        (_glottis, _glottis),
        Crowd(cents=15.0, swell=0.3, seed=41),
        formants=[partial(_vowel, formants, size) for formants in (OO, AH)],
        noises_db=NOISES_DB,
    )


class Choir(TwoColours):
    """One note of all voices."""

    recipe = Recipe("choir", _render, 40, 84, step=4)
    attack, settle, sustain = 0.3, 1.0, 0.85
    attack_seconds, release_seconds = 0.1, 1.3
    roam = 0.06  # opens from the loop's dark beginning
    width = 0.42
    least = 0.15


INSTRUMENT = simple(
    Choir, level_db=-4.0, polyphony=12, spread=0.3, shaped_by=("brightness", "attack")
)
