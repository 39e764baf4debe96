"""The slow hand on the fader."""

import numpy as np
import pytest

from segue.analysis.sound.audio import integrated_loudness
from segue.synth.leveller import REACH_DB, SHARE, SPEED_DB_PER_SECOND, Leveller

RATE = 48_000


def music(level_db, seconds=40):
    """Noise in both channels at some dB."""
    random = np.random.default_rng(1)
    return random.normal(0.0, 10 ** (level_db / 20), (seconds * RATE, 2))


def tones(level_db, hz, seconds=30):
    """Short notes of one pitch, a little left, at some dB."""
    time = np.arange(seconds * RATE) / RATE
    notes = np.sin(2 * np.pi * hz * time) * np.exp(-6.0 * (time % 0.4))
    return 10 ** (level_db / 20) * notes[:, None] * [1.0, 0.7]


def run(leveller, signal, block):
    parts, before = [], 1.0
    for at in range(0, len(signal), block):
        part = signal[at : at + block]
        gain = leveller.follow(part, np.vdot(part, part) / len(part))
        parts.append(part * np.linspace(before, gain, len(part))[:, None])
        before = gain
    return np.concatenate(parts)


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


@pytest.mark.parametrize("sound", [music(-20.0, 30), tones(-6.0, 60), tones(-10.0, 3_000)])
def test_it_hears_as_the_standard_does(sound):
    leveller = Leveller(RATE, -16.0)
    run(leveller, sound, 256)
    missing = SHARE * (-16.0 - integrated_loudness(sound, RATE))
    assert leveller.gain_db == pytest.approx(missing, abs=0.3)


def test_the_gain_moves_slowly():
    leveller, loud = Leveller(RATE, -16.0), music(-6.0, seconds=4)
    gains = [leveller.follow(part, np.vdot(part, part) / 480) for part in np.split(loud, 400)]
    steps_db = np.abs(np.diff(20 * np.log10(gains)))
    assert steps_db.max() == pytest.approx(SPEED_DB_PER_SECOND * 0.01)
