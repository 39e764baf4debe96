"""Arp: a short, bright synthesizer note for running figures.

Range C2 to E7. Struck material: the partials of a saw, of which the upper ones die first, which is
what a filter that closes does; two saws a few cents apart beat slowly, unlike on the two sides.
Loudness and brightness open the filter.
"""

import numpy as np

from ..instrument import simple
from ..struck import RungPatch, whole
from ..tables import Struck

OPENING = (4.0, 9.0, 24.0)  # of the layers: the partial from which on levels fall
DETUNE = 1.0012


def _sound(hz: float) -> Struck:
    number = np.arange(1.0, min(60, int(16_000.0 / hz)) + 1)
    ring = float(np.clip(0.9 * (440.0 / hz) ** 0.3, 0.5, 1.4))
    levels = np.stack([number**-0.75 / (1.0 + (number / n) ** 3) for n in OPENING])
    sides = np.stack([np.tile(levels, 2), np.concatenate([levels, -levels], axis=1)], axis=1)
    return Struck(
        hz * np.concatenate([number * DETUNE, number / DETUNE]),
        np.tile(ring / number**0.45, 2),
        sides,
        ring,
        0.001,
    )


class Arp(RungPatch):
    """One note."""

    reels = whole("arp", _sound, 36, 100, step=5)
    release_seconds = 0.15


INSTRUMENT = simple(Arp, level_db=2.0, polyphony=8, spread=0.6, shaped_by=("brightness",))
