"""Pizzicato: a section of strings, plucked.

Range C2 to A6. Five players who are a little out of tune and out of time with each other, short
strings under fingers, wooden bodies. Velocity and brightness harden the pluck, in three layers.
"""

from dataclasses import replace

import numpy as np

from ..instrument import StruckPatch, simple
from ..recipes import Recipe
from ..tables import (
    EVEN_LEVEL,
    Floats,
    Samples,
    Struck,
    finish,
    knock,
    loudness,
    peaks,
    string_sound,
)

PLAYERS = ((0.0, 0.0), (-3.0, 0.004), (3.0, 0.009), (-1.5, 0.014), (1.5, 0.02))
"""Cents out of tune, and seconds late."""
CUTOFFS = (700.0, 1300.0, 2600.0)  # Hz, by layer


def _body(hz: Floats) -> Floats:
    """Gain of the bodies."""
    return peaks(hz, 1.0, (280.0, 0.5, 0.5), (480.0, 0.4, 0.5), (1200.0, 0.3, 0.6)) / (
        1.0 + (40.0 / hz) ** 2
    )


def _player(hz: float, rng: np.random.Generator) -> Struck:
    ring = float(np.clip(1.1 * (262.0 / hz) ** 0.4, 0.55, 1.8))
    string = string_sound(
        hz,
        CUTOFFS,
        strike=0.22,
        ring_seconds=ring,
        damp_hz=2000.0,
        rng=rng,
        slope=(1.6, 1.4, 1.2),
        body=_body,
        grain_db=1.5,
        attack_seconds=0.0015,
    )
    return string + knock(rng, 150.0, 3000.0, 0.08, (0.06, 0.1, 0.16))


def _render(hz: float, sample_rate: int) -> Samples:
    seconds = float(np.clip(1.2 * (262.0 / hz) ** 0.4, 0.6, 1.9)) + 0.05
    total = np.zeros((len(CUTOFFS), 2, int(seconds * sample_rate)), np.float32)
    for cents, late_seconds in PLAYERS:
        late = round(late_seconds * sample_rate)
        note = _player(hz * 2.0 ** (cents / 1200.0), np.random.default_rng(16))
        ahead = np.exp(2j * np.pi * note.hz * late / sample_rate)  # in phase, or they cancel
        wave = replace(note, amplitudes=note.amplitudes * ahead).render(seconds, sample_rate)
        total[..., late:] += wave[..., : wave.shape[-1] - late]
    total *= (EVEN_LEVEL / loudness(total, sample_rate))[:, None, None].astype(np.float32)
    return finish(total, fade=0.4, attack_frames=2)


class Pizzicato(StruckPatch):
    """One note of the section."""

    recipe = Recipe("pizzicato", _render, 36, 96, step=5)
    release_seconds = 0.3
    stereo = True


INSTRUMENT = simple(Pizzicato, level_db=4.0, polyphony=8, spread=0.3, shaped_by=("brightness",))
