"""Lead: a singing synthesizer of three saws that beat.

Range C2 to C7. Endless loops, a mellow and a full colour; loudness and brightness mix them, the
attack control sets how quickly it speaks, and vibrato grows as the note settles.
"""

from ..colours import TwoColours
from ..instrument import simple
from ..players import LOOP_SECONDS, player_loops
from ..recipes import Recipe
from ..tables import Floats, Samples

QUIET_DB = (-90,) * 8
DETUNE = 0.0022  # of the second saw, as a share of the frequency


def _mellow(number: Floats) -> Floats:
    return number**-1.0 / (1.0 + (number / 5.0) ** 2)


def _full(number: Floats) -> Floats:
    return number**-0.95 / (1.0 + (number / 40.0) ** 2)


def _render(hz: float, sample_rate: int) -> Samples:
    off = round(DETUNE * LOOP_SECONDS * hz)
    saws = ((0, 1.0, 0.0), (off, 0.6, -1.0), (-off, 0.6, 1.0))
    return player_loops(
        hz,
        sample_rate,
        (_mellow, _full),
        (QUIET_DB, QUIET_DB),
        players=saws,
        wander_cents=0.8,
        flicker_db=0.5,
    )


class Lead(TwoColours):
    """One note."""

    recipe = Recipe("lead", _render, 36, 96, step=5)
    attack, settle, sustain = 0.015, 0.45, 0.75
    attack_seconds, release_seconds = 0.02, 0.22
    vibrato_hz, vibrato_cents, throb = 5.6, 9.0, 0.1
    width = 0.4
    roam = 0.08
    least = 0.15


INSTRUMENT = simple(Lead, level_db=-5.2, polyphony=6, shaped_by=("brightness", "attack"))
