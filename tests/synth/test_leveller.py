"""The slow hand on the fader."""

import numpy as np
import pytest

from segue.analysis.audio import find_clicks, integrated_loudness
from segue.synth.leveller import REACH_DB, Leveller

RATE = 48_000


def music(level_db, seconds=40):
    """Noise in both channels at some dB."""
    random = np.random.default_rng(1)
    return random.normal(0.0, 10 ** (level_db / 20), (seconds * RATE, 2))


def run(leveller, signal, block):
    return np.concatenate(
        [leveller.process(signal[at : at + block]) for at in range(0, len(signal), block)]
    )


@pytest.mark.parametrize("level_db", [-26.0, -15.0])
def test_it_makes_good_most_of_the_distance_to_the_target(level_db):
    signal = music(level_db)
    before = integrated_loudness(signal, RATE)
    after = integrated_loudness(run(Leveller(RATE, -16.0), signal, 256)[20 * RATE :], RATE)
    assert abs(after + 16.0) < 0.35 * abs(before + 16.0)
    assert (after - before) * (-16.0 - before) > 0


def test_it_keeps_within_its_reach_and_waits_in_silence():
    leveller = Leveller(RATE, -16.0)
    run(leveller, music(-40.0), 1024)
    assert leveller.gain_db == pytest.approx(REACH_DB)
    before = leveller.gain_db
    run(leveller, np.zeros((5 * RATE, 2)), 1024)
    assert leveller.gain_db == before


def test_the_block_size_matters_little():
    signal = music(-16.0, seconds=10)
    runs = [run(Leveller(RATE, -20.0), signal, block) for block in (64, 256, 1000)]
    assert max(np.abs(runs[0] - other).max() for other in runs[1:]) < 0.01


def test_the_gain_moves_without_steps():
    time = np.arange(10 * RATE) / RATE
    tone = 0.02 * np.sin(2 * np.pi * 440 * time)[:, None] * np.ones(2)
    tone[-4_800:] *= np.linspace(1, 0, 4_800)[:, None]
    assert not len(find_clicks(run(Leveller(RATE, -16.0), tone, 256), RATE))
