"""Training learns where there is something to learn, resumes, and leaves policies that load."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from msgspec.structs import replace

from segue.agents.algorithms import load_model, make_model
from segue.agents.callbacks import BEFORE, BEST, LAST, read_curve
from segue.agents.config import Config, load_config
from segue.agents.curves import draw_curves
from segue.agents.policy import Policy
from segue.agents.sb3 import CoreVecEnv
from segue.agents.train import DivergedError, train
from segue.analysis.cards import read_card
from segue.music.errors import SegueError

pytestmark = pytest.mark.usefixtures("echo")

PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, echo: str, echo_config: Any) -> Path:
    folder: Path = tmp_path_factory.mktemp("run")
    train(echo_config(), folder, quiet=True)
    return folder


def test_a_run_leaves_card_weights_checkpoints_and_curve(run: Path, echo: str) -> None:
    card = read_card(run / "policy.json")
    metric = card.metrics[0]
    assert metric.low <= metric.value <= metric.high
    assert metric.measured_on == "32 episodes of the validation split"
    assert card.command == "segue train echo --config FILE --steps 2048 --seed 0"
    assert card.environment == echo
    assert card.train_cpu_seconds > 0
    assert {path.name for path in run.glob("*.zip")} == {LAST, BEFORE, BEST}
    curve = read_curve(run)
    assert [line["steps"] for line in curve] == [512, 1024, 1536, 2048]
    assert curve[-1]["train_reward"] > curve[0]["train_reward"]
    assert (run / "curve.png").read_bytes().startswith(PNG)
    assert load_config(str(run / "config.yaml")).algorithm == "ppo"
    assert list(run.glob("*/events.out.tfevents*"))


def test_the_best_on_validation_is_exported(run: Path, echo: str, echo_core: Any) -> None:
    curve = read_curve(run)
    best = max(curve, key=lambda line: line["validation_reward"])
    model = load_model("ppo", run / BEST)
    assert model.num_timesteps == best["steps"]
    seen = np.random.default_rng(0).uniform(-1, 1, (64, 3)).astype(np.float32)
    expected, _ = model.predict(seen, deterministic=True)
    assert np.array_equal(Policy.load(run / "policy.json", echo).act_on(seen), expected)


def test_the_same_seed_trains_the_same_policy(tmp_path: Path, run: Path, echo_config: Any) -> None:
    again = train(echo_config(), tmp_path, quiet=True)
    assert isinstance(again, Policy)
    first = Policy.load(run / "policy.json", "segue/Echo-v0")
    for name, value in first.weights.items():
        np.testing.assert_array_equal(value, again.weights[name])
    assert torch.get_num_threads() == 1
    other = train(echo_config(seed=1), tmp_path, quiet=True)
    assert isinstance(other, Policy)
    assert not np.array_equal(other.weights["w0"], first.weights["w0"])


# Learning ---------------------------------------------------------------------------------------

WORTH = {"box": -0.1, "discrete": 0.95, "masked": 0.95, "many": 0.9}


@pytest.mark.parametrize(
    ("algorithm", "kind", "changes"),
    [
        ("ppo", "box", {"steps": 4096}),
        ("ppo", "many", {}),
        ("a2c", "discrete", {"schedule": "linear"}),
        ("maskable_ppo", "masked", {}),
        ("dqn", "discrete", {"steps": 4096}),
        ("qr_dqn", "discrete", {"policy": {"net_arch": [16], "n_quantiles": 8}}),
        pytest.param(
            "recurrent_ppo",
            "discrete",
            {"policy": {"net_arch": [16], "lstm_hidden_size": 16}},
            marks=pytest.mark.slow,
        ),
        pytest.param("sac", "box", {"steps": 4096}, marks=pytest.mark.slow),
        pytest.param("tqc", "box", {"steps": 4096}, marks=pytest.mark.slow),
    ],
)
def test_every_algorithm_learns(
    tmp_path: Path, echo_config: Any, algorithm: str, kind: str, changes: dict[str, Any]
) -> None:
    train(echo_config(algorithm, kind, **changes), tmp_path, quiet=True)
    assert max(line["validation_reward"] for line in read_curve(tmp_path)) > WORTH[kind]
    exported = (tmp_path / "policy.json").exists()
    assert exported == (algorithm != "recurrent_ppo")


def test_drawing_policies_are_validated_as_they_play(tmp_path: Path, echo_config: Any) -> None:
    policy = train(echo_config(sample=True, steps=128, checks=1), tmp_path, quiet=True)
    assert isinstance(policy, Policy)
    assert policy.sampling
    assert policy.card is not None
    assert policy.card.metrics[0].value < 0.8  # it has hardly learned, so it errs when it draws


def test_off_policy_learns_as_often_as_it_steps(echo_config: Any, echo_core: Any) -> None:
    config: Config = echo_config("dqn")
    env = CoreVecEnv(echo_core(8, kind="discrete"))
    plain = {name: value for name, value in config.hyper.items() if name != "gradient_steps"}
    assert make_model(replace(config, hyper=plain), env).gradient_steps == -1  # type: ignore[attr-defined]
    assert make_model(config, env).gradient_steps == 4  # type: ignore[attr-defined]


def test_a_model_may_be_prepared_before_it_trains(tmp_path: Path, echo_config: Any) -> None:
    def prepare(model: Any) -> None:
        model.policy.action_net.bias.data[:] = torch.tensor([50.0, 0.0, 0.0])

    policy = train(echo_config(steps=128, checks=1), tmp_path, quiet=True, prepare=prepare)
    assert isinstance(policy, Policy)
    assert set(policy.act_on(np.eye(3))) == {0}
    assert [line["steps"] for line in read_curve(tmp_path)] == [0, 128]
    assert load_model("ppo", tmp_path / BEST).num_timesteps == 0  # it was no worse before


# Stops and goes ---------------------------------------------------------------------------------


def copy_run(run: Path, folder: Path) -> None:
    for name in (LAST, BEFORE, BEST, "curve.jsonl"):
        (folder / name).write_bytes((run / name).read_bytes())


def test_resuming_goes_on_to_the_asked_number_of_steps(
    run: Path, tmp_path: Path, echo_config: Any
) -> None:
    copy_run(run, tmp_path)
    train(echo_config(steps=4096), tmp_path, resume=True, quiet=True)
    assert load_model("ppo", tmp_path / LAST).num_timesteps == 4096
    curve = read_curve(tmp_path)
    assert [line["steps"] for line in curve] == [512, 1024, 1536, 2048, 3072, 4096]
    assert curve[4]["cpu_seconds"] > curve[3]["cpu_seconds"]
    card = read_card(tmp_path / "policy.json")
    assert card.train_cpu_seconds >= curve[-1]["cpu_seconds"] - 0.1
    with pytest.raises(SegueError, match="no checkpoint"):
        train(echo_config(), tmp_path / "empty", resume=True, quiet=True)


def test_off_policy_resumes_too(tmp_path: Path, echo_config: Any) -> None:
    train(echo_config("dqn", steps=512), tmp_path, quiet=True)
    train(echo_config("dqn", steps=1024), tmp_path, resume=True, quiet=True)
    assert load_model("dqn", tmp_path / LAST).num_timesteps == 1024


def test_a_checkpoint_cut_in_half_is_told_and_the_one_before_taken(
    run: Path, tmp_path: Path, echo_config: Any
) -> None:
    copy_run(run, tmp_path)
    whole = (run / LAST).read_bytes()
    (tmp_path / LAST).write_bytes(whole[: len(whole) // 2])
    told: list[str] = []
    train(echo_config(), tmp_path, resume=True, quiet=True, tell=told.append)
    assert len(told) == 1
    for part in (LAST, "is no whole model of ppo", BEFORE, "at step 1,536"):
        assert part in told[0]
    assert [line["steps"] for line in read_curve(tmp_path)] == [512, 1024, 1536, 2048]
    for name in (LAST, BEFORE):
        (tmp_path / name).write_bytes(whole[:1000])
    with pytest.raises(SegueError, match="no checkpoint is whole"):
        train(echo_config(), tmp_path, resume=True, quiet=True)


def test_an_interrupt_leaves_a_checkpoint(tmp_path: Path, echo_config: Any) -> None:
    def interrupt(steps: int, reward: float) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(echo_config(), tmp_path, quiet=True, report=interrupt)
    assert load_model("ppo", tmp_path / LAST).num_timesteps == 512
    assert not (tmp_path / "policy.json").exists()
    train(echo_config(), tmp_path, resume=True, quiet=True)
    assert load_model("ppo", tmp_path / LAST).num_timesteps == 2048


def test_a_training_that_goes_astray_is_told(tmp_path: Path, echo_config: Any) -> None:
    config = echo_config("ppo", "box", checks=16)
    wild = replace(config, hyper=config.hyper | {"learning_rate": 1e30, "max_grad_norm": 1e30})
    with pytest.raises(DivergedError, match=r"went astray at step .* smaller learning_rate"):
        train(wild, tmp_path, quiet=True)
    assert not (tmp_path / "policy.json").exists()


def test_patience_ends_what_no_longer_learns(tmp_path: Path, echo_config: Any) -> None:
    config = echo_config(steps=16_384, checks=16, patience=2)
    train(config, tmp_path, quiet=True)
    curve = [line["validation_reward"] for line in read_curve(tmp_path)]
    assert len(curve) < 16
    assert max(curve[-2:]) <= max(curve[:-2])


def test_a_curve_cut_in_half_is_still_read(run: Path, tmp_path: Path) -> None:
    text = (run / "curve.jsonl").read_text()
    (tmp_path / "curve.jsonl").write_text(text[:-20])
    assert len(read_curve(tmp_path)) == 3
    draw_curves([run, tmp_path], tmp_path / "both.png")
    assert (tmp_path / "both.png").read_bytes().startswith(PNG)
    with pytest.raises(SegueError, match="no learning curve"):
        draw_curves([tmp_path / "none"], tmp_path / "none.png")


# What is wrong is told --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("algorithm", "kind", "changes", "said"),
    [
        ("ppo", "box", {"hyper": {"n_step": 3}}, "did you mean 'n_steps'"),
        ("ppo", "box", {"policy": {"activation_fn": "thanh"}}, "did you mean 'tanh'"),
        ("ppo", "box", {"policy": {"net_arc": [3]}}, "net_arc"),
        ("ppo", "box", {"train": {"prise": 3}}, "did you mean 'price'"),
        ("ppo", "box", {"validation": {"prise": 3}}, "did you mean 'price'"),
        ("dqn", "box", {}, "DQN cannot be made for segue/Echo-v0"),
        ("sac", "discrete", {}, "SAC cannot be made"),
        ("maskable_ppo", "discrete", {}, "no action masks; take ppo"),
    ],
)
def test_wrong_settings_are_told(
    tmp_path: Path, echo_config: Any, algorithm: str, kind: str, changes: Any, said: str
) -> None:
    with pytest.raises(SegueError, match=said):
        train(echo_config(algorithm, kind, **changes), tmp_path, quiet=True)


def test_the_vectorised_form_keeps_to_stable_baselines_contract(echo_core: Any) -> None:
    env = CoreVecEnv(echo_core(3, kind="masked"), seed=4)
    seen = env.reset()
    assert seen.shape == (3, 3)
    assert np.array(env.env_method("action_masks")).shape == (3, 3)
    for _ in range(8):
        seen, reward, done, infos = env.step(np.zeros(3, np.int64))
        assert reward.shape == (3,)
    assert done.all()
    assert infos[0]["TimeLimit.truncated"]
    assert any(not np.array_equal(infos[at]["terminal_observation"], seen[at]) for at in range(3))
    assert infos[0]["episode"]["l"] == 8
    assert env.env_is_wrapped(object) == [False] * 3
    env.close()
    assert not CoreVecEnv(echo_core(1)).has_attr("action_masks")
