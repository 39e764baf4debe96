import random

import numpy as np
import pytest

from segue.analysis.pitch.f0 import track_f0
from segue.analysis.spectra import RATE
from segue.analysis.training.mono_tunes import SECONDS, make_noise, make_tune, sing


@pytest.mark.parametrize("seed", range(8))
def test_a_tune_plays_one_note_at_a_time(seed):
    notes = make_tune(random.Random(seed))
    assert len(notes) > 5
    onset, end, pitch, velocity = np.array(notes).T
    assert (onset >= 0).all() and (end <= SECONDS + 3).all()
    assert (end - onset > 0.03).all()
    assert (onset[1:] >= end[:-1]).all()
    assert (pitch >= 24).all() and (pitch <= 102).all()
    assert (velocity >= 1).all() and (velocity <= 127).all()
    assert notes == make_tune(random.Random(seed))


def test_a_voice_has_the_pitch_it_says():
    rng = random.Random(3)
    notes = [(0.3 + k, 1.1 + k, 60 + 2 * k, 90) for k in range(6)]
    sound, hz = sing(rng, notes)
    assert len(sound) == len(hz) == SECONDS * RATE
    found = track_f0(sound[: 7 * RATE] * 0.3, RATE, method="yin")
    true = hz[(found.times_seconds * RATE).astype(int).clip(max=len(hz) - 1)]
    both = (true > 0) & found.voiced
    cents = 1200 * np.abs(np.log2(found.hz[both] / true[both]))
    assert both.sum() > 250
    assert np.median(cents) < 15.0


def test_noise_has_no_pitch():
    noise = make_noise(random.Random(1))
    sound = 0.3 * noise[: 2 * RATE] / np.abs(noise).max()
    assert track_f0(sound, RATE, method="yin").voiced.mean() < 0.2
