"""Lute: gut strings over a light body, plucked with the fingertips.

Range C2 to C6. A running string: a burst of noise goes round a delay line with loss and a two-point
low-pass, tuned by an all-pass, after K. Karplus and A. Strong, "Digital synthesis of plucked-string
and drum timbres", Computer Music Journal 7(2), 1983, and its extensions by D. A. Jaffe and J. O.
Smith in the same issue. Loudness and brightness pluck harder and closer to the bridge.
"""

import numpy as np

from ..instrument import StruckPatch, simple
from ..recipes import Recipe
from ..tables import Samples, finish

STROKES = (
    (0.3, 0.30),
    (0.5, 0.22),
    (0.75, 0.15),
)  # hardness, place along the string, of each layer
DAMPING = 0.35  # share of the two-point mean in the loop, 0 steel .. 1 felt


def _string(hz: float, seconds: float, rate: int, hardness: float, place: float) -> Samples:
    from scipy.signal import lfilter

    period, blend = rate / hz, 0.5 * DAMPING
    whole = int(period - blend - 0.2)
    fraction = period - blend - whole
    tune = (1.0 - fraction) / (1.0 + fraction)  # all-pass that delays by `fraction`
    loss = 10.0 ** (-3.0 / (hz * min(3.2, 2.6 * (220.0 / hz) ** 0.4)))
    burst = np.zeros(int(seconds * rate))
    burst[: int(period)] = np.random.default_rng(31).uniform(-1.0, 1.0, int(period))
    burst[: int(period)] -= burst[: int(period)].mean()
    pole = np.exp(-2.0 * np.pi * (0.02 + 0.35 * hardness**2))
    burst = lfilter([1.0 - pole], [1.0, -pole], burst)
    behind = max(1, round(place * period))
    burst[behind:] -= 0.9 * burst[:-behind].copy()
    feedback = np.zeros(whole + 3)
    feedback[0], feedback[1] = 1.0, tune
    feedback[whole:] -= loss * np.convolve([1.0 - blend, blend], [tune, 1.0])
    wave = lfilter([1.0, tune], feedback, burst)
    wave = wave - lfilter([0.01], [1.0, -0.99], wave)  # no offset goes round
    return np.asarray(0.1 * wave / np.sqrt(np.mean(wave[: rate // 3] ** 2)), np.float32)


def _render(hz: float, sample_rate: int) -> Samples:
    seconds = float(np.clip(3.0 * (130.0 / hz) ** 0.4, 0.9, 3.0))
    layers = [_string(hz, seconds, sample_rate, hard, place) for hard, place in STROKES]
    return finish(np.stack(layers), fade=0.3)


class Lute(StruckPatch):
    """One string."""

    recipe = Recipe("lute", _render, 36, 86, step=4)
    release_seconds = 0.3


INSTRUMENT = simple(Lute, level_db=-0.7, polyphony=10, spread=0.5, shaped_by=("brightness",))
