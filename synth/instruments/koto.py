"""Koto: silk strings over movable bridges, plucked with ivory picks near the end.

Range G2 to E6. A hard, bright attack that dies at once, and a long ring after it. Velocity and
brightness harden it further, in three layers.
"""

import numpy as np

from ..instrument import simple
from ..struck import RungPatch, whole
from ..tables import Floats, Struck, knock, peaks, string_sound

CUTOFFS = (1800.0, 3200.0, 6000.0)  # Hz, by layer


def _body(hz: Floats) -> Floats:
    """Gain of the long hollow body."""
    gain = peaks(hz, 0.4, (220.0, 0.3, 0.4), (520.0, 0.5, 0.5), (1600.0, 0.6, 0.7))
    return gain / (1.0 + (150.0 / hz) ** 2)


def _sound(hz: float) -> Struck:
    rng = np.random.default_rng(13)
    pitched = (hz / 262.0) ** 0.3
    string = string_sound(
        hz,
        (CUTOFFS[0] * pitched, CUTOFFS[1] * pitched, CUTOFFS[2] * pitched),
        strike=0.14,
        ring_seconds=float(np.clip(1.3 * (262.0 / hz) ** 0.4, 0.6, 2.2)),
        damp_hz=4000.0,
        rng=rng,
        slope=(0.9, 0.75, 0.65),
        stretch=2e-5,
        unison=((-0.2, 1.0, 1.0), (0.1, 0.3, 3.0 * max(1.0, (hz / 262.0) ** 0.4))),
        body=_body,
        grain_db=2.0,
        scatter=0.25,
        blur=1.2,
        seconds=float(np.clip(2.8 * (262.0 / hz) ** 0.35, 1.4, 3.5)),
        attack_seconds=0.0004,
    )
    return string + knock(rng, 200.0, 6000.0, 0.06, (0.08, 0.14, 0.22))


class Koto(RungPatch):
    """One string."""

    reels = whole("koto", _sound, 43, 88, step=5)
    release_seconds = 0.3


INSTRUMENT = simple(Koto, level_db=4.0, polyphony=10, spread=0.4, shaped_by=("brightness",))
