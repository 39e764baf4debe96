"""Training of the director of recorded music, on a few short episodes."""

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from segue.agents.algorithms import make_model, player_of
from segue.agents.config import Config, load_config
from segue.agents.sb3 import CoreVecEnv
from segue.agents.stems.search import Search
from segue.agents.stems.ship import ship
from segue.agents.stems.training import clone, demonstrate, load_or_gather
from segue.agents.train import train
from segue.envs.stems.core import StemsCore


@pytest.fixture(scope="module")
def config() -> Config:
    short = {"split": "validation", "bars": 12}
    hyper = {"n_steps": 12, "batch_size": 48, "n_epochs": 1, "learning_rate": 3e-4, "gamma": 0.95}
    return replace(
        load_config("stems"),
        steps=96,
        n_envs=4,
        checks=1,
        hyper=hyper,
        policy={"net_arch": [32], "activation_fn": "tanh"},
        train=short,
        validation=short,
        validation_episodes=4,
    )


def test_a_policy_learns_to_think_as_was_shown(config: Config) -> None:
    core = StemsCore(24, **config.train)
    teacher = Search(horizon=3)
    rng = np.random.default_rng(0)
    shown = demonstrate(core, teacher, None, rng, 0.95)
    assert shown.observations.shape == (288, core.observation_space.shape[0])
    assert not np.isfinite(shown.worth[~shown.masks]).any()
    assert np.isfinite(shown.worth.max(axis=1)).all()
    model = make_model(config, CoreVecEnv(core))
    before = clone(model, shown, 0)
    assert clone(model, shown, 30) < 0.7 * before
    player = player_of(model, config)
    core.reset(rng)
    worth = teacher.worth(core)
    decided = worth[np.arange(24), player.act(core)]
    middle = np.nanmean(np.where(np.isfinite(worth), worth, np.nan), axis=1)
    assert decided.mean() > middle.mean()  # also where it was shown nothing


def test_returns_are_what_is_earned_from_there_on(config: Config) -> None:
    core = StemsCore(6, **config.train)
    teacher = Search(horizon=1)
    shown = demonstrate(core, teacher, None, np.random.default_rng(5), 0.9)
    core.reset(np.random.default_rng(5))
    total = np.zeros(6)
    for bar in range(12):
        _, reward, _, _ = core.step(teacher.worth(core).argmax(axis=1))
        total += 0.9**bar * reward
    assert np.allclose(shown.returns[:6], total, atol=1e-5)


def test_demonstrations_are_kept_and_a_run_is_shipped(config: Config, tmp_path: Path) -> None:
    path = tmp_path / "demonstrations.npz"
    made = load_or_gather(path, config, rounds=2, episodes=4)
    assert len(made.worth) == 2 * 4 * 12
    kept = load_or_gather(path, config, rounds=9, episodes=9)
    assert np.array_equal(kept.worth, made.worth)
    train(config, tmp_path / "seed0", prepare=lambda model: None, quiet=True)
    (tmp_path / "models").mkdir()
    cards = ship([tmp_path / "seed0"], tmp_path / "models", episodes=2)
    assert [card.name for card in cards] == ["stems-0", "stems"]
    assert {metric.measured_on.split()[-2] for metric in cards[0].metrics[1:]} == {
        "test",
        "heldout",
    }
