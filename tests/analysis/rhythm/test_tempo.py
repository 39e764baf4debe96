import numpy as np
import pytest

from segue.analysis.rhythm.beat_spectrum import TEMPO_CLASSES
from segue.analysis.rhythm.tempo import candidates_around, tempo_curve, tempo_of_beats


def test_tempo_of_beats_is_that_of_most():
    times = np.cumsum(np.r_[0.0, np.full(20, 0.5), 0.9, np.full(10, 0.5)])
    assert tempo_of_beats(times) == pytest.approx(120.0, rel=1e-6)
    assert tempo_of_beats(np.zeros(1)) == 0.0


def test_the_curve_follows_a_ramp():
    bpm = np.linspace(90, 150, 40)
    times = np.concatenate([[0.0], np.cumsum(60.0 / bpm)])
    np.testing.assert_allclose(tempo_curve(times)[2:-3], bpm[2:-2], rtol=0.03)
    assert len(tempo_curve(np.zeros(0))) == 0


def test_candidates_are_weighed_by_their_chance():
    chance = np.exp(-0.5 * (np.log2(TEMPO_CLASSES / 70.0) * 30) ** 2)
    chance += 0.5 * np.exp(-0.5 * (np.log2(TEMPO_CLASSES / 140.0) * 30) ** 2)
    found = candidates_around(140.0, chance)
    assert [round(one.bpm) for one in found[:2]] == [70, 140]
    assert found[0].weight == pytest.approx(2 * found[1].weight, rel=0.1)
    assert sum(one.weight for one in found) == pytest.approx(1.0, abs=0.05)
    assert candidates_around(0.0, chance) == ()
