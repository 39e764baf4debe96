"""Sub bass: a sine pushed a little, for the floor of a mix.

Range C1 to G3. One endless loop and an envelope; four layers, as loudness and brightness raise the
octave and what lies above it, so that small speakers have something to play.
"""

from typing import Any

import numpy as np

from ..colours import Reader
from ..instrument import BasePatch, Touch, simple
from ..players import evened, whole_turns
from ..rack import Rack
from ..recipes import Recipe
from ..tables import Samples

LOOP_SECONDS = 0.4
LEVELS_DB = ((0, -20, -34, -50), (0, -15, -24, -34), (0, -11, -17, -24), (0, -7, -12, -17))
"""Of the partials 1, 2, 3 and 4 in each layer."""


def _render(hz: float, sample_rate: int) -> Samples:
    turns, frames = whole_turns(hz, sample_rate, LOOP_SECONDS)
    phase = 2.0 * np.pi * turns * np.arange(frames) / frames
    numbers = np.arange(1, 5)
    waves = np.sin(numbers[:, None] * phase)
    return evened((10.0 ** (np.array(LEVELS_DB) / 20.0) @ waves).astype(np.float32), sample_rate)


class SubBass(BasePatch):
    """One note."""

    recipe = Recipe("subbass", _render, 24, 56, step=4)
    attack = 0.014
    attack_seconds, release_seconds = 0.02, 0.14

    def __init__(self, rack: Rack, gate: Any, freq: Any) -> None:
        self._amp = rack.envelope(gate, self.attack, 1.5, 0.75, self.release_seconds, power=2)
        self._speed = rack.level(freq)
        self._reader = Reader(rack, self.recipe, self._speed.stream, self._amp.stream)
        self.left = self.right = self._reader.stream

    def tune(self, touch: Touch) -> None:
        material = self._reader.material
        self._amp.set(attack=touch.slower(self.attack))
        self._speed.set(material.cycles_per_hz(touch.pitch))
        self._reader.tune(touch.pitch, material.layer(touch.loudness))


INSTRUMENT = simple(SubBass, level_db=-5.8, polyphony=4, shaped_by=("brightness", "attack"))
