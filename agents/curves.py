"""Pictures of learning: curves of one run or of several seeds, and the history of a search."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..music.errors import SegueError
from ..music.files import write_whole
from .callbacks import read_curve

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_curves(runs: Sequence[Path], path: Path) -> None:
    """Draw validation and training reward over steps, a line a run, and the mean of several.

    SegueError if no run has a curve.

    :param runs: folders that `train` left
    :param path: of the picture, .png
    """
    curves = {run.name: lines for run in runs if (lines := read_curve(run))}
    if not curves:
        raise SegueError(f"no learning curve in {', '.join(map(str, runs))}; train first")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for number, (name, lines) in enumerate(curves.items()):
        steps = [line["steps"] for line in lines]
        color = f"C{number % 10}"
        axes.plot(
            steps, [line["validation_reward"] for line in lines], "o-", color=color, label=name
        )
        train = [np.nan if line["train_reward"] is None else line["train_reward"] for line in lines]
        axes.plot(steps, train, ":", color=color, alpha=0.6)
    if len(curves) > 1:
        shared = min(len(lines) for lines in curves.values())
        rows = np.array(
            [
                [[line["steps"], line["validation_reward"]] for line in lines[:shared]]
                for lines in curves.values()
            ]
        )
        axes.plot(*rows.mean(axis=0).T, "k-", linewidth=2, label=f"mean of {len(curves)}")
    axes.set(xlabel="steps", ylabel="mean reward a step", title="validation; dotted: training")
    axes.legend()
    axes.grid(alpha=0.3)
    _write(figure, path)


def draw_history(worths: Sequence[float | None], path: Path) -> None:
    """Draw what each trial of a search was worth, and the best so far.

    :param worths: validation reward of each trial that has one; None: stopped early
    :param path: of the picture, .png
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    reached = np.array([np.nan if worth is None else worth for worth in worths])
    numbers = np.arange(len(reached))
    axes.plot(numbers, reached, "o", label="trial")
    best = np.fmax.accumulate(reached)
    axes.step(numbers, best, "-", where="post", label="best so far")
    for number in numbers[np.isnan(reached)]:
        axes.axvline(float(number), color="0.85", zorder=0)
    axes.set(xlabel="trial (grey: stopped early)", ylabel="validation reward a step")
    axes.legend()
    axes.grid(alpha=0.3)
    _write(figure, path)


def _write(figure: "Figure", path: Path) -> None:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    write_whole(path, buffer.getvalue())
