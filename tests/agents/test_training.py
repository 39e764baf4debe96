"""Training learns where there is something to learn, resumes, and leaves policies that load."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from segue.agents.arrange.directors import make_director
from segue.agents.arrange.ship import ship
from segue.agents.evaluate import (
    Episodes,
    evaluate,
    interquartile_mean,
    interval,
    over_seeds,
    play_episodes,
    table,
)
from segue.agents.policy import Policy
from segue.agents.sb3 import CoreVecEnv
from segue.agents.train import TrainSettings, train
from segue.analysis.cards import read_card
from segue.envs.arrange.core import ArrangeCore
from segue.envs.arrange.settings import ArrangeSettings
from segue.music.errors import FileFormatError, SegueError

EASY = {"cues": ("dungeon",), "bars": 16, "memory_bars": 0, "bias_sd": 0, "log_gain_sd": 0}
TINY = TrainSettings(
    steps=2048, n_envs=16, n_steps=16, batch_size=128, n_epochs=2, hidden=16, validation_episodes=8
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    train(folder, TINY, quiet=True, **EASY)
    return folder


def test_a_run_leaves_card_weights_checkpoint_and_curve(run: Path) -> None:
    card = read_card(run / "policy.json")
    assert card.metrics[0].low <= card.metrics[0].value <= card.metrics[0].high
    assert "segue train" in card.command
    assert (run / "model.zip").exists()
    assert json.loads((run / "settings.json").read_text())["settings"]["seed"] == 0
    assert (run / "validation.jsonl").read_text()


def test_the_exported_policy_acts_as_the_trained_one(run: Path) -> None:
    from stable_baselines3 import PPO

    model = PPO.load(run / "model.zip", device="cpu")
    policy = Policy.load(run / "policy.json")
    rng = np.random.default_rng(0)
    observation = rng.uniform(-2, 2, (32, model.observation_space.shape[0])).astype(np.float32)
    expected, _ = model.predict(observation, deterministic=True)
    np.testing.assert_allclose(policy.act_on(observation), expected, atol=1e-5)


def test_resuming_goes_on_to_the_asked_number_of_steps(run: Path, tmp_path: Path) -> None:
    from stable_baselines3 import PPO

    for file in ("model.zip", "settings.json"):
        (tmp_path / file).write_bytes((run / file).read_bytes())
    longer = TrainSettings(**{**TINY.__dict__, "steps": 4096})
    train(tmp_path, longer, resume=True, quiet=True, **EASY)
    assert PPO.load(tmp_path / "model.zip", device="cpu").num_timesteps == 4096
    with pytest.raises(SegueError, match="no checkpoint"):
        train(tmp_path / "empty", TINY, resume=True, quiet=True, **EASY)


@pytest.mark.slow
def test_ppo_learns_an_easy_world(tmp_path: Path) -> None:
    settings = TrainSettings(
        steps=80_000, n_envs=64, n_steps=16, batch_size=512, hidden=64, validation_episodes=8
    )
    trained = train(tmp_path, settings, quiet=True, **EASY)
    options = dict(EASY, episodes=64, seed=1)
    learned = play_episodes("", trained, **options).reward.mean()
    unlearned = play_episodes("", make_director("random"), **options).reward.mean()
    assert learned > unlearned + 0.3


def test_a_policy_needs_no_torch(run: Path) -> None:
    code = (
        "import sys; from segue.agents.policy import Policy; from pathlib import Path;"
        f"Policy.load(Path({str(run / 'policy.json')!r})); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_what_is_no_policy_is_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(SegueError, match="no policy at"):
        Policy.load(tmp_path / "none.json")
    with pytest.raises(FileFormatError, match="is a model of 'emotion of a bar'"):
        import segue.analysis.cards as cards

        Policy.load(cards.MODELS / "emotion_vgmidi.json")
    (tmp_path / "policy.json").write_bytes((run / "policy.json").read_bytes())
    (tmp_path / "policy.npz").write_bytes(b"not the weights")
    with pytest.raises(FileFormatError, match="hash"):
        Policy.load(tmp_path / "policy.json")


def test_shipping_chooses_on_validation(run: Path, tmp_path: Path) -> None:
    cards = ship([run, run], tmp_path, episodes=8)
    assert [card.name for card in cards] == ["arranger-0", "arranger-1", "arranger"]
    assert {metric.measured_on for metric in cards[0].metrics} == {
        "8 episodes of the validation split",
        "8 episodes of the test split",
        "8 episodes of the heldout split",
    }
    scene = ArrangeCore(2, ArrangeSettings(cues=("dungeon",)))
    scene.reset(np.random.default_rng(0))
    assert np.array_equal(
        Policy.load(tmp_path / "arranger.json").act(scene),
        Policy.load(run / "policy.json").act(scene),
    )


def test_the_vectorised_form_keeps_to_stable_baselines_contract() -> None:
    env = CoreVecEnv(ArrangeCore(3, **EASY), seed=4)
    seen = env.reset()
    assert seen.shape == (3, env.observation_space.shape[0])
    for _ in range(16):
        seen, _, done, infos = env.step(np.zeros((3, 9), np.float32))
    assert done.all()
    assert infos[0]["TimeLimit.truncated"]
    assert not np.array_equal(infos[0]["terminal_observation"], seen[0])
    assert infos[0]["episode"]["l"] == 16
    assert env.env_is_wrapped(object) == [False] * 3
    env.close()


def test_the_same_seed_trains_the_same_policy(tmp_path: Path, run: Path) -> None:
    again = train(tmp_path, TINY, quiet=True, **EASY)
    first = Policy.load(run / "policy.json")
    for name, value in first.weights.items():
        np.testing.assert_array_equal(value, again.weights[name])
    assert torch.get_num_threads() == 1


def test_evaluation_is_paired_and_its_statistics_are_right() -> None:
    played = evaluate(["hold", "table"], episodes=8, seeds=(0, 1), cues=("dungeon",), bars=8)
    rows = {row["director"]: row for row in table(played)}
    assert rows["hold"]["gain"] == pytest.approx(rows["hold"]["reward"] - rows["table"]["reward"])
    assert "gain" not in rows["table"]
    for row in rows.values():
        assert row["low"] <= row["reward"] <= row["high"]
    again = evaluate(["hold"], episodes=8, seeds=(0, 1), cues=("dungeon",), bars=8)
    assert np.array_equal(again[0].reward, played[0].reward)
    assert interquartile_mean(np.array([0.0, 1.0, 2.0, 99.0])) == 1.5
    low, high = interval(np.random.default_rng(0).normal(1.0, 1.0, 400))
    assert low < 1.0 < high
    assert high - low == pytest.approx(4 * 1.0 / 20, rel=0.15)
    assert isinstance(played[0], Episodes)


def test_seeds_are_summed_up_with_students_t() -> None:
    rows = [{"director": f"agent-{n}", "reward": value} for n, value in enumerate((1.0, 2.0, 3.0))]
    row = over_seeds(rows, ["agent-0", "agent-1", "agent-2"])
    assert row is not None
    assert row["reward"] == 2.0
    assert row["high"] - row["reward"] == pytest.approx(4.303 / np.sqrt(3))
    assert over_seeds(rows, ["agent-0", "agent-9"]) is None
