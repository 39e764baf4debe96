"""Trains accompanists: models of played chords, players improved from them, and the judge.

`python -m segue.agents.accompany.train --run runs/accompany` leaves `prior-S.npz` and
`player-S.npz` for each seed S, and `judge.npz`. What is there already is kept: an interrupted run
goes on where it was. `ship` makes the models of it that Segue plays.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console

from ...envs.accompany.corpus import load_songs
from ...music.errors import SegueError
from ...music.files import write_whole
from .improve import ImproveSettings, improve
from .learning import JUDGE, PRIOR, FitSettings, Report, fit_judge, fit_prior
from .turning import ChordNetwork, Judge

BENCHMARK = "pop909+nottingham"
"""The corpus that results are reported on."""

Kernels = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Plan:
    """What is trained, from which songs."""

    corpus: str = BENCHMARK
    judge: FitSettings = JUDGE
    prior: FitSettings = PRIOR
    player: ImproveSettings = field(default_factory=ImproveSettings)


def train(run: Path, seeds: list[int], report: Report, plan: Plan | None = None) -> None:
    """Train what is missing in a run's folder.

    :param run: the folder
    :param seeds: of the models and players, instead of those of the plan
    :param report: told of each update
    """
    plan = plan or Plan()
    songs = load_songs(plan.corpus, "train")
    run.mkdir(parents=True, exist_ok=True)
    _keep(run / "judge.npz", partial(fit_judge, songs, plan.judge, report))
    for seed in seeds:
        fit = partial(fit_prior, songs, replace(plan.prior, seed=seed), report)
        prior = ChordNetwork.from_kernels(_keep(run / f"prior-{seed}.npz", fit))
        better = partial(improve, prior, songs, replace(plan.player, seed=seed), report)
        _keep(run / f"player-{seed}.npz", better)


def _keep(path: Path, fit: Callable[[], ChordNetwork | Judge]) -> Kernels:
    """The kernels in a file; if there is none, those that `fit` finds, with the CPU seconds."""
    if not path.exists():
        started = time.process_time()
        kernels = fit().kernels()
        seconds = time.process_time() - started
        buffer = BytesIO()
        np.savez(buffer, allow_pickle=False, **kernels)
        write_whole(path, buffer.getvalue())
        told = {"cpu_seconds": round(seconds, 1)}
        write_whole(path.with_suffix(".json"), (json.dumps(told) + "\n").encode())
    return read_kernels(path)


def read_kernels(path: Path) -> Kernels:
    """The kernels in a file of a run's folder; SegueError if there is none."""
    if not path.is_file():
        raise SegueError(f"there is no {path}; run segue.agents.accompany.train first")
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, default=Path("runs/accompany"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--corpus", default=BENCHMARK)
    given = parser.parse_args()
    torch.set_num_threads(1)
    console = Console()

    def report(what: str, update: int, loss: float) -> None:
        if update % 50 == 0:
            console.print(f"{what}: update {update}, loss {loss:.4f}")

    train(given.run, given.seeds, report, Plan(corpus=given.corpus))


if __name__ == "__main__":
    main()
