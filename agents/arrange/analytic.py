"""Analytic policy gradients: the reward of whole episodes, differentiated by a policy's weights.

Model-based reinforcement learning without a critic: the slope of an episode's reward is carried
back through listener, emotion and knobs into the policy (backpropagation through a learned model;
Heess et al., NIPS 2015; Clavera et al., ICLR 2020). Every *value* comes from `ArrangeCore` itself,
the same that evaluates; only *slopes* come from here: those of the arranger and the emotion model
from a `Surrogate`, those of the rest by formula. How tempo moves the clock of the game, what
ratings tell of a listener and what the forecast says of the game count as given.

What is trained is the policy of Stable-Baselines3's PPO, so PPO can go on from it. A core made with
`known_listener` and `lookahead_bars` trains a teacher that knows what no agent can.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...envs.arrange.core import ArrangeCore, broken_rules, movement_cost
from ...envs.arrange.observation import AHEAD_BARS, OBSERVATION
from ...envs.arrange.perception import DEAD_ZONE, KNOB_STEP, move_knobs
from ...music.cue import PHRASE_BARS
from ...music.direction import KNOBS
from .surrogate import Surrogate, rows_of

FloatArray = NDArray[np.float64]


def _columns(*pairs: str) -> list[int]:
    """Where pairs of valence and arousal stand in an observation."""
    return [
        OBSERVATION.index(f"{pair}_{axis}") for pair in pairs for axis in ("valence", "arousal")
    ]


_KNOBS = [OBSERVATION.index(f"knob_{name}") for name in KNOBS]
_GAIN, _BIAS = _columns("gain"), _columns("bias")
_LESS_FELT = _columns("gap", *(f"ahead_{bar}" for bar in range(1, AHEAD_BARS + 1)))
_SLOPED = torch.tensor([*_KNOBS, *_columns("estimate", "felt", "next", "next_pull"), *_LESS_FELT])
"""Columns of an observation that depend on what a policy did, in the order of `_State.observe`."""

_INSIDE, _OUTSIDE = 0.4, 1.0 / (1.0 - DEAD_ZONE)
"""Slopes of a knob's step by the action: in the dead zone (given, or none would leave it), out."""


@dataclass(frozen=True)
class AnalyticSettings:
    """Hyper-parameters."""

    updates: int = 300
    episodes: int = 128  # of each update
    cut_bars: int = 24  # slopes are carried back no further
    first_noise: float = 0.25  # sd of an action's noise in the first update
    last_noise: float = 0.08  # in the last
    learning_rate: float = 2e-3
    last_share: float = 0.02  # of the learning rate, where its cosine ends
    warm_up: int = 10  # updates
    largest_gradient: float = 0.5  # norm
    seed: int = 0


def actor_of(policy: Any) -> nn.Sequential:
    """The part of a Stable-Baselines3 policy that acts: observations to mean actions."""
    return nn.Sequential(*policy.mlp_extractor.policy_net, policy.action_net)


def train_analytic(
    actor: nn.Module,
    surrogate: Surrogate,
    core: ArrangeCore,
    settings: AnalyticSettings,
    on_update: Callable[[int, float], None] = lambda update, reward: None,
) -> None:
    """Train an actor in place.

    :param actor: observations [shape=(n, D)] to mean actions [n, 9]
    :param core: of `settings.episodes` episodes of the training split
    :param on_update: told the update, from 1, and the mean reward a bar of its episodes
    """
    rng = np.random.default_rng(settings.seed)
    optimiser = torch.optim.Adam(actor.parameters(), lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda at: _share(at, settings))
    for update in range(settings.updates):
        done = update / max(settings.updates - 1, 1)
        noise = settings.first_noise + done * (settings.last_noise - settings.first_noise)
        earned = roll_out(actor, surrogate, core, rng, noise, settings.cut_bars)
        optimiser.zero_grad()
        (-earned).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(actor.parameters(), settings.largest_gradient)
        optimiser.step()
        schedule.step()
        on_update(update + 1, float(earned.detach()))


def _share(update: int, settings: AnalyticSettings) -> float:
    """Of the learning rate: a straight warm-up, then a cosine."""
    warm = min(1.0, (update + 1) / settings.warm_up)
    cosine = 0.5 * (1.0 + np.cos(np.pi * min(update / settings.updates, 1.0)))
    return warm * (settings.last_share + (1.0 - settings.last_share) * float(cosine))


def roll_out(
    actor: nn.Module,
    surrogate: Surrogate,
    core: ArrangeCore,
    rng: np.random.Generator,
    noise: float,
    cut_bars: int,
) -> Tensor:
    """Play new episodes; returns their mean reward a bar, with its slope.

    :param noise: sd of the noise on actions
    """
    observation = core.reset(rng)
    state = _State(core, surrogate)
    gain, bias = _tensor(core.listeners.gain), _tensor(core.listeners.bias)
    rate = core.settings.listener.rate
    earned = torch.zeros(())
    over = False
    while not over:
        if core.bar % cut_bars == 0:
            state.cut()
        seen = state.observe(observation)
        on_phrase = core.worlds.number % PHRASE_BARS == 0
        rows = torch.from_numpy(rows_of(core.worlds))
        action = actor(seen)
        action = action + noise * torch.from_numpy(rng.standard_normal(action.shape, np.float32))
        observation, reward, over, _ = core.step(core.accept(action.detach().numpy()))
        before = state.knobs
        state.knobs = _as(core.perception.knobs, move(before, action))
        impression = surrogate(rows, state.knobs)
        state.estimate = _as(
            core.perception.estimate, state.estimate + rate * (impression - state.estimate)
        )
        state.felt = _as(
            core.listeners.felt, state.felt + rate * (gain * impression + bias - state.felt)
        )
        paid = _paid(core, state, state.knobs - before, on_phrase)
        earned = earned + _as(reward, -paid).mean()
    return earned / core.steps


