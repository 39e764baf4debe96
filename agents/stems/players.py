"""All directors of recorded music by name, ready to play."""

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...analysis.cards import load_weights
from ...envs import STEMS
from ...envs.stems.perception import OBSERVATION
from ...music.errors import UnknownNameError
from ..policy import Policy
from .lookahead import Lookahead, Value
from .rules import RULES, Hold, Random
from .scene import Director
from .search import Search

MODELS = Path(__file__).parents[1] / "models"
RULES_MODEL, VALUE_MODEL = "stems_rules", "stems_value"
AGENTS = tuple(f"agent-{seed}" for seed in range(5))
"""The same training with five seeds; `agent` is the one that earned most on validation."""

POLICIES = tuple(f"policy-{seed}" for seed in range(5))
"""Their networks alone, without the search round them."""

DIRECTORS = {
    "agent": "the shipped policy, with a search of four bars that it leads",
    "policy": "the shipped policy alone: cloned from a planner, then MaskablePPO",
    "adaptive": "table that corrects for its error and learns from ratings, tuned",
    "informed": "adaptive, by the forecast of the game, tuned",
    "table": "the nearest section and mix by the mood wanted, tuned: a studio's state machine",
    "greedy": "one-bar search in the measured moods",
    "planner": "eight-bar search, the mood wanted stays",
    "forecast": "eight-bar search, by the forecast of the game",
    "hold": "stays where it is",
    "random": "any allowed action",
}
"""Directors that can play live, with what they are."""

PLAYERS = DIRECTORS | {"oracle": "eight-bar search that knows the listener and the future"}


def make_player(name: str, seed: int = 0) -> Director:
    """A director by name; besides `PLAYERS` there are `AGENTS` and `POLICIES`.

    :param seed: of a director that draws; the others do not need it
    """
    if name not in {*PLAYERS, *AGENTS, *POLICIES}:
        raise UnknownNameError("director of recorded music", name, PLAYERS)
    if name in RULES:
        return RULES[name](_tuned()[name])
    if name == "hold":
        return Hold()
    if name == "random":
        return Random(seed)
    if name == "greedy":
        return Search(horizon=1)
    if name == "planner":
        return Search()
    if name == "forecast":
        return Search(forecast=True)
    if name == "oracle":
        return Search(oracle=True)
    kind, _, number = name.partition("-")
    policy = _policy(f"stems-{number}" if number else "stems")
    return policy if kind == "policy" else Lookahead(policy, _value())


@lru_cache(maxsize=8)
def _policy(file: str) -> Policy:
    return Policy.load(MODELS / f"{file}.json", STEMS, OBSERVATION)


@lru_cache(maxsize=1)
def _value() -> Value:
    return Value.load(MODELS / f"{VALUE_MODEL}.json")


@lru_cache(maxsize=1)
def _tuned() -> dict[str, NDArray[np.float64]]:
    return load_weights(MODELS / f"{RULES_MODEL}.json")[1]
