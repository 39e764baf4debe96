"""Strings: a section of bowed strings, from basses to violins.

Range E1 to C7, best from G2 up. Made as an endless loop of detuned players with a wooden body's
resonances, in two colours: played softly, the upper partials fade. Bows start slowly when the
attack control is low; vibrato sets in after half a second.
"""

import numpy as np

from ..instrument import LoopedPatch, simple
from ..recipes import Recipe
from ..tables import Floats, Samples, spread_loop

BODY = ((280.0, 0.5, 3.0), (480.0, 0.4, 3.0), (1200.0, 0.35, 2.0), (2700.0, 0.7, 1.2))
"""Resonances of the body: Hz, gain, width of the peak as a power."""


def _body(hz: Floats) -> Floats:
    """Gain of the body at a frequency."""
    gain = np.full_like(hz, 0.5)
    for centre, height, sharpness in BODY:
        gain += height * np.exp(-0.5 * (sharpness * np.log2(hz / centre) * 2.0) ** 2)
    return gain / (1.0 + (hz / 6000.0) ** 2)


def _render(hz: float, sample_rate: int) -> Samples:
    layers = [
        spread_loop(hz, lambda n, s=slope: n**-s, sample_rate, cents=24, formant=_body, seed=3)
        for slope in (1.6, 1.15, 0.85)
    ]
    return np.stack(layers)


class Strings(LoopedPatch):
    """One note of the section."""

    recipe = Recipe("strings", _render, 31, 97, step=6)
    attack, decay, sustain = 0.14, 0.3, 0.9
    release_seconds = 0.45
    vibrato_cents, vibrato_onset = 9.0, 0.6


INSTRUMENT = simple(
    Strings, level_db=-3.6, polyphony=10, spread=0.3, shaped_by=("brightness", "attack")
)
