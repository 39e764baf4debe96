"""Sub bass: a sine with a trace of its octave, for the floor of a mix.

Range C1 to G3. Nothing but two sines and an envelope; loudness and brightness raise the octave, so
that small speakers have something to play.
"""

from typing import Any

from ..instrument import BasePatch, Touch, simple
from ..rack import Rack


class SubBass(BasePatch):
    """One note."""

    attack_seconds, release_seconds = 0.02, 0.12

    def __init__(self, rack: Rack, gate: Any, freq: Any) -> None:
        self._amp = rack.envelope(gate, 0.012, 1.5, 0.7, self.release_seconds, power=2)
        ground = rack.add(rack.pyo.Sine(freq, mul=self._amp.stream))
        octave = rack.add(rack.pyo.Sine(rack.times(freq, 2.0), mul=self._amp.stream))
        self._octave = rack.level(octave)
        self.left = self.right = rack.sum(ground, self._octave.stream)

    def tune(self, touch: Touch) -> None:
        self._amp.set(attack=touch.slower(0.012))
        self._octave.set(0.05 + 0.3 * touch.loudness)


INSTRUMENT = simple(SubBass, level_db=-12.2, polyphony=4, shaped_by=("brightness", "attack"))
