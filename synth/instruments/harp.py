"""Harp: gut and nylon strings plucked by the fingertips, over a long soundboard.

Range C1 to G7. Plucked near the middle, which favours the lower partials; each note dies quickly at
first and then rings on. Velocity and brightness harden the finger, in three layers.
"""

import numpy as np

from ..instrument import simple
from ..struck import RungPatch, head_and_tail
from ..tables import Floats, Struck, knock, peaks, string_sound

CUTOFFS = (700.0, 1400.0, 2800.0)  # Hz, by layer


def _board(hz: Floats) -> Floats:
    """Gain of the soundboard."""
    return peaks(hz, 0.5, (170.0, 0.5, 0.6), (380.0, 0.5, 0.6)) / (1.0 + (75.0 / hz) ** 2)


def _sound(hz: float) -> Struck:
    rng = np.random.default_rng(11)
    pitched = (hz / 262.0) ** 0.35
    strings = string_sound(
        hz,
        (CUTOFFS[0] * pitched, CUTOFFS[1] * pitched, CUTOFFS[2] * pitched),
        strike=0.4,
        ring_seconds=float(np.clip(2.3 * (262.0 / hz) ** 0.7, 0.55, 4.0)),
        damp_hz=2500.0,
        rng=rng,
        slope=(1.05, 0.9, 0.8),
        stretch=1e-5,
        unison=((-0.2, 1.0, 1.0), (0.3, 0.17, 2.2 * max(1.0, (hz / 262.0) ** 0.6))),
        body=_board,
        grain_db=2.0,
        scatter=0.25,
        blur=0.8,
        seconds=float(np.clip(5.0 * (262.0 / hz) ** 0.45, 1.3, 7.0)),
        attack_seconds=0.0015,
    )
    return strings + knock(rng, 90.0, 2500.0, 0.12, (0.05, 0.08, 0.14))


class Harp(RungPatch):
    """One string."""

    reels = head_and_tail("harp", _sound, 24, 104, step=5)
    release_seconds = 0.9


INSTRUMENT = simple(Harp, level_db=4.0, polyphony=14, spread=0.5, shaped_by=("brightness",))
