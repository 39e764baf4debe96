"""Analytic gradients: values are the environment's, slopes lead to more reward."""

from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec.structs import replace
from torch import nn

from segue.agents.arrange import training
from segue.agents.arrange.analytic import (
    AnalyticSettings,
    actor_of,
    move,
    roll_out,
    slope_of_rules,
    train_analytic,
)
from segue.agents.arrange.dagger import DaggerSettings, distil
from segue.agents.arrange.surrogate import Surrogate, fit_surrogate, rows_of, sample_bars
from segue.agents.arrange.training import KNOWLEDGE, analytic, polish, with_options
from segue.agents.config import load_config
from segue.agents.policy import Policy
from segue.analysis.cards import read_card
from segue.envs import ARRANGE
from segue.envs.arrange.core import ArrangeCore, broken_rules
from segue.envs.arrange.observation import OBSERVATION

torch.set_num_threads(1)

SMALL = {"bars": 12, "cues": ("dungeon",)}


def actor(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(len(OBSERVATION), 16), nn.Tanh(), nn.Linear(16, 9))


@pytest.fixture(scope="module")
def surrogate() -> Surrogate:
    found, explained = fit_surrogate(ArrangeCore(2, **SMALL), bars=30_000, epochs=4)
    assert (explained > 0.3).all()
    return found


def test_bars_are_sampled_as_they_sound() -> None:
    core = ArrangeCore(2, **SMALL)
    rows, knobs, impressions = sample_bars(
        core.book, core.ear, core.model, np.random.default_rng(0), 2000
    )
    assert rows.shape == (2000,) and knobs.shape == (2000, 9)
    assert impressions.std(axis=0).min() > 0.2
    assert len(np.unique(rows)) > 0.9 * core.book.section_bars.sum()
    core.reset(np.random.default_rng(0))
    expected = rows_of(core.worlds)
    core.step(np.zeros((2, 9)))
    np.testing.assert_array_equal(core.played[0].row, expected)


def test_what_a_roll_out_earns_is_what_the_environment_pays(surrogate: Surrogate) -> None:
    policy = actor()
    earned = roll_out(policy, surrogate, ArrangeCore(4, **SMALL), np.random.default_rng(3), 0.0, 6)
    core = ArrangeCore(4, **SMALL)
    seen = core.present(core.reset(np.random.default_rng(3)))
    total, over = 0.0, False
    while not over:
        action = policy(torch.from_numpy(seen)).detach().numpy()
        observation, reward, over, _ = core.step(core.accept(action))
        seen = core.present(observation)
        total += float(reward.mean()) / core.steps
    assert float(earned.detach()) == pytest.approx(total, abs=1e-6)


def test_slopes_of_moves_are_those_of_the_range() -> None:
    knobs = torch.full((1, 9), 0.5)
    actions = torch.tensor([[0.0, 0.1, 0.5, -0.5, 1.5, -1.5, 1.5, 0.5, -0.5]], requires_grad=True)
    moved = move(knobs, actions)
    np.testing.assert_allclose(
        moved[0, :5].detach(), [0.5, 0.5, 0.5 + 0.35 * 0.375, 0.5 - 0.35 * 0.375, 0.85], atol=1e-6
    )
    (moved * torch.tensor([1.0, 1, 1, 1, 1, 1, -1, 1, 1])).sum().backward()
    inside, outside = 0.4 * 0.35, 1.25 * 0.35
    # Training goes down a slope: the fifth leads back into the range, sixth and seventh out of it.
    expected = [inside, inside, outside, outside, outside, 0.0, 0.0, outside, outside]
    assert actions.grad is not None
    np.testing.assert_allclose(actions.grad[0], expected, atol=1e-6)


def test_a_knob_at_its_end_has_a_slope_that_leads_back() -> None:
    knobs = torch.ones((1, 9), requires_grad=True)
    actions = torch.full((1, 9), 0.5, requires_grad=True)
    towards = torch.tensor([[1.0] * 5 + [-1.0] * 4])
    (move(knobs, actions) * towards).sum().backward()
    assert actions.grad is not None and knobs.grad is not None
    assert (actions.grad[0, :5] > 0).all() and (actions.grad[0, 5:] == 0).all()
    assert (knobs.grad[0, 5:] == 0).all()


