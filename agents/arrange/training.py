"""Ways to train the arranger beyond plain PPO: `python -m segue.agents.arrange.training WAY RUN`.

Each trains the policy of Stable-Baselines3's PPO that `configs/arrange.yaml` describes, and leaves
it in the folder RUN as `segue train` does (`best.zip`, `policy.json`, `policy.npz`, `curve.jsonl`):

* `analytic`: analytic policy gradients, see `analytic`; the shipped agents begin so;
* `teacher`: the same for one who knows the listener, the future or both (`--knows`); it tells what
  that knowledge is worth, and nobody can play it;
* `student`: DAgger from a teacher that knows both, see `dagger`;
* `polish`: PPO goes on from an analytic run (`--start`), its critic warmed up first; the shipped
  agents.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from rich.progress import Progress
from stable_baselines3.common.base_class import BaseAlgorithm

from ...analysis.cards import read_card
from ...envs import ARRANGE
from ...envs.arrange.core import ArrangeCore
from ...envs.arrange.observation import AHEAD_BARS
from ..algorithms import export, load_model, make_model, save_model, use_one_thread
from ..callbacks import BEST, CURVE
from ..config import Config, load_config, save_config
from ..evaluate import play
from ..policy import Policy
from ..sb3 import CoreVecEnv
from ..train import VALIDATION_SEED, policy_card, train
from .analytic import AnalyticSettings, actor_of, train_analytic
from .dagger import DaggerSettings, distil
from .surrogate import fit_surrogate

SURROGATE_BARS = 300_000
"""Bars that a surrogate is fitted to."""

KNOWLEDGE: dict[str, dict[str, Any]] = {
    "listener": {"known_listener": True},
    "future": {"lookahead_bars": AHEAD_BARS},
    "both": {"known_listener": True, "lookahead_bars": AHEAD_BARS},
}
"""What a teacher may know: options of the environment."""

_CHECKS = 10  # validations on the way
_CHECK_EPISODES = 128
_CRITIC_STEPS = 160_000  # of PPO with the actor held
_POLISH_HYPER = {"learning_rate": 1.5e-4, "clip_range": 0.15}
_POLISH_STEPS, _POLISH_LOG_STD = 800_000, -1.9


class Run:
    """A run in the making: its folder, its model, and what the model's training took.

    :param config: of the environment and the policy
    :param folder: is made
    """

    def __init__(self, config: Config, folder: Path) -> None:
        use_one_thread()
        self.config, self.folder = config, folder
        self.started = time.process_time()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CURVE).unlink(missing_ok=True)
        env = CoreVecEnv(ArrangeCore(config.n_envs, **config.train), seed=config.seed)
        self.model = make_model(config, env)
        self.actor = actor_of(self.model.policy)

    @property
    def cpu_seconds(self) -> float:
        """Processor seconds so far."""
        return time.process_time() - self.started

    def check(self, steps: int, earned: float) -> float:
        """Validation reward a bar, which also becomes a line of the curve."""
        core = ArrangeCore(_CHECK_EPISODES, **self.config.validation)
        played = play(core, export(self.model, self.config), seed=VALIDATION_SEED)
        reward = float(played.reward.mean())
        line = {
            "steps": steps,
            "train_reward": round(earned, 6),
            "validation_reward": round(reward, 6),
            "cpu_seconds": round(self.cpu_seconds, 2),
        }
        with (self.folder / CURVE).open("a") as lines:
            lines.write(json.dumps(line) + "\n")
        return reward

    def finish(self, steps: int, summary: str, command: str, *notes: str) -> Policy:
        """Write model, policy and card."""
        seconds = self.cpu_seconds
        save_model(self.model, self.folder / BEST)
        save_config(self.folder / "config.yaml", self.config)
        policy = export(self.model, self.config)
        core = ArrangeCore(self.config.validation_episodes, **self.config.validation)
        played = play(core, policy, seed=VALIDATION_SEED)
        card = policy_card(self.config, core, played, seconds, steps)
        command = f"python -m segue.agents.arrange.training {command} --seed {self.config.seed}"
        card = replace(card, summary=summary, command=command, notes=(*card.notes, *notes))
        policy.save(self.folder, card)
        return policy


def analytic(
    config: Config,
    folder: Path,
    settings: AnalyticSettings,
    *,
    bars: int = SURROGATE_BARS,
    quiet: bool = False,
) -> Run:
    """Train by analytic gradients; the surrogate is fitted first.

    :param config: with `KNOWLEDGE` among the options of the environment, it trains a teacher
    :param settings: of the gradients
    :param bars: that the surrogate is fitted to
    """
    run = Run(config, folder)
    core = ArrangeCore(settings.episodes, **config.train)
    surrogate, fit = fit_surrogate(core, bars=bars, seed=config.seed)
    steps = core.n * core.steps
    every = max(settings.updates // _CHECKS, 1)
    with Progress(disable=quiet) as progress:
        task = progress.add_task("analytic gradients", total=settings.updates)

        def follow(update: int, earned: float) -> None:
            progress.update(task, completed=update)
            if update % every == 0:
                reward = run.check(update * steps, earned)
                progress.update(task, description=f"analytic gradients, validation {reward:+.3f}")

        train_analytic(run.actor, surrogate, core, settings, follow)
    run.finish(
        settings.updates * steps,
        f"analytic policy gradients, {settings.updates} updates of {core.n} episodes",
        f"analytic {folder.name} --updates {settings.updates}",
        f"R2 of the surrogate on bars held back: valence {fit[0]:.2f}, arousal {fit[1]:.2f}",
    )
    return run


def with_options(config: Config, options: dict[str, Any]) -> Config:
    """The configuration with options of the environment set otherwise, such as `KNOWLEDGE`."""
    return replace(config, train=config.train | options, validation=config.validation | options)


def student(
    config: Config,
    folder: Path,
    teacher: AnalyticSettings,
    settings: DaggerSettings,
    *,
    quiet: bool = False,
) -> Run:
    """Train a teacher that knows listener and future, then a student from it."""
    started = time.process_time()
    told = with_options(config, KNOWLEDGE["both"])
    taught = analytic(told, folder / "teacher", teacher, quiet=quiet)
    run = Run(config, folder)
    run.started = started
    core, teachers = (ArrangeCore(teacher.episodes, **one.train) for one in (config, told))
    bars = core.n * core.steps
    with Progress(disable=quiet) as progress:
        task = progress.add_task("student", total=settings.rounds)

        def follow(number: int, error: float) -> None:
            progress.update(task, completed=number, description=f"student, error {error:.3f}")
            if number % max(settings.rounds // _CHECKS, 1) == 0:
                run.check((teacher.updates + number) * bars, 0.0)

        distil(run.actor, taught.actor, core, teachers, settings, follow)
    run.finish(
        (teacher.updates + settings.rounds) * bars,
        f"DAgger, {settings.rounds} rounds, a privileged teacher of {teacher.updates} updates",
        f"student {folder.name}",
    )
    return run


def polish(config: Config, folder: Path, start: Path, *, quiet: bool = False) -> None:
    """Let PPO go on from an analytic run, its critic first."""
    learned = load_model(config.algorithm, start / BEST).policy.state_dict()
    config = replace(
        config,
        steps=_POLISH_STEPS,
        hyper=config.hyper | _POLISH_HYPER,
        policy=config.policy | {"log_std_init": _POLISH_LOG_STD},
    )

    def prepare(model: BaseAlgorithm) -> None:
        policy: Any = model.policy
        kept = {name: value for name, value in learned.items() if name != "log_std"}
        policy.load_state_dict(policy.state_dict() | kept)
        actor = actor_of(policy)
        actor.requires_grad_(False)
        model.learn(_CRITIC_STEPS)
        actor.requires_grad_(True)

    train(config, folder, prepare=prepare, quiet=quiet)
    describe_polished(folder, start)


def describe_polished(folder: Path, start: Path) -> None:
    """Let the card of a polished policy tell where it comes from, and what all of it took."""
    policy = Policy.load(folder / "policy.json", ARRANGE)
    own, first = read_card(folder / "policy.json"), read_card(start / "policy.json")
    seed = first.command.rpartition(" ")[2]
    way = f"python -m segue.agents.arrange.training polish {folder.name} --start {start.name}"
    card = replace(
        own,
        summary=f"{first.summary}, then PPO, {own.summary.split(', ')[1]}",
        command=f"{first.command}; {way} --seed {seed}",
        notes=first.notes,
        train_cpu_seconds=round(first.train_cpu_seconds + own.train_cpu_seconds, 1),
    )
    policy.save(folder, card)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("way", choices=("analytic", "teacher", "student", "polish"))
    parser.add_argument("run", type=Path, help="folder of the run")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--updates", type=int, default=AnalyticSettings.updates)
    parser.add_argument("--knows", choices=tuple(KNOWLEDGE), default="both", help="of a teacher")
    parser.add_argument("--start", type=Path, help="run that polish goes on from")
    asked = parser.parse_args()
    config = load_config("arrange", seed=asked.seed)
    settings = AnalyticSettings(updates=asked.updates, seed=asked.seed)
    if asked.way == "polish":
        if asked.start is None:
            parser.error("polish goes on from a run: --start RUN")
        polish(config, asked.run, asked.start)
    elif asked.way == "student":
        dagger = DaggerSettings(seed=asked.seed)
        student(config, asked.run, settings, dagger)
    else:
        told = with_options(config, KNOWLEDGE[asked.knows]) if asked.way == "teacher" else config
        analytic(told, asked.run, settings)


if __name__ == "__main__":
    main()
