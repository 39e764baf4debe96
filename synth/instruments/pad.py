"""Pad: warm, slow and wide, with an upper colour that comes and goes.

Range C2 to C7. Endless loops of many detuned saws, a dark and a bright one; the bright one opens
after the dark one and drifts. Brightness and loudness open it further, a hard attack lets it speak
sooner.
"""

from ..colours import TwoColours
from ..instrument import simple
from ..players import Crowd, section_loops
from ..recipes import Recipe
from ..tables import Floats, Samples

AIR_DB = ((-70, -66, -62, -56, -52, -50, -50, -54), (-70, -64, -58, -52, -46, -42, -42, -46))


def _dark(number: Floats) -> Floats:
    return number**-1.6


def _bright(number: Floats) -> Floats:
    return number**-0.9 / (1.0 + (number / 24.0) ** 2)


def _render(hz: float, sample_rate: int) -> Samples:
    return section_loops(
        hz,
        sample_rate,
        (_dark, _bright),
        Crowd(cents=30.0, widening=0.85, swell=0.45, seed=21),
        noises_db=AIR_DB,
    )


class Pad(TwoColours):
    """One note."""

    recipe = Recipe("pad", _render, 36, 96, step=5)
    attack, settle, sustain = 0.5, 1.5, 0.85
    attack_seconds, release_seconds = 0.12, 2.4
    roam = 0.06  # opens from the loop's dark beginning
    width = 0.5
    least, most = 0.1, 0.9


INSTRUMENT = simple(Pad, level_db=-8.1, polyphony=12, shaped_by=("brightness", "attack"))
