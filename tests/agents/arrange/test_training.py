"""The arranger's training: PPO learns an easy world, and shipping chooses on validation."""

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from segue.agents.arrange.directors import make_director
from segue.agents.arrange.ship import ship
from segue.agents.config import load_config
from segue.agents.evaluate import play
from segue.agents.policy import Policy
from segue.agents.train import train
from segue.envs import ARRANGE, make_core

EASY = {"cues": ["dungeon"], "bars": 16, "memory_bars": 0, "bias_sd": 0, "log_gain_sd": 0}


def run(folder: Path, steps: int, n_envs: int, batch_size: int) -> Policy:
    config = load_config("arrange")
    trained = train(
        replace(
            config,
            steps=steps,
            n_envs=n_envs,
            hyper=config.hyper | {"n_steps": 16, "batch_size": batch_size},
            policy={"net_arch": [64, 64], "activation_fn": "tanh"},
            train={**EASY, "targets": "mixed"},
            validation={**EASY, "split": "validation"},
            validation_episodes=8,
        ),
        folder,
        quiet=True,
    )
    assert isinstance(trained, Policy)
    return trained


@pytest.mark.slow
def test_ppo_learns_an_easy_world(tmp_path: Path) -> None:
    trained = run(tmp_path, steps=80_000, n_envs=64, batch_size=512)
    core = make_core(ARRANGE, 64, **EASY)
    learned = play(core, trained, seed=1).reward.mean()
    unlearned = play(core, make_director("random"), seed=1).reward.mean()
    assert learned > unlearned + 0.3


def test_shipping_chooses_on_validation(tmp_path: Path) -> None:
    trained = run(tmp_path / "run", steps=512, n_envs=16, batch_size=128)
    cards = ship([tmp_path / "run"] * 2, tmp_path, episodes=8)
    assert [card.name for card in cards] == ["arranger-0", "arranger-1", "arranger"]
    assert {metric.measured_on for metric in cards[0].metrics} == {
        "8 episodes of the validation split",
        "8 episodes of the test split",
        "8 episodes of the heldout split",
    }
    core = make_core(ARRANGE, 2, cues=["dungeon"])
    core.reset(np.random.default_rng(0))
    shipped = Policy.load(tmp_path / "arranger.json", ARRANGE)
    assert np.array_equal(shipped.act(core), trained.act(core))
