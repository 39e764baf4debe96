"""Harp: gut and nylon strings plucked by the fingertips, over a long soundboard.

Range C1 to G7. Plucked far from the end, so even partials are weak; notes ring on. Velocity and brightness
harden the finger, in three layers.
"""

import numpy as np

from ..instrument import simple
from ..struck import LongPatch, long_recipes
from ..tables import Floats, Struck, knock, peaks, string_sound


def _body(hz: Floats) -> Floats:
    """Gain of the body."""
    return peaks(hz, 0.5, (150.0, 0.5, 0.7), (350.0, 0.5, 0.6)) / (1.0 + (60.0 / hz) ** 2)


def _sound(hz: float) -> Struck:
    rng = np.random.default_rng(round(hz))
    ring = float(np.clip(4.5 * (262.0 / hz) ** 0.55, 0.7, 7.0))
    string = string_sound(
        hz,
        (500.0, 1100.0, 2400.0),
        strike=0.38,
        ring_seconds=ring,
        damp_hz=1600.0,
        rng=rng,
        slope=0.9,
        stretch=1e-5,
        unison=((0.0, 1.0, 1.0), (0.5, 0.3, 1.5)),
        body=_body,
        attack_seconds=0.0015,
    )
    return string + knock(rng, 80.0, 3000.0, 0.1, (0.02, 0.03, 0.04))


class Harp(LongPatch):
    """One string."""

    recipes = long_recipes("harp", _sound, 24, 104)
    release_seconds = 0.9


INSTRUMENT = simple(Harp, level_db=-8.0, polyphony=12, spread=0.4, shaped_by=("brightness",))
