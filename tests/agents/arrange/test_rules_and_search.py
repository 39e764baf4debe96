"""Directors without learning do what they say, and search finds what is best where it is known."""

import numpy as np
import pytest

from segue.agents.arrange.directors import DIRECTORS, make_director
from segue.agents.arrange.lookahead import KEPT, Lookahead, imagine_bar
from segue.agents.arrange.rules import (
    RULES,
    Adaptive,
    Hold,
    Informed,
    Reactive,
    Table,
    move_to,
)
from segue.agents.arrange.search import (
    Planner,
    expected_distance,
    forecast_moods,
    to_actions,
    to_steps,
)
from segue.agents.arrange.tune import play as play_population
from segue.agents.arrange.tune import tune
from segue.agents.evaluate import play
from segue.agents.thought import in_thought
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
    np.testing.assert_allclose(aim, 0.6 - seen.belief.shrunk_residual)


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
            ("greedy", Planner(1, 96, 1, forecast=False)),
        )
    }
    assert played["greedy"] > played["table"] + 0.1


def test_the_oracle_is_the_upper_bound() -> None:
    scene = core(16)
    fair = play(scene, Planner(2, 24, 2), seed=4).reward.mean()
    knowing = play(scene, Planner(2, 24, 2, oracle=True), seed=4).reward.mean()
    assert knowing > fair + 0.05


def test_expected_distance_is_exact_at_both_ends() -> None:
    error = np.array([[2.0, -2.0]])
    assert expected_distance(error, np.zeros((1, 2)))[0] == 2.0
    at_zero = expected_distance(np.zeros((1, 2)), np.ones((1, 2)))[0]
    assert at_zero == pytest.approx(np.sqrt(2 / np.pi))


def test_the_rules_share_a_surface() -> None:
    assert [rule.size for rule in RULES.values()] == [9, 56, 58, 59, 60]
    assert issubclass(Adaptive, Table)


def test_the_informed_rule_aims_at_what_is_forecast_for_this_listener() -> None:
    scene = core(2)
    theta = np.zeros(Informed.size)
    theta[-3], theta[-1] = 1.0, 1.0
    seen = scene.perception
    seen.rate(np.full((2, 2), 1.0))
    aim = Informed(theta).aim(scene, np.broadcast_to(theta, (2, len(theta))))
    believed = seen.gain * aim + seen.bias
    np.testing.assert_allclose(believed, seen.forecast.moods[:, 0])


def test_steps_and_actions_are_inverse_outside_of_what_is_too_small() -> None:
    steps = np.array([[-1.0, -0.5, 0.0, 0.02, 0.1, 1.0]])
    np.testing.assert_allclose(to_steps(to_actions(steps)), [[-1.0, -0.5, 0.0, 0.0, 0.1, 1.0]])


def test_a_forecast_is_read_at_the_time_that_a_plan_takes() -> None:
    scene = core(3)
    seen = scene.perception
    lasting = np.repeat(seen.bar_seconds[:, None, None], 6, axis=2)
    moods, sd = forecast_moods(scene, lasting)
    np.testing.assert_allclose(moods[:, 0], seen.forecast.moods)
    np.testing.assert_allclose(sd[:, 0], np.sqrt(2.0) * seen.forecast.scale)
    twice, _ = forecast_moods(scene, 2.0 * lasting)
    np.testing.assert_allclose(twice[:, 0, :3], seen.forecast.moods[:, 1::2])
    np.testing.assert_allclose(twice[:, 0, 5], seen.forecast.moods[:, 5])


def test_a_bar_in_thought_is_the_bar_that_comes() -> None:
    scene = core(3, lookahead_bars=5, known_listener=True, rating_every_bars=0)
    for _ in range(2):
        action = np.random.default_rng(scene.bar).uniform(-1.0, 1.0, (3, 9))
        action[:, 0] = 0.0  # the forecast is for bars as long as now
        seen = in_thought(scene.perception, np.arange(6) // 2, *KEPT)
        worlds = scene.worlds.repeat(2)
        cost = imagine_bar(scene, seen, worlds, np.repeat(action, 2, axis=0))
        _, reward, _, _ = scene.step(action)
        np.testing.assert_allclose(cost[::2], -reward, atol=1e-9)
        shown = seen.observe(worlds)[1::2]
        known = slice(0, scene.OBSERVATION.index("ahead_5_valence"))
        np.testing.assert_allclose(shown[:, known], scene.observe()[:, known], atol=1e-9)


def test_looking_round_a_poor_policy_earns_more() -> None:
    class Still:
        train_cpu_seconds = 0.0

        def act_on(self, observation: np.ndarray) -> np.ndarray:
            return np.zeros((len(observation), 9))

    scene = core(16)
    still: object = Still()
    looking = Lookahead(still, bars=1)  # type: ignore[arg-type]
    found = play(scene, looking, seed=4).reward.mean()
    assert found > play(scene, Planner(1, 2, 1), seed=4).reward.mean() + 0.02
