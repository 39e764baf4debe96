"""Pluck: a plucked string between harp and koto: bright at once, round soon after.

Range C2 to C7. Velocity and brightness harden the plectrum, in three layers.
"""

import numpy as np

from ..instrument import simple
from ..struck import LongPatch, long_recipes
from ..tables import Floats, Struck, knock, peaks, string_sound


def _body(hz: Floats) -> Floats:
    """Gain of the body."""
    return peaks(hz, 0.5, (220.0, 0.5, 0.5), (700.0, 0.4, 0.6)) / (1.0 + (90.0 / hz) ** 2)


def _sound(hz: float) -> Struck:
    rng = np.random.default_rng(round(hz))
    ring = float(np.clip(3.0 * (262.0 / hz) ** 0.5, 0.7, 5.0))
    string = string_sound(
        hz,
        (1200.0, 2600.0, 5500.0),
        strike=0.17,
        ring_seconds=ring,
        damp_hz=2200.0,
        rng=rng,
        slope=0.9,
        stretch=2e-5,
        unison=((0.0, 1.0, 1.0), (0.5, 0.3, 1.5)),
        body=_body,
        attack_seconds=0.0006,
    )
    return string + knock(rng, 80.0, 3000.0, 0.08, (0.02, 0.03, 0.05))


class Pluck(LongPatch):
    """One string."""

    recipes = long_recipes("pluck", _sound, 36, 96)
    release_seconds = 0.4


INSTRUMENT = simple(Pluck, level_db=-8.0, polyphony=12, spread=0.4, shaped_by=("brightness",))
