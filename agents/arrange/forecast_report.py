"""How good the game's forecast is: `python -m segue.agents.arrange.forecast_report`.

Mean absolute error over sessions nobody was fitted to, by bars ahead, beside that of the mood that
stays, by split and scenario; with and without what sessions correct, with and without the game's
features. Tempo wanders as in training; a forecast is for bars as long as the one to come, so errors
also hold what the tempo's change brings.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...envs.arrange.course import Course, draw_course
from ...envs.arrange.sources import TraceSource
from ...envs.games.forecast import BARS, Forecast, ForecastNetwork, load_forecast
from ...envs.games.traces import load_ticks

FloatArray = NDArray[np.float64]

SESSIONS, SESSION_BARS, SEED = 512, 64, 77
SECONDS = (1.1, 4.2)
"""Shortest and longest bar met."""


@dataclass(frozen=True)
class Played:
    """Errors of forecasts, sd [shape=(bars, sessions, BARS, 2)], of the mood that stays, and what
    the forecasts expected of themselves."""

    error: FloatArray
    staying: FloatArray
    scale: FloatArray


def draw_seconds(rng: np.random.Generator, n: int, bars: int) -> FloatArray:
    """Lengths of bars [shape=(bars, n)]: any at first, then wandering, as directors move tempo."""
    low, high = np.log(SECONDS)
    steps = rng.normal(0.0, 0.12, (bars, n)) * (rng.random((bars, n)) < 0.4)
    path = rng.uniform(low, high, n) + np.cumsum(steps, axis=0)
    return np.exp(np.clip(path, low, high))


def play(
    network: ForecastNetwork | None,
    split: str,
    *,
    correcting: bool = True,
    telling: bool = True,
    scenario: int | None = None,
    sessions: int = SESSIONS,
) -> Played:
    """Forecast bar after bar.

    :param network: that foretells
    :param split: of recorded play
    :param correcting: whether sessions correct it
    :param telling: whether the game tells its features
    :param scenario: number of the only scenario played; all if None
    """
    rng = np.random.default_rng(SEED)
    seconds = draw_seconds(rng, sessions, SESSION_BARS)
    length = (SESSION_BARS + 1) * SECONDS[1] + 2.0
    if scenario is None:
        course = draw_course(rng, sessions, 1, "traces", split, length)
    else:
        source = TraceSource(rng, sessions, split, length, scenario)
        course = Course([source], np.zeros(sessions, np.int64), np.arange(sessions))
    forecast = Forecast(sessions, network, correcting=correcting)
    forecast.begin(course.mood, course.features if telling else None)
    foretold, scales, moods = [], [], [course.mood]
    for lasting in seconds:
        forecast.look(lasting)
        foretold.append(forecast.moods)
        scales.append(forecast.scale)
        course.advance(lasting)
        moods.append(course.mood)
        forecast.add(course.mood, course.features if telling else None)
    true, last = np.array(moods), len(moods) - BARS
    coming = np.stack([true[at + 1 : at + 1 + BARS] for at in range(last)]).swapaxes(1, 2)
    now = true[:last, :, None]
    error = np.abs(np.array(foretold[:last]) - coming)
    return Played(error, np.abs(now - coming), np.array(scales[:last]))


def errors(played: Played, bars: int) -> tuple[FloatArray, tuple[float, float]]:
    """Mean error that many bars ahead of each session, and the 95 % interval of their mean."""
    each = played.error[:, :, bars - 1].mean(axis=(0, 2))
    half = 1.96 * each.std(ddof=1) / np.sqrt(len(each))
    return each, (float(each.mean() - half), float(each.mean() + half))


def report() -> list[dict[str, object]]:
    """A row for each split, scenario and variant, with mean errors by bars ahead."""
    network, rows = load_forecast(), []
    for split in ("validation", "test", "heldout"):
        episodes = load_ticks(split)
        for scenario in (None, *np.unique(episodes.scenarios).tolist()):
            variants = {"forecast": {}, "uncorrected": {"correcting": False}}
            if scenario is None:
                variants["moods alone"] = {"telling": False}
            for name, variant in variants.items():
                played = play(network, split, scenario=scenario, **variant)
                by_bar = played.error.mean(axis=(0, 1, 3)).round(3).tolist()
                rows.append(_row(split, episodes.names, scenario, name, by_bar))
            staying = played.staying.mean(axis=(0, 1, 3)).round(3).tolist()
            rows.append(_row(split, episodes.names, scenario, "mood stays", staying))
    return rows


def _row(
    split: str, names: tuple[str, ...], scenario: int | None, what: str, by_bar: list[float]
) -> dict[str, object]:
    where = "all" if scenario is None else names[scenario]
    return {"split": split, "scenario": where, "what": what, "error": by_bar}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the rows there")
    arguments = parser.parse_args()
    rows = report()
    for row in rows:
        numbers = " ".join(f"{value:.3f}" for value in row["error"])  # type: ignore[attr-defined]
        print(f"{row['split']:11}{row['scenario']:20}{row['what']:13}{numbers}")
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
