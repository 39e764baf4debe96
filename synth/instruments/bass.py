"""Bass: an electric bass played with the fingers.

Range E1 to C4. Struck material: a Karplus-Strong string, plucked softly near the neck or harder
towards the bridge, through a pickup's low-pass. Loudness and brightness choose the touch; the
string is damped when the note ends.
"""

import numpy as np

from ..instrument import StruckPatch, simple
from ..recipes import Recipe
from ..tables import Samples, finish, string

TOUCH = ((0.25, 0.85), (0.4, 0.6), (0.62, 0.4))  # hardness and damping of the layers


def _render(hz: float, sample_rate: int) -> Samples:
    from scipy.signal import butter, sosfilt

    layers = []
    for number, (hardness, damping) in enumerate(TOUCH):
        wave = string(
            hz,
            3.2,
            sample_rate,
            decay_seconds=float(np.clip(5.0 * (60.0 / hz) ** 0.5, 2.0, 6.0)),
            damping=damping,
            pick=0.27 - 0.05 * number,
            hardness=hardness,
            seed=61,
        )
        wave = sosfilt(butter(2, (25.0, 3200.0), "bandpass", fs=sample_rate, output="sos"), wave)
        layers.append(wave / np.sqrt(np.mean(wave[: sample_rate // 2] ** 2)) * 0.2)
    return finish(np.stack(layers).astype(np.float32), attack_frames=48)


class Bass(StruckPatch):
    """One string."""

    recipe = Recipe("bass", _render, 28, 62, step=4, keep=True)
    release_seconds = 0.12


INSTRUMENT = simple(Bass, level_db=-5.4, polyphony=4, shaped_by=("brightness",))
