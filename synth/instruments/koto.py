"""Koto: silk strings over movable bridges, plucked with ivory picks near the end.

Range G2 to E6. A hard, bright attack. Velocity and brightness harden it further, in three layers.
"""

import numpy as np

from ..instrument import simple
from ..struck import LongPatch, long_recipes
from ..tables import Floats, Struck, knock, peaks, string_sound


def _body(hz: Floats) -> Floats:
    """Gain of the body."""
    return peaks(hz, 0.5, (180.0, 0.5, 0.5), (480.0, 0.6, 0.4), (1500.0, 0.4, 0.5)) / (
        1.0 + (90.0 / hz) ** 2
    )


def _sound(hz: float) -> Struck:
    rng = np.random.default_rng(round(hz))
    ring = float(np.clip(3.0 * (262.0 / hz) ** 0.45, 0.8, 5.0))
    string = string_sound(
        hz,
        (1500.0, 3500.0, 7000.0),
        strike=0.09,
        ring_seconds=ring,
        damp_hz=2500.0,
        rng=rng,
        slope=0.85,
        stretch=3e-5,
        unison=((0.0, 1.0, 1.0), (0.5, 0.3, 1.5)),
        body=_body,
        attack_seconds=0.0004,
    )
    return string + knock(rng, 80.0, 3000.0, 0.06, (0.04, 0.07, 0.11))


class Koto(LongPatch):
    """One string."""

    recipes = long_recipes("koto", _sound, 43, 88)
    release_seconds = 0.3


INSTRUMENT = simple(Koto, level_db=-8.0, polyphony=12, spread=0.4, shaped_by=("brightness",))
