"""Piano: a concert grand.

Range A0 to C8. Each note is one, two or three strings: stretched partials, a quick first decay and a
slow second one, and the beating of strings that are not quite in tune; the hammer's thud comes with
it. Struck harder, by velocity or brightness, the hammer is harder and the upper partials come out,
in four layers. The sides hear the strings a little differently. The top notes have no dampers.
"""

import numpy as np

from ..instrument import Touch, simple
from ..struck import LongPatch, long_recipes
from ..tables import Floats, Struck, knock, string_sound

UNDAMPED_FROM = 90  # MIDI pitch


def _board(hz: Floats) -> Floats:
    """Gain of the soundboard."""
    return 1.0 / (1.0 + (70.0 / hz) ** 2)


def _sound(hz: float) -> Struck:
    pitch = 69.0 + 12.0 * np.log2(hz / 440.0)
    rng = np.random.default_rng(int(pitch))
    stretch = np.exp(0.0926 * pitch - 13.64) + np.exp(-0.0847 * pitch - 5.82)
    ring = float(np.clip(11.0 * (262.0 / hz) ** 0.75, 0.5, 16.0))
    strings = string_sound(
        hz,
        tuple(np.array([700.0, 1100.0, 1700.0, 2800.0]) * (hz / 262.0) ** 0.35),
        strike=0.12,
        ring_seconds=ring,
        damp_hz=2500.0,
        rng=rng,
        slope=0.6,
        stretch=float(stretch),
        unison=((0.0, 1.0, 0.6), (0.35, 0.2, 1.6), (-0.3, 0.13, 2.0)),
        body=_board,
        grain_db=3.0,
        seconds=min(ring, 9.0),
        attack_seconds=0.0012,
    )
    loud = 0.02 * (hz / 262.0) ** 0.3
    return strings + knock(rng, 60.0, 2500.0, 0.25, (0.5 * loud, loud, 1.6 * loud, 2.2 * loud))


class Piano(LongPatch):
    """One key."""

    recipes = long_recipes("piano", _sound, 21, 108, keep=True)
    release_seconds = 0.3

    def tune(self, touch: Touch) -> None:
        super().tune(touch)
        self.one_shot = touch.pitch >= UNDAMPED_FROM


INSTRUMENT = simple(Piano, level_db=-8.9, polyphony=16, spread=0.3, shaped_by=("brightness",))
