"""All directors by name, ready to play."""

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...analysis.cards import load_weights
from ...envs import ARRANGE
from ...envs.arrange.perception import OBSERVATION
from ...music.errors import UnknownNameError
from ..policy import Policy
from .rules import RULES, Random
from .scene import Director
from .search import Search

MODELS = Path(__file__).parents[1] / "models"
AGENTS = tuple(f"agent-{seed}" for seed in range(5))
"""The same training with five seeds; `agent` is the one that earned most on validation."""

DIRECTORS = {
    "agent": "trained by PPO; the shipped policy",
    "table": "static rule table on the mood wanted, tuned",
    "reactive": "table that corrects for its error and the trend, tuned",
    "adaptive": "reactive table that also learns from ratings, tuned",
    "greedy": "one-bar search in the emotion model",
    "planner": "four-bar search in the emotion model",
    "hold": "one constant direction, tuned",
    "random": "uniform movements",
}
"""Directors that can play live, with what they are."""


def make_director(name: str, seed: int = 0) -> Director:
    """A director by name, or by the path of a policy's card (.json).

    Besides `DIRECTORS` there are `AGENTS` and, for training scenes only, "oracle".

    :param seed: of a director that draws; the others do not need it
    """
    if name.endswith(".json"):
        return Policy.load(name, ARRANGE, OBSERVATION)
    if name not in DIRECTORS and name != "oracle" and name not in AGENTS:
        raise UnknownNameError("director", name, DIRECTORS)
    if name in RULES:
        return RULES[name](_rule_parameters()[name])
    if name == "random":
        return Random(seed)
    if name == "greedy":
        return Search(horizon=1, candidates=128, rounds=1, seed=seed)
    if name == "planner":
        return Search(horizon=4, candidates=48, rounds=3, seed=seed)
    if name == "oracle":
        return Search(horizon=6, candidates=48, rounds=4, oracle=True, seed=seed)
    number = name.partition("-")[2]
    return _policy(f"arranger-{number}" if number else "arranger")


@lru_cache(maxsize=8)
def _policy(file: str) -> Policy:
    return Policy.load(MODELS / f"{file}.json", ARRANGE, OBSERVATION)


@lru_cache(maxsize=1)
def _rule_parameters() -> dict[str, NDArray[np.float64]]:
    return load_weights(MODELS / "rules.json")[1]
