"""Directors that search: they try candidate plans in the emotion model and take the best first
move.

Plans are sequences of knob settings, improved by the cross-entropy method (Rubinstein, Methodology
and Computing in Applied Probability 1, 1999). A fair searcher knows what an agent knows: the belief
about the listener, and the target so far, which it takes to stay. The oracle also knows the
listener's hidden traits and the coming targets: an upper bound that nobody can play.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..envs.arrange import ArrangeCore, broken_rules, movement_cost
from ..envs.arrange_settings import ArrangeSettings
from ..envs.perception import DEAD_ZONE, KNOB_STEP
from ..music.cue import PHRASE_BARS
from ..music.direction import KNOBS
from .rules import drawing
from .scene import Scene

FloatArray = NDArray[np.float64]

N_KNOBS = len(KNOBS)
CONTINUITY_WEIGHT = ArrangeSettings.continuity_weight
RULES_WEIGHT = ArrangeSettings.rules_weight
"""What a plan counts with, as the environment does unless told otherwise."""


@dataclass
class Search:
    """Cross-entropy search over the next bars.

    :param horizon: bars planned
    :param candidates: plans a round
    :param rounds: times the plans are drawn again round the best
    :param oracle: know the hidden listener and the future (training scenes only)
    """

    horizon: int = 1
    candidates: int = 128
    rounds: int = 1
    oracle: bool = False
    seed: int = 0

    def act(self, scene: Scene) -> FloatArray:
        n, k, h = scene.n, self.candidates, self.horizon
        mean = np.zeros((n, h, N_KNOBS))
        spread = np.full((n, h, N_KNOBS), 0.6)
        rows = np.arange(n)[:, None]
        rng = drawing(scene, self.seed)
        for _ in range(self.rounds):
            noise = rng.standard_normal((n, k, h, N_KNOBS))
            sparse = rng.random((n, k, 1, N_KNOBS)) < 0.5
            plans = np.clip(mean[:, None] + spread[:, None] * noise * sparse, -1.0, 1.0)
            plans[:, 0] = mean
            plans[:, 1] = 0.0
            worth = self.worth(scene, plans.reshape(n * k, h, N_KNOBS)).reshape(n, k)
            elite = np.argsort(worth, axis=1)[:, -max(k // 8, 1) :]
            best = plans[rows, elite]
            mean, spread = best.mean(axis=1), best.std(axis=1) + 0.02
        top = plans[np.arange(n), worth.argmax(axis=1), 0]
        size = np.abs(top)
        return np.where(size < 0.06, 0.0, np.sign(top) * (DEAD_ZONE + (1 - DEAD_ZONE) * size))

    def worth(self, scene: Scene, plans: FloatArray) -> FloatArray:
        """What each plan [shape=(n * k, horizon, 9)] is expected to earn [n * k].

        A plan holds knob movements in shares of the largest step.
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
        """Gain, bias, felt [n, 2], targets of the coming bars [n, h, 2] and how unsure each is."""
        seen = scene.perception
        if self.oracle:
            if not isinstance(scene, ArrangeCore):
                raise TypeError("the oracle plays training scenes only")
            coming = scene.targets[:, scene.bar + 1 : scene.bar + 1 + self.horizon]
            true = scene.listeners
            return true.gain, true.bias, true.felt, coming, np.zeros((scene.n, 1, 2))
        ahead = np.arange(1, self.horizon + 1)[None, :, None]
        drift = _TARGET_DRIFT * np.sqrt(ahead)
        doubt = np.sqrt(drift**2 + seen.bias_var[:, None])
        return seen.gain, seen.bias, seen.felt, seen.targets[0][:, None], doubt


_TARGET_DRIFT = 0.3
"""How far a target moves in a bar, sd (recorded play: mean absolute change 0.22)."""


def expected_distance(error: FloatArray, sd: FloatArray) -> FloatArray:
    """E|x| of x ~ N(error, sd), the mean over both axes [shape=(n,)] (smooth approximation)."""
    distance: FloatArray = np.sqrt(error**2 + (2 / np.pi) * sd**2).mean(axis=1)
    return distance
