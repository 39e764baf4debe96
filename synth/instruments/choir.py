"""Choir: many voices on a vowel that moves from oo to ah.

Range E2 to C6. Endless loops of a glottal spectrum through the formants of two vowels (Peterson and
Barney, J. Acoust. Soc. Am. 24(2), 1952), spread as singers spread. Loudness and brightness open the
mouth towards ah; the vowel drifts slowly while a note is held.
"""

import numpy as np

from ..colours import TwoColours, breathing
from ..instrument import simple
from ..recipes import Recipe
from ..tables import Floats, Samples, spread_loop

OO = ((320.0, 1.0, 90.0), (870.0, 0.25, 110.0), (2250.0, 0.03, 170.0), (3300.0, 0.012, 250.0))
AH = ((730.0, 1.0, 120.0), (1110.0, 0.7, 130.0), (2500.0, 0.22, 190.0), (3300.0, 0.14, 260.0))
"""Formants: Hz, gain, bandwidth in Hz."""


def _vowel(formants: tuple[tuple[float, float, float], ...], hz: Floats) -> Floats:
    gain = np.full_like(hz, 0.004)
    for centre, height, width in formants:
        gain += height / (1.0 + ((hz - centre) / (1.3 * width)) ** 2)
    return gain


def _render(hz: float, sample_rate: int) -> Samples:
    layers = []
    for formants, share in ((OO, 0.015), (AH, 0.02)):
        wave = spread_loop(
            hz,
            lambda number: number**-0.75,
            sample_rate,
            cents=17,
            formant=lambda at, f=formants: _vowel(f, at),
            seed=41,
        )
        layers.append(breathing(wave, sample_rate, hz, share=share, low=2.0, high=5000.0))
    return np.stack(layers)


class Choir(TwoColours):
    """One note of all voices."""

    recipe = Recipe("choir", _render, 40, 85, step=4)
    stereo = True
    attack, attack_seconds, release_seconds = 0.22, 0.1, 0.6
    bright_attack, bright_decay, bright_sustain = 0.5, 1.5, 0.8
    drift_hz, drift_depth = 0.23, 0.35
    vibrato_hz, vibrato_cents, vibrato_onset = 5.1, 6.0, 0.6


INSTRUMENT = simple(
    Choir, level_db=-0.6, polyphony=10, spread=0.3, shaped_by=("brightness", "attack")
)
