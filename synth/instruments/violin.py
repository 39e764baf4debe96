"""Violin: one player, bowed.

Range G3 to E7. A bowed string pulls the bridge with all partials at 1/n; the body answers with the
air's resonance at 280 Hz, those of its plates round 450 and 550, and the bridge's broad hill at
2.5 kHz. Loudness and brightness mix a soft and a pressed bow. Starts slowly when the attack control
is low, with a scrape when it is high; vibrato grows as the note settles.
"""

from ..colours import TwoColours
from ..instrument import simple
from ..players import onset_noise, player_loops
from ..recipes import Recipe
from ..tables import Floats, Partials, Samples, peaks

BOWS = ((1.35, 3200.0), (1.02, 7500.0))
"""Of each colour: power of the number that partials fall by, and Hz where they fall faster."""
NOISES_DB = (
    (-60, -48, -46, -46, -46, -46, -46, -50),
    (-60, -46, -44, -42, -40, -39, -38, -42),
)
"""Noise of the bow with each colour, by octaves."""
ONSET_DB = (-60, -44, -32, -28, -25, -24, -25, -30)


def _body(hz: Floats) -> Floats:
    """Gain of the body at a frequency."""
    low = peaks(hz, 0.5, (280.0, 0.4, 0.2), (455.0, 0.6, 0.18), (555.0, 0.5, 0.18))
    hill = peaks(hz, 1.0, (1050.0, 0.35, 0.25), (2500.0, 1.3, 0.55), (4200.0, 0.5, 0.4))
    return low * hill / (1.0 + (200.0 / hz) ** 4)


def _bow(hz: float, slope: float, top_hz: float) -> Partials:
    def amplitudes(number: Floats) -> Floats:
        at = hz * number
        return number**-slope * _body(at) / (1.0 + (at / top_hz) ** 2)

    return amplitudes


def _render(hz: float, sample_rate: int) -> Samples:
    spectra = [_bow(hz, slope, top_hz) for slope, top_hz in BOWS]
    return player_loops(hz, sample_rate, spectra, NOISES_DB, flicker_db=2.0, puffs=0.8)


def _onset(hz: float, sample_rate: int) -> Samples:
    return onset_noise(sample_rate, ONSET_DB, seconds=0.18, rise_seconds=0.015)


class Violin(TwoColours):
    """One player."""

    recipe = Recipe("violin", _render, 54, 102, step=4)
    onset = Recipe("violin-onset", _onset, 60, 60, step=1)
    attack, settle, sustain = 0.13, 0.5, 0.8
    attack_seconds, release_seconds = 0.05, 0.3
    vibrato_hz, vibrato_cents, throb = 5.8, 15.0, 0.18
    least = 0.15


INSTRUMENT = simple(
    Violin, level_db=-4.8, polyphony=4, spread=0.2, shaped_by=("brightness", "attack")
)
