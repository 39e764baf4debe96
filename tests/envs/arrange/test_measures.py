"""Measures of an episode say what they are named after."""

import numpy as np
import pytest

from segue.envs.arrange.measures import SETTLE_CAP_BARS, measure, settle_bars


def test_settling_counts_from_the_jump_until_the_error_is_small() -> None:
    wanted = np.zeros((30, 2, 2))
    wanted[10:, 0, 0] = 1.0  # the first target jumps once, the second never
    error = np.zeros((30, 2))
    error[10:15, 0] = 1.0
    first, second = settle_bars(error, wanted)
    assert first == 5
    assert np.isnan(second)
    error[10:, 0] = 1.0
    assert settle_bars(error, wanted)[0] == SETTLE_CAP_BARS


def test_compensation_is_one_for_music_that_makes_up_and_zero_for_music_that_does_not() -> None:
    rng = np.random.default_rng(0)
    bias = 0.6 * rng.standard_normal((4000, 2))
    wanted = np.zeros((8, 4000, 2))
    fully = np.broadcast_to(-bias, wanted.shape)
    made_up = measure(fully + bias, fully, wanted, bias, 0.6)
    assert made_up["compensation"].mean() == pytest.approx(1.0, abs=0.05)
    assert (made_up["error"] == 0).all()
    alike = measure(bias + wanted, wanted, wanted, bias, 0.6)
    assert (alike["compensation"] == 0).all()
    assert alike["late_error"].mean() == pytest.approx(0.6 * np.sqrt(2 / np.pi), abs=0.02)
