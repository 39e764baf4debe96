"""The material of blown, bowed and sung instruments."""

import numpy as np
import pytest

from segue.synth.players import (
    NOISE_HZ,
    Crowd,
    evened,
    measured,
    noise_loop,
    onset_noise,
    player_loops,
    section_loops,
    swaying,
    whole_turns,
)
from segue.synth.tables import loudness, saw

RATE = 48_000
QUIET = (-90,) * 8
SPECTRUM = ((60, (0, -10, -20)), (72, (0, -30)))


def partial_db(wave, hz, number):
    """Power within a third of a tone of a partial, in dB."""
    power = np.abs(np.fft.rfft(wave)) ** 2
    at = np.fft.rfftfreq(len(wave), 1 / RATE)
    near = np.abs(at / (hz * number) - 1.0) < 0.02
    return 10 * np.log10(power[near].sum())


def test_measured_levels_go_from_row_to_row_and_fall_on():
    number = np.array([1.0, 2.0, 3.0, 6.0])
    at_row = 20 * np.log10(measured(SPECTRUM, 261.626)(number))
    assert at_row == pytest.approx([0, -10, -20, -32], abs=0.01)
    between = 20 * np.log10(measured(SPECTRUM, 369.994)(number))
    assert between[1] == pytest.approx(-20.0, abs=0.01)
    above = 20 * np.log10(measured(SPECTRUM, 2_000.0)(number))
    assert above[1] == pytest.approx(-30.0, abs=0.01)


@pytest.mark.parametrize("hz", [41.2, 261.6, 1_975.5])
@pytest.mark.parametrize("sample_rate", [22_050, 48_000])
def test_loops_hold_whole_turns(hz, sample_rate):
    turns, frames = whole_turns(hz, sample_rate, 2.0)
    assert abs(1200 * np.log2(turns * sample_rate / frames / hz)) < 0.1
    assert 1.8 < frames / sample_rate < 2.6


def test_noise_has_its_levels():
    bands = (-60, -50, -40, -30, -30, -30, -30, -30)
    noise = noise_loop(np.random.default_rng(1), RATE, RATE, bands)
    power = np.abs(np.fft.rfft(noise) / RATE) ** 2 * 2
    hz = np.fft.rfftfreq(RATE, 1 / RATE)
    heard = [10 * np.log10(power[(hz > c / 2**0.5) & (hz < c * 2**0.5)].sum()) for c in NOISE_HZ]
    assert heard == pytest.approx(bands, abs=2.0)


def test_movements_have_no_seam():
    wave = swaying(np.random.default_rng(2), 50_000, RATE, 0.5, 5.0)
    assert wave.std() == pytest.approx(1.0, abs=0.01)
    assert abs(wave[0] - wave[-1]) < 0.01


def test_a_player_has_the_spectrum_asked_for_and_equally_loud_layers():
    hz = 261.6256
    dark, bright = measured(SPECTRUM, hz), saw
    loops = player_loops(hz, RATE, (dark, bright), (QUIET, QUIET), flicker_db=0.0)
    assert loops.shape[0] == 2 and loops.dtype == np.float32
    levels = [partial_db(loops[0], hz, n) - partial_db(loops[0], hz, 1) for n in (2, 3)]
    assert levels == pytest.approx([-10, -20], abs=1.5)  # highs are raised a little
    loud = [loudness(wave[:14_400][None, None], RATE)[0] for wave in loops]
    assert loud[0] == pytest.approx(loud[1], rel=0.15)
    step = np.abs(np.diff(loops, axis=1)).max(axis=1)
    assert (np.abs(loops[:, -1] - loops[:, 0]) <= step).all()
    assert np.abs(loops[:, 0]).max() < 0.01  # fits the zero behind a pyo table's end


def test_sides_are_apart_and_without_lows():
    few = player_loops(220.0, RATE, (saw,), (QUIET,), players=((0, 1.0, 0.0), (1, 0.5, -1.0)))
    many = section_loops(110.0, RATE, (saw,), Crowd(cents=20.0, wide_from_hz=400.0))
    assert few.shape[0] == many.shape[0] == 2
    middle, sides = many
    assert abs(np.corrcoef(middle, sides)[0, 1]) < 0.2
    lows = [partial_db(wave, 110.0, 1) - partial_db(wave, 110.0, 8) for wave in (middle, sides)]
    assert lows[0] > lows[1] + 20.0


def test_evened_loops_are_as_loud_as_each_other():
    time = np.arange(RATE * 2) / RATE
    waves = np.stack([np.sin(2 * np.pi * hz * time) * level for hz, level in ((50, 9), (3_000, 1))])
    even = evened(waves.astype(np.float32), RATE)
    loud = [loudness(wave[:14_400][None, None], RATE)[0] for wave in even]
    assert loud[0] == pytest.approx(loud[1], rel=0.02)


def test_an_onset_begins_and_ends_in_silence():
    puff = onset_noise(RATE, (-20,) * 8, seconds=0.1)[0]
    assert puff[0] == 0.0 and puff[-1] == 0.0
    assert 0.003 < np.abs(puff).argmax() / RATE < 0.03
