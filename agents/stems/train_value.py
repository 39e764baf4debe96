"""Fits what a search expects of the bars after those it looks ahead.

`python -m segue.agents.stems.train_value` lets the shipped policy play training episodes, and finds
the ridge regression of what the bars to come earned on what was seen before them: the weights of
`lookahead.Value`.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from ...analysis.cards import Card, Output, Source, save_model
from ...envs import STEMS
from ...envs.stems.core import StemsCore
from ...envs.stems.perception import OBSERVATION
from .lookahead import Value
from .players import MODELS, VALUE_MODEL, make_player
from .scene import Director

FloatArray = NDArray[np.float64]

BARS_AHEAD = 8
"""Bars whose rewards are summed."""

_RIDGE = 10.0  # bars of evidence that a slope of 0 is worth


def observe_returns(
    core: StemsCore, player: Director, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Play new episodes of a core.

    :return: observations, clipped [shape=(m, len(OBSERVATION))], and what the `BARS_AHEAD` bars
        after each earned [m]; those nearer to an episode's end are left out
    """
    core.reset(rng)
    seen, earned, over = [], [], False
    while not over:
        seen.append(core.present(core.observe()))
        _, reward, over, _ = core.step(player.act(core))
        earned.append(reward)
    sums = np.lib.stride_tricks.sliding_window_view(np.array(earned), BARS_AHEAD, axis=0).sum(-1)
    return np.concatenate(seen[: len(sums)]).astype(float), sums.ravel()


def fit(
    core: StemsCore, player: Director, rng: np.random.Generator, rounds: int
) -> dict[str, NDArray[Any]]:
    """The weights of a `Value` from so many rounds of a core's episodes."""
    size = len(OBSERVATION) + 1
    gram, moment = _RIDGE * np.eye(size), np.zeros(size)
    for _ in track(range(rounds), "playing"):
        seen, sums = observe_returns(core, player, rng)
        inputs = np.column_stack([seen, np.ones(len(seen))])
        gram += inputs.T @ inputs
        moment += inputs.T @ sums
    found = np.linalg.solve(gram, moment)
    return {"slope": found[:-1], "level": found[-1:]}


def share_told(value: Value, seen: FloatArray, sums: FloatArray) -> float:
    """Share of the variance of what was earned [shape=(m,)] that is told from what was seen."""
    return 1.0 - float(((sums - value(seen)) ** 2).mean() / sums.var())


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--episodes", type=int, default=512)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=MODELS)
    arguments = parser.parse_args()
    policy = make_player("policy")
    rng = np.random.default_rng(arguments.seed)
    weights = fit(StemsCore(arguments.episodes), policy, rng, arguments.rounds)
    unseen = StemsCore(arguments.episodes, split="validation")
    told = share_told(Value(weights), *observe_returns(unseen, policy, rng))
    bars = arguments.rounds * arguments.episodes * (unseen.steps - BARS_AHEAD + 1)
    card = Card(
        name=VALUE_MODEL,
        task="what the coming bars of recorded music earn",
        version="1",
        summary=f"ridge regression of the reward of {BARS_AHEAD} bars on the observation",
        inputs=OBSERVATION,
        outputs=(Output("value", f"sum of rewards of {BARS_AHEAD} bars"),),
        training_data=(
            Source("composed scores, seeds 0 to 47", "MIT, made by Segue", "fit"),
            Source("traces of games, split train", "MIT, recorded by Segue", "fit"),
            Source("policy stems", "see its card", "plays"),
            Source("emotion model vgmidi", "see its card", "reward"),
        ),
        commercial_use="not cleared: fitted to rewards by a model of ratings without a licence",
        split=f"games by episode, scores by seed; of {STEMS}",
        metrics=(),
        command="python -m segue.agents.stems.train_value",
        weights=f"{VALUE_MODEL}.npz",
        sha256="",
        notes=(
            f"fitted on {bars:,} bars; tells {told:.3f} of the variance on the validation split",
        ),
    )
    save_model(arguments.folder, card, weights)
    print(card.notes[0])


if __name__ == "__main__":
    main()
