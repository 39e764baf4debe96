"""Analytic policy gradients: the reward of whole episodes, differentiated with respect to a policy.

Model-based learning without a critic (Heess et al., NIPS 2015): every *value* comes from
`TimbreCore` and its pyo graph, the same that evaluates; only *slopes* come from a `Surrogate` of
what knobs sound like. What is trained is the policy of Stable-Baselines3's PPO, so that PPO can go
on from it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...analysis.sound.descriptors import DESCRIPTORS
from ...envs.timbre.core import TimbreCore
from ...envs.timbre.perception import OBSERVATION_LIMIT
from .surrogate import Surrogate, distance, scaled

_WIDTH = len(DESCRIPTORS)
_OVER_WEIGHT = 0.01  # of actions beyond their range


@dataclass(frozen=True)
class AnalyticSettings:
    """Hyper-parameters."""

    updates: int = 400
    cut_steps: int = 8  # slopes are carried back no further
    first_noise: float = 0.3  # sd of an action's noise in the first update
    last_noise: float = 0.05  # in the last
    learning_rate: float = 2e-3
    last_share: float = 0.02  # of the learning rate, where its cosine ends
    warm_up: int = 20  # updates
    largest_gradient: float = 0.5  # norm
    seed: int = 0


def actor_of(policy: Any) -> nn.Sequential:
    """The part of a Stable-Baselines3 policy that acts: observations to mean actions."""
    return nn.Sequential(*policy.mlp_extractor.policy_net, policy.action_net)


def train_analytic(
    actor: nn.Module,
    surrogate: Surrogate,
    core: TimbreCore,
    settings: AnalyticSettings,
    on_update: Callable[[int, float], None] = lambda update, reward: None,
) -> None:
    """Train an actor in place.

    :param actor: observations [shape=(n, 96)] to mean actions [n, 8]
    :param core: of the training split; each update plays its episodes once
    :param on_update: told the update, from 1, and the mean reward a step of its episodes
    """
    rng = np.random.default_rng(settings.seed)
    optimiser = torch.optim.Adam(actor.parameters(), lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda at: _share(at, settings))
    for update in range(settings.updates):
        done = update / max(settings.updates - 1, 1)
        noise = settings.first_noise + done * (settings.last_noise - settings.first_noise)
        optimiser.zero_grad()
        reward = _play(actor, surrogate, core, rng, noise, settings.cut_steps)
        nn.utils.clip_grad_norm_(actor.parameters(), settings.largest_gradient)
        optimiser.step()
        schedule.step()
        on_update(update + 1, reward)


def _share(update: int, settings: AnalyticSettings) -> float:
    """Of the learning rate: a straight warm-up, then a cosine."""
    warm = min(1.0, (update + 1) / settings.warm_up)
    cosine = 0.5 * (1.0 + np.cos(np.pi * min(update / settings.updates, 1.0)))
    return warm * (settings.last_share + (1.0 - settings.last_share) * float(cosine))


def _play(
    actor: nn.Module,
    surrogate: Surrogate,
    core: TimbreCore,
    rng: np.random.Generator,
    noise: float,
    cut_steps: int,
) -> float:
    """Play new episodes, add the slopes of what they cost to the actor's; their mean reward."""
    observation = core.reset(rng)
    knobs, own = _tensor(core.knobs), _tensor(core.own)
    before = _tensor(core.distance)
    earned, over = 0.0, False
    cost = torch.zeros(())
    while not over:
        seen = _seen(observation, own, knobs)
        action = actor(seen)
        tried = action + noise * _tensor(rng.standard_normal(action.shape))
        observation, reward, over, _ = core.step(core.accept(tried.detach().numpy()))
        moved = _tensor(core.settings.largest_move) * tried
        reached = _as(core.knobs, knobs + moved)
        own = _as(core.own, surrogate(reached))
        apart = distance(own, _tensor(core.target), core.settings.weights)
        cost = cost + _cost(core, apart, before, reached - knobs, action).mean()
        knobs, before = reached, apart
        earned += float(reward.mean())
        if core.step_number % cut_steps == 0 or over:
            (cost / core.steps).backward()  # type: ignore[no-untyped-call]
            knobs, own, before = knobs.detach(), own.detach(), before.detach()
            cost = torch.zeros(())
    return earned / core.steps


def _cost(core: TimbreCore, apart: Tensor, before: Tensor, moved: Tensor, action: Tensor) -> Tensor:
    """What a step costs [shape=(n,)], and a little for actions that are cut off."""
    settings = core.settings
    gained = settings.improvement_weight * (before - apart)
    movement = settings.movement_weight * moved.abs().mean(dim=1)
    over = (action.abs() - 1.0).clamp(min=0.0).square().mean(dim=1)
    return apart - gained + movement + _OVER_WEIGHT * over


def _seen(observation: NDArray[Any], own: Tensor, knobs: Tensor) -> Tensor:
    """The observation [shape=(n, 96)] as the agent gets it, with its slopes."""
    given = _tensor(np.clip(observation, -OBSERVATION_LIMIT, OBSERVATION_LIMIT))
    mine = scaled(own)
    rest = torch.zeros_like(mine), -mine, 2.0 * knobs, torch.zeros(len(own), 1)
    sloped = torch.cat([mine, *rest], dim=1)
    return given + sloped - sloped.detach()


def _as(value: Any, sloped: Tensor) -> Tensor:
    """The value that the environment gives, with the slope that was worked out."""
    return sloped + (_tensor(value) - sloped).detach()


def _tensor(values: Any) -> Tensor:
    return torch.from_numpy(np.asarray(values, np.float32))
