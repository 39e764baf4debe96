"""Pipe organ: principal and flute ranks, and a mixture when loud.

Range C1 to E7. An endless loop of ranks at 8, 4, 2 2/3 and 2 feet. The pipes speak with a short
chiff. Velocity and brightness draw more stops: flutes alone, principals, the mixture on top. The
attack control makes the pipes speak slower or quicker.
"""

import numpy as np

from ..instrument import Sound, Strand, Touch, simple
from ..material import material
from ..recipes import Recipe
from ..tables import EVEN_LEVEL, Floats, Samples, finish, loudness
from ..tape import Tape

STOPS = (
    ((1, 1.0), (2, 0.35)),
    ((1, 1.0), (2, 0.8), (4, 0.4)),
    ((1, 1.0), (2, 1.0), (3, 0.4), (4, 0.8), (6, 0.35), (8, 0.4)),
)
"""Ranks by layer: multiple of the pitch, and level."""
SLOPES = (1.9, 1.3, 1.05)  # powers by which partials fall, by layer
LOOP_SECONDS = 1.4
AIR = 0.0025  # noise beside the partials


def _pipes(hz: Floats) -> Floats:
    """Gain of wide pipes in a church: lows and highs are weaker."""
    return 1.0 / ((1.0 + (45.0 / hz) ** 2) * (1.0 + (hz / 4200.0) ** 3))


def _render(hz: float, sample_rate: int) -> Samples:
    """A loop of whole periods; the upper ranks are a turn of the loop out of tune, and so beat."""
    periods = round(LOOP_SECONDS * hz)
    frames = round(periods * sample_rate / hz)
    rng = np.random.default_rng(4)
    bins = np.linspace(0.0, sample_rate * (frames // 2) / frames, frames // 2 + 1)
    layers = []
    for stops, slope in zip(STOPS, SLOPES, strict=True):
        levels = AIR * (np.exp(-bins / 3000.0) - np.exp(-bins / 150.0)) / np.sqrt(LOOP_SECONDS)
        for rank, (multiple, level) in enumerate(stops):
            number = np.arange(1, int(0.4 * sample_rate / (hz * multiple)) + 1)
            turns = number * (multiple * periods + (0, 0, 1, 0, 1, -1)[rank])
            levels[turns] += level * number**-slope * _pipes(bins[turns])
        phases = rng.uniform(0.0, 2.0 * np.pi, len(bins))
        wave = np.fft.irfft(levels * np.exp(1j * phases), frames)
        parts = wave[: len(wave) // 4 * 4].astype(np.float32).reshape(1, 4, -1)
        wave *= EVEN_LEVEL / loudness(parts, sample_rate)
        layers.append(np.roll(wave, -int(np.argmin(np.abs(wave)))).astype(np.float32))
    return np.stack(layers)


def _chiff(hz: float, sample_rate: int) -> Samples:
    """Air at the lip before the pipe has settled."""
    frames = int(0.12 * sample_rate)
    noise = np.fft.rfft(np.random.default_rng(5).normal(size=frames))
    ratio = np.fft.rfftfreq(frames, 1.0 / sample_rate) / hz
    band = np.exp(-0.5 * (np.log2(np.maximum(ratio, 0.01) / 3.0) / 0.6) ** 2)
    wave = np.fft.irfft(noise * band, frames) * np.exp(-np.linspace(0.0, 5.0, frames))
    return finish(wave[None].astype(np.float32), attack_frames=200, peak=0.06)


class Organ:
    """One key."""

    recipe = Recipe("organ", _render, 24, 102, step=6)
    chiff = Recipe("organ-chiff", _chiff, 24, 102, step=12)
    attack = 0.03

    def __init__(self, tape: Tape) -> None:
        self._pipes, self._air = material(tape, self.recipe), material(tape, self.chiff)

    def sound(self, touch: Touch) -> Sound:
        layer = self._pipes.layer(touch.loudness)
        left, right = (self._pipes.round(touch.pitch, layer) for _ in range(2))
        air = self._air.once(touch.pitch, 0)
        apart = round(0.37 * left.reading.ring)
        return Sound(
            [Strand(left, 1.0, 0.0), Strand(right, 0.0, 1.0, start=apart), Strand(air, power=0)],
            attack=touch.slower(self.attack),
            decay=0.1,
            release=0.16,
            shortest_seconds=0.05,
        )


INSTRUMENT = simple(Organ, level_db=0.0, polyphony=12, shaped_by=("brightness", "attack"))
