"""Evaluation is paired, its statistics are right, and players are found by name or path."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from segue.agents.algorithms import make_model, save_model
from segue.agents.config import load_config, save_config
from segue.agents.evaluate import evaluate, make_player, play, time_decisions
from segue.agents.policy import Policy
from segue.agents.sb3 import CoreVecEnv
from segue.agents.statistics import (
    interquartile_mean,
    interval,
    over_seeds,
    result_key,
    student_interval,
    table,
)
from segue.agents.study import Episodes, Study, find_study
from segue.agents.train import policy_card
from segue.envs import ENVIRONMENTS, short_name
from segue.music.errors import FileFormatError, SegueError, UnknownNameError

pytestmark = pytest.mark.usefixtures("echo")


def test_all_players_meet_the_same_episodes(echo_study: Study) -> None:
    right, zero, random = evaluate(echo_study, episodes=23)
    assert right.player == "right"
    assert (right.reward == 0.0).all()
    assert len(zero.reward) == 23  # shared out among five seeds, none lost
    assert len(zero.kept) == 5
    for mine, others in zip(zero.kept, random.kept, strict=True):
        assert np.array_equal(mine, others)
    assert np.array_equal(zero.metrics["first"], np.concatenate(zero.kept))
    again = evaluate(echo_study, ["random"], episodes=23)[0]
    assert np.array_equal(again.reward, random.reward)
    other = evaluate(echo_study, ["zero"], episodes=23, seeds=(5, 6, 7, 8, 9))[0]
    assert not np.array_equal(other.reward, zero.reward)


def test_rows_hold_reward_gain_terms_and_metrics(echo_study: Study) -> None:
    played = evaluate(echo_study, episodes=40, options={"price": 0.25}, decisions=12)
    rows = {row["player"]: row for row in table(played, "zero")}
    assert list(rows) == ["right", "zero", "random"]  # best first
    right, zero = rows["right"], rows["zero"]
    assert right["reward"] == right["price"] == -0.25
    assert right["right"] == 0.0
    assert zero["reward_low"] < zero["reward"] < zero["reward_high"]
    assert right["gain"] == pytest.approx(right["reward"] - zero["reward"])
    assert right["gain_low"] > 0
    assert "gain" not in zero
    assert right["seldom"] == 1.0  # not measured in every episode
    assert right["train_cpu_seconds"] == 12.5
    assert "train_cpu_seconds" not in zero
    assert 0 < right["decision_ms"] <= right["decision_ms_p99"]


def test_splits_names_and_options_are_checked(echo_study: Study) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'test'"):
        evaluate(echo_study, ["zero"], split="tset")
    with pytest.raises(UnknownNameError, match="did you mean 'random'"):
        evaluate(echo_study, ["randm"])
    with pytest.raises(UnknownNameError, match="did you mean 'price'"):
        evaluate(echo_study, ["zero"], options={"prise": 1})


def test_a_step_is_told(echo_study: Study) -> None:
    told: list[str] = []
    evaluate(echo_study, ["zero", "right"], episodes=2, seeds=(0,), on_step=told.append)
    assert told == ["zero"] * 8 + ["right"] * 8


def test_decisions_are_timed_one_episode_at_a_time(echo_core: Any) -> None:
    sizes = []

    class Slow:
        def act(self, core: Any) -> Any:
            sizes.append(core.n)
            return np.zeros((core.n, 1))

    taken = time_decisions(echo_core(1), Slow, 20)
    assert taken.shape == (20,)
    assert (taken > 0).all()
    assert set(sizes) == {1}


def test_a_trained_player_is_found_by_its_path(
    echo_study: Study, echo_config: Any, echo_core: Any, tmp_path: Path
) -> None:
    config = echo_config("ppo", "box")
    model = make_model(config, CoreVecEnv(echo_core(8)))
    save_model(model, tmp_path / "best.zip")
    save_config(tmp_path / "config.yaml", config)
    from segue.agents.algorithms import export

    core = echo_core(4)
    policy = export(model, config)
    played = play(core, policy, seed=0)
    policy.save(tmp_path, policy_card(config, core, played, 3.0, steps=1))
    paths = [str(tmp_path / "policy.json"), str(tmp_path / "best.zip")]
    numpy, torch = evaluate(echo_study, paths, episodes=10)
    np.testing.assert_allclose(numpy.reward, torch.reward, atol=1e-5)
    assert numpy.train_cpu_seconds == 3.0
    assert isinstance(make_player(echo_study, paths[0]), Policy)
    with pytest.raises(SegueError, match="no model at"):
        make_player(echo_study, str(tmp_path / "none.zip"))
    save_config(tmp_path / "config.yaml", replace(config, environment="segue/Arrange-v0"))
    with pytest.raises(SegueError, match="is a model for segue/Arrange-v0"):
        make_player(echo_study, paths[1])
    (tmp_path / "config.yaml").write_text("environment: [")
    with pytest.raises(FileFormatError, match=r"config\.yaml"):
        make_player(echo_study, paths[1])


def test_statistics_are_those_of_the_books() -> None:
    assert interquartile_mean(np.array([0.0, 1.0, 2.0, 99.0])) == 1.5
    outlier = np.append(np.random.default_rng(0).normal(0.0, 1.0, 200), 500.0)
    low, high = interval(outlier, statistic=interquartile_mean)
    assert low < 0 < high < 0.5
    assert interval(outlier)[1] > 2
    low, high = interval(np.random.default_rng(0).normal(1.0, 1.0, 400))
    assert low < 1.0 < high
    assert high - low == pytest.approx(4 * 1.0 / 20, rel=0.15)
    assert interval(np.array([1.0, np.nan, 1.0])) == (1.0, 1.0)
    low, high = student_interval(np.array([1.0, 2.0, 3.0]))
    assert (low + high) / 2 == pytest.approx(2.0)
    assert high - 2.0 == pytest.approx(4.303 / np.sqrt(3))


def test_seeds_are_summed_up_with_students_t(echo_study: Study) -> None:
    def one(name: str, reward: float) -> Episodes:
        return Episodes(name, np.full(4, reward), {}, {})

    study = Study("", {}, echo_study.make, "zero", seeds=("a-0", "a-1", "a-2"))
    played = [one("zero", 0.0), *(one(f"a-{n}", n + 1.0) for n in range(3))]
    row = over_seeds(table(played, "zero"), study)
    assert row is not None
    assert row["player"] == "3 seeds"
    for key in ("reward", "gain"):
        assert row[key] == pytest.approx(2.0)
        assert row[f"{key}_high"] - row[key] == pytest.approx(4.303 / np.sqrt(3))
    assert over_seeds(table(played[:3], "zero"), study) is None
    assert over_seeds(table(played, "zero"), echo_study) is None


def test_what_was_never_measured_has_no_column() -> None:
    nothing = Episodes("a", np.zeros(3), {}, {"seldom": np.full(3, np.nan), "often": np.ones(3)})
    (row,) = table([nothing])
    assert row["often"] == 1.0
    assert not [key for key in row if key.startswith("seldom")]


def test_results_have_names_for_machines() -> None:
    assert result_key("agent", "reward", "test") == "agent_reward"
    assert result_key("agent-0", "reward", "heldout") == "agent_0_reward_held_out"
    assert result_key("runs/seed0/policy.json", "reward", "test") == "seed0_policy_reward"
    assert result_key("", "gap_closed", "heldout") == "gap_closed_held_out"


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_environment_has_a_study_and_a_training(name: str) -> None:
    assert load_config(short_name(name)).environment == name
    study = find_study(name)
    assert study.environment == name
    assert study.baseline in study.players
    assert study.test_splits
    assert all(what for what in study.players.values())
