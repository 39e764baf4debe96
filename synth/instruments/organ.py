"""Pipe organ: principal and flute ranks, and a mixture when loud.

Range C1 to E7. An endless loop of ranks at 8, 4, 2 2/3 and 2 feet. The pipes speak with a short
chiff. Velocity and brightness draw more stops: flutes alone, principals, the mixture on top. The
attack control makes the pipes speak slower or quicker.
"""

import numpy as np

from ..instrument import LoopedPatch, Touch, simple
from ..rack import Rack
from ..recipes import Recipe
from ..tables import Floats, Samples, finish, spread_loop

STOPS = (
    ((1, 1.0), (2, 0.35)),
    ((1, 1.0), (2, 0.8), (4, 0.4)),
    ((1, 1.0), (2, 1.0), (3, 0.4), (4, 0.8), (6, 0.35), (8, 0.4)),
)
"""Ranks by layer: multiple of the pitch, and level."""
SLOPES = (1.9, 1.3, 1.05)


def _ranks(layer: int, number: Floats) -> Floats:
    """Level of each partial: the sum over the ranks that hold it."""
    total = np.zeros_like(number)
    for multiple, level in STOPS[layer]:
        inside = number % multiple == 0
        total += np.where(inside, level * (number / multiple) ** -SLOPES[layer], 0.0)
    return total


def _pipes(hz: Floats) -> Floats:
    """Gain of wide pipes and a church: lows and highs are weaker."""
    return 1.0 / ((1.0 + (90.0 / hz) ** 2) * (1.0 + (hz / 4200.0) ** 3))


def _render(hz: float, sample_rate: int) -> Samples:
    layers = [
        spread_loop(
            hz,
            lambda n, k=layer: _ranks(k, n),
            sample_rate,
            cents=0.8,
            widening=0.3,
            formant=_pipes,
            seed=4,
        )
        for layer in range(len(STOPS))
    ]
    return np.stack(layers)


def _chiff(hz: float, sample_rate: int) -> Samples:
    """Air at the lip before the pipe has settled."""
    frames = int(0.12 * sample_rate)
    noise = np.fft.rfft(np.random.default_rng(5).normal(size=frames))
    ratio = np.fft.rfftfreq(frames, 1.0 / sample_rate) / hz
    band = np.exp(-0.5 * (np.log2(np.maximum(ratio, 0.01) / 3.0) / 0.6) ** 2)
    wave = np.fft.irfft(noise * band, frames) * np.exp(-np.linspace(0.0, 5.0, frames))
    return finish(wave[None].astype(np.float32), attack_frames=200, peak=0.12)


class Organ(LoopedPatch):
    """One key."""

    recipe = Recipe("organ", _render, 24, 102, step=6)
    chiff = Recipe("organ-chiff", _chiff, 24, 102, step=12)
    attack, decay, sustain = 0.03, 0.1, 1.0
    attack_seconds, release_seconds = 0.05, 0.16

    def __init__(self, rack: Rack, gate: object, freq: object) -> None:
        super().__init__(rack, gate, freq)
        self._air = rack.shot(self.chiff, rack.strike())
        self.left = rack.sum(self.left, self._air.stream)
        self.right = rack.sum(self.right, self._air.stream)

    def tune(self, touch: Touch) -> None:
        super().tune(touch)
        self._air.tune(touch.pitch, touch.loudness)


INSTRUMENT = simple(Organ, level_db=-6.0, polyphony=12, shaped_by=("brightness", "attack"))
