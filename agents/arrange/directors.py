"""All directors by name, ready to play."""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...analysis.cards import load_weights
from ...envs import ARRANGE
from ...envs.arrange.perception import OBSERVATION
from ...music.errors import UnknownNameError
from ..policy import Policy
from .lookahead import Lookahead
from .rules import RULES, Random
from .scene import Director
from .search import PLANNERS

MODELS = Path(__file__).parents[1] / "models"
AGENTS = tuple(f"agent-{seed}" for seed in range(5))
"""The same training with five seeds; `agent` is the one that earned most on validation."""

PPO_AGENTS = tuple(f"ppo-{seed}" for seed in range(5))
"""PPO from scratch, with five seeds: what is to be had without a model."""

SEARCH = "+search"
"""After the name of a trained policy: with a search round it, see `lookahead`."""

ORACLE = "oracle"
"""The planner that knows the hidden listener and the future, and so plays training scenes only."""

DIRECTORS = {
    "agent": "trained by analytic gradients; the shipped policy",
    "agent+search": "the agent, with a search of two bars round what it proposes",
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

_POLICIES = (
    {"agent": "arranger"}
    | {name: name.replace("agent", "arranger") for name in AGENTS}
    | {name: f"arranger-{name}" for name in PPO_AGENTS}
)


def make_director(name: str, seed: int = 0) -> Director:
    """A director by name, or by the path of a policy's card (.json).

    Besides `DIRECTORS` there are `AGENTS`, `PPO_AGENTS`, each also with `SEARCH`, and, for training
    scenes only, `ORACLE`.

    :param seed: of a director that draws; the others do not need it
    """
    if name.endswith(".json"):
        return Policy.load(name, ARRANGE, OBSERVATION)
    if name in _POLICIES:
        return _policy(_POLICIES[name])
    if (policy := name.removesuffix(SEARCH)) in _POLICIES:
        return Lookahead(_policy(_POLICIES[policy]), seed=seed)
    if name in PLANNERS:
        return replace(PLANNERS[name], seed=seed)
    if name in RULES:
        return RULES[name](_rule_parameters()[name])
    if name == "random":
        return Random(seed)
    raise UnknownNameError("director", name, DIRECTORS)


@lru_cache(maxsize=8)
def _policy(file: str) -> Policy:
    return Policy.load(MODELS / f"{file}.json", ARRANGE, OBSERVATION)


@lru_cache(maxsize=1)
def _rule_parameters() -> dict[str, NDArray[np.float64]]:
    return load_weights(MODELS / "rules.json")[1]