def test_slopes_of_the_rules_are_differences() -> None:
    rng = np.random.default_rng(1)
    knobs, arousal = rng.uniform(0.1, 0.9, (5, 9)), rng.uniform(-1.0, 1.0, 5)
    given = torch.tensor(knobs, dtype=torch.float32, requires_grad=True)
    slope_of_rules(given, torch.tensor(arousal, dtype=torch.float32)).sum().backward()
    assert given.grad is not None
    for at in range(9):
        more, less = knobs.copy(), knobs.copy()
        more[:, at] += 0.01
        less[:, at] -= 0.01
        expected = (broken_rules(more, arousal) - broken_rules(less, arousal)) / 0.02
        np.testing.assert_allclose(given.grad[:, at], expected, atol=1e-4)


def test_it_learns_within_a_few_updates(surrogate: Surrogate) -> None:
    earned: list[float] = []
    policy = actor()
    settings = AnalyticSettings(updates=24, warm_up=2)
    core = ArrangeCore(32, continuity_weight=0.0, **SMALL)
    train_analytic(policy, surrogate, core, settings, lambda _, reward: earned.append(reward))
    assert np.mean(earned[-4:]) > np.mean(earned[:4]) + 0.02


def test_a_student_comes_to_do_what_its_teacher_does() -> None:
    errors: list[float] = []
    told = {"known_listener": True, "lookahead_bars": 5}
    distil(
        actor(1),
        actor(2),
        ArrangeCore(8, **SMALL),
        ArrangeCore(8, **SMALL, **told),
        DaggerSettings(rounds=6, batches=40, batch_size=64, teacher_rounds=2),
        lambda _, error: errors.append(error),
    )
    assert errors[-1] < 0.5 * errors[0]


def test_a_run_leaves_a_policy_that_plays(tmp_path: Path) -> None:
    config = load_config("arrange", train=SMALL, validation=SMALL, validation_episodes=8, n_envs=32)
    run = analytic(
        config, tmp_path / "run", AnalyticSettings(updates=2, episodes=4), bars=2000, quiet=True
    )
    assert len(run.actor) == 5 and actor_of(run.model.policy)[0] is run.actor[0]
    policy = Policy.load(tmp_path / "run" / "policy.json", ARRANGE, OBSERVATION)
    core = ArrangeCore(3, **SMALL)
    seen = core.present(core.reset(np.random.default_rng(0)))
    own = run.actor(torch.from_numpy(seen)).detach().clamp(-1.0, 1.0)
    np.testing.assert_allclose(policy.act_on(seen), own, atol=1e-5)
    assert "R2 of the surrogate" in policy.card.notes[-1]  # type: ignore[union-attr]
    assert with_options(config, KNOWLEDGE["both"]).train["known_listener"]


@pytest.mark.slow
def test_ppo_goes_on_from_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "_POLISH_STEPS", 2048)
    monkeypatch.setattr(training, "_CRITIC_STEPS", 512)
    config = load_config("arrange", train=SMALL, validation=SMALL, validation_episodes=8, n_envs=8)
    config = replace(config, hyper=config.hyper | {"batch_size": 512})
    first = analytic(config, tmp_path / "run", AnalyticSettings(updates=1, episodes=4), bars=2000)
    polish(config, tmp_path / "polished", tmp_path / "run", quiet=True)
    card = read_card(tmp_path / "polished" / "policy.json")
    assert "then PPO" in card.summary and card.summary.startswith("analytic policy gradients")
    assert "--start run" in card.command
    old = first.actor[0].weight.detach().numpy().T
    new = Policy.load(tmp_path / "polished" / "policy.json", ARRANGE).weights["w0"]
    assert np.abs(new - old).max() < 0.1  # the best on validation may be the start itself
