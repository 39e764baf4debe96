"""Harpsichord: two choirs of strings plucked by quills, an octave apart.

Range F1 to F6. The quill plucks near the end of thin brass strings, so all partials are there from
the first instant and ring long; it plucks equally hard however the key is struck, so velocity moves
the colour little. Brightness chooses where the quill meets the string.
"""

import numpy as np

from ..instrument import simple
from ..struck import LongPatch, long_recipes
from ..tables import Floats, Struck, knock, peaks, string_sound


def _case(hz: Floats) -> Floats:
    """Gain of soundboard and case."""
    return peaks(hz, 0.5, (320.0, 0.4, 0.5), (900.0, 0.5, 0.6), (2600.0, 0.8, 0.8)) / (
        1.0 + (110.0 / hz) ** 2
    )


def _sound(hz: float) -> Struck:
    rng = np.random.default_rng(round(hz))
    ring = float(np.clip(4.5 * (262.0 / hz) ** 0.5, 1.0, 7.0))

    def choir(at: float, strike: float) -> Struck:
        return string_sound(
            at,
            (3500.0, 6000.0, 9000.0),
            strike=strike,
            ring_seconds=ring,
            damp_hz=3500.0,
            rng=rng,
            slope=0.75,
            stretch=2e-5,
            unison=((0.0, 1.0, 1.0), (0.6, 0.25, 1.3)),
            body=_case,
            attack_seconds=0.0003,
        )

    octave = choir(2.001 * hz, 0.12)
    octave.amplitudes[:] *= 0.35
    level = (0.02, 0.03, 0.04)
    return choir(hz, 0.09) + octave + knock(rng, 300.0, 6000.0, 0.06, level)


class Harpsichord(LongPatch):
    """One key."""

    recipes = long_recipes("harpsichord", _sound, 29, 89)
    release_seconds = 0.12


INSTRUMENT = simple(Harpsichord, level_db=-8.0, polyphony=12, spread=0.3, shaped_by=("brightness",))
