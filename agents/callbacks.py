"""What happens beside a training: progress, validation, checkpoints, the curve, an early stop."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback

from ..music.errors import SegueError
from .algorithms import load_model, save_model
from .config import Config
from .sb3 import CoreVecEnv

LAST, BEFORE, BEST = "model.zip", "model-before.zip", "best.zip"
"""Checkpoints in the folder of a run: the last, the one before it, the best on validation."""

CURVE = "curve.jsonl"
"""The learning curve in the folder of a run, a line for each check."""


def save_checkpoint(model: BaseAlgorithm, run: Path) -> None:
    """Write the last checkpoint and keep the one before it."""
    if (run / LAST).exists():
        os.replace(run / LAST, run / BEFORE)
    save_model(model, run / LAST)


def has_checkpoint(run: Path) -> bool:
    """Whether there is something to resume from in the folder of a run."""
    return any((run / name).exists() for name in (LAST, BEFORE))


def load_checkpoint(
    algorithm: str, run: Path, env: CoreVecEnv, tell: Callable[[str], None]
) -> BaseAlgorithm:
    """The last whole checkpoint of a run.

    SegueError if there is none.

    :param tell: is told if the last one is broken and which is used
    """
    found = [run / name for name in (LAST, BEFORE) if (run / name).exists()]
    if not has_checkpoint(run):
        raise SegueError(f"{run} holds no checkpoint to resume from; train without --resume")
    faults = []
    for path in found:
        try:
            model = load_model(algorithm, path, env)
        except SegueError as error:
            faults.append(str(error))
            continue
        if faults:
            tell(f"{faults[0]}; going on from {path}, at step {model.num_timesteps:,}")
        return model
    raise SegueError("; ".join([*faults, "no checkpoint is whole, train without --resume"]))


def read_curve(run: Path) -> list[dict[str, float]]:
    """The learning curve of a run, oldest check first; a line cut in half is left out."""
    path = run / CURVE
    lines = []
    for text in path.read_text().splitlines() if path.exists() else ():
        try:
            lines.append(json.loads(text))
        except json.JSONDecodeError:
            continue
    return lines


class Follower(BaseCallback):
    """Follows a training: shows progress and, a few times a run, checks it.

    A check writes a checkpoint, validates, adds a line to the curve, keeps the best model, and says
    whether the run should stop.

    :param config: of the training
    :param run: its folder
    :param validate: mean reward a step of a model on the validation episodes
    :param quiet: show no progress
    :param check_first: check before the first step as well
    :param report: told of each check, with steps and validation reward; true: stop
    """

    def __init__(
        self,
        config: Config,
        run: Path,
        validate: Callable[[BaseAlgorithm], float],
        *,
        quiet: bool = False,
        report: Callable[[int, float], bool] | None = None,
        check_first: bool = False,
    ) -> None:
        super().__init__()
        self.config, self.run, self.validate, self.report = config, run, validate, report
        self.every = max(config.steps // config.checks, 1)
        self.next_check = self.every
        self.check_first = check_first
        self.stop = False
        self.best = -np.inf
        self.checks_since_best = 0
        self.checked_at = -1
        self.cpu_seconds = 0.0
        self.started = time.process_time()
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:>9,}/{task.total:,} steps"),
            TimeRemainingColumn(),
            disable=quiet,
        )
        self.task = self.bar.add_task("training", total=config.steps)

    def resume(self, steps: int) -> None:
        """Take up the curve where it was at a number of steps; later lines are dropped."""
        lines = [line for line in read_curve(self.run) if line["steps"] <= steps]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (self.run / CURVE).write_text(text)
        for line in lines:
            self._rank(line["validation_reward"])
            self.cpu_seconds = line["cpu_seconds"]
            self.checked_at = int(line["steps"])

    @property
    def cpu_seconds_so_far(self) -> float:
        """Processor seconds of the training, over all the times it went on."""
        return self.cpu_seconds + time.process_time() - self.started

    def _on_training_start(self) -> None:
        self.bar.start()
        if self.check_first:
            self.check()
        self.next_check = (self.num_timesteps // self.every + 1) * self.every

    def _on_step(self) -> bool:
        self.bar.update(self.task, completed=self.num_timesteps)
        return not self.stop

    def _on_rollout_start(self) -> None:
        if self.num_timesteps >= self.next_check:
            self.next_check = (self.num_timesteps // self.every + 1) * self.every
            self.check()

    def check(self) -> None:
        """Checkpoint, validation, curve, the best so far, and whether to stop."""
        if self.num_timesteps == self.checked_at:
            return
        self.checked_at = self.num_timesteps
        reward = self.validate(self.model)  # first: it fails for a model that went astray
        save_checkpoint(self.model, self.run)
        if self._rank(reward):
            save_model(self.model, self.run / BEST)
        self.logger.record("validation/reward", reward)
        line: dict[str, Any] = {
            "steps": self.num_timesteps,
            "train_reward": _train_reward(self.model),
            "validation_reward": round(reward, 6),
            "cpu_seconds": round(self.cpu_seconds_so_far, 2),
        }
        with (self.run / CURVE).open("a") as lines:
            lines.write(json.dumps(line) + "\n")
        self.bar.update(self.task, description=f"training, validation {reward:+.3f}")
        patience = self.config.patience
        self.stop = bool(patience) and self.checks_since_best >= patience
        if self.report is not None:
            self.stop |= self.report(self.num_timesteps, reward)

    def _rank(self, reward: float) -> bool:
        """Whether a check is the best so far."""
        better = reward > self.best
        self.best = max(reward, self.best)
        self.checks_since_best = 0 if better else self.checks_since_best + 1
        return better

    def close(self) -> None:
        """Put the progress bar away."""
        self.bar.stop()


def _train_reward(model: BaseAlgorithm) -> float | None:
    """Mean reward a step of the last training episodes; None before the first has ended."""
    episodes = list(model.ep_info_buffer or ())
    if not episodes:
        return None
    return round(float(np.mean([one["r"] / one["l"] for one in episodes])), 6)
