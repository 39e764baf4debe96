"""Texture: a cloud of grains from a made-up swell of voices and breath, for air and unease.

Range C2 to C7. Grains of a fifth of a second are scattered over an endless loop, most at the note's
pitch, some an octave or a twelfth above, another cloud for the sides. Density chooses among three
clouds from sparse to thick; brightness acts by the layer's filter.
"""

import numpy as np

from ..colours import Section
from ..instrument import Touch, simple
from ..players import evened
from ..recipes import Recipe
from ..tables import LOOP_FRAMES, Floats, Samples, spread_loop

GRAINS = (40, 110, 320)  # in a loop, by layer
GRAIN_SECONDS = (0.25, 0.6)
SPEEDS = (1, 2, 3)
CHANCES = (0.72, 0.2, 0.08)
HIGHEST_HZ = 6500.0  # of what is read at up to three times its speed


def _soft(hz: Floats) -> Floats:
    """Gain at a frequency; nothing that the quickest grains would read too high."""
    return np.where(hz < HIGHEST_HZ, 1.0 / (1.0 + (hz / 3500.0) ** 2), 0.0)


def _source(hz: float, sample_rate: int) -> Floats:
    """What grains are cut from: from hollow to full [shape=(LOOP_FRAMES,)]."""
    loops = [
        spread_loop(hz, levels, sample_rate, cents=12, formant=_soft, seed=81)
        for levels in (lambda n: np.where(n % 2 == 1, n**-1.1, 0.05 / n), lambda n: n**-0.8)
    ]
    place = np.linspace(0.0, 0.5 * np.pi, LOOP_FRAMES)
    return np.asarray(loops[0] * np.cos(place) + loops[1] * np.sin(place))


def _cloud(source: Floats, grains: int, sample_rate: int, seed: int) -> Floats:
    """Grains of a source, scattered over a loop of twice its length."""
    rng = np.random.default_rng(seed)
    longest = int(GRAIN_SECONDS[1] * sample_rate)
    turned = np.tile(source, 2 + max(SPEEDS) * longest // LOOP_FRAMES)
    cloud = np.zeros(2 * LOOP_FRAMES + longest)
    for _ in range(grains):
        length = int(rng.uniform(*GRAIN_SECONDS) * sample_rate)
        speed = int(rng.choice(SPEEDS, p=CHANCES))
        first, at = rng.integers(LOOP_FRAMES), rng.integers(2 * LOOP_FRAMES)
        grain = turned[first : first + speed * length : speed]
        level = rng.uniform(0.5, 1.0) / speed
        cloud[at : at + length] += level * grain * np.hanning(length)
    cloud[:longest] += cloud[2 * LOOP_FRAMES :]  # what reaches over the end comes round
    return cloud[: 2 * LOOP_FRAMES]


def _render(hz: float, sample_rate: int) -> Samples:
    source = _source(hz, sample_rate)
    counts = (*GRAINS, GRAINS[1])  # the last is the sides
    clouds = [_cloud(source, grains, sample_rate, 83 + n) for n, grains in enumerate(counts)]
    return evened(np.stack(clouds).astype(np.float32), sample_rate)


class Texture(Section):
    """One cloud."""

    recipe = Recipe("texture", _render, 36, 96, step=6)
    attack, settle, sustain = 0.6, 0.5, 0.9
    attack_seconds, release_seconds = 0.1, 1.6
    width = 0.55
    roam = 0.04

    def among(self, touch: Touch) -> float:
        return touch.density


INSTRUMENT = simple(
    Texture, level_db=-7.4, polyphony=6, spread=0.5, shaped_by=("attack", "density")
)
