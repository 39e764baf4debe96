"""Evaluation of players: the same unseen episodes for all, with intervals.

The unit is an episode. Every player meets the same episodes for the same evaluation seed, so
differences are paired. What the rows of a table say is in `statistics`.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..analysis.cards import Metric
from ..envs import make_core
from ..envs.core import Core, FloatArray
from ..music.errors import UnknownNameError
from .policy import Policy
from .statistics import interval
from .study import Episodes, Player, Study

FIRST_SEED = 10_000
"""Evaluation seed 0 draws its episodes from this seed: training and validation use others."""

SEEDS = (0, 1, 2, 3, 4)
"""Evaluation seeds: of episodes, and of players that draw."""


def play(
    core: Core,
    player: Player,
    *,
    seed: int,
    name: str = "",
    keep: Callable[[Any], Any] | None = None,
    on_step: Callable[[], None] | None = None,
) -> Episodes:
    """Play the episodes of a core once, all at the same time.

    :param core: whose episodes are played
    :param player: who decides
    :param seed: of the episodes; the same for all players that are compared
    :param name: what the player is called in the result
    :param keep: takes of the core, when the episodes are over, what is to be kept
    :param on_step: called after each step
    """
    core.reset(np.random.default_rng(seed))
    reward = np.zeros(core.n)
    terms = {term: np.zeros(core.n) for term in core.REWARDS}
    over = False
    while not over:
        _, earned, over, parts = core.step(core.accept(player.act(core)))
        reward += earned / core.steps
        for term, value in parts.items():
            terms[term] += value / core.steps
        if on_step:
            on_step()
    return Episodes(
        name,
        reward,
        terms,
        {metric: np.asarray(value, float) for metric, value in core.metrics().items()},
        (keep(core),) if keep else (),
        train_cpu_seconds=float(getattr(player, "train_cpu_seconds", 0.0)),
    )


def pool(parts: Sequence[Episodes]) -> Episodes:
    """Episodes of one player under several evaluation seeds as one."""
    first = parts[0]
    return Episodes(
        first.player,
        np.concatenate([part.reward for part in parts]),
        {key: np.concatenate([part.terms[key] for part in parts]) for key in first.terms},
        {key: np.concatenate([part.metrics[key] for part in parts]) for key in first.metrics},
        tuple(kept for part in parts for kept in part.kept),
        np.concatenate([part.decision_seconds for part in parts]),
        first.train_cpu_seconds,
    )


def make_player(study: Study, name: str, seed: int = 0) -> Player:
    """A player of an environment, by its name or by the path of a trained one.

    UnknownNameError if the study has none of that name. A path is that of a policy's card (.json),
    or of a model (.zip) that `train` left in its folder, which then plays through
    Stable-Baselines3.

    :param seed: of what it draws
    """
    if name.endswith(".json"):
        return Policy.load(name, study.environment, seed=seed)
    if name.endswith(".zip"):
        from .algorithms import load_player  # needs torch

        return load_player(Path(name), study.environment)
    if name not in everyone(study):
        raise UnknownNameError("player", name, everyone(study), study.environment)
    return study.make(name, seed)


def everyone(study: Study) -> tuple[str, ...]:
    """All players of a study, the shipped seeds among them, in the order of the table."""
    return tuple(dict.fromkeys((*study.players, *study.seeds)))


def evaluate(
    study: Study,
    names: Sequence[str] = (),
    *,
    episodes: int = 256,
    seeds: Sequence[int] = SEEDS,
    split: str = "test",
    options: Mapping[str, Any] | None = None,
    decisions: int = 0,
    on_step: Callable[[str], None] | None = None,
) -> list[Episodes]:
    """Let players of an environment meet the same episodes under each evaluation seed.

    :param study: of the environment
    :param names: of its players, or paths of policies; none: all players
    :param episodes: of each player, shared out evenly among the seeds
    :param seeds: of episodes, and of players that draw
    :param split: of the data; UnknownNameError if the environment has no such split
    :param options: of the environment
    :param decisions: that are timed for each player, one episode at a time; 0: none
    :param on_step: called with the player's name after each step
    :return: one result for each name, in their order
    """
    if split not in study.splits:
        raise UnknownNameError("split", split, study.splits, study.environment)
    described = {"split": split, **(options or {})}
    shares = [len(share) for share in np.array_split(np.arange(episodes), len(seeds))]
    found = []
    for name in names or everyone(study):
        report = partial(on_step, name) if on_step else None
        parts = [
            play(
                make_core(study.environment, share, **described),
                make_player(study, name, seed),
                seed=FIRST_SEED + seed,
                name=name,
                keep=study.keep,
                on_step=report,
            )
            for seed, share in zip(seeds, shares, strict=True)
            if share
        ]
        one = pool(parts)
        if decisions:
            core = make_core(study.environment, 1, **described)
            taken = time_decisions(core, partial(make_player, study, name), decisions)
            one = replace(one, decision_seconds=taken)
        found.append(one)
    return found


def reward_metric(environment: str, player: Player, split: str, episodes: int) -> Metric:
    """The mean reward a step of a player on so many episodes of a split, as a card tells it."""
    played = play(make_core(environment, episodes, split=split), player, seed=FIRST_SEED)
    low, high = interval(played.reward)
    where = f"{episodes} episodes of the {split} split"
    return Metric("mean reward a step", float(played.reward.mean()), low, high, where)


def time_decisions(
    core: Core, make: Callable[[], Player], decisions: int, *, seed: int = FIRST_SEED
) -> FloatArray:
    """Wall seconds of decisions for a single episode at a time [shape=(decisions,)].

    The first decision of the first episode, which may load what is needed, is not counted.
    """
    rng = np.random.default_rng(seed)
    taken: list[float] = []
    while len(taken) <= decisions:
        core.reset(rng)
        player = make()
        over = False
        while not over and len(taken) <= decisions:
            start = time.perf_counter()
            action = player.act(core)
            taken.append(time.perf_counter() - start)
            _, _, over, _ = core.step(core.accept(action))
    return np.array(taken[1:])
