"""Piano: a concert grand.

Range A0 to C8. Each note is one, two or three strings: stretched partials, a quick first decay and
a slow second one, and the beating of strings that are not quite in tune; the hammer's thud comes
with it. Struck harder, by velocity or brightness, the hammer is harder and the upper partials come
out, in four layers. The sides hear the strings a little differently. The top notes have no dampers.
"""

import numpy as np

from ..instrument import Sound, Touch, simple
from ..struck import RungPatch, head_and_tail
from ..tables import Floats, Struck, knock, string_sound

CUTOFFS = (850.0, 1600.0, 3200.0, 6000.0)  # Hz, by layer: the hammer's felt
SLOPES = (1.5, 1.28, 1.08, 0.92)  # powers by which partials fall, by layer
THUD = (0.025, 0.04, 0.055, 0.075)  # of the keybed, by layer, beside the first partial
SLOW_PARTIALS, RISE_SECONDS = 12, 0.08  # which the board takes up slowly, and how long that takes
UNDAMPED_FROM = 90  # MIDI pitch


def _board(hz: Floats) -> Floats:
    """Gain of the soundboard."""
    return 1.0 / (1.0 + (80.0 / hz) ** 3)


def _sound(hz: float) -> Struck:
    pitch = 69.0 + 12.0 * np.log2(hz / 440.0)
    rng = np.random.default_rng(23)
    low, high = max(262.0 / hz, 1.0), min(262.0 / hz, 1.0)
    late = float(np.clip(0.12 * (262.0 / hz) ** 0.8, 0.04, 0.35))
    strings = string_sound(
        hz,
        CUTOFFS,
        strike=0.125 if hz < 1000.0 else 0.09,
        ring_seconds=3.0 * low**0.65 * high**0.3,
        damp_hz=3200.0,
        rng=rng,
        slope=SLOPES,
        steepness=2.4,
        stretch=float(np.exp(0.0926 * pitch - 13.64) + np.exp(-0.0847 * pitch - 5.82)),
        unison=(
            (0.0, 1.0, 1.0),
            (0.8, 0.3, 1.2),
            (-0.6, late, 5.0 * high**0.2 / low**0.3),
            (0.3, 0.6 * late, 6.0 * high**0.2 / low**0.3),
        ),
        body=_board,
        grain_db=2.2,
        scatter=0.3,
        blur=1.1 * high**0.4,
        seconds=float(np.clip(8.0 * (262.0 / hz) ** 0.5, 1.5, 7.5)),
        attack_seconds=0.004 * high**0.3,
    )
    lows = strings.amplitudes[..., :SLOW_PARTIALS]
    rise = Struck(
        strings.hz[:SLOW_PARTIALS], np.full(lows.shape[-1], RISE_SECONDS), -0.6 * lows, 0.0
    )
    thud = knock(rng, 40.0, 220.0, 0.8, THUD, 40)
    rap = knock(rng, 220.0, 2500.0, 0.3, tuple(0.6 * v / high**0.35 for v in THUD))
    return strings + rise + thud + rap


class Piano(RungPatch):
    """One key."""

    reels = head_and_tail("piano", _sound, 23, 108, step=5)
    release_seconds = 0.3

    def sound(self, touch: Touch) -> Sound:
        sound = super().sound(touch)
        sound.one_shot = touch.pitch >= UNDAMPED_FROM
        return sound


INSTRUMENT = simple(Piano, level_db=3.8, polyphony=16, spread=0.3, shaped_by=("brightness",))
