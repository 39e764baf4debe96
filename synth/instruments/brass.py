"""Brass: a small section of trumpets and trombones.

Range Bb1 to C6. Three players side by side, each a little off the others; levels of the partials as
measured on recorded notes of a trombone, soft and loud. Loudness and brightness mix the two
colours, and the loud one comes later, as a blown note opens.
"""

from ..colours import TwoColours
from ..instrument import simple
from ..players import LOOP_SECONDS, measured, onset_noise, player_loops
from ..recipes import Recipe
from ..tables import Samples

SOFT = (
    (40, (-15, -7, -9, -3, 0, -11, -6, -11, -13, -12, -23, -14, -17, -22, -22, -24, -24)),
    (48, (-11, 0, -5, -2, -10, -9, -12, -17, -19, -20, -20, -26, -32, -35, -42, -42, -43)),
    (56, (0, -2, -7, -17, -22, -22, -25, -35, -44, -52, -62, -56, -57, -62, -65, -69, -66)),
    (64, (0, -8, -11, -18, -29, -36, -42, -48, -51, -60, -61, -62, -65, -63, -68, -67, -69)),
    (72, (0, -7, -12, -25, -34, -41, -46, -53, -56, -62, -69, -64, -67, -66, -66, -69, -71)),
    (84, (0, -3, -12, -27, -30, -42, -45, -55, -58)),
)
LOUD = (
    (40, (-23, -17, 0, -9, 0, -3, 0, -6, -5, -9, -5, -16, -10, -9, -15, -12, -17)),
    (48, (-18, -12, 0, -7, 0, -3, -1, -5, -6, -9, -7, -15, -10, -10, -15, -13, -16)),
    (56, (-4, 0, -2, 0, -1, -4, -6, -4, -8, -11, -12, -13, -11, -15, -16, -16, -15)),
    (64, (-4, 0, -5, -4, -5, -8, -12, -10, -13, -15, -15, -17, -19, -22, -24, -22, -23)),
    (72, (0, -2, -6, -10, -11, -15, -17, -20, -24, -24, -27, -29, -33, -34, -36, -39, -40)),
    (84, (0, 0, -7, -14, -14, -23, -26, -31, -34)),
)
NOISES_DB = (
    (-44, -44, -44, -46, -48, -50, -52, -56),
    (-44, -42, -40, -40, -40, -41, -44, -50),
)
"""Breath of each colour, by octaves."""
ONSET_DB = (-50, -36, -30, -28, -30, -32, -36, -44)
DETUNE = 0.002  # of the other players, as a share of the frequency


def _render(hz: float, sample_rate: int) -> Samples:
    spectra = measured(SOFT, hz), measured(LOUD, hz)
    off = round(DETUNE * LOOP_SECONDS * hz)
    players = ((0, 1.0, 0.1), (off, 0.48, -1.0), (-off, 0.48, 1.0))
    return player_loops(hz, sample_rate, spectra, NOISES_DB, players=players, wander_cents=2.5)


def _onset(hz: float, sample_rate: int) -> Samples:
    return onset_noise(sample_rate, ONSET_DB, seconds=0.09, rise_seconds=0.005)


class Brass(TwoColours):
    """One note of the section."""

    recipe = Recipe("brass", _render, 34, 86, step=4)
    onset = Recipe("brass-onset", _onset, 60, 60, step=1)
    attack, settle, sustain = 0.075, 0.5, 0.8
    attack_seconds, release_seconds = 0.05, 0.28
    late = 2
    width = 0.4
    roam = 0.2


INSTRUMENT = simple(
    Brass, level_db=-3.5, polyphony=8, spread=0.2, shaped_by=("brightness", "attack")
)
