"""Harpsichord: two choirs of strings plucked by quills, an octave apart.

Range F1 to F6. The quill plucks near the end of thin brass strings, so all partials are there from
the first instant and ring long; it plucks alike however the key is struck, so velocity moves level
more than colour. Brightness chooses where the quill meets the string, in two layers.
"""

import numpy as np

from ..instrument import simple
from ..struck import RungPatch, whole
from ..tables import Floats, Struck, knock, peaks, string_sound

CUTOFFS = (5500.0, 13_000.0)  # Hz, by layer


def _case(hz: Floats) -> Floats:
    """Gain of soundboard and case."""
    body = peaks(hz, 0.6, (320.0, 0.4, 0.6), (900.0, 0.4, 0.6), (2600.0, 0.6, 0.8))
    return body / (1.0 + (60.0 / hz) ** 2)


def _choir(hz: float, strike: float, rng: np.random.Generator) -> Struck:
    return string_sound(
        hz,
        CUTOFFS,
        strike=strike,
        ring_seconds=float(np.clip(4.0 * (262.0 / hz) ** 0.42, 1.0, 6.0)),
        damp_hz=4500.0,
        rng=rng,
        slope=(1.05, 0.85),
        stretch=2e-5,
        unison=((-0.2, 1.0, 0.9), (0.3, 0.25, 1.4)),
        body=_case,
        scatter=0.25,
        blur=1.5,
        seconds=float(np.clip(4.2 * (262.0 / hz) ** 0.4, 1.2, 5.0)),
        attack_seconds=0.0003,
    )


def _sound(hz: float) -> Struck:
    rng = np.random.default_rng(15)
    jack = knock(rng, 150.0, 6000.0, 0.09, (0.12, 0.16))
    return _choir(hz, 0.13, rng) + _choir(2.001 * hz, 0.16, rng).scaled(0.4) + jack


class Harpsichord(RungPatch):
    """One key."""

    reels = whole("harpsichord", _sound, 29, 89, step=5)
    release_seconds = 0.12


INSTRUMENT = simple(Harpsichord, level_db=3.5, polyphony=12, spread=0.3, shaped_by=("brightness",))
