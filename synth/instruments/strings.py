"""Strings: a section of bowed strings, from basses to violins.

Range E1 to C7, best from G2 up. Endless loops of detuned players with a wooden body's resonances,
which lie lower for the larger instruments, and the noise of many bows. Three layers: played softly,
the upper partials fade. Bows start slowly when the attack control is low.
"""

import numpy as np

from ..colours import Section
from ..instrument import simple
from ..players import Crowd, section_loops
from ..recipes import Recipe
from ..tables import Floats, Partials, Samples, peaks

BOWS = ((1.45, 2600.0), (1.15, 5000.0), (0.95, 8500.0))
"""Of each layer: power of the number that partials fall by, and Hz from which on they fall more."""
NOISES_DB = (
    (-50, -44, -42, -42, -42, -42, -43, -48),
    (-50, -42, -40, -39, -38, -37, -37, -42),
    (-48, -40, -38, -37, -36, -35, -35, -40),
)
"""Noise of the bows in each layer, by octaves."""


def _body(hz: Floats, size: float) -> Floats:
    """Gain of the bodies at a frequency; those of a cello are 2.5 times the size of a violin's."""
    low = peaks(hz * size, 0.5, (280.0, 0.4, 0.25), (480.0, 0.5, 0.3), (1150.0, 0.3, 0.4))
    return low * peaks(hz * size**0.5, 1.0, (2600.0, 0.9, 0.6), (5000.0, 0.4, 0.6))


def _bow(hz: float, slope: float, top_hz: float) -> Partials:
    def amplitudes(number: Floats) -> Floats:
        return number**-slope / (1.0 + (hz * number / top_hz) ** 2)

    return amplitudes


def _render(hz: float, sample_rate: int) -> Samples:
    size = float(np.clip((400.0 / hz) ** 0.6, 1.0, 2.8))
    return section_loops(
        hz,
        sample_rate,
        [_bow(hz, slope, top_hz) for slope, top_hz in BOWS],
        Crowd(cents=17.0, widening=0.9),
        formants=[lambda at: _body(at, size)] * len(BOWS),
        noises_db=NOISES_DB,
    )


class Strings(Section):
    """One note of the section."""

    recipe = Recipe("strings", _render, 28, 97, step=5)
    attack, settle, sustain = 0.16, 0.6, 0.85
    release_seconds = 0.9


INSTRUMENT = simple(
    Strings, level_db=-6.5, polyphony=12, spread=0.3, shaped_by=("brightness", "attack")
)
