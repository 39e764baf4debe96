"""Training of the agents of `segue/Timbre-v0`: `python -m segue.agents.timbre.training --run DIR`.

Two stages train the same policy of Stable-Baselines3's PPO: imitation of who knows the target's
knobs, on pairs of settings, then PPO in the environment as the configuration `timbre` says.
`imitation.json` in the run's folder says what the first earned on validation, and took.
`segue train timbre` is the second stage alone, from nothing.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm

from ...envs.timbre.settings import TimbreSettings
from ...music.files import write_whole
from ..algorithms import export
from ..config import Config, load_config
from ..evaluate import play
from ..policy import Policy
from ..train import VALIDATION_SEED, train, validation_core
from .imitation import near_table, train_imitation
from .table import Table, rendered_table

TOLD = "imitation.json"
"""What the first stage earned and took, in a run's folder."""

_ROWS, _SEED = 24_576, 78  # settings that are imitated on, and as many neighbours
_BATCHES = 3000
_LOG_STD = -2.3  # of PPO's actions, where it goes on from a trained actor


def train_agent(run: Path, seed: int, tables: tuple[Table, Table], steps: int | None) -> Policy:
    """Train an agent and leave it in `run`, as `agents.train.train` does, with `TOLD`.

    :param tables: see `load_tables`
    :param steps: of PPO; none: as many as the configuration says
    """
    changes = {} if steps is None else {"steps": steps}
    config = load_config("timbre", seed=seed, **changes)
    policy = train(config, run, prepare=lambda model: _imitate(model, config, tables, run))
    assert isinstance(policy, Policy)  # for the type checker: PPO is exported
    return policy


def _imitate(model: BaseAlgorithm, config: Config, tables: tuple[Table, Table], run: Path) -> None:
    """Train the actor of a new model before it plays."""
    started = time.process_time()
    policy: Any = model.policy
    actor = torch.nn.Sequential(*policy.mlp_extractor.policy_net, policy.action_net)
    move = TimbreSettings.from_options(**config.train).largest_move
    train_imitation(actor, *tables, move, batches=_BATCHES, seed=config.seed)
    taken = time.process_time() - started
    with torch.no_grad():
        policy.log_std.fill_(_LOG_STD)
    core = validation_core(config, config.validation_episodes)
    played = play(core, export(model, config), seed=VALIDATION_SEED)
    told = {"cpu_seconds": round(taken), "reward": float(played.reward.mean())}
    write_whole(run / TOLD, json.dumps(told, indent=2).encode() + b"\n")


def load_tables(path: Path) -> tuple[Table, Table]:
    """Settings with their sounds, and a neighbour of each: those in a file, or new ones.

    New ones are kept in the file, for the trainings that follow.
    """
    if path.exists():
        with np.load(path) as kept:
            names = ("knobs", "sounds", "near_knobs", "near_sounds")
            knobs, sounds, near_knobs, near_sounds = (kept[name] for name in names)
            return Table(knobs, sounds), Table(near_knobs, near_sounds)
    table = rendered_table(_ROWS, _SEED)
    near = near_table(table, _SEED)
    np.savez(
        path,
        knobs=table.knobs,
        sounds=table.descriptors,
        near_knobs=near.knobs,
        near_sounds=near.descriptors,
    )
    return table, near


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--run", type=Path, required=True, help="folder that is made")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, help="of PPO; else as the configuration says")
    given = parser.parse_args()
    given.run.mkdir(parents=True, exist_ok=True)
    tables = load_tables(given.run.parent / "tables.npz")
    policy = train_agent(given.run, given.seed, tables, given.steps)
    if policy.card:
        print(policy.card.metrics[0])


if __name__ == "__main__":
    main()
