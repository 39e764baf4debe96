"""Search at play time round a trained policy of recorded music: a beam that the policy leads.

In each bar that is looked ahead, the actions that the policy likes most are tried on every plan
kept so far; what they are expected to cost under doubt, how much less than its favourite the policy
likes them, and what `Value` expects of the bars after decide which plans are kept. It knows what
the planner of `search` knows, and needs few plans, as the policy has learned which are worth a try.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...analysis.cards import load_weights
from ...envs import STEMS
from ...envs.stems.actions import masks, read_actions, sounding
from ...envs.stems.core import OBSERVATION_LIMIT, levels_moved, movement_cost, tiring_turns
from ...envs.stems.library import NOWHERE, IntArray, Library
from ...envs.stems.perception import OBSERVATION, Perception
from ...envs.stems.route import Place, ask, play_on
from ...envs.stems.settings import StemsSettings
from ...music.cue import PHRASE_BARS
from ...music.errors import FileFormatError
from ..policy import Policy
from ..thought import come_true, in_thought
from .scene import Scene

FloatArray = NDArray[np.float64]


class Value:
    """What the coming bars are expected to earn, linear in the observation.

    :param weights: `slope` [shape=(len(OBSERVATION),)] and `level` [shape=(1,)]
    """

    def __init__(self, weights: dict[str, NDArray[Any]]) -> None:
        self.slope, self.level = weights["slope"], weights["level"]

    @classmethod
    def load(cls, path: Path) -> "Value":
        """Read one by its card; FileFormatError if it was fitted to another observation."""
        card, weights = load_weights(path)
        if card.inputs != OBSERVATION:
            raise FileFormatError(
                f"{path.name} was fitted to another observation than this version of {STEMS} "
                "gives; fit it again: python -m segue.agents.stems.train_value"
            )
        return cls(weights)

    def __call__(self, observation: FloatArray) -> FloatArray:
        """The sum of rewards expected [shape=(n,)] from observations [n, len(OBSERVATION)]."""
        seen = np.clip(observation, -OBSERVATION_LIMIT, OBSERVATION_LIMIT)
        return np.asarray(seen @ self.slope + self.level)


@dataclass
class Lookahead:
    """Acts by a policy and a search round it; a `scene.Director`.

    :param policy: of the categorical kind; proposes in every bar
    :param value: of what comes after the bars looked ahead
    :param first: actions tried in the first bar
    :param kept: plans that go on to the next bar
    :param branches: actions tried on each of them
    :param bars: that are looked ahead
    :param trust: what is taken off an action for each unit that the policy's logit of it is below
        that of its favourite
    """

    policy: Policy
    value: Value
    first: int = 8
    kept: int = 8
    branches: int = 3
    bars: int = 4
    trust: float = 0.02

    @property
    def train_cpu_seconds(self) -> float:
        """What the policy's training took."""
        return self.policy.train_cpu_seconds

    def act(self, scene: Scene) -> IntArray:
        library, every = scene.library, np.arange(scene.n)[:, None]
        seen, place, observation = scene.perception, Place.of(scene.worlds), scene.observe()
        total, first = np.zeros(scene.n), np.zeros(scene.n, np.int64)
        for bar in range(self.bars):
            allowed = masks(library, place.cue, place.section, place.pending, seen.mix)
            count = self.branches if bar else self.first
            action, disliked = self.propose(observation, allowed, count)
            rows = np.repeat(np.arange(len(total)), count)
            first = action if bar == 0 else first[rows]
            seen = in_thought(seen, rows, "mix")
            place, cost = imagine_bar(library, seen, _of(place, rows), action)
            total = total[rows] - disliked - cost
            observation = seen.observe(library, place)
            worth = (total + self.value(observation)).reshape(scene.n, -1)
            kept = min(self.kept, worth.shape[1]) if bar < self.bars - 1 else 1
            best = np.argpartition(-worth, kept - 1, axis=1)[:, :kept]
            rows = (best + every * worth.shape[1]).ravel()
            seen, place = in_thought(seen, rows, "mix"), _of(place, rows)
            total, first, observation = total[rows], first[rows], observation[rows]
        return first

    def propose(
        self, observation: FloatArray, allowed: NDArray[np.bool_], count: int
    ) -> tuple[IntArray, FloatArray]:
        """The actions that the policy likes most, the best first.

        :param allowed: masks of actions [shape=(n, len(ACTIONS))]
        :param count: how many for each observation
        :return: the actions, and what is taken off them for being liked less than the best one, inf
            off what is not allowed [each shape=(n * count,)]
        """
        logits = np.where(allowed, self.policy.outputs(observation), -np.inf)
        best = np.argsort(-logits, axis=1, kind="stable")[:, :count]
        found = np.take_along_axis(logits, best, axis=1)
        less = np.where(np.isfinite(found), found[:, :1] - found, 0.0)
        disliked = np.where(np.isfinite(found), self.trust * less, np.inf)
        return best.ravel(), disliked.astype(float).ravel()


def imagine_bar(
    library: Library, seen: Perception, place: Place, action: IntArray
) -> tuple[Place, FloatArray]:
    """Move copies on by a bar as expected.

    Nobody rates, and the mood wanted is the one that was forecast.

    :param seen: copies by `in_thought`, which are moved on
    :param action: of each [shape=(n,)]
    :return: where they are then, and what the bar is expected to cost [n]
    """
    s, before = StemsSettings(), seen.mix
    on_phrase = place.number % PHRASE_BARS == 0
    go, mix = read_actions(library, place.cue, place.section, before, action)
    broken = (place.pending != NOWHERE) & (go != NOWHERE) & (go != place.pending)
    place = ask(library, place, go)
    seen.mix = sounding(library, place.section, mix)
    seen.hear(library.mood[library.row[place.section] + place.number, seen.mix])
    wanted, scale = come_true(seen.forecast)
    variance = seen.belief.doubt(seen.estimate) ** 2 + 2.0 * scale**2  # of a Laplace distribution
    error = seen.felt - wanted
    apart = np.sqrt(error**2 + (2 / np.pi) * variance).mean(axis=1)
    entered = (place.number == 0) & (place.turn == 0)
    movement = movement_cost(levels_moved(before, seen.mix), on_phrase, entered)
    cost = s.mood_weight * apart + s.movement_weight * movement
    cost += s.monotony_weight * tiring_turns(place.turn) + s.promise_weight * broken
    return play_on(library, place), cost


def _of(place: Place, rows: IntArray) -> Place:
    return Place(*(part[rows] for part in place))