def _paid(core: ArrangeCore, state: "_State", moved: Tensor, on_phrase: NDArray[Any]) -> Tensor:
    """What a bar costs [shape=(n,)]: distance from the mood wanted, movement, broken rules."""
    s = core.settings
    wanted = _tensor(core.perception.targets[0])
    weights = np.where(on_phrase[:, None], _MOVE_ON_PHRASE, _MOVE_ELSEWHERE)
    distance = (state.felt - wanted).abs().mean(dim=1)
    movement = (moved.abs() * _tensor(weights)).sum(dim=1)
    broken = slope_of_rules(state.knobs, wanted[:, 1])
    return s.mood_weight * distance + s.continuity_weight * movement + s.rules_weight * broken


_EACH = np.eye(len(KNOBS))
_MOVE_ON_PHRASE = movement_cost(_EACH, np.ones(len(KNOBS), bool))
_MOVE_ELSEWHERE = movement_cost(_EACH, np.zeros(len(KNOBS), bool))
"""What the movement of each knob by its whole range costs [shape=(9,)]; the cost is linear."""


class _State:
    """What slopes are carried along: knobs, estimate and felt mood of n episodes."""

    def __init__(self, core: ArrangeCore, surrogate: Surrogate) -> None:
        self.core = core
        self.surrogate = surrogate
        self.knobs = _tensor(core.perception.knobs)
        self.estimate = _tensor(core.perception.estimate)
        self.felt = _tensor(core.listeners.felt)

    def cut(self) -> None:
        """Carry slopes no further back than here."""
        self.knobs, self.estimate, self.felt = (
            part.detach() for part in (self.knobs, self.estimate, self.felt)
        )

    def observe(self, observation: FloatArray) -> Tensor:
        """The observation [shape=(n, D)] as the agent gets it, with its slopes."""
        given = torch.from_numpy(self.core.present(observation))
        gain, bias = 1.0 + given[:, _GAIN], given[:, _BIAS]
        felt = gain * self.estimate + bias
        coming = self.surrogate(torch.from_numpy(rows_of(self.core.worlds)), self.knobs)
        pull = gain * coming + bias - felt
        less_felt = -felt.repeat(1, len(_LESS_FELT) // 2)
        sloped = torch.cat([self.knobs, self.estimate, felt, coming, pull, less_felt], dim=1)
        return given.index_add(1, _SLOPED, sloped - sloped.detach())


def move(knobs: Tensor, actions: Tensor) -> Tensor:
    """`move_knobs` [both shape=(n, 9)], with slopes where it has none, if they lead back."""
    moved: Tensor = _Move.apply(knobs, actions)  # type: ignore[no-untyped-call]
    return moved


class _Move(torch.autograd.Function):
    """See `move`."""

    @staticmethod
    def forward(ctx: Any, knobs: Tensor, action: Tensor) -> Tensor:
        ctx.save_for_backward(knobs, action)
        held = action.clamp(-1.0, 1.0)
        return _tensor(move_knobs(knobs.numpy(), held.numpy()))

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, Tensor]:
        (slope,) = slopes
        knobs, action = ctx.saved_tensors
        size = action.abs()
        step = action.sign() * (size.clamp(max=1.0) - DEAD_ZONE).clamp(min=0.0) * _OUTSIDE
        reached = knobs + KNOB_STEP * step
        # Training goes against the slope, so a positive one leads down.
        stuck = ((reached > 1.0) & (slope < 0)) | ((reached < 0.0) & (slope > 0))
        slope = torch.where(stuck, 0.0, slope)
        steep = torch.where(size < DEAD_ZONE, _INSIDE, _OUTSIDE) * KNOB_STEP
        outward = (size > 1.0) & (action * slope < 0)
        return slope, torch.where(outward, 0.0, steep * slope)


def slope_of_rules(knobs: Tensor, wanted_arousal: Tensor) -> Tensor:
    """`broken_rules` [shape=(n,)] of knobs [n, 9], with its slope by differences in the knobs."""
    values = knobs.detach().numpy().astype(float)
    arousal = wanted_arousal.numpy().astype(float)
    n = len(values)
    tried = np.repeat(values[:, None], 2 * len(KNOBS), axis=1)
    tried[:, : len(KNOBS)] += _EACH * _DIFFERENCE
    tried[:, len(KNOBS) :] -= _EACH * _DIFFERENCE
    found = broken_rules(tried.reshape(-1, len(KNOBS)), np.repeat(arousal, 2 * len(KNOBS)))
    more, less = found.reshape(n, 2, len(KNOBS)).transpose(1, 0, 2)
    slopes = _tensor((more - less) / (2.0 * _DIFFERENCE))
    return (knobs * slopes).sum(dim=1)


_DIFFERENCE = 0.01


def _as(value: FloatArray, sloped: Tensor) -> Tensor:
    """The value that the environment gives, with the slope that was worked out."""
    return sloped + (_tensor(value) - sloped).detach()


def _tensor(values: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.asarray(values, np.float32))
