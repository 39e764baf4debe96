"""Tuning of the rules by the cross-entropy method: `python -m segue.agents.arrange.tune`.

Every generation draws parameter vectors, plays each on the same training episodes, and moves
towards the best. (Rubinstein, Methodology and Computing in Applied Probability 1, 1999.)
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from ...analysis.cards import Card, Output, Source, save_model
from ...envs.arrange.core import ArrangeCore
from ...envs.arrange.perception import OBSERVATION
from ...envs.arrange.settings import ArrangeSettings
from ...music.direction import KNOBS
from .directors import MODELS
from .rules import RULES, SURFACE, Hold, Table

FloatArray = NDArray[np.float64]

_ELITE_PART = 6  # the best one in so many guide the next generation
_KEPT, _LEARNED = 0.3, 0.7  # shares of the old and the new mean and spread
_WIDE, _NARROW = 1.0, 0.4  # spread at first, from nothing and from a rule that was tuned before
_LEAST_SPREAD = 0.01  # added, so that every generation keeps looking


def tune(
    rule: type[Hold] | type[Table],
    *,
    start: FloatArray | None = None,
    generations: int = 60,
    population: int = 64,
    episodes: int = 16,
    seed: int = 0,
    settings: ArrangeSettings | None = None,
    progress: Progress | None = None,
) -> FloatArray:
    """Parameters [shape=(rule.size,)] that earn most on the training split.

    :param start: parameters of a simpler rule to begin from; those it lacks begin at 0
    :param generations: times that parameters are drawn
    :param population: parameter vectors in each, 6 or more
    :param episodes: that each vector plays in a generation
    :param settings: of the environment, the training split by default
    """
    core = ArrangeCore(population * episodes, settings or ArrangeSettings())
    rng = np.random.default_rng(seed)
    mean = np.zeros(rule.size) if start is None else np.pad(start, (0, rule.size - len(start)))
    spread = np.full(rule.size, _WIDE if start is None else _NARROW)
    task = (
        progress.add_task(f"tuning {rule.__name__.lower()}", total=generations)
        if progress
        else None
    )
    for _ in range(generations):
        thetas = mean + spread * rng.standard_normal((population, rule.size))
        thetas[0] = mean
        earned = play(core, rule(np.tile(thetas, (episodes, 1))), rng, population)
        elite = thetas[np.argsort(earned)[-population // _ELITE_PART :]]
        mean = _KEPT * mean + _LEARNED * elite.mean(axis=0)
        spread = _KEPT * spread + _LEARNED * elite.std(axis=0) + _LEAST_SPREAD
        if progress is not None and task is not None:
            progress.update(
                task, advance=1, description=f"{rule.__name__.lower()} {earned.mean():.3f}"
            )
    return mean


def play(
    core: ArrangeCore, director: Hold | Table, rng: np.random.Generator, population: int
) -> FloatArray:
    """Mean reward a bar of each parameter vector [shape=(population,)] on the same episodes.

    :param director: a rule with a vector for each performance of `core`, the population again and
        again
    """
    core.reset(rng, copies=population)
    total = np.zeros(core.n)
    over = False
    while not over:
        _, reward, over, _ = core.step(director.act(core))
        total += reward
    earned: FloatArray = total.reshape(-1, population).mean(axis=0) / core.settings.bars
    return earned


def tune_all(generations: int, seed: int) -> dict[str, FloatArray]:
    """Tune every rule, each surface from the one before it."""
    found: dict[str, FloatArray] = {}
    with Progress() as progress:
        surface: FloatArray | None = None
        for name, rule in RULES.items():
            start = surface if issubclass(rule, Table) else None
            found[name] = tune(
                rule, start=start, generations=generations, seed=seed, progress=progress
            )
            if issubclass(rule, Table) and surface is None:
                surface = found[name][: SURFACE + 2]
    return found


def rules_card(command: str) -> Card:
    """The card of the tuned rules."""
    return Card(
        name="rules",
        task="direction of a bar by rules",
        version="1",
        summary="parameters of the directors hold, table, reactive, adaptive and informed",
        inputs=OBSERVATION,
        outputs=tuple(Output(name, "movement of the knob, -1..1") for name in KNOBS),
        training_data=(
            Source("composed themes, seeds 0 to 15", "MIT, made by Segue", "tuning"),
            Source("traces of games, split train", "MIT, recorded by Segue", "tuning"),
            Source("emotion model vgmidi", "see its card", "reward"),
        ),
        commercial_use="not cleared: tuned on a model fitted to ratings without a licence",
        split="games by episode, themes by seed",
        metrics=(),
        command=command,
        weights="rules.npz",
        sha256="",
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--generations", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=MODELS)
    arguments = parser.parse_args()
    found = tune_all(arguments.generations, arguments.seed)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    command = f"python -m segue.agents.arrange.tune --generations {arguments.generations}"
    save_model(arguments.folder, rules_card(f"{command} --seed {arguments.seed}"), found)


if __name__ == "__main__":
    main()
