"""Vibraphone: aluminium bars over resonators whose lids turn.

Range C3 to F6. Modes at 1, 4 and 10 times the pitch; the first rings for seconds. Mallets of yarn, or
harder ones by velocity and brightness. Density turns the motor on: more tremolo.
"""

from typing import Any

import numpy as np

from ..instrument import Touch, simple
from ..rack import Rack
from ..struck import LongPatch, long_recipes
from ..tables import Struck

RATIOS = np.array([1.0, 4.0, 10.0, 17.5])
LAYERS = (0.2, 0.45, 1.0)
MOTOR_HZ = 5.4


def _sound(hz: float) -> Struck:
    ring = float(np.clip(7.0 * (262.0 / hz) ** 0.6, 2.0, 9.0))
    amplitudes = np.array([[1.0, 0.22 * v, 0.1 * v**1.4, 0.03 * v**2] for v in LAYERS])
    decays = ring * np.array([1.0, 0.25, 0.06, 0.03])
    return Struck(hz * RATIOS, decays, amplitudes[:, None, :], ring, 0.0015)


class Vibraphone(LongPatch):
    """One bar."""

    recipes = long_recipes("vibraphone", _sound, 48, 92)
    release_seconds = 0.4
    sides = 1

    def __init__(self, rack: Rack, gate: Any, freq: Any) -> None:
        super().__init__(rack, gate, freq)
        self._lid = rack.add(rack.pyo.Sine(MOTOR_HZ, mul=0.0, add=1.0))
        self._base = self._lid.getBaseObjects()[0]
        self.left = self.right = rack.times(self.left, self._lid)

    def tune(self, touch: Touch) -> None:
        super().tune(touch)
        self._base.setMul(0.7 * touch.density)


INSTRUMENT = simple(
    Vibraphone, level_db=-8.0, polyphony=12, spread=0.5, shaped_by=("brightness", "density")
)
