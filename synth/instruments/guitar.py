"""Guitar: nylon strings, plucked by the fingers.

Range E2 to C6. The air in the body sounds at 100 Hz and its top at 200, 400 and above. Velocity and
brightness harden the attack, in three layers.
"""

import numpy as np

from ..instrument import simple
from ..struck import LongPatch, long_recipes
from ..tables import Floats, Struck, knock, peaks, string_sound


def _body(hz: Floats) -> Floats:
    """Gain of the body."""
    return peaks(
        hz, 0.5, (102.0, 0.9, 0.22), (205.0, 0.8, 0.25), (400.0, 0.4, 0.4), (2500.0, 0.3, 0.8)
    ) / (1.0 + (75.0 / hz) ** 2)


def _sound(hz: float) -> Struck:
    rng = np.random.default_rng(round(hz))
    ring = float(np.clip(3.6 * (262.0 / hz) ** 0.5, 0.9, 6.0))
    string = string_sound(
        hz,
        (700.0, 1500.0, 3200.0),
        strike=0.2,
        ring_seconds=ring,
        damp_hz=1800.0,
        rng=rng,
        slope=0.9,
        stretch=4e-5,
        unison=((0.0, 1.0, 1.0), (0.5, 0.3, 1.5)),
        body=_body,
        attack_seconds=0.001,
    )
    return string + knock(rng, 80.0, 3000.0, 0.1, (0.03, 0.05, 0.08))


class Guitar(LongPatch):
    """One string."""

    recipes = long_recipes("guitar", _sound, 40, 84)
    release_seconds = 0.15


INSTRUMENT = simple(Guitar, level_db=-8.0, polyphony=12, spread=0.4, shaped_by=("brightness",))
