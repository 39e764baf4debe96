"""Directors that search: they try plans in the emotion model and take the best one's first move.

Plans are sequences of knob settings, improved by the cross-entropy method (Rubinstein, Methodology
and Computing in Applied Probability 1, 1999). A fair searcher knows what an agent knows: the belief
about the listener, and the target so far, which it takes to stay. The oracle also knows the
listener's hidden traits and the coming targets: an upper bound that nobody can play.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...envs.arrange.core import ArrangeCore, broken_rules, movement_cost
from ...envs.arrange.perception import DEAD_ZONE, KNOB_STEP
from ...envs.arrange.settings import ArrangeSettings
from ...music.cue import PHRASE_BARS
from ...music.direction import KNOBS
from .rules import drawing
from .scene import Scene

FloatArray = NDArray[np.float64]

N_KNOBS = len(KNOBS)
CONTINUITY_WEIGHT = ArrangeSettings.continuity_weight
RULES_WEIGHT = ArrangeSettings.rules_weight
"""What a plan counts with, as the environment does unless told otherwise."""

_FIRST_SPREAD, _LEAST_SPREAD = 0.6, 0.02  # of plans at first; added so that rounds keep looking
_MOVED_SHARE = 0.5  # of the knobs a plan moves: still ones cost nothing
_ELITE_PART = 8  # the best one in so many plans guide the next round
_SMALLEST_MOVE = 0.06  # of the largest step; what is smaller is left out
_TARGET_DRIFT = 0.3  # of a target in a bar, sd (recorded play: mean absolute change 0.22)


@dataclass
class Search:
    """Cross-entropy search over the next bars.

    :param horizon: bars planned
    :param candidates: plans a round
    :param rounds: times that plans are drawn, from the second on round the best
    :param oracle: know the hidden listener and the future (training scenes only)
    :param seed: of the plans drawn
    """

    horizon: int = 1
    candidates: int = 128
    rounds: int = 1
    oracle: bool = False
    seed: int = 0

    def act(self, scene: Scene) -> FloatArray:
        n, k, h = scene.n, self.candidates, self.horizon
        mean = np.zeros((n, h, N_KNOBS))
        spread = np.full((n, h, N_KNOBS), _FIRST_SPREAD)
        rows = np.arange(n)[:, None]
        rng = drawing(scene, self.seed)
        for _ in range(self.rounds):
            noise = rng.standard_normal((n, k, h, N_KNOBS))
            sparse = rng.random((n, k, 1, N_KNOBS)) < _MOVED_SHARE
            plans = np.clip(mean[:, None] + spread[:, None] * noise * sparse, -1.0, 1.0)
            plans[:, 0] = mean
            plans[:, 1] = 0.0
            worth = self.worth(scene, plans.reshape(n * k, h, N_KNOBS)).reshape(n, k)
            elite = np.argsort(worth, axis=1)[:, -max(k // _ELITE_PART, 1) :]
            best = plans[rows, elite]
            mean, spread = best.mean(axis=1), best.std(axis=1) + _LEAST_SPREAD
        top = plans[np.arange(n), worth.argmax(axis=1), 0]
        size = np.abs(top)
        return np.where(
            size < _SMALLEST_MOVE, 0.0, np.sign(top) * (DEAD_ZONE + (1 - DEAD_ZONE) * size)
        )

    def worth(self, scene: Scene, plans: FloatArray) -> FloatArray:
        """What each plan is expected to earn, summed over its bars [shape=(n * candidates,)].

        :param plans: knob movements in shares of the largest step [shape=(n * candidates, horizon,
            9)], those of one performance side by side
        """
        k = self.candidates
        seen = scene.perception
        worlds = scene.worlds.repeat(k)
        knobs = np.repeat(seen.knobs, k, axis=0)
        gain, bias, felt, targets, doubt = self.knowledge(scene)
        gain, bias, felt = (np.repeat(value, k, axis=0) for value in (gain, bias, felt))
        total = np.zeros(len(plans))
        rate = seen.settings.rate
        for step in range(self.horizon):
            on_phrase = worlds.number % PHRASE_BARS == 0
            moved = np.clip(knobs + plans[:, step] * KNOB_STEP, 0.0, 1.0)
            cost = CONTINUITY_WEIGHT * movement_cost(moved - knobs, on_phrase)
            knobs = moved
            heard = scene.model.predict(scene.ear.hear(worlds.advance(worlds.set(knobs))))
            felt = felt + rate * (gain * heard + bias - felt)
            target = np.repeat(targets[:, min(step, targets.shape[1] - 1)], k, axis=0)
            spread = np.repeat(doubt[:, min(step, doubt.shape[1] - 1)], k, axis=0)
            cost = cost + RULES_WEIGHT * broken_rules(knobs, target[:, 1])
            total -= expected_distance(felt - target, spread) + cost
        return total

    def knowledge(
        self, scene: Scene
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
        """What the searcher goes by.

        :return: gain, bias and felt mood of the listener [each shape=(n, 2)]; the moods wanted in
            the bars to come, and the sd of each felt less wanted [shape=(n, bars, 2)]. The last bar
            stands for all after it. TypeError for an oracle outside training.
        """
        seen = scene.perception
        if self.oracle:
            if not isinstance(scene, ArrangeCore):
                raise TypeError("the oracle plays training scenes only")
            lasting = np.repeat(seen.bar_seconds[:, None, None], self.horizon, axis=2)
            coming = scene.moods_ahead(lasting)[:, 0]
            true = scene.listeners
            return true.gain, true.bias, true.felt, coming, np.zeros((scene.n, 1, 2))
        ahead = np.arange(1, self.horizon + 1)[None, :, None]
        drift = _TARGET_DRIFT * np.sqrt(ahead)
        doubt = np.sqrt(drift**2 + seen.bias_var[:, None])
        return seen.gain, seen.bias, seen.felt, seen.targets[0][:, None], doubt


def expected_distance(error: FloatArray, sd: FloatArray) -> FloatArray:
    """About E|x| of x ~ N(error, sd) [both shape=(n, 2)], the mean over both axes [shape=(n,)].

    Exact where either is 0, smooth between: root of error^2 + (2 / pi) sd^2.
    """
    distance: FloatArray = np.sqrt(error**2 + (2 / np.pi) * sd**2).mean(axis=1)
    return distance
