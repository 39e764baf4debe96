"""Guitar: nylon strings, plucked by the fingers.

Range E2 to C6. Each string swings across and along the top, which die at different paces; the air
in the body sounds at 100 Hz, its top at 200, 400 and above. Velocity and brightness harden the
attack, in three layers.
"""

import numpy as np

from ..instrument import simple
from ..struck import RungPatch, whole
from ..tables import Floats, Struck, knock, peaks, string_sound

CUTOFFS = (900.0, 1900.0, 4000.0)  # Hz, by layer


def _body(hz: Floats) -> Floats:
    """Gain of the body."""
    gain = peaks(hz, 0.5, (102.0, 0.7, 0.25), (205.0, 0.8, 0.3), (400.0, 0.4, 0.4))
    return gain * peaks(hz, 1.0, (2600.0, 0.6, 0.7)) / (1.0 + (75.0 / hz) ** 3)


def _sound(hz: float) -> Struck:
    rng = np.random.default_rng(12)
    pitched = (hz / 262.0) ** 0.4
    string = string_sound(
        hz,
        (CUTOFFS[0] * pitched, CUTOFFS[1] * pitched, CUTOFFS[2] * pitched),
        strike=0.22,
        ring_seconds=float(np.clip(1.8 * (262.0 / hz) ** 0.55, 0.6, 3.8)),
        damp_hz=2500.0,
        rng=rng,
        slope=(1.1, 0.95, 0.8),
        stretch=3e-5,
        unison=((-0.2, 1.0, 1.0), (0.3, 0.2, 3.0 * max(1.0, (hz / 262.0) ** 0.4))),
        body=_body,
        grain_db=2.0,
        scatter=0.25,
        seconds=float(np.clip(3.0 * (262.0 / hz) ** 0.4, 1.4, 4.0)),
        attack_seconds=0.001,
    )
    top = knock(rng, 90.0, 450.0, 0.25, (0.06, 0.1, 0.16), 30)
    nail = knock(rng, 450.0, 5000.0, 0.05, (0.04, 0.08, 0.16))
    return string + top + nail


class Guitar(RungPatch):
    """One string."""

    reels = whole("guitar", _sound, 40, 84)
    release_seconds = 0.15


INSTRUMENT = simple(Guitar, level_db=4.0, polyphony=10, spread=0.2, shaped_by=("brightness",))
