import numpy as np
import pytest

from segue.analysis.rhythm.beats import NO_BEATS, Beats
from segue.analysis.rhythm.onsets import Onsets
from segue.analysis.rhythm.swing import find_swing


def heard(ratio, jitter=0.004, count=32):
    """Steady beats at 120 bpm and eighths that swing."""
    random = np.random.default_rng(1)
    times = 0.5 * np.arange(count)
    eighths = times[:-1] + 0.5 * ratio / (1 + ratio)
    onsets = np.sort(np.concatenate([times, eighths])) + jitter * random.standard_normal(63)
    beats = Beats(
        times,
        np.arange(count) % 4 + 1,
        np.ones(count),
        np.full(count, 120.0),
        4,
        1.0,
        120.0,
        1.0,
        (),
    )
    return beats, Onsets(onsets, np.ones(63), np.ones(63))


@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0, 3.0])
def test_the_ratio_of_eighths(ratio):
    swing = find_swing(*heard(ratio))
    assert swing.ratio == pytest.approx(ratio, rel=0.06)
    assert swing.confidence > 0.8


def test_beats_alone_do_not_swing():
    beats, _ = heard(1.0)
    alone = Onsets(beats.times_seconds, np.ones(len(beats)), np.ones(len(beats)))
    assert find_swing(beats, alone).confidence == 0.0
    assert find_swing(NO_BEATS, alone).confidence == 0.0
