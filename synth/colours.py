"""A patch of two colours of one sound that are mixed while it lasts: dark and bright, oo and ah.

How loud a wind or bowed instrument is played changes its spectrum more than its level, so loudness
is a mixture here, and the bright colour may come later than the dark one, as a blown note does.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .instrument import BasePatch, Touch
from .rack import Rack
from .recipes import Recipe
from .tables import LOOP_FRAMES, Floats, Partials, Samples, spread_loop


class TwoColours(BasePatch):
    """Endless loops of a dark (layer 0) and a bright colour (layer 1).

    Vibrato sets in late; `vibrato_cents` 0 leaves it out, and saves its cost. `drift_hz` lets the
    bright colour come and go slowly.
    """

    recipe: Recipe
    stereo = False
    attack, attack_seconds, release_seconds = 0.06, 0.05, 0.2
    bright_attack, bright_decay, bright_sustain = 0.12, 0.4, 0.8
    vibrato_hz, vibrato_cents, vibrato_onset = 5.2, 0.0, 0.7
    drift_hz, drift_depth = 0.0, 0.4
    least, most = 0.05, 1.0  # share of the bright colour, played softest and loudest

    def __init__(self, rack: Rack, gate: Any, freq: Any) -> None:
        release = self.release_seconds
        self._body = rack.envelope(gate, self.attack, 0.2, 1.0, release, power=2)
        self._edge = rack.envelope(
            gate, self.bright_attack, self.bright_decay, self.bright_sustain, release, power=2
        )
        if self.vibrato_cents:
            depth = rack.envelope(gate, self.vibrato_onset, 0.1, 1.0, release)
            width = 2.0 ** (self.vibrato_cents / 1200.0) - 1.0
            wobble = rack.pyo.Sine(self.vibrato_hz, mul=rack.times(depth.stream, width), add=1)
            freq = rack.times(freq, rack.add(wobble))
        self._dark_level = rack.level(self._body.stream)
        self._bright_level = rack.level(self._edge.stream)
        bright_level = self._bright_level.stream
        if self.drift_hz:
            depth = self.drift_depth
            drift = rack.add(rack.pyo.Sine(self.drift_hz, mul=depth, add=1.0 - depth))
            bright_level = rack.times(bright_level, drift)
        self._dark, self._bright, sides = [], [], []
        for side, phase in enumerate((0.0, 0.37)[: 1 + self.stereo]):
            dark = rack.loop(self.recipe, freq, self._dark_level.stream, phase, side)
            bright = rack.loop(self.recipe, freq, bright_level, phase, side)
            self._dark.append(dark)
            self._bright.append(bright)
            sides.append(rack.sum(dark.stream, bright.stream))
        self.left, self.right = sides[0], sides[-1]

    def tune(self, touch: Touch) -> None:
        share = self.least + (self.most - self.least) * touch.loudness**1.3
        self._dark_level.set(1.0 - 0.75 * share)
        self._bright_level.set(share)
        self._body.set(attack=touch.slower(self.attack))
        self._edge.set(attack=touch.slower(self.bright_attack))
        for dark, bright in zip(self._dark, self._bright, strict=True):
            dark.tune(touch.pitch, 0.0)
            bright.tune(touch.pitch, 0.999)


Spectrum = Sequence[tuple[float, Sequence[float]]]
"""Levels in dB of the partials 1, 2, ... at some MIDI pitches, from low to high."""


def measured(spectrum: Spectrum, pitch: float, tail_db: float = 6.0) -> Partials:
    """Amplitudes between the two nearest rows of a spectrum; beyond a row's end they fall on.

    :param tail_db: fall for each further partial
    """
    pitches = [row[0] for row in spectrum]
    count = max(len(row[1]) for row in spectrum)
    rows = np.array([_extended(row[1], count, tail_db) for row in spectrum])
    decibels = np.array([np.interp(pitch, pitches, rows[:, n]) for n in range(count)])

    def amplitudes(number: Floats) -> Floats:
        inside = np.interp(number, np.arange(1, count + 1), decibels)
        beyond = decibels[-1] - tail_db * (number - count)
        return np.asarray(10.0 ** (np.where(number <= count, inside, beyond) / 20.0))

    return amplitudes


def _extended(decibels: Sequence[float], count: int, tail_db: float) -> list[float]:
    missing = count - len(decibels)
    return [*decibels, *(decibels[-1] - tail_db * (n + 1) for n in range(missing))]


def breathing(
    wave: Samples, sample_rate: int, hz: float, *, share: float, low: float, high: float
) -> Samples:
    """A loop with noise between two frequencies mixed in, itself without a seam.

    :param share: RMS of the noise relative to the tone
    :param low: lower edge in multiples of the tone's frequency
    :param high: upper edge in Hz
    """
    frames = len(wave)
    bin_hz = np.fft.rfftfreq(frames, 1.0 / sample_rate)
    shape = 1.0 / (1.0 + (low * hz / np.maximum(bin_hz, 1.0)) ** 4) / (1.0 + (bin_hz / high) ** 4)
    phases = np.random.default_rng(11).uniform(0.0, 2.0 * np.pi, len(bin_hz))
    noise = np.fft.irfft(shape * np.exp(1j * phases), frames)
    noise *= share * float(wave.std()) / float(noise.std())
    mixed = wave + noise
    return np.roll(mixed, -int(np.argmin(np.abs(mixed)))).astype(np.float32)


def player(
    hz: float,
    pitch: float,
    spectra: Sequence[Spectrum],
    sample_rate: int,
    *,
    breath: Sequence[float],
    cents: float = 2.5,
    low: float = 1.0,
    high: float = 6000.0,
) -> Samples:
    """The loops of one player, a layer for each spectrum [shape=(layers, frames)].

    :param breath: share of noise in each layer
    """
    layers = []
    for number, (spectrum, share) in enumerate(zip(spectra, breath, strict=True)):
        levels = measured(spectrum, pitch)
        wave = spread_loop(
            hz, levels, sample_rate, cents=cents, frames=2 * LOOP_FRAMES, seed=5 + number
        )
        layers.append(breathing(wave, sample_rate, hz, share=share, low=low, high=high))
    return np.stack(layers)
