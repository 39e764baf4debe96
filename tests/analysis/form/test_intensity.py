"""Intensity follows loudness, attacks and brightness, on a scale of its own."""

import numpy as np
import pytest

from segue.analysis.form.intensity import find_intensity
from segue.analysis.spectra import RATE
from segue.music.errors import SegueError


def noise(seconds: float, level: float) -> np.ndarray:
    return np.random.default_rng(1).normal(0.0, level, round(seconds * RATE))


def ticks(seconds: float, per_second: float) -> np.ndarray:
    sound = 1e-4 * noise(seconds, 1.0)
    burst = noise(0.03, 0.3) * np.linspace(1.0, 0.0, round(0.03 * RATE))
    for at in np.arange(0.0, seconds - 0.1, 1.0 / per_second):
        first = round(at * RATE)
        sound[first : first + len(burst)] += burst
    return sound


def test_each_part_rises_with_what_it_measures() -> None:
    quiet, loud = (find_intensity(noise(6.0, level), RATE) for level in (0.003, 0.1))
    assert loud.loudness[6] == pytest.approx(0.75, abs=0.03)  # -20 dB between -50 and -10
    assert loud.values[6] > quiet.values[6] + 0.2
    slow, quick = (find_intensity(ticks(8.0, rate), RATE) for rate in (1.0, 4.0))
    assert slow.attacks[8] == pytest.approx(1 / 8, abs=0.05)
    assert quick.attacks[8] == pytest.approx(4 / 8, abs=0.08)
    times = np.arange(6 * RATE) / RATE
    dull, bright = (
        find_intensity(0.2 * np.sin(2 * np.pi * hz * times), RATE) for hz in (300.0, 1100.0)
    )
    assert dull.brightness[6] < 0.1
    assert bright.brightness[6] == pytest.approx(0.5, abs=0.06)


def test_a_rise_is_seen_where_it_is() -> None:
    sound = np.concatenate([noise(10.0, 0.003), noise(10.0, 0.2)])
    curve = find_intensity(sound, RATE)
    assert len(curve) == 40
    assert curve.times_seconds[0] == 0.25
    assert curve.between(0.0, 8.0) < curve.between(12.0, 20.0) - 0.3
    middle = (curve.values[4] + curve.values[36]) / 2
    assert curve.times_seconds[np.argmax(curve.values > middle)] == pytest.approx(10.0, abs=1.0)
    assert curve.at(3.0) == pytest.approx(curve.at(5.0), abs=0.02)
    assert curve.between(3.01, 3.02) == curve.values[5] or curve.between(3.01, 3.02) > 0


def test_all_values_are_shares() -> None:
    curve = find_intensity(noise(3.0, 1.0), RATE)
    for values in (curve.values, curve.loudness, curve.attacks, curve.brightness, curve.confidence):
        assert values.min() >= 0.0 and values.max() <= 1.0


def test_silence_is_calm_and_nothing_is_empty() -> None:
    silent = find_intensity(np.zeros(3 * RATE), RATE)
    assert silent.values.tolist() == [0.0] * 6
    assert silent.confidence.max() == 0.0
    empty = find_intensity(np.zeros(0), RATE)
    assert len(empty) == 0
    assert empty.between(0.0, 1.0) == 0.0
    assert empty.at(1.0) == 0.0
    with pytest.raises(SegueError, match="finite"):
        find_intensity(np.full(100, np.inf), RATE)
