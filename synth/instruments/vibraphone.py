"""Vibraphone: aluminium bars over resonators whose lids turn.

Range C3 to F6. Modes at 1, 4 and 10 times the pitch; the first rings for seconds. Mallets of yarn,
or harder ones by velocity and brightness, in three layers. Density turns the motor on: more
tremolo.
"""

from dataclasses import replace
from functools import partial

import numpy as np

from ..instrument import Sound, Touch, simple
from ..pyo_host import Samples
from ..struck import RungPatch, whole
from ..tables import Struck, knock
from ..tape import Reading, Take, Tape

RATIOS = np.array([1.0, 3.0, 3.99, 7.0, 9.9, 16.4])
LEVELS = np.array([1.0, 0.01, 0.3, 0.04, 0.3, 0.06])
DECAYS = np.array([1.0, 0.6, 0.3, 0.1, 0.07, 0.05])
LAYERS = (0.15, 0.5, 1.3)
MOTOR_HZ = 5.4
DEEPEST = 0.8  # of the tremolo, at density 1
DEPTHS = 8  # that are told apart


def _sound(hz: float) -> Struck:
    rng = np.random.default_rng(21)
    ring = float(np.clip(5.5 * (262.0 / hz) ** 0.5, 2.2, 6.5))
    hard = np.array(LAYERS)[:, None] ** (0.4 + 0.1 * RATIOS)
    amplitudes = LEVELS * np.where(RATIOS > 1.0, hard, 1.0)
    amplitudes[:, 3:] *= min(1.0, (330.0 / hz) ** 0.6)
    bar = Struck(hz * RATIOS, ring * DECAYS, amplitudes[:, None, :], min(ring, 5.5), 0.0015)
    return bar + knock(rng, 200.0, 4000.0, 0.06, (0.03, 0.06, 0.12), sides=1)


class Vibraphone(RungPatch):
    """One bar."""

    reels = whole("vibraphone", _sound, 48, 92)
    sides = 1
    release_seconds = 0.4

    def __init__(self, tape: Tape) -> None:
        super().__init__(tape)
        self._tape = tape

    def sound(self, touch: Touch) -> Sound:
        """The bar under its lid, which turns at one pace and as deeply as density has it."""
        sound = super().sound(touch)
        depth = 0.5 * DEEPEST * round(touch.density * DEPTHS) / DEPTHS
        for strand in sound.strands:
            bar = strand.take
            strand.take = self._tape.take((id(bar), depth), partial(self._turning, bar, depth))
        return sound

    def _turning(self, bar: Take, depth: float) -> Reading:
        turn = 2.0 * np.pi * MOTOR_HZ / self._tape.sample_rate
        read = bar.reading.read

        def turning(first: int, count: int) -> Samples:
            lid = 1.0 - depth + depth * np.sin(turn * np.arange(first, first + count))
            return np.asarray(read(first, count) * lid, np.float32)

        return replace(bar.reading, read=turning)


INSTRUMENT = simple(
    Vibraphone, level_db=4.9, polyphony=12, spread=0.5, shaped_by=("brightness", "density")
)
