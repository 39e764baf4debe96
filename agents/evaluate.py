"""Evaluation of directors: the same unseen episodes for all, with intervals.

The unit is an episode (64 bars of one game session for one listener). Every director meets the same
episodes for the same evaluation seed. Reported: the mean reward a bar with a 95 % bootstrap
interval over episodes, the interquartile mean (Agarwal et al., NeurIPS 2021), and the paired gain
over the static table.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..envs.arrange.core import REWARDS, ArrangeCore
from ..envs.arrange.settings import ArrangeSettings
from .arrange.directors import make_director
from .arrange.scene import Director

FloatArray = NDArray[np.float64]

BOOTSTRAP = 2000
"""Resamples of a bootstrap interval."""

STUDENT = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 10: 2.262}
"""97.5 % point of Student's t by number of seeds."""

SETTLED = 0.5
"""A listener is settled when the felt mood is this near to the mood wanted, sd."""


@dataclass(frozen=True)
class Episodes:
    """What one director earned in each episode, bar means [shape=(episodes,)]."""

    director: str
    reward: FloatArray
    terms: dict[str, FloatArray]
    error: FloatArray  # mean distance between felt and wanted mood, sd
    settle_bars: FloatArray  # first bar at which the mean distance is below SETTLED


def play_episodes(
    name: str,
    director: Director,
    *,
    episodes: int,
    seed: int,
    on_bar: Callable[[], None] | None = None,
    **options: Any,
) -> Episodes:
    """Play one batch of episodes of `segue/Arrange-v0`, all at once.

    :param name: what the director is called in the result
    :param episodes: how many
    :param seed: of the episodes; the same for all directors that are compared
    :param on_bar: called after each of the bars
    :param options: of the environment, see `ArrangeSettings`
    """
    core = ArrangeCore(episodes, ArrangeSettings.from_options(**options))
    core.reset(np.random.default_rng(seed))
    bars = core.settings.bars
    reward = np.zeros((bars, episodes))
    error = np.zeros((bars, episodes))
    terms = {name: np.zeros(episodes) for name in REWARDS}
    for bar in range(bars):
        _, reward[bar], _, earned = core.step(director.act(core))
        error[bar] = np.abs(core.listeners.felt - core.targets[:, bar + 1]).mean(axis=1)
        for term, value in earned.items():
            terms[term] += value / bars
        if on_bar:
            on_bar()
    near = error < SETTLED
    settle = np.where(near.any(axis=0), near.argmax(axis=0), bars)
    return Episodes(name, reward.mean(axis=0), terms, error.mean(axis=0), settle.astype(float))


def pool(parts: Sequence[Episodes]) -> Episodes:
    """Episodes of several evaluation seeds as one."""
    first = parts[0]
    return Episodes(
        first.director,
        np.concatenate([part.reward for part in parts]),
        {term: np.concatenate([part.terms[term] for part in parts]) for term in first.terms},
        np.concatenate([part.error for part in parts]),
        np.concatenate([part.settle_bars for part in parts]),
    )


def interquartile_mean(values: FloatArray) -> float:
    """Mean of the middle half of values [shape=(n,)]."""
    ordered = np.sort(values)
    cut = len(ordered) // 4
    return float(ordered[cut : len(ordered) - cut].mean())


def interval(values: FloatArray, seed: int = 0) -> tuple[float, float]:
    """95 % bootstrap interval (low, high) of the mean of values [shape=(n,)]."""
    rng = np.random.default_rng(seed)
    means = values[rng.integers(0, len(values), (BOOTSTRAP, len(values)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def evaluate(
    names: Sequence[str],
    *,
    episodes: int = 256,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    on_bar: Callable[[str], None] | None = None,
    **options: Any,
) -> list[Episodes]:
    """Play every director on the same episodes of each evaluation seed.

    :param names: of directors, see `directors.make_director`
    :param episodes: of each director, shared out evenly among the seeds
    :param seeds: of episodes, and of directors that draw
    :param on_bar: called with the director's name after each bar
    :param options: of the environment, see `ArrangeSettings`
    :return: one result for each name, in their order
    """
    found = []
    for name in names:
        report = (lambda name=name: on_bar(name)) if on_bar else None
        parts = [
            play_episodes(
                name,
                make_director(name, seed),
                episodes=max(episodes // len(seeds), 1),
                seed=10_000 + seed,
                on_bar=report,
                **options,
            )
            for seed in seeds
        ]
        found.append(pool(parts))
    return found


def table(played: Sequence[Episodes], baseline: str = "table") -> list[dict[str, Any]]:
    """One row a director, best first.

    Columns: mean `reward` a bar with its interval `low`, `high` and interquartile mean `iqm`; mean
    `error` (sd); the terms `movement` and `rules` of the reward; `settle_bars`; and, paired by
    episode, the `gain` over the baseline with `gain_low`, `gain_high`, if the baseline played.
    """
    against = next((one for one in played if one.director == baseline), None)
    rows = []
    for one in sorted(played, key=lambda one: -one.reward.mean()):
        low, high = interval(one.reward)
        row: dict[str, Any] = {
            "director": one.director,
            "reward": float(one.reward.mean()),
            "low": low,
            "high": high,
            "iqm": interquartile_mean(one.reward),
            "error": float(one.error.mean()),
            "movement": float(one.terms["continuity"].mean()),
            "rules": float(one.terms["rules"].mean()),
            "settle_bars": float(one.settle_bars.mean()),
        }
        if against is not None and against is not one:
            gain = one.reward - against.reward
            row["gain"] = float(gain.mean())
            row["gain_low"], row["gain_high"] = interval(gain)
        rows.append(row)
    return rows


def over_seeds(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> dict[str, Any] | None:
    """One row for the same training with several seeds, its interval over seeds (Student's t).

    None unless every name has a row.
    """
    found = [row for row in rows if row["director"] in names]
    if len(found) < len(names) or len(found) not in STUDENT:
        return None
    numbers = [key for key, value in found[0].items() if isinstance(value, float)]
    row: dict[str, Any] = {"director": f"agent, {len(found)} seeds"}
    row |= {key: float(np.mean([one[key] for one in found])) for key in numbers}
    for key, low, high in (("reward", "low", "high"), ("gain", "gain_low", "gain_high")):
        if key in row:
            values = np.array([one[key] for one in found])
            half = STUDENT[len(found)] * values.std(ddof=1) / np.sqrt(len(found))
            row[low], row[high] = row[key] - float(half), row[key] + float(half)
    return row
