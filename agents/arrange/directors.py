"""All directors by name, ready to play."""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...analysis.cards import load_weights
from ...envs import ARRANGE
from ...envs.arrange.perception import OBSERVATION
from ...music.errors import SegueError, UnknownNameError
from ..policy import Policy
from .lookahead import Lookahead
from .rules import RULES, Random
from .scene import Director
from .search import PLANNERS

MODELS = Path(__file__).parents[1] / "models"
AGENTS = tuple(f"agent-{seed}" for seed in range(5))
"""The same training with five seeds; `agent` is the one that earned most on validation."""

POLICIES = tuple(f"policy-{seed}" for seed in range(5))
"""Their networks alone, without the search round them."""

PPO_AGENTS = tuple(f"ppo-{seed}" for seed in range(5))
"""PPO from scratch, with five seeds: networks that are to be had without a model."""

ORACLE = "oracle"
"""The planner that knows the hidden listener and the future, and so plays training scenes only."""

DIRECTORS = {
    "agent": "the shipped policy, with a search of two bars round what it proposes",
    "policy": "the shipped policy alone, trained by analytic gradients, then PPO",
    "table": "static rule table on the mood wanted, tuned",
    "reactive": "table that corrects for its error and the trend (PD), tuned",
    "adaptive": "reactive table that also learns from ratings, tuned",
    "informed": "adaptive table with the exact belief and the forecast, tuned",
    "greedy": "one-bar search; the mood wanted is taken to stay",
    "mpc": "four-bar search by the forecast as if it were certain",
    "planner": "four-bar search by the forecast that minds how sure it is",
    "bayes": "six-bar search by the forecast that minds how sure it is",
    "hold": "one constant direction, tuned",
    "random": "uniform movements",
}
"""Directors that can play live, with what they are."""

_SEARCHING = {"agent": "arranger"} | {name: f"arranger-{seed}" for seed, name in enumerate(AGENTS)}
_ALONE = (
    {"policy": "arranger"}
    | {name: f"arranger-{seed}" for seed, name in enumerate(POLICIES)}
    | {name: f"arranger-{name}" for name in PPO_AGENTS}
)
"""Names of directors, and the files of their networks."""


def make_director(name: str, seed: int = 0) -> Director:
    """A director by name, or by the path of a policy's card (.json), which directs as `agent` does.

    Besides `DIRECTORS` there are `AGENTS`, `POLICIES`, `PPO_AGENTS` and, for training scenes only,
    `ORACLE`.

    :param seed: of a director that draws; the others do not need it
    """
    if name.endswith(".json"):
        return Lookahead(load_policy(name), seed=seed)
    if name in _ALONE:
        return load_policy(name)
    if name in _SEARCHING:
        return Lookahead(_policy(_SEARCHING[name]), seed=seed)
    if name in PLANNERS:
        return replace(PLANNERS[name], seed=seed)
    if name in RULES:
        return RULES[name](_rule_parameters()[name])
    if name == "random":
        return Random(seed)
    raise UnknownNameError("director", name, DIRECTORS)


def load_policy(name: str) -> Policy:
    """A policy without a search round it, by the name of such a director or the path of its card.

    SegueError for a director that is no policy.
    """
    if name.endswith(".json"):
        return Policy.load(name, ARRANGE, OBSERVATION)
    if name not in _ALONE:
        raise SegueError(f"director {name!r} is no policy; name policy, or a policy's card")
    return _policy(_ALONE[name])


@lru_cache(maxsize=8)
def _policy(file: str) -> Policy:
    return Policy.load(MODELS / f"{file}.json", ARRANGE, OBSERVATION)


@lru_cache(maxsize=1)
def _rule_parameters() -> dict[str, NDArray[np.float64]]:
    return load_weights(MODELS / "rules.json")[1]
