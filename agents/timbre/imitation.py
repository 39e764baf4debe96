"""Imitation of who knows the target's knobs, before there is any play.

Pairs of settings that were rendered are what an agent sees: one is its own, the other its target;
the teacher goes straight from one to the other. Half of the pairs lie near each other, as they do
when a target has nearly been met. What is imitated is the middle of what the teacher might do, as
the loss is the absolute difference.
"""

import numpy as np
import torch
from torch import nn

from ...analysis.sound.descriptors import FloatArray
from ...envs.timbre.perception import observe
from ...synth.patch import KNOBS
from .table import Table, describe_settings

_NEAR = (0.01, 0.2)  # spread of a near setting's knobs
_BATCH = 1024
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
    batches: int = 3000,
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
    recent: list[float] = []
    for _ in range(batches):
        seen, wanted = _pairs(table, near, largest_move, rng)
        apart = (actor(torch.from_numpy(seen)) - torch.from_numpy(wanted)).abs().mean()
        optimiser.zero_grad()
        apart.backward()
        optimiser.step()
        schedule.step()
        recent.append(float(apart.detach()))
    return float(np.mean(recent[-_MEASURED:]))


def _pairs(
    table: Table, near: Table, largest_move: float, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Observations and the teacher's actions, float32."""
    own, target = rng.integers(0, len(table.knobs), (2, _BATCH))
    target[: _BATCH // 2] = own[: _BATCH // 2]
    mine = table.descriptors[own], table.knobs[own]
    far = np.arange(_BATCH)[:, None] >= _BATCH // 2
    theirs = [
        np.where(far, there[target], here[target])
        for there, here in (
            (table.descriptors, near.descriptors),
            (table.knobs, near.knobs),
        )
    ]
    seen = observe(mine[0], theirs[0], mine[1], 0.0)
    seen[:, -1] = rng.uniform(0.0, 1.0, _BATCH)
    wanted = np.clip((theirs[1] - mine[1]) / largest_move, -1.0, 1.0)
    return seen.astype(np.float32), wanted.reshape(-1, len(KNOBS)).astype(np.float32)
