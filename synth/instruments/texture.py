"""Texture: a cloud of grains from a recording-like swell, for air and unease.

Range C2 to C7. Granular: grains of a tenth of a second are read from a wandering place in a made-up
swell of voices and breath. Density sets how many sound at once, brightness (by the layer's filter)
how dark they are.
"""

from typing import Any

import numpy as np

from ..instrument import BasePatch, Touch, simple
from ..rack import Rack
from ..tables import Samples, pitch_hz, spread_loop

ROOT = 60
GRAIN_SECONDS = 0.14
GRAINS = (3, 8)  # at density 0 and 1


def _swell(sample_rate: int) -> Samples:
    """Two seconds or so that change from hollow to full [shape=(frames,)]."""
    hz = pitch_hz(ROOT)
    hollow = spread_loop(
        hz, lambda n: np.where(n % 2 == 1, n**-1.2, 0.05 / n), sample_rate, cents=30, seed=81
    )
    full = spread_loop(hz, lambda n: n**-1.1, sample_rate, cents=60, seed=82)
    place = np.linspace(0.0, 1.0, len(hollow), dtype=np.float32)
    swell = hollow * np.cos(0.5 * np.pi * place) + full * np.sin(0.5 * np.pi * place)
    return np.asarray(swell, np.float32)


class Texture(BasePatch):
    """One cloud."""

    attack_seconds, release_seconds = 0.1, 1.2

    def __init__(self, rack: Rack, gate: Any, freq: Any) -> None:
        pyo = rack.pyo
        table = rack.once("texture", lambda: rack.table(_swell(rack.sample_rate)))
        window = rack.once("grain window", lambda: pyo.HannTable())
        self._amp = rack.envelope(gate, 0.6, 0.5, 0.9, self.release_seconds, power=2)
        frames = table.getSize()
        place = rack.add(pyo.Sine(0.11, mul=0.35 * frames, add=0.5 * frames))
        dust = rack.add(pyo.Randi(-0.06 * frames, 0.06 * frames, 9.0))
        ratio = rack.times(freq, 1.0 / pitch_hz(ROOT))
        self._cloud = rack.add(
            pyo.Granulator(
                table,
                window,
                pitch=ratio,
                pos=rack.sum(place, dust),
                dur=GRAIN_SECONDS,
                grains=GRAINS[1],
                basedur=GRAIN_SECONDS,
                mul=self._amp.stream,
            )
        )
        self._base = self._cloud.getBaseObjects()[0]
        self.left = self.right = self._cloud

    def tune(self, touch: Touch) -> None:
        low, high = GRAINS
        self._base.setGrains(round(low + (high - low) * touch.density))
        self._amp.set(attack=touch.slower(0.6))


INSTRUMENT = simple(
    Texture, level_db=-9.1, polyphony=5, spread=0.5, shaped_by=("attack", "density")
)
