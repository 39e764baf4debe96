"""Sub bass: a sine pushed a little, for the floor of a mix.

Range C1 to G3. One endless loop and an envelope; four layers, as loudness and brightness raise the
octave and what lies above it, so that small speakers have something to play.
"""

import numpy as np

from ..instrument import Sound, Strand, Touch, simple
from ..material import material
from ..players import evened, whole_turns
from ..recipes import Recipe
from ..tables import Samples
from ..tape import Tape

LOOP_SECONDS = 0.4
LEVELS_DB = ((0, -20, -34, -50), (0, -15, -24, -34), (0, -11, -17, -24), (0, -7, -12, -17))
"""Of the partials 1, 2, 3 and 4 in each layer."""


def _render(hz: float, sample_rate: int) -> Samples:
    turns, frames = whole_turns(hz, sample_rate, LOOP_SECONDS)
    phase = 2.0 * np.pi * turns * np.arange(frames) / frames
    numbers = np.arange(1, 5)
    waves = np.sin(numbers[:, None] * phase)
    return evened((10.0 ** (np.array(LEVELS_DB) / 20.0) @ waves).astype(np.float32), sample_rate)


class SubBass:
    """One note."""

    recipe = Recipe("subbass", _render, 24, 56, step=4)
    attack = 0.014

    def __init__(self, tape: Tape) -> None:
        self._material = material(tape, self.recipe)

    def sound(self, touch: Touch) -> Sound:
        take = self._material.round(touch.pitch, self._material.layer(touch.loudness))
        return Sound(
            [Strand(take)],
            attack=touch.slower(self.attack),
            decay=1.5,
            sustain=0.75,
            release=0.14,
            shortest_seconds=0.02,
        )


INSTRUMENT = simple(SubBass, level_db=-5.8, polyphony=4, shaped_by=("brightness", "attack"))
