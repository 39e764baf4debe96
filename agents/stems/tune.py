"""Tuning of the rules for recorded music by the cross-entropy method.

`python -m segue.agents.stems.tune` draws parameter vectors, plays each on the same training
episodes, and moves towards the best (Rubinstein, Methodology and Computing in Applied Probability
1, 1999).
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from ...analysis.cards import Card, Output, Source, save_model
from ...envs import STEMS
from ...envs.stems.core import StemsCore
from ...envs.stems.perception import OBSERVATION
from .players import MODELS, RULES_MODEL
from .rules import RULES, Table

FloatArray = NDArray[np.float64]

START = np.array([*np.log([0.1, 0.02, 0.02, 0.05, 0.15]), 0.5, 0.5, 0.8, 0.0])
"""Parameters to begin from, those of the largest rule."""

_ELITE_PART = 6  # the best one in so many guide the next generation
_KEPT, _LEARNED = 0.3, 0.7  # shares of the old and the new mean and spread
_SPREAD, _LEAST_SPREAD = 0.7, 0.02  # at first; added, so that every generation keeps looking


def tune(
    rule: type[Table],
    *,
    generations: int = 12,
    population: int = 30,
    episodes: int = 12,
    seed: int = 0,
    progress: Progress | None = None,
    core: StemsCore | None = None,
) -> FloatArray:
    """Parameters [shape=(rule.size,)] that earn most on the training split.

    :param generations: times that parameters are drawn
    :param population: parameter vectors in each, 6 or more
    :param episodes: that each vector plays in a generation
    :param core: of population * episodes performances; the training split by default
    """
    core = core or StemsCore(population * episodes)
    rng = np.random.default_rng(seed)
    mean, spread = START[: rule.size].copy(), np.full(rule.size, _SPREAD)
    name = rule.__name__.lower()
    task = progress.add_task(f"tuning {name}", total=generations) if progress else None
    for _ in range(generations):
        thetas = mean + spread * rng.standard_normal((population, rule.size))
        thetas[0] = mean
        earned = _play(core, rule(np.tile(thetas, (episodes, 1))), rng, population)
        elite = thetas[np.argsort(earned)[-population // _ELITE_PART :]]
        mean = _KEPT * mean + _LEARNED * elite.mean(axis=0)
        spread = _KEPT * spread + _LEARNED * elite.std(axis=0) + _LEAST_SPREAD
        if progress is not None and task is not None:
            progress.update(task, advance=1, description=f"{name} {earned.mean():.3f}")
    return mean


def _play(core: StemsCore, player: Table, rng: np.random.Generator, population: int) -> FloatArray:
    """Mean reward a bar of each parameter vector [shape=(population,)] on the same episodes."""
    core.reset(rng, copies=population)
    total = np.zeros(core.n)
    over = False
    while not over:
        _, reward, over, _ = core.step(player.act(core))
        total += reward
    # Copies of an episode lie side by side, and so do the vectors that play them.
    earned: FloatArray = total.reshape(-1, population).mean(axis=0) / core.steps
    return earned


def rules_card(command: str) -> Card:
    """The card of the tuned rules."""
    return Card(
        name=RULES_MODEL,
        task="direction of recorded music by rules",
        version="1",
        summary="parameters of the rules table, adaptive and informed",
        inputs=OBSERVATION,
        outputs=(Output("action", "index into envs.stems.actions.ACTIONS"),),
        training_data=(
            Source("composed scores, seeds 0 to 47", "MIT, made by Segue", "tuning"),
            Source("traces of games, split train", "MIT, recorded by Segue", "tuning"),
            Source("emotion model vgmidi", "see its card", "reward"),
        ),
        commercial_use="not cleared: tuned on a model fitted to ratings without a licence",
        split=f"games by episode, scores by seed; of {STEMS}",
        metrics=(),
        command=command,
        weights=f"{RULES_MODEL}.npz",
        sha256="",
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--generations", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=MODELS)
    arguments = parser.parse_args()
    with Progress() as progress:
        found = {
            name: tune(
                rule, generations=arguments.generations, seed=arguments.seed, progress=progress
            )
            for name, rule in RULES.items()
        }
    arguments.folder.mkdir(parents=True, exist_ok=True)
    command = f"python -m segue.agents.stems.tune --generations {arguments.generations}"
    save_model(arguments.folder, rules_card(f"{command} --seed {arguments.seed}"), found)


if __name__ == "__main__":
    main()
