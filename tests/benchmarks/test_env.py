"""The benchmark of environments measures each of them, by allowed actions, and their trainings."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import segue.benchmarks.env as bench
from segue.envs import ENVIRONMENTS, STEMS


def test_masked_environments_are_stepped_by_allowed_actions() -> None:
    for n in (1, 3):
        case = bench._Case(STEMS, n)
        for step in range(5):
            action: Any = case._action(step)
            assert case.masks()[np.arange(n), np.atleast_1d(action)].all()
            case.env.step(action)


def test_a_rate_counts_all_episodes_of_a_batch() -> None:
    one = bench._Case(bench.CARTPOLE, 1).rate(0.05)
    many = bench._Case(bench.CARTPOLE, bench.VECTOR).rate(0.05)
    assert many > 5 * one > 0
    assert isinstance(bench._Case(bench.CARTPOLE, 1).env, gym.Env)


@pytest.mark.slow
def test_results_have_a_number_for_every_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {STEMS: ENVIRONMENTS[STEMS]}
    monkeypatch.setattr(bench, "ENVIRONMENTS", known)
    monkeypatch.setattr(bench, "_ROUND_SECONDS", 0.02)
    monkeypatch.setattr(bench, "_TRAIN_SECONDS", 0.0)
    results, tables = bench.run(rounds=2)
    assert set(results) == {
        "stems_steps_per_second",
        "stems_vector_steps_per_second",
        "cartpole_steps_per_second",
        "cartpole_vector_steps_per_second",
        "stems_train_share",
    }
    assert 0 < results["stems_train_share"] < 1
    assert len(tables["speed"]) == 4
    assert tables["training"][0]["algorithm"] == "maskable_ppo"
