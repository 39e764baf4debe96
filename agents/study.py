"""What is compared in an environment, and how: players, baselines, measures.

A `Study` belongs to one environment; `STUDIES` finds it by the environment's id. `evaluate` plays
it, `segue evaluate` prints it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..envs import ACCOMPANY, ARRANGE, MELODY, STEMS, TIMBRE, environment_id
from ..envs.core import Core, FloatArray


class Player(Protocol):
    """Decides in an environment: a policy, a rule, a search, a person's recording.

    A player that remembers within an episode begins anew where `core` is at its first step.
    """

    def act(self, core: Any) -> NDArray[Any]:
        """Actions [shape=(n, ...)] for all n episodes of a core."""
        ...


@dataclass(frozen=True)
class Episodes:
    """What one player made of a number of episodes, one number for each [shape=(episodes,)]."""

    player: str
    reward: FloatArray  # mean a step
    terms: dict[str, FloatArray]  # of the reward, means a step
    metrics: dict[str, FloatArray]  # as `Core.metrics` gives them
    kept: tuple[Any, ...] = ()  # what `Study.keep` took of each batch
    decision_seconds: FloatArray = field(default_factory=lambda: np.zeros(0))
    train_cpu_seconds: float = 0.0  # of what was trained, as far as is known


@dataclass(frozen=True)
class Study:
    """Who plays an environment, who is compared with whom, and what is reported."""

    environment: str
    """Its id, e.g. `segue/Arrange-v0`."""

    players: Mapping[str, str]
    """Baselines and shipped agents in the order of the table, each with a line on what it is."""

    make: Callable[[str, int], Player]
    """A player by its name, and a seed for what it draws."""

    baseline: str
    """Gains are reported over this player, paired by episode."""

    seeds: tuple[str, ...] = ()
    """The shipped agents that are the same training with other seeds: reported as one row."""

    splits: tuple[str, ...] = ("train", "validation", "test")
    """Values of the environment's option `split`."""

    keep: Callable[[Core], Any] | None = None
    """Takes of a batch that has just ended what `summary` needs of it."""

    summary: Callable[[Sequence[Episodes]], dict[str, float]] = lambda played: {}
    """Numbers over all players' episodes, by name, e.g. the share of a gap that is closed."""

    notes: tuple[str, ...] = ()
    """Lines under the tables, such as published numbers to read them beside."""

    @property
    def test_splits(self) -> tuple[str, ...]:
        """The splits that nothing was fitted to or chosen on."""
        return tuple(split for split in self.splits if split not in ("train", "validation"))


STUDIES = {  # environment -> module that holds its STUDY
    ARRANGE: "segue.agents.arrange.study",
    ACCOMPANY: "segue.agents.accompany.study",
    MELODY: "segue.agents.melody.study",
    STEMS: "segue.agents.stems.study",
    TIMBRE: "segue.agents.timbre.study",
}


def find_study(name: str) -> Study:
    """The study of an environment, by any of its names."""
    study: Study = import_module(STUDIES[environment_id(name)]).STUDY
    return study
