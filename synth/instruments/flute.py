"""Flute: few partials, breath round the tone, vibrato that comes late.

Range C4 to C7. Levels of the partials as measured on recorded notes of a flute, soft and loud;
loudness and brightness mix the two colours. Breath sounds with the tone and puffs before it; the
vibrato is of level more than of pitch. A soft attack speaks late.
"""

from ..colours import TwoColours
from ..instrument import simple
from ..players import measured, onset_noise, player_loops
from ..recipes import Recipe
from ..tables import Samples

SOFT = (
    (60, (0, -15, -16, -20, -18, -31, -40, -41, -41, -43, -48, -49, -54, -56, -54, -59, -59)),
    (66, (0, -12, -15, -18, -26, -33, -40, -41, -44, -51, -53, -55, -55, -58, -59, -60, -57)),
    (73, (0, -13, -15, -29, -36, -40, -49, -49, -53, -58, -60, -60, -60, -61, -60, -62, -61)),
    (80, (0, -8, -22, -32, -41, -42, -48, -47, -56, -49, -57)),
    (88, (0, -29, -37, -46, -52, -56, -54)),
    (96, (0, -25, -31, -47)),
)
LOUD = (
    (60, (-6, -5, 0, 0, -1, -15, -21, -23, -22, -26, -28, -33, -36, -37, -39, -41, -40)),
    (66, (-2, -2, 0, -1, -14, -18, -21, -24, -28, -35, -36, -40, -41, -42, -43, -45, -42)),
    (73, (-2, 0, -8, -13, -21, -20, -29, -32, -34, -40, -40, -46, -45, -47, -46, -48, -49)),
    (80, (0, -4, -18, -22, -30, -34, -37, -37, -46, -44, -53)),
    (88, (0, -24, -27, -36, -39, -43, -43)),
    (96, (0, -23, -29, -40)),
)
NOISES_DB = (
    (-62, -56, -60, -55, -47, -41, -41, -46),
    (-60, -50, -52, -48, -40, -33, -32, -38),
)
"""Breath of each colour, by octaves."""
ONSET_DB = (-60, -40, -30, -24, -20, -22, -24, -30)


def _render(hz: float, sample_rate: int) -> Samples:
    spectra = measured(SOFT, hz), measured(LOUD, hz)
    return player_loops(hz, sample_rate, spectra, NOISES_DB, wander_cents=2.5, puffs=0.3)


def _onset(hz: float, sample_rate: int) -> Samples:
    return onset_noise(sample_rate, ONSET_DB, seconds=0.2, rise_seconds=0.02)


class Flute(TwoColours):
    """One player."""

    recipe = Recipe("flute", _render, 58, 98, step=4)
    onset = Recipe("flute-onset", _onset, 60, 60, step=1)
    attack, settle, sustain = 0.1, 0.55, 0.82
    attack_seconds, release_seconds = 0.05, 0.2
    vibrato_hz, vibrato_cents, throb = 5.0, 9.0, 0.3


INSTRUMENT = simple(
    Flute, level_db=-4.9, polyphony=4, spread=0.1, shaped_by=("brightness", "attack")
)
