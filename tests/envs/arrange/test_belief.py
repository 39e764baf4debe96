"""Belief is exact for ratings, sound for other answers, and finds a listener by either."""

import json

import numpy as np
import pytest

from segue.envs.arrange.belief import Belief
from segue.envs.arrange.feedback import Answering, like_probability
from segue.envs.arrange.listener import FELT_LIMIT, ListenerSettings
from segue.envs.arrange.rewards import distance


def test_belief_is_bayesian_linear_regression() -> None:
    settings = ListenerSettings(bias_mean_valence=0.3)
    belief = Belief(1, settings)
    rng = np.random.default_rng(1)
    q = rng.standard_normal((7, 2))
    ratings = 1.3 * q - 0.4 + settings.rating_noise * rng.standard_normal((7, 2))
    for estimate, rating in zip(q, ratings, strict=True):
        belief.rate(estimate[None], rating[None])
    gain_mean = np.exp(settings.log_gain_sd**2 / 2)
    gain_sd = settings.log_gain_sd * 1.05
    prior = np.diag([1 / gain_sd**2, 1 / settings.bias_sd**2])
    for axis in range(2):
        x = np.stack([q[:, axis], np.ones(7)], axis=1)
        precision = prior + x.T @ x / settings.rating_noise**2
        information = prior @ [gain_mean, settings.bias_mean[axis]]
        information = information + x.T @ ratings[:, axis] / settings.rating_noise**2
        mean = np.linalg.solve(precision, information)
        np.testing.assert_allclose([belief.gain[0, axis], belief.bias[0, axis]], mean)
        covariance = np.linalg.inv(precision)
        found = belief.gain_var[0, axis], belief.bias_var[0, axis], belief.covariance[0, axis]
        np.testing.assert_allclose(found, [covariance[0, 0], covariance[1, 1], covariance[0, 1]])


def test_belief_finds_listeners_by_their_ratings() -> None:
    settings = ListenerSettings()
    rng = np.random.default_rng(2)
    belief = Belief(200, settings)
    bias = settings.bias_sd * rng.standard_normal((200, 2))
    before = np.abs(belief.bias - bias).mean()
    for _ in range(12):
        estimate = rng.standard_normal((200, 2))
        noise = settings.rating_noise * rng.standard_normal((200, 2))
        belief.rate(estimate, estimate + bias + noise)
    assert np.abs(belief.bias - bias).mean() < 0.35 * before
    assert (belief.bias_sd < settings.bias_sd / 2).all()


@pytest.mark.parametrize("channel", ["thumbs", "skip", "silence"])
def test_belief_finds_listeners_by_other_answers(channel: str) -> None:
    n, bars = 300, 64
    settings = ListenerSettings(feedback=(channel,))
    rng = np.random.default_rng(3)
    bias = settings.bias_sd * rng.standard_normal((n, 2))
    gain = np.exp(settings.log_gain_sd * rng.standard_normal((n, 2)))
    answering = Answering(settings, np.zeros((bars, n, 2)), rng.random((3, bars, n)))
    belief = Belief(n, settings)
    wanted, estimate = np.zeros((n, 2)), np.zeros((n, 2))
    for bar in range(bars):
        wanted += 0.3 * (rng.uniform(-1.4, 1.4, (n, 2)) - wanted)
        # Music that aims at the mood wanted for the listener who is believed in.
        estimate += 0.3 * ((wanted - belief.bias) / belief.gain - estimate)
        felt = np.clip(gain * estimate + bias, -FELT_LIMIT, FELT_LIMIT)
        answers = answering.answer(bar, felt, wanted)
        if answers.thumbs is not None:
            belief.thumb(estimate, wanted, answers.thumbs)
        if answers.skips is not None:
            belief.skip(estimate, wanted, answers.skips)
        if answers.complaints is not None:
            belief.complain(estimate, wanted, answers.complaints)
    left = np.sqrt(((belief.bias - bias) ** 2).mean()) / settings.bias_sd
    assert left < {"thumbs": 0.65, "skip": 0.85, "silence": 0.93}[channel]
    # What is believed to be left is about what is: the approximation is not too sure of itself.
    assert 0.7 < np.sqrt(belief.bias_var.mean()) / (left * settings.bias_sd) < 1.3


def test_one_thumb_tells_what_bayes_says() -> None:
    settings = ListenerSettings()
    belief = Belief(1, settings)
    estimate, wanted = np.array([[0.4, 0.0]]), np.array([[1.2, 0.0]])
    belief.thumb(estimate, wanted, np.array([1.0]))
    rng = np.random.default_rng(0)
    gain = 1.0 + 0.0 * rng.standard_normal((400_000, 2)) + 0.0
    gain = np.exp(settings.log_gain_sd * rng.standard_normal(gain.shape))
    bias = settings.bias_sd * rng.standard_normal(gain.shape)
    felt = np.clip(gain * estimate + bias, -FELT_LIMIT, FELT_LIMIT)
    weight = like_probability(distance(felt, wanted))
    expected = (weight[:, None] * bias).sum(axis=0) / weight.sum()
    np.testing.assert_allclose(belief.bias[0], expected, atol=0.08)


def test_half_a_thumb_counts_for_less_and_none_for_nothing() -> None:
    moved = []
    for thumb in (0.0, 0.5, 1.0):
        belief = Belief(1, ListenerSettings())
        belief.thumb(np.array([[0.5, 0.5]]), np.array([[1.0, 1.0]]), np.array([thumb]))
        moved.append(belief.bias[0, 0])
    assert abs(moved[0]) < 0.01
    assert moved[0] < moved[1] < moved[2]


def test_answers_of_all_kinds_add_up() -> None:
    both, ratings = (Belief(1, ListenerSettings()) for _ in range(2))
    estimate, wanted = np.array([[0.3, -0.2]]), np.array([[0.9, 0.4]])
    both.thumb(estimate, wanted, np.array([1.0]))
    for belief in (both, ratings):
        belief.rate(estimate, np.array([[0.8, 0.5]]))
    assert (both.bias_var < ratings.bias_var).all()


def test_whatever_is_answered_belief_stays_within_bounds() -> None:
    belief = Belief(1, ListenerSettings(bias_sd=5.0, rating_noise=0.0))
    for _ in range(5):
        belief.rate(np.ones((1, 2)), np.full((1, 2), 50.0))
        belief.thumb(np.ones((1, 2)), -np.ones((1, 2)), np.array([1.0]))
    assert (np.abs(belief.bias) <= FELT_LIMIT).all()
    assert np.isfinite(belief.gain_var).all()


def test_without_belief_ratings_are_only_averaged() -> None:
    belief = Belief(1, ListenerSettings(), exact=False)
    belief.rate(np.full((1, 2), 0.5), np.full((1, 2), 1.5))
    weight = (0.4 / 0.6) ** 2
    np.testing.assert_allclose(belief.bias, 1.0 / (1.0 + weight))
    assert (belief.gain == 1).all()


def test_a_snapshot_holds_all_that_was_answered() -> None:
    belief = Belief(2, ListenerSettings())
    estimate, wanted = np.full((2, 2), 0.3), np.full((2, 2), 0.8)
    belief.rate(estimate, wanted)
    belief.thumb(estimate, wanted, np.array([1.0, -1.0]))
    belief.skip(estimate, wanted, np.array([False, True]))
    other = Belief(2, ListenerSettings())
    other.restore(json.loads(json.dumps(belief.snapshot())))
    for one in (belief, other):
        one.skip(estimate, wanted, np.array([True, False]))
    assert np.array_equal(belief.bias, other.bias)
    assert np.array_equal(belief.gain_var, other.gain_var)
