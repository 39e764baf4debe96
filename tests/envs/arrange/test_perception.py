"""What an agent knows: knobs that move as documented, an exact belief, state that is saved."""

import json

import numpy as np
import pytest

from segue.envs.arrange.listener import ListenerSettings
from segue.envs.arrange.perception import DEAD_ZONE, KNOB_STEP, OBSERVATION, Perception, move_knobs
from segue.music.book import Book
from segue.music.themes import compose_theme
from segue.music.worlds import Worlds


def test_small_actions_leave_the_knobs_and_full_ones_move_a_step() -> None:
    knobs = np.full((1, 9), 0.5)
    assert np.array_equal(move_knobs(knobs, np.full((1, 9), DEAD_ZONE)), knobs)
    np.testing.assert_allclose(move_knobs(knobs, np.ones((1, 9))), 0.5 + KNOB_STEP)
    assert move_knobs(knobs + 0.4, np.ones((1, 9))).max() == 1.0
    assert move_knobs(knobs - 0.4, -np.ones((1, 9))).min() == 0.0


def test_belief_is_bayesian_linear_regression() -> None:
    settings = ListenerSettings()
    seen = Perception(1, settings)
    rng = np.random.default_rng(1)
    q = rng.standard_normal((7, 2))
    ratings = 1.3 * q - 0.4 + settings.rating_noise * rng.standard_normal((7, 2))
    for estimate, rating in zip(q, ratings, strict=True):
        seen.estimate = estimate[None]
        seen.rate(rating[None])
    gain_mean = np.exp(settings.log_gain_sd**2 / 2)
    gain_sd = settings.log_gain_sd * 1.05
    prior = np.diag([1 / gain_sd**2, 1 / settings.bias_sd**2])
    for axis in range(2):
        x = np.stack([q[:, axis], np.ones(7)], axis=1)
        precision = prior + x.T @ x / settings.rating_noise**2
        information = prior @ [gain_mean, 0] + x.T @ ratings[:, axis] / settings.rating_noise**2
        mean = np.linalg.solve(precision, information)
        np.testing.assert_allclose([seen.gain[0, axis], seen.bias[0, axis]], mean)
        covariance = np.linalg.inv(precision)
        np.testing.assert_allclose(
            [seen.gain_var[0, axis], seen.bias_var[0, axis], seen.covariance[0, axis]],
            [covariance[0, 0], covariance[1, 1], covariance[0, 1]],
        )


def test_belief_finds_a_listener() -> None:
    settings = ListenerSettings()
    rng = np.random.default_rng(2)
    seen = Perception(200, settings)
    bias = settings.bias_sd * rng.standard_normal((200, 2))
    before = np.abs(seen.bias - bias).mean()
    for _ in range(12):
        seen.estimate = rng.standard_normal((200, 2))
        noise = settings.rating_noise * rng.standard_normal((200, 2))
        seen.rate(seen.estimate + bias + noise)
    assert np.abs(seen.bias - bias).mean() < 0.35 * before


def test_trend_and_changes_follow_the_target() -> None:
    seen = Perception(1, ListenerSettings())
    worlds = Worlds(Book([compose_theme(0)]), np.zeros(1, np.int64), np.zeros(1, np.int64))
    seen.reset(np.full((1, 9), 0.5), np.zeros((1, 2)))
    seen.want(np.array([[0.4, -0.2]]))
    values = dict(zip(OBSERVATION, seen.observe(worlds)[0], strict=True))
    assert values["target_valence"] == pytest.approx(0.4)
    assert values["change_arousal"] == pytest.approx(-0.2)
    assert values["change_before_arousal"] == 0
    assert values["trend_valence"] == pytest.approx(0.4 * 7 / 8)
    assert values["phrase_boundary"] == 1


def test_snapshot_and_restore() -> None:
    seen = Perception(1, ListenerSettings())
    worlds = Worlds(Book([compose_theme(0)]), np.zeros(1, np.int64), np.zeros(1, np.int64))
    seen.want(np.array([[0.4, -0.2]]))
    seen.estimate = np.array([[0.2, 0.3]])
    seen.rate(np.array([[0.5, 0.5]]))
    other = Perception(1, ListenerSettings())
    other.restore(json.loads(json.dumps(seen.snapshot())))
    assert np.array_equal(seen.observe(worlds), other.observe(worlds))
