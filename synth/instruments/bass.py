"""Bass: an electric bass played with the fingers.

Range E1 to C4. A long stiff string, heard by a pickup a fifth of its length from the bridge, with
the finger's thump and the string's tick on the frets; then an amplifier that bends loud waves,
which makes its growl, and a loudspeaker. Loudness and brightness harden the finger, in three
layers; the string is damped when the note ends.
"""

import numpy as np

from ..instrument import StruckPatch, simple
from ..recipes import Recipe
from ..tables import Floats, Samples, finish, knock, loudness, string_sound

CUTOFFS = (500.0, 1000.0, 2000.0)  # Hz, of the layers
DRIVES = (0.8, 1.3, 2.2)  # how far the amplifier is pushed
SECONDS = 3.2
PICKUP = 0.21  # its place on the string
LEVEL = 0.1


def _speaker(wave: Floats, sample_rate: int) -> Floats:
    from scipy.signal import butter, sosfilt

    low, high = 42.0, min(4500.0, 0.4 * sample_rate)
    return np.asarray(
        sosfilt(butter(2, (low, high), "bandpass", fs=sample_rate, output="sos"), wave)
    )


def _render(hz: float, sample_rate: int) -> Samples:
    rng = np.random.default_rng(61)

    def pickup(at: Floats) -> Floats:
        return 0.15 + np.abs(np.sin(np.pi * PICKUP * at / hz))

    string = string_sound(
        hz,
        CUTOFFS,
        strike=0.3,
        ring_seconds=float(np.clip(5.5 * (55.0 / hz) ** 0.5, 2.0, 7.0)),
        damp_hz=900.0,
        rng=rng,
        slope=0.55,
        steepness=1.2,
        stretch=4e-5,
        unison=((0.0, 1.0, 1.0), (0.3, 0.3, 1.5)),
        body=pickup,
        grain_db=1.0,
        sides=1,
        seconds=SECONDS,
        attack_seconds=0.003,
    )
    thump = knock(rng, 70.0, 500.0, 0.08, (0.2, 0.25, 0.3), sides=1)
    tick = knock(rng, 1200.0, 4500.0, 0.03, (0.04, 0.1, 0.22), sides=1)
    waves = (string + thump + tick).evened().render(SECONDS, sample_rate)[:, 0]
    layers = []
    for wave, drive in zip(waves, DRIVES, strict=True):
        pushed = np.tanh(drive * wave / 0.25 + 0.15) - np.tanh(0.15)
        layers.append(_speaker(pushed, sample_rate))
    stack = np.stack(layers).astype(np.float32)
    stack *= LEVEL / loudness(stack[:, None], sample_rate)[:, None]
    return finish(stack, fade=0.3, attack_frames=48)


class Bass(StruckPatch):
    """One string."""

    recipe = Recipe("bass", _render, 28, 62, step=4)
    release_seconds = 0.12


INSTRUMENT = simple(Bass, level_db=1.8, polyphony=4, shaped_by=("brightness",))
