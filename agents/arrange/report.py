"""What stands behind the numbers of Arrange's study: `python -m segue.agents.arrange.report PART`.

* `judge`: the listeners feel with an emotion model that the agent does not hear with; how much of
  its edge over the adaptive rule stays
* `scenarios`: that edge in each recorded game alone
* `inputs`: policies trained alike, each without one of the inputs; what that costs
* `limit`: the same for policies that know what no agent can: the hidden listener, the true future;
  what is missing to them is missing to everybody

Differences are paired by episode, with 95 % bootstrap intervals. `--json FILE` writes them down.
"""

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from ...envs.arrange.core import ArrangeCore
from ...envs.arrange.course import scenario_names
from ...music.files import write_whole
from ..algorithms import export
from ..config import load_config
from ..evaluate import FIRST_SEED, play
from ..statistics import interval, mean
from ..study import Episodes, Player
from .analytic import AnalyticSettings, train_analytic
from .directors import make_director
from .surrogate import fit_surrogate
from .training import KNOWLEDGE, SURROGATE_BARS, Run, with_options

SPLITS = ("test", "heldout")
JUDGES = ("", "emopia", "published")
"""Emotion models of listeners; "": the one that the agent hears with."""

AGENTS = ("agent", "policy")

INPUTS: dict[str, dict[str, Any]] = {
    "all": {},
    "no feedback": {"feedback": "none"},
    "no forecast": {"forecast": False},
    "game untold": {"game_told": False},
    "no exact belief": {"belief": False},
    "no theme response": {"response": False},
}
"""Options of the environment that a policy is trained and tried under."""

LIMIT: dict[str, dict[str, Any]] = {"nothing": {}} | KNOWLEDGE
"""The same for those who know what no agent can."""

Row = dict[str, Any]
Tell = Callable[[str], None]


def tried(player: Player, episodes: int, **options: Any) -> Episodes:
    """Episodes of a player; the same for all players of the same options."""
    return play(ArrangeCore(episodes, **options), player, seed=FIRST_SEED)


def edge(better: Episodes, than: Episodes, key: str) -> Row:
    """The paired difference of rewards, with its interval."""
    gain = better.reward - than.reward
    low, high = interval(gain)
    return {key: float(gain.mean()), f"{key}_low": low, f"{key}_high": high}


def judge(episodes: int, tell: Tell) -> list[Row]:
    """The agents' edge under each judge, and the share of it that stays."""
    rows: list[Row] = []
    for split in SPLITS:
        own: dict[str, float] = {}
        for model in JUDGES:
            tell(f"{split}, listeners of {model or 'the same model'}")
            options: dict[str, Any] = {"split": split, "listener_model": model}
            rule = tried(make_director("adaptive"), episodes, **options)
            for name in AGENTS:
                agent = tried(make_director(name), episodes, **options)
                row: Row = {"split": split, "listeners": model or "the same", "agent": name}
                row |= {"reward": mean(agent.reward), "adaptive": mean(rule.reward)}
                row |= edge(agent, rule, "edge")
                first = own.setdefault(name, row["edge"])
                rows.append(row | {"edge_kept": row["edge"] / first})
    return rows


def scenarios(episodes: int, tell: Tell) -> list[Row]:
    """The shipped agent's edge in every game of the splits for testing, and how it moves."""
    rows: list[Row] = []
    for split in SPLITS:
        for name in scenario_names(split):
            tell(f"{split}, {name}")
            core = ArrangeCore(episodes, split=split, scenario=name)
            agent, rule = (
                play(core, make_director(player), seed=FIRST_SEED)
                for player in ("agent", "adaptive")
            )
            spread = core.targets[:, 1:].std(axis=1).mean(axis=0)
            row: Row = {"split": split, "game": name}
            row |= {"valence_sd": float(spread[0]), "arousal_sd": float(spread[1])}
            row |= {"reward": mean(agent.reward), "adaptive": mean(rule.reward)}
            row |= edge(agent, rule, "edge")
            rows.append(row | {"settle_bars": mean(agent.metrics["settle_bars"])})
    return rows


def matched(
    variants: Mapping[str, dict[str, Any]],
    updates: int,
    episodes: int,
    seed: int,
    tell: Tell,
    bars: int = SURROGATE_BARS,
) -> list[Row]:
    """Train a policy for each variant alike; the difference of each to the first."""
    plain = load_config("arrange", seed=seed)
    settings = AnalyticSettings(updates=updates, seed=seed)
    core = ArrangeCore(settings.episodes, **plain.train)
    tell("fitting the surrogate")
    surrogate, _ = fit_surrogate(core, bars=bars, seed=seed)
    rows: list[Row] = []
    first: dict[str, Episodes] = {}
    for name, options in variants.items():
        tell(f"training: {name}")
        config = with_options(plain, options)
        core = ArrangeCore(settings.episodes, **config.train)
        with TemporaryDirectory() as folder:
            run = Run(config, Path(folder))
            train_analytic(run.actor, surrogate, core, settings)
            policy = export(run.model, config)
        for split in SPLITS:
            played = tried(policy, episodes, split=split, **options)
            row: Row = {"variant": name, "split": split, "reward": mean(played.reward)}
            row |= edge(played, first.setdefault(split, played), "difference")
            for metric in ("error", "settle_bars", "compensation"):
                row[metric] = mean(played.metrics[metric])
            rows.append(row)
    return rows


def show(title: str, rows: list[Row], console: Console) -> None:
    """Print a table."""
    table = Table(title=title)
    for column in rows[0]:
        table.add_column(column)
    for row in rows:
        table.add_row(*(f"{v:.3f}" if isinstance(v, float) else str(v) for v in row.values()))
    console.print(table)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("part", choices=("judge", "scenarios", "inputs", "limit"), nargs="+")
    parser.add_argument("--episodes", type=int, default=256)
    parser.add_argument("--updates", type=int, default=150, help="of each training")
    parser.add_argument("--seed", type=int, default=0, help="of each training")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    found: dict[str, list[Row]] = {}
    console = Console()
    for part in asked.part:
        with Progress(console=console) as progress:
            task = progress.add_task(part, total=None)

            def tell(what: str, task: Any = task, progress: Progress = progress) -> None:
                progress.update(task, description=what)

            if part == "judge":
                rows = judge(asked.episodes, tell)
            elif part == "scenarios":
                rows = scenarios(asked.episodes, tell)
            else:
                variants = INPUTS if part == "inputs" else LIMIT
                rows = matched(variants, asked.updates, asked.episodes, asked.seed, tell)
        show(part, rows, console)
        found[part] = rows
        if asked.json:
            write_whole(asked.json, (json.dumps(found, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
