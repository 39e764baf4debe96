"""Oboe: a double reed, nasal and clear, with a strong second and third partial.

Range Bb3 to G6. Levels of the partials as measured on recorded notes of an oboe, soft and loud;
loudness and brightness mix the two colours. Speaks at once; a narrow, quick vibrato.
"""

from ..colours import TwoColours
from ..instrument import simple
from ..players import measured, onset_noise, player_loops
from ..recipes import Recipe
from ..tables import Samples

SOFT = (
    (58, (0, -3, -11, -6, -5, -5, -10, -17, -21, -28, -37, -38, -43, -44, -46, -47, -50)),
    (66, (-1, 0, -3, -5, -10, -19, -28, -30, -39, -40, -44, -45, -47, -52, -54, -62, -59)),
    (74, (-4, 0, -7, -16, -25, -34, -41, -43, -50, -46, -52, -55, -49, -58, -61, -68)),
    (82, (0, -2, -30, -31, -45, -46, -49, -57, -62, -61)),
    (90, (0, -8, -23, -34, -57, -61)),
)
LOUD = (
    (58, (-6, -10, -9, -5, 0, -8, -9, -15, -17, -21, -17, -22, -25, -27, -30, -33, -32)),
    (66, (-9, -5, -1, 0, -6, -17, -19, -22, -24, -27, -29, -33, -36, -39, -41, -43, -43)),
    (74, (-12, 0, -6, -14, -18, -24, -28, -35, -40, -46, -48, -50, -54, -53, -56, -56)),
    (82, (0, -1, -13, -25, -25, -36, -42, -49, -52, -53)),
    (90, (0, -8, -21, -34, -44, -55)),
)
NOISES_DB = (
    (-60, -58, -60, -56, -56, -48, -54, -58),
    (-60, -58, -60, -50, -50, -48, -50, -54),
)
"""Breath of each colour, by octaves."""
ONSET_DB = (-60, -46, -40, -34, -28, -28, -30, -38)


def _render(hz: float, sample_rate: int) -> Samples:
    spectra = measured(SOFT, hz), measured(LOUD, hz)
    return player_loops(hz, sample_rate, spectra, NOISES_DB, wander_cents=2.2, flicker_db=1.2)


def _onset(hz: float, sample_rate: int) -> Samples:
    return onset_noise(sample_rate, ONSET_DB, seconds=0.06, rise_seconds=0.003)


class Oboe(TwoColours):
    """One player."""

    recipe = Recipe("oboe", _render, 57, 93, step=4)
    onset = Recipe("oboe-onset", _onset, 60, 60, step=1)
    attack, settle, sustain = 0.06, 0.5, 0.82
    attack_seconds, release_seconds = 0.03, 0.13
    vibrato_hz, vibrato_cents, throb = 5.4, 9.0, 0.2


INSTRUMENT = simple(
    Oboe, level_db=-5.2, polyphony=4, spread=0.1, shaped_by=("brightness", "attack")
)
