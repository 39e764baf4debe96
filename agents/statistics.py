"""Statistics of what was played: intervals, interquartile means, rows of a table."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .study import Episodes, Study

FloatArray = NDArray[np.float64]
Row = dict[str, Any]

BOOTSTRAP = 2000
"""Resamples of a bootstrap interval."""

STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
"""97.5 % points of Student's t for 2, 3, ... 10 seeds."""


def interquartile_mean(values: FloatArray) -> FloatArray:
    """Mean of the middle half of values [shape=(..., n)] over the last axis [shape=(...,)].

    R. Agarwal et al., "Deep reinforcement learning at the edge of the statistical precipice",
    NeurIPS 2021: nearly as robust as the median, and surer.
    """
    ordered = np.sort(values, axis=-1)
    cut = ordered.shape[-1] // 4
    middle: FloatArray = ordered[..., cut : ordered.shape[-1] - cut].mean(axis=-1)
    return middle


def interval(
    values: FloatArray,
    seed: int = 0,
    statistic: Callable[[FloatArray], FloatArray] | None = None,
) -> tuple[float, float]:
    """95 % bootstrap interval (low, high) of the mean of values [shape=(n,)].

    NaN, where an episode had nothing to measure, is left out.

    :param statistic: instead of the mean; over the last axis
    """
    values = values[~np.isnan(values)]
    rng = np.random.default_rng(seed)
    drawn = values[rng.integers(0, len(values), (BOOTSTRAP, len(values)))]
    found = statistic(drawn) if statistic else drawn.mean(axis=1)
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


def student_interval(values: FloatArray) -> tuple[float, float]:
    """95 % interval (low, high) of the mean of 2 to 10 seeds [shape=(n,)], by Student's t."""
    half = STUDENT[len(values) - 2] * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


def mean(values: FloatArray) -> float:
    """The mean of values [shape=(n,)], those that are NaN left out; NaN if all are."""
    found = values[~np.isnan(values)]
    return float(found.mean()) if len(found) else float("nan")


def table(played: Sequence[Episodes], baseline: str = "") -> list[Row]:
    """One row a player, best first.

    Columns: mean `reward` a step with its interval (`reward_low`, `reward_high`); the interquartile
    mean `iqm` with its interval; paired by episode, the `gain` over the baseline, with its
    interval, if the baseline played; the terms of the reward and the metrics, each with its
    interval, where any episode had something to measure; `decision_ms` (median) and
    `decision_ms_p99` where decisions were timed; `train_cpu_seconds` where they are known.
    """
    against = next((one for one in played if one.player == baseline), None)
    rows = []
    for one in sorted(played, key=lambda one: -one.reward.mean()):
        row: Row = {"player": one.player}
        row |= _measured("reward", one.reward)
        row["iqm"] = float(interquartile_mean(one.reward))
        row["iqm_low"], row["iqm_high"] = interval(one.reward, statistic=interquartile_mean)
        if against is not None and against is not one:
            row |= _measured("gain", one.reward - against.reward)
        for name, values in (one.terms | one.metrics).items():
            row |= _measured(name, values)
        if len(one.decision_seconds):
            row["decision_ms"] = 1e3 * float(np.median(one.decision_seconds))
            row["decision_ms_p99"] = 1e3 * float(np.quantile(one.decision_seconds, 0.99))
        if one.train_cpu_seconds:
            row["train_cpu_seconds"] = one.train_cpu_seconds
        rows.append(row)
    return rows


def _measured(name: str, values: FloatArray) -> Row:
    if np.isnan(values).all():
        return {}
    low, high = interval(values)
    return {name: mean(values), f"{name}_low": low, f"{name}_high": high}


def result_key(player: str, key: str, split: str) -> str:
    """The name of a result for a machine: `agent_reward`, `gap_closed_held_out`.

    :param player: its name, or the path of its card; "": a number over all players
    :param key: what was measured
    :param split: of the episodes; that of `test` is left out
    """
    where = {"test": "", "heldout": "held_out"}.get(split, split)
    path = Path(player)
    stem = f"{path.parent.name} {path.stem}".strip() if path.suffix in (".json", ".zip") else player
    return "_".join(f"{stem} {key} {where}".replace("-", " ").replace(",", " ").split())


def over_seeds(rows: Sequence[Row], study: Study) -> Row | None:
    """One row for the study's shipped training, its intervals over seeds (Student's t).

    None unless two or more, and all, of the study's seeds have a row.
    """
    names = study.seeds
    found = [row for row in rows if row["player"] in names]
    if len(found) < len(names) or not 2 <= len(found) < len(STUDENT) + 2:
        return None
    row: Row = {"player": f"{len(found)} seeds"}
    shared = [key for key in found[0] if all(isinstance(one.get(key), float) for one in found)]
    row |= {key: float(np.mean([one[key] for one in found])) for key in shared}
    for key in shared:
        if f"{key}_low" in row:
            values = np.array([one[key] for one in found])
            row[f"{key}_low"], row[f"{key}_high"] = student_interval(values)
    return row
