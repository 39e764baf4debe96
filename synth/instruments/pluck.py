"""Pluck: a plucked string between harp and koto: bright at once, round soon after.

Range C2 to C7. Velocity and brightness harden the pluck, in four layers; the ring after it is much
the same.
"""

import numpy as np

from ..instrument import simple
from ..struck import RungPatch, whole
from ..tables import Floats, Struck, knock, peaks, string_sound

CUTOFFS = (800.0, 1600.0, 3200.0, 6000.0)  # Hz, by layer
SLOPES = (1.15, 1.0, 0.9, 0.8)  # powers by which partials fall, by layer


def _body(hz: Floats) -> Floats:
    """Gain of the body."""
    return peaks(hz, 0.6, (220.0, 0.4, 0.5), (700.0, 0.4, 0.6)) / (1.0 + (70.0 / hz) ** 2)


def _sound(hz: float) -> Struck:
    rng = np.random.default_rng(14)
    pitched = (hz / 262.0) ** 0.35
    string = string_sound(
        hz,
        tuple(cutoff * pitched for cutoff in CUTOFFS),
        strike=0.23,
        ring_seconds=float(np.clip(1.7 * (262.0 / hz) ** 0.45, 0.5, 3.0)),
        damp_hz=2800.0,
        rng=rng,
        slope=SLOPES,
        stretch=2e-5,
        unison=((-0.2, 1.0, 1.0), (0.1, 0.22, 2.3)),
        body=_body,
        grain_db=2.0,
        scatter=0.2,
        seconds=float(np.clip(2.6 * (262.0 / hz) ** 0.4, 1.1, 3.5)),
        attack_seconds=0.0006,
    )
    return string + knock(rng, 120.0, 4000.0, 0.07, (0.04, 0.07, 0.1, 0.15))


class Pluck(RungPatch):
    """One string."""

    reels = whole("pluck", _sound, 36, 96, step=5)
    release_seconds = 0.4


INSTRUMENT = simple(Pluck, level_db=4.0, polyphony=10, spread=0.5, shaped_by=("brightness",))
