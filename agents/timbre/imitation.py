"""Imitation of who knows the target's knobs, before there is any play.

Pairs of settings that were rendered are what an agent sees: one is its own, the other its target;
the teacher goes straight from one to the other. Half of the pairs lie near each other, as they do
when a target has nearly been met. What is imitated is the middle of what the teacher might do, as
the loss is the absolute difference.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ...analysis.sound.descriptors import FloatArray
from ...envs.timbre.perception import OBSERVATION_LIMIT, observe_scaled, scaled
from .table import Table, describe_settings

_NEAR = (0.01, 0.2)  # spread of a near setting's knobs
_BATCH = 512
_LEARNING_RATE = 2e-3
_MEASURED = 50  # last batches


def near_table(table: Table, seed: int) -> Table:
    """For each row of a table, a setting in its neighbourhood."""
    rng = np.random.default_rng(seed)
    spread = np.exp(rng.uniform(np.log(_NEAR[0]), np.log(_NEAR[1]), (len(table.knobs), 1)))
    noise = spread * rng.standard_normal(table.knobs.shape)
    knobs = np.clip(table.knobs + noise, 0.0, 1.0)
    return Table(knobs, describe_settings(knobs))


def train_imitation(
    actor: nn.Module,
    table: Table,
    near: Table,
    largest_move: float,
    *,
    batches: int = 6000,
    seed: int = 0,
) -> float:
    """Train an actor in place; the mean absolute difference from the teacher's actions at the end.

    :param actor: observations [shape=(n, 96)] to mean actions [n, 8]
    :param near: see `near_table`
    :param largest_move: of a knob in a step, as in the settings of the environment
    """
    rng = np.random.default_rng(seed)
    optimiser = torch.optim.Adam(actor.parameters(), lr=_LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _LEARNING_RATE, total_steps=batches)
    sounds = scaled(table.descriptors), scaled(near.descriptors)
    recent: list[float] = []
    for _ in range(batches):
        seen, wanted = _pairs(sounds, (table.knobs, near.knobs), largest_move, rng)
        apart = (actor(torch.from_numpy(seen)) - torch.from_numpy(wanted)).abs().mean()
        optimiser.zero_grad()
        apart.backward()
        optimiser.step()
        schedule.step()
        recent.append(float(apart.detach()))
    return float(np.mean(recent[-_MEASURED:]))


def _pairs(
    sounds: tuple[FloatArray, FloatArray],
    knobs: tuple[FloatArray, FloatArray],
    largest_move: float,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Observations [shape=(n, 96)] and the teacher's actions [n, 8].

    :param sounds: scaled descriptors of the settings and of their neighbours; so `knobs`
    """
    half = _BATCH // 2
    own, far = rng.integers(0, len(sounds[0]), (2, _BATCH))
    theirs, there = (
        np.concatenate([near[own[:half]], here[far[half:]]]) for here, near in (sounds, knobs)
    )
    mine, knob = sounds[0][own], knobs[0][own]
    seen = observe_scaled(mine, theirs, knob, rng.uniform(0.0, 1.0, (_BATCH, 1)))
    limit = OBSERVATION_LIMIT
    wanted = np.clip((there - knob) / largest_move, -1.0, 1.0)
    return np.clip(seen, -limit, limit).astype(np.float32), wanted.astype(np.float32)
