"""Electric piano: tines struck by small hammers, before magnetic pickups.

Range E1 to E7. The tine's swing is nearly a sine; the pickup bends it the more the wider it swings,
as one sine modulating another does, so loud notes bark with many partials and grow round as they
die. The stroke rings a bell-like mode of the tine for a moment. Velocity and brightness move from
round to bark, in four layers.
"""

import numpy as np

from ..instrument import simple
from ..struck import RungPatch, head_and_tail
from ..tables import Struck

BARK = (0.16, 0.3, 0.48, 0.68)  # each partial is so much weaker than the one below, by layer
TINE = np.array([[0.03, 0.015], [0.07, 0.03], [0.13, 0.06], [0.22, 0.1]])  # upper modes, by layer


def _sound(hz: float) -> Struck:
    ring = float(np.clip(11.0 * (262.0 / hz) ** 0.5, 2.2, 16.0))
    number = np.arange(1.0, max(3, min(14, int(12_000.0 / hz))) + 1)
    bark = np.clip(np.array(BARK)[:, None] * (262.0 / hz) ** 0.3, 0.0, 0.82)
    tone = bark ** (number - 1.0) * np.where(number == 2, 1.25, 1.0)
    if hz < 262.0:  # bass tines swing wide of the pickup's middle: the octave is as strong
        tone[:, 0] *= (hz / 262.0) ** 0.3
    return Struck(
        np.concatenate([hz * number, hz * np.array([7.1, 20.3])]),
        np.concatenate([ring / number**0.65, [0.6, 0.18]]),
        np.concatenate([tone, TINE], axis=1)[:, None, :],
        min(ring, 8.0),
        0.0012,
    )


class ElectricPiano(RungPatch):
    """One key."""

    reels = head_and_tail("epiano", _sound, 28, 100)
    release_seconds = 0.18
    sides = 1


INSTRUMENT = simple(
    ElectricPiano, level_db=3.0, polyphony=14, spread=0.3, shaped_by=("brightness",)
)
