"""Imitation of who knows the target's knobs, before there is any play.

Pairs of settings that were rendered are what an agent sees: one is its own, the other its target;
the teacher goes straight from one to the other. A third of the pairs is drawn at random, a third
lies near each other in the knobs, as when a target has nearly been met, and a third sounds alike
with whatever knobs, as where a search goes wrong. What is imitated is the middle of what the
teacher might do, as the loss is the absolute difference.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ...analysis.sound import descriptors as heard
from ...analysis.sound.descriptors import FloatArray
from ...envs.timbre.perception import observe, scaled
from ...synth.patch import KNOBS
from .table import SIZE, Table, describe_settings, rendered_table

_NEAR = (0.01, 0.2)  # spread of a near setting's knobs
_ALIKE = 8  # rows that sound alike, of the first `SIZE`
_ALIKE_AT_ONCE = 2048
_OF_EACH = 256  # pairs of a batch
_LEARNING_RATE = 2e-3
_MEASURED = 50  # last batches


@dataclass(frozen=True)
class Material:
    """Settings with their sounds, to make pairs of."""

    table: Table
    near: Table  # for each row a setting in its neighbourhood
    alike: NDArray[np.int64]  # for each row some that sound like it [shape=(rows, 8)]


def make_material(rows: int, seed: int, kept: Path | None = None) -> Material:
    """Material of so many rows, rendered now unless it was kept before.

    :param kept: file to read it from, or to keep it in
    """
    if kept is not None and kept.exists():
        with np.load(kept) as file:
            table = Table(file["knobs"], file["sounds"])
            near = Table(file["near_knobs"], file["near_sounds"])
    else:
        table = rendered_table(rows, seed)
        near = _near_table(table, seed)
        if kept is not None:
            np.savez(
                kept,
                knobs=table.knobs,
                sounds=table.descriptors,
                near_knobs=near.knobs,
                near_sounds=near.descriptors,
            )
    return Material(table, near, _alike_rows(table.descriptors))


def train_imitation(
    actor: nn.Module,
    material: Material,
    largest_move: float,
    *,
    batches: int = 3000,
    seed: int = 0,
) -> float:
    """Train an actor in place; the mean absolute difference from the teacher's actions at the end.

    :param actor: observations [shape=(n, 96)] to mean actions [n, 8]
    :param largest_move: of a knob in a step, as in the settings of the environment
    """
    rng = np.random.default_rng(seed)
    optimiser = torch.optim.Adam(actor.parameters(), lr=_LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _LEARNING_RATE, total_steps=batches)
    recent: list[float] = []
    for _ in range(batches):
        seen, wanted = _pairs(material, largest_move, rng)
        apart = (actor(torch.from_numpy(seen)) - torch.from_numpy(wanted)).abs().mean()
        optimiser.zero_grad()
        apart.backward()
        optimiser.step()
        schedule.step()
        recent.append(float(apart.detach()))
    return float(np.mean(recent[-_MEASURED:]))


def _near_table(table: Table, seed: int) -> Table:
    """For each row of a table, a setting in its neighbourhood."""
    rng = np.random.default_rng(seed)
    spread = np.exp(rng.uniform(np.log(_NEAR[0]), np.log(_NEAR[1]), (len(table.knobs), 1)))
    noise = spread * rng.standard_normal(table.knobs.shape)
    knobs = np.clip(table.knobs + noise, 0.0, 1.0)
    return Table(knobs, describe_settings(knobs))


def _alike_rows(sounds: FloatArray) -> NDArray[np.int64]:
    """For each row some of the first that are nearest to it, but not itself."""
    points = scaled(sounds).astype(np.float32)
    points[:, heard.MFCC] /= 3.0  # many coefficients count as few
    points[:, heard.CHROMA] /= 3.0
    first = points[:SIZE]
    lengths = np.square(first).sum(axis=1)
    found = []
    for start in range(0, len(points), _ALIKE_AT_ONCE):
        some = points[start : start + _ALIKE_AT_ONCE]
        apart = lengths - 2.0 * some @ first.T  # squared, less what is the same for all
        own = np.arange(start, start + len(some))
        own = own[own < len(first)]
        apart[own - start, own] = np.inf
        found.append(np.argpartition(apart, _ALIKE, axis=1)[:, :_ALIKE])
    return np.concatenate(found)


def _pairs(
    material: Material, largest_move: float, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Observations and the teacher's actions, float32."""
    table, near, alike = material.table, material.near, material.alike
    rows, n = len(table.knobs), _OF_EACH
    own = rng.integers(0, rows, 3 * n)
    target = np.concatenate([rng.integers(0, rows, n), own[n:]])
    own[2 * n :] = alike[own[2 * n :], rng.integers(0, _ALIKE, n)]
    sounds, knobs = table.descriptors[target], table.knobs[target]
    sounds[n : 2 * n] = near.descriptors[target[n : 2 * n]]
    knobs[n : 2 * n] = near.knobs[target[n : 2 * n]]
    seen = observe(table.descriptors[own], sounds, table.knobs[own], 0.0)
    seen[:, -1] = rng.uniform(0.0, 1.0, len(seen))
    wanted = np.clip((knobs - table.knobs[own]) / largest_move, -1.0, 1.0)
    return seen.astype(np.float32), wanted.reshape(-1, len(KNOBS)).astype(np.float32)
