"""Cello: one player, bowed.

Range C2 to E5. Levels of the partials as measured on recorded notes of a cello, soft and loud, with
the bow's noise; loudness and brightness mix the two colours. Starts slowly when the attack control
is low, with a scrape when it is high; a wide vibrato grows as the note settles.
"""

from ..colours import TwoColours
from ..instrument import simple
from ..players import measured, onset_noise, player_loops
from ..recipes import Recipe
from ..tables import Samples

SOFT = (
    (37, (-22, 0, -3, -6, -11, -20, -16, -21, -23, -28, -25, -32, -29, -36, -35, -37, -37)),
    (45, (-7, 0, -5, -16, -21, -20, -23, -30, -30, -34, -35, -35, -43, -38, -40, -42, -42)),
    (53, (0, -6, -11, -18, -26, -26, -34, -33, -35, -39, -38, -39, -42, -43, -45, -48, -48)),
    (61, (0, -8, -15, -18, -28, -29, -32, -32, -36, -38, -42, -45, -47, -50, -53, -49, -53)),
    (69, (0, -10, -16, -16, -23, -26, -33, -35, -37, -43, -46, -47, -47, -47, -51, -51, -50)),
    (78, (0, -6, -15, -20, -28, -32, -37, -40, -37, -37, -42, -42, -42)),
)
LOUD = (
    (37, (-27, 0, -6, -6, -12, -12, -19, -23, -23, -28, -27, -31, -32, -36, -36, -35, -34)),
    (45, (-10, 0, -6, -8, -11, -17, -20, -25, -23, -24, -30, -30, -32, -31, -29, -33, -35)),
    (53, (0, -9, -13, -17, -20, -22, -25, -26, -30, -26, -31, -27, -33, -34, -39, -42, -42)),
    (61, (0, -12, -17, -19, -22, -22, -26, -28, -30, -34, -37, -36, -43, -44, -47, -47, -48)),
    (69, (0, -9, -14, -15, -21, -19, -32, -31, -33, -36, -34, -40, -38, -43, -43, -43, -45)),
    (78, (0, -15, -15, -19, -21, -29, -28, -32, -34, -30, -30, -36, -41)),
)
NOISES_DB = (
    (-44, -42, -43, -44, -44, -46, -45, -50),
    (-42, -40, -40, -40, -40, -40, -40, -44),
)
"""Noise of the bow with each colour, by octaves."""
PRESSED = 0.25  # a bow pressed harder than the recorded ones: 1.5 dB more for each octave
ONSET_DB = (-44, -34, -28, -26, -26, -26, -28, -34)


def _render(hz: float, sample_rate: int) -> Samples:
    loud = measured(LOUD, hz)
    spectra = measured(SOFT, hz), lambda number: loud(number) * number**PRESSED
    return player_loops(
        hz, sample_rate, spectra, NOISES_DB, wander_cents=3.0, flicker_db=2.0, puffs=0.8
    )


def _onset(hz: float, sample_rate: int) -> Samples:
    return onset_noise(sample_rate, ONSET_DB, seconds=0.22, rise_seconds=0.02)


class Cello(TwoColours):
    """One player."""

    recipe = Recipe("cello", _render, 36, 80, step=4)
    onset = Recipe("cello-onset", _onset, 60, 60, step=1)
    attack, settle, sustain = 0.17, 0.6, 0.8
    attack_seconds, release_seconds = 0.06, 0.35
    vibrato_hz, vibrato_cents, throb = 5.3, 15.0, 0.15
    least = 0.15


INSTRUMENT = simple(
    Cello, level_db=-4.5, polyphony=4, spread=0.2, shaped_by=("brightness", "attack")
)
