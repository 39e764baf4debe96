"""Training of the agents of `segue/Timbre-v0`: `python -m segue.agents.timbre.training --run DIR`.

Three stages train the same policy of Stable-Baselines3's PPO: imitation of who knows the target's
knobs, on pairs of settings; analytic gradients through a surrogate of the synthesizer; PPO in the
environment, as the configuration `timbre` says. `phases.json` in the run's folder says what each
stage earned on validation and took. `segue train timbre` is the last stage alone, from nothing.
"""

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.progress import Progress, TaskID
from stable_baselines3.common.base_class import BaseAlgorithm

from ...envs.timbre.core import TimbreCore
from ...music.files import write_whole
from ..algorithms import export
from ..config import Config, load_config
from ..evaluate import play
from ..policy import Policy
from ..train import VALIDATION_SEED, train, validation_core
from .analytic import AnalyticSettings, actor_of, train_analytic
from .imitation import near_table, train_imitation
from .surrogate import ROWS, SEED, Surrogate, fit_surrogate
from .table import Table, rendered_table

_EPISODE_STEPS = 16  # of analytic gradients: what matters most is the way to the target
_LOG_STD = -2.3  # of PPO's actions, where it goes on from a trained actor


@dataclass(frozen=True)
class Material:
    """What all trainings share: settings with their sounds, and the surrogate fitted to them."""

    surrogate: Surrogate
    table: Table
    near: Table  # a neighbour of each row of the table


@dataclass(frozen=True)
class Stages:
    """How long each stage is."""

    imitation: int = 3000  # batches
    analytic: int = 120  # updates
    ppo: int = 131_072  # steps; 0: no more than a check


def train_agent(run: Path, seed: int, stages: Stages, material: Material) -> Policy:
    """Train an agent and leave it in `run`, as `agents.train.train` does, with `phases.json`."""
    config = load_config("timbre", steps=max(stages.ppo, 1), seed=seed)
    policy = train(
        config, run, prepare=lambda model: pretrain(model, config, stages, material, run)
    )
    assert isinstance(policy, Policy)  # for the type checker: PPO is exported
    return policy


def pretrain(
    model: BaseAlgorithm,
    config: Config,
    stages: Stages,
    material: Material,
    run: Path,
) -> None:
    """Train the actor of a new model before it plays; `run/phases.json` tells of each stage."""
    phases: list[dict[str, Any]] = []
    torch.manual_seed(config.seed)
    actor = actor_of(model.policy)
    core = TimbreCore(config.n_envs, **config.train, steps=_EPISODE_STEPS)

    def note(stage: str, started: float) -> None:
        taken = time.process_time() - started
        played = play(
            validation_core(config, config.validation_episodes),
            export(model, config),
            seed=VALIDATION_SEED,
        )
        reward = float(played.reward.mean())
        phases.append({"stage": stage, "cpu_seconds": round(taken), "reward": reward})
        write_whole(run / "phases.json", json.dumps(phases, indent=2).encode() + b"\n")

    with Progress(disable=not sys.stdout.isatty()) as progress:
        task = progress.add_task("imitation", total=None)
        started = time.process_time()
        train_imitation(
            actor,
            material.table,
            material.near,
            core.settings.largest_move,
            batches=stages.imitation,
            seed=config.seed,
        )
        note("imitation", started)
        started = time.process_time()
        settings = AnalyticSettings(updates=stages.analytic, seed=config.seed)
        progress.update(task, description="analytic gradients", total=stages.analytic)
        train_analytic(
            actor,
            material.surrogate,
            core,
            settings,
            lambda update, _: _show(progress, task, update),
        )
        note("analytic", started)
    with torch.no_grad():
        log_std: Any = model.policy.log_std
        log_std.fill_(_LOG_STD)


def _show(progress: Progress, task: TaskID, update: int) -> None:
    progress.update(task, completed=update)


def load_material(path: Path) -> Material:
    """The material in a file, or new one, which is then kept there."""
    surrogate = Surrogate()
    if path.exists():
        kept = torch.load(path, weights_only=True)
        surrogate.load_state_dict(kept["surrogate"])
        numbers = [kept[name].numpy() for name in ("knobs", "sounds", "near_knobs", "near_sounds")]
        return Material(surrogate, Table(*numbers[:2]), Table(*numbers[2:]))
    table = rendered_table(ROWS, SEED)
    near = near_table(table, SEED)
    surrogate, explained = fit_surrogate(table)
    print("variance explained by the surrogate:", explained.round(2))
    numbers = [table.knobs, table.descriptors, near.knobs, near.descriptors]
    names = ("knobs", "sounds", "near_knobs", "near_sounds")
    kept = {name: torch.from_numpy(value) for name, value in zip(names, numbers, strict=True)}
    torch.save({"surrogate": surrogate.state_dict(), **kept}, path)
    return Material(surrogate, table, near)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--run", type=Path, required=True, help="folder that is made")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--imitation", type=int, default=Stages.imitation, help="batches")
    parser.add_argument("--analytic", type=int, default=Stages.analytic, help="updates")
    parser.add_argument("--ppo", type=int, default=Stages.ppo, help="steps")
    given = parser.parse_args()
    given.run.mkdir(parents=True, exist_ok=True)
    material = load_material(given.run.parent / "material.pt")
    stages = Stages(given.imitation, given.analytic, given.ppo)
    policy = train_agent(given.run, given.seed, stages, material)
    card = policy.card
    print(card.metrics[0] if card else "")


if __name__ == "__main__":
    main()
