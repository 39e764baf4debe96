"""Struck material: exact modes, heads and tails that join, loudness that is even."""

import numpy as np
import pytest

from segue.synth.tables import (
    EVEN_LEVEL,
    HEAD_SECONDS,
    TAIL_STEP,
    Struck,
    head,
    knock,
    loudness,
    modes,
    partials,
    string_sound,
    tail,
)

RATE = 48_000


def string(hz=110.0, seconds=3.0):
    return string_sound(
        hz,
        (1_000.0, 3_000.0),
        strike=0.2,
        ring_seconds=4.0,
        damp_hz=3_000.0,
        rng=np.random.default_rng(1),
        seconds=seconds,
    )


def test_modes_are_decaying_sines():
    hz, decay = np.array([440.0, 1_234.5]), np.array([2.0, 0.3])
    amplitudes = np.array([[1.0, 0.5j], [0.0, 0.25]])
    time = np.arange(RATE) / RATE
    expected = amplitudes @ np.exp(np.outer(-6.91 / decay + 2j * np.pi * hz, time))
    assert modes(hz, decay, amplitudes, 1.0, RATE) == pytest.approx(expected.imag, abs=1e-5)


def test_modes_above_the_sample_rate_are_left_out():
    low, high = np.array([440.0]), np.array([440.0, 23_000.0])
    one = modes(low, np.ones(1), np.ones(1), 0.1, RATE)
    assert modes(high, np.ones(2), np.ones(2), 0.1, RATE) == pytest.approx(one, abs=1e-6)


def test_partials_of_a_stiff_string_are_stretched_from_the_first():
    stiff = partials(100.0, 4e-4)
    assert stiff[0] == pytest.approx(100.0)
    assert np.all(np.diff(stiff) > 100.0) and np.all(np.diff(stiff, 2) > 0.0)
    assert stiff[-1] <= 18_000.0


def test_head_and_tail_add_up_to_the_sound():
    sound = Struck(np.array([200.0]), np.array([3.0]), np.ones((2, 1, 1)), 3.0, 0.001)
    first, last = head(sound, RATE, 1)[1, 0], tail(sound, RATE)[0, 0]
    whole = sound.render(3.0, RATE)[1, 0]
    frames = np.arange(0, int(HEAD_SECONDS * RATE) - TAIL_STEP, TAIL_STEP)
    joined = first[frames] + last[frames // TAIL_STEP]
    # what reading between samples takes from 200 Hz is less than a thousandth
    assert joined == pytest.approx(whole[frames], abs=3e-3)
    assert first[-1] == 0.0 and last[-1] == 0.0


def test_a_short_sound_has_no_tail():
    assert not tail(string(seconds=HEAD_SECONDS), RATE).any()


def test_even_sounds_are_as_loud_in_all_layers_and_at_all_pitches():
    for hz in (55.0, 440.0, 1_760.0):
        sound = string(hz).evened()
        wave = sound.render(1.0, RATE)
        assert loudness(wave, RATE) == pytest.approx(EVEN_LEVEL, rel=0.01)


def test_loudness_weighs_as_broadcast_meters_do():
    time = np.arange(RATE) / RATE
    level = {
        hz: loudness(np.sin(2 * np.pi * hz * time)[None, None], RATE)[0] for hz in (50, 1e3, 1e4)
    }
    decibels = {hz: 20 * np.log10(value * np.sqrt(2)) for hz, value in level.items()}
    assert decibels[1e3] == pytest.approx(0.7, abs=0.4)
    assert decibels[1e4] == pytest.approx(4.0, abs=0.3)
    assert -6.0 < decibels[50] < -2.5


def test_a_harder_stroke_is_brighter():
    soft, hard = string().evened().amplitudes[:, 0]
    high = string().hz > 2_000.0
    assert np.abs(hard[high]).sum() > 2.0 * np.abs(soft[high]).sum()


def test_a_knock_is_short_and_differs_between_the_sides():
    wave = knock(np.random.default_rng(2), 100.0, 2_000.0, 0.2, (1.0,)).render(0.5, RATE)[0]
    assert np.abs(wave[:, -4_800:]).max() < 1e-3 * np.abs(wave).max()
    assert abs(np.corrcoef(wave)[0, 1]) < 0.95
