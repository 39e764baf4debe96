"""Directors without learning do what they say, and search finds what is best where it is known."""

import numpy as np
import pytest

from segue.agents.arrange.directors import DIRECTORS, make_director
from segue.agents.arrange.rules import RULES, Adaptive, Hold, Reactive, Table, move_to
from segue.agents.arrange.search import Search, expected_distance
from segue.agents.arrange.tune import play as play_population
from segue.agents.arrange.tune import tune
from segue.agents.evaluate import play
from segue.envs import ARRANGE, make_core
from segue.envs.arrange.core import ArrangeCore
from segue.envs.arrange.perception import move_knobs
from segue.envs.arrange.settings import ArrangeSettings
from segue.music.errors import UnknownNameError

SMALL = {"bars": 16, "cues": ("dungeon",)}


def core(n: int, **options: object) -> ArrangeCore:
    made = ArrangeCore(n, ArrangeSettings.from_options(**SMALL, **options))
    made.reset(np.random.default_rng(0))
    return made


def test_moving_to_a_setting_gets_there() -> None:
    knobs = np.array([[0.1] * 9])
    wanted = np.array([[0.9, 0.2, 0.1, 0.5, 0.11, 0.9, 0.0, 1.0, 0.3]])
    for _ in range(4):
        knobs = move_knobs(knobs, move_to(knobs, wanted, 1.0))
    assert np.abs(knobs - wanted).max() < 0.02


@pytest.mark.parametrize("name", DIRECTORS)
def test_every_director_acts_within_the_space(name: str) -> None:
    scene = core(3)
    director = make_director(name, seed=1)
    for _ in range(3):
        action = director.act(scene)
        assert action.shape == (3, 9)
        assert np.abs(action).max() <= 1.0
        scene.step(action)


def test_unknown_directors_are_named_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'adaptive'"):
        make_director("adaptiv")


def test_reactive_and_adaptive_aim_past_the_target() -> None:
    scene = core(2)
    theta = np.zeros(Reactive.size)
    theta[-2] = 0.5
    seen = scene.perception
    seen.want_first(np.full((2, 2), 0.6))
    seen.estimate = np.zeros((2, 2))
    aim = Reactive(theta).aim(scene, np.broadcast_to(theta, (2, len(theta))))
    np.testing.assert_allclose(aim, 0.6 + 0.5 * 0.6)
    trusting = np.zeros(Adaptive.size)
    trusting[-1] = 1.0
    seen.rate(np.full((2, 2), 1.0))
    aim = Adaptive(trusting).aim(scene, np.broadcast_to(trusting, (2, len(trusting))))
    np.testing.assert_allclose(aim, 0.6 - seen.bias)


def test_tuning_finds_better_parameters_than_its_start() -> None:
    settings = ArrangeSettings.from_options(**SMALL)
    found = tune(Hold, generations=6, population=24, episodes=8, settings=settings)
    scene = ArrangeCore(2 * 64, settings)
    both = np.stack([found, np.full(Hold.size, -3.0)])
    tuned, poor = play_population(scene, Hold(np.tile(both, (64, 1))), np.random.default_rng(5), 2)
    assert tuned > poor


def test_one_step_search_wins_where_listeners_are_known() -> None:
    known = {"memory_bars": 0, "bias_sd": 0, "log_gain_sd": 0, "continuity_weight": 0}
    played = {
        name: play(make_core(ARRANGE, 24, **SMALL, **known), director, seed=3).reward.mean()
        for name, director in (
            ("table", make_director("table")),
            ("greedy", Search(horizon=1, candidates=96)),
        )
    }
    assert played["greedy"] > played["table"] + 0.1


def test_the_oracle_is_the_upper_bound() -> None:
    scene = core(16)
    fair = play(scene, Search(2, 24, 2), seed=4).reward.mean()
    knowing = play(scene, Search(2, 24, 2, oracle=True), seed=4).reward.mean()
    assert knowing > fair + 0.05


def test_expected_distance_is_exact_at_both_ends() -> None:
    error = np.array([[2.0, -2.0]])
    assert expected_distance(error, np.zeros((1, 2)))[0] == 2.0
    at_zero = expected_distance(np.zeros((1, 2)), np.ones((1, 2)))[0]
    assert at_zero == pytest.approx(np.sqrt(2 / np.pi))


def test_the_rules_share_a_surface() -> None:
    assert [rule.size for rule in RULES.values()] == [9, 56, 58, 59]
    assert issubclass(Adaptive, Table)
