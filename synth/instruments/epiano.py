"""Electric piano: tines struck by small hammers, before magnetic pickups.

Range E1 to E7. The tine's swing is nearly a sine; the pickup bends it the more the wider it swings,
so loud notes bark with many partials and grow round as they die. The stroke rings a bell-like mode
of the tine for a moment. Velocity and brightness move from round to bark, in four layers.
"""

import numpy as np

from ..instrument import simple
from ..struck import LongPatch, long_recipes
from ..tables import Struck

BARK = (0.12, 0.28, 0.5, 0.72)  # partials fall by this factor, by layer


def _sound(hz: float) -> Struck:
    ring = float(np.clip(7.0 * (262.0 / hz) ** 0.4, 1.5, 10.0))
    count = max(2, min(12, int(12_000.0 / hz)))
    number = np.arange(1.0, count + 1)
    bark = np.array(BARK)[:, None] * min(1.0, (400.0 / hz) ** 0.3)
    tone = bark ** (number - 1.0) / number**0.3
    tine_hz = hz * np.array([7.1, 20.3])
    tine = np.array([[0.02, 0.01], [0.05, 0.02], [0.1, 0.04], [0.16, 0.08]])
    return Struck(
        np.concatenate([hz * number, tine_hz]),
        np.concatenate([ring / number**0.9, [0.5, 0.15]]),
        np.concatenate([tone, tine], axis=1)[:, None, :],
        ring,
        0.001,
    )


class ElectricPiano(LongPatch):
    """One key."""

    recipes = long_recipes("epiano", _sound, 28, 100)
    release_seconds = 0.18
    sides = 1


INSTRUMENT = simple(
    ElectricPiano, level_db=-8.0, polyphony=14, spread=0.3, shaped_by=("brightness",)
)
