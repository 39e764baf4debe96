"""Search at play time round a trained policy: it proposes, a look into the model decides.

Movements round the policy's own are tried in the emotion model for a few bars, in which the policy
goes on deciding, by the expected distance under doubt (`search.expected_distance`). What the policy
proposes matters more than how far the look goes, so few plans and bars are enough.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...envs.arrange.perception import Perception, move_knobs
from ...envs.arrange.rewards import broken_rules, movement_cost
from ...music.cue import PHRASE_BARS
from ...music.worlds import Worlds
from ..policy import Policy
from ..thought import come_true, in_thought
from .rules import drawing
from .scene import Scene
from .search import CONTINUITY_WEIGHT, LAPLACE_SD, N_KNOBS, RULES_WEIGHT, expected_distance

FloatArray = NDArray[np.float64]

KEPT = ("knobs", "next", "brightness")
"""What a perception holds of its own, of each performance."""

_SPREAD = 0.4  # of movements tried in the first round, in actions; each round half of it
_MOVED_SHARE = 0.4  # of the knobs that a plan moves otherwise than the policy
_ELITE_PART = 6  # the best one in so many lead the next round
_FEWER = 4  # plans that leave out some of the policy's movements


@dataclass
class Lookahead:
    """Acts by a policy and a search round it; a `scene.Director`.

    :param policy: proposes, and acts in the bars after the first
    :param candidates: movements tried in a round
    :param bars: that are looked ahead
    :param rounds: of trying, each round the best so far
    :param seed: of what is tried
    """

    policy: Policy
    candidates: int = 24
    bars: int = 2
    rounds: int = 2
    seed: int = 0

    @property
    def train_cpu_seconds(self) -> float:
        """What the policy's training took."""
        return self.policy.train_cpu_seconds

    def act(self, scene: Scene) -> FloatArray:
        n, k = scene.n, self.candidates
        rows = np.arange(n)[:, None]
        rng = drawing(scene, self.seed)
        proposal = np.asarray(self.policy.act_on(scene.observe()))
        centre, spread = proposal, _SPREAD
        best, most = proposal, np.full(n, -np.inf)
        for _ in range(self.rounds):
            noise = rng.standard_normal((n, k, N_KNOBS))
            noise *= rng.random((n, k, N_KNOBS)) < _MOVED_SHARE
            tried = np.clip(centre[:, None] + spread * noise, -1.0, 1.0)
            tried[:, 0], tried[:, 1], tried[:, 2] = proposal, centre, 0.0
            fewer = rng.random((n, _FEWER, N_KNOBS)) < 0.5
            tried[:, 3 : 3 + _FEWER] = centre[:, None] * fewer
            worth = self.worth(scene, tried)
            order = np.argsort(worth, axis=1)
            top = worth[rows[:, 0], order[:, -1]]
            best = np.where((top > most)[:, None], tried[rows[:, 0], order[:, -1]], best)
            most = np.maximum(top, most)
            centre = tried[rows, order[:, -max(k // _ELITE_PART, 1) :]].mean(axis=1)
            spread *= 0.5
        return best

    def worth(self, scene: Scene, tried: FloatArray) -> FloatArray:
        """What is expected of first movements [shape=(n, k, 9)], over all bars [shape=(n, k)]."""
        n, k = tried.shape[:2]
        seen = in_thought(scene.perception, np.repeat(np.arange(n), k), *KEPT)
        worlds = scene.worlds.repeat(k)
        action: NDArray[Any] = tried.reshape(n * k, N_KNOBS)
        total = np.zeros(n * k)
        for bar in range(self.bars):
            if bar:
                action = self.policy.act_on(seen.observe(worlds))
            total -= imagine_bar(scene, seen, worlds, action)
        return total.reshape(n, k)


def imagine_bar(scene: Scene, seen: Perception, worlds: Worlds, action: FloatArray) -> FloatArray:
    """Move copies on by a bar as expected; returns what the bar is expected to cost [n * k].

    Nobody rates; the mood wanted is the one that was forecast for bars as long as now.
    """
    on_phrase = worlds.number % PHRASE_BARS == 0
    before = seen.knobs
    seen.knobs = move_knobs(before, action)
    setting = worlds.set(seen.knobs)
    bars = worlds.advance(setting)
    impressions, _ = seen.look(scene.ear, scene.model, bars, worlds.look(setting))
    seen.hear(impressions[: seen.n], bars, worlds.book)
    wanted, scale = come_true(seen.forecast)
    doubt = np.sqrt(seen.belief.doubt(seen.estimate) ** 2 + (LAPLACE_SD * scale) ** 2)
    cost = expected_distance(seen.felt - wanted, doubt)
    cost += CONTINUITY_WEIGHT * movement_cost(seen.knobs - before, on_phrase)
    cost += RULES_WEIGHT * broken_rules(seen.knobs, wanted[:, 1])
    return cost
