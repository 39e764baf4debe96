"""Planners: they try plans in the emotion model and take the best one's first move.

Plans are sequences of knob movements, improved by the cross-entropy method (Rubinstein, Methodology
and Computing in Applied Probability 1, 1999). Planners differ in what they know of the moods to
come and of the listener, and in whether they mind how sure it is: a point estimate is followed
wherever it goes, while an expected distance under doubt leads to moves that pay on average.
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
LAPLACE_SD = np.sqrt(2.0)  # sd of a Laplace distribution by its scale


def to_actions(steps: FloatArray) -> FloatArray:
    """Actions that move knobs by shares of the largest step [shape=(..., 9)], each in [-1, 1]."""
    size = np.abs(steps)
    moved = np.sign(steps) * (DEAD_ZONE + (1.0 - DEAD_ZONE) * size)
    return np.where(size < _SMALLEST_MOVE, 0.0, moved)


def to_steps(actions: FloatArray) -> FloatArray:
    """The inverse of `to_actions`; actions in the dead zone move nothing."""
    size = np.maximum(np.abs(actions) - DEAD_ZONE, 0.0) / (1.0 - DEAD_ZONE)
    return np.asarray(np.sign(actions) * size)


@dataclass
class Planner:
    """Cross-entropy search over the next bars.

    :param horizon: bars planned
    :param candidates: plans a round
    :param rounds: times that plans are drawn, from the second on round the best
    :param forecast: plan for the moods that are forecast; else the last one is taken to stay
    :param doubtful: mind the doubts of belief and forecast; else both are taken as certain
    :param oracle: know the hidden listener and the future, which nobody can (training scenes only)
    :param seed: of the plans drawn
    """

    horizon: int = 4
    candidates: int = 48
    rounds: int = 3
    forecast: bool = True
    doubtful: bool = True
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
            worth = self.worth(scene, plans)
            elite = np.argsort(worth, axis=1)[:, -max(k // _ELITE_PART, 1) :]
            best = plans[rows, elite]
            mean, spread = best.mean(axis=1), best.std(axis=1) + _LEAST_SPREAD
        return to_actions(plans[np.arange(n), worth.argmax(axis=1), 0])

    def worth(self, scene: Scene, plans: FloatArray) -> FloatArray:
        """What plans are expected to earn, summed over their bars [shape=(n, candidates)].

        :param plans: knob movements in shares of the largest step [shape=(n, k, horizon, 9)]
        """
        n, k, h = plans.shape[:3]
        imagined = imagine(scene, plans)
        wanted, wanted_sd = self.moods(scene, imagined.seconds)
        felt = self.feel(scene, imagined.impressions)
        distance = expected_distance(felt[0] - wanted, np.sqrt(felt[1] ** 2 + wanted_sd**2))
        arousal = wanted[..., 1].ravel()
        broken = broken_rules(imagined.knobs.reshape(-1, N_KNOBS), arousal).reshape(n, k, h)
        cost = distance + CONTINUITY_WEIGHT * imagined.movement + RULES_WEIGHT * broken
        worth: FloatArray = -cost.sum(axis=2)
        return worth

    def moods(self, scene: Scene, seconds: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Moods wanted after bars of these lengths, and how sure that is, each [n, k, horizon, 2].

        :param seconds: of the bars of each plan [shape=(n, k, horizon)]
        """
        seen = scene.perception
        if self.oracle:
            if not isinstance(scene, ArrangeCore):
                raise TypeError("the oracle plays training scenes only")
            return scene.moods_ahead(seconds), np.zeros((1, 1, 1, 2))
        if not self.forecast:
            return np.broadcast_to(seen.targets[0][:, None, None], (*seconds.shape, 2)), np.zeros(
                (1, 1, 1, 2)
            )
        return forecast_moods(scene, seconds, self.doubtful)

    def feel(self, scene: Scene, impressions: FloatArray) -> tuple[FloatArray, FloatArray]:
        """What the listener will feel and the sd of that, each [n, k, horizon, 2].

        :param impressions: of the bars of each plan [shape=(n, k, horizon, 2), sd]
        """
        seen = scene.perception
        if self.oracle and isinstance(scene, ArrangeCore):
            true = scene.listeners
            felt = follow(true.felt, true.gain, true.bias, impressions, seen.settings.rate)
            return felt, np.zeros((1, 1, 1, 2))
        belief = seen.belief
        one, none = np.ones_like(belief.gain), np.zeros_like(belief.gain)
        estimate = follow(seen.estimate, one, none, impressions, seen.settings.rate)
        gain, bias, gain_var, bias_var, covariance = (
            part[:, None, None]
            for part in (
                belief.gain,
                belief.bias,
                belief.gain_var,
                belief.bias_var,
                belief.covariance,
            )
        )
        felt = gain * estimate + bias
        if not self.doubtful:
            return felt, np.zeros((1, 1, 1, 2))
        variance = gain_var * estimate**2 + 2.0 * covariance * estimate + bias_var
        return felt, np.sqrt(np.maximum(variance, 0.0))


@dataclass(frozen=True)
class Imagined:
    """What k plans of h bars would bring, for each of n performances."""

    knobs: FloatArray  # [shape=(n, k, h, 9)], each in [0, 1]
    impressions: FloatArray  # [n, k, h, 2], sd
    seconds: FloatArray  # [n, k, h], length of the bars
    movement: FloatArray  # [n, k, h], its cost


def imagine(scene: Scene, plans: FloatArray) -> Imagined:
    """Let plans [shape=(n, k, h, 9), shares of the largest step] sound in the mind."""
    n, k, h = plans.shape[:3]
    worlds = scene.worlds.repeat(k)
    knobs = np.repeat(scene.perception.knobs, k, axis=0)
    steps = plans.reshape(n * k, h, N_KNOBS)
    settings, impressions, seconds, movement = [], [], [], []
    for bar in range(h):
        on_phrase = worlds.number % PHRASE_BARS == 0
        moved = np.clip(knobs + steps[:, bar] * KNOB_STEP, 0.0, 1.0)
        movement.append(movement_cost(moved - knobs, on_phrase))
        knobs = moved
        settings.append(knobs)
        bars = worlds.advance(worlds.set(knobs))
        seconds.append(bars.beats * 60.0 / bars.setting.bpm)
        impressions.append(scene.model.predict(scene.ear.hear(bars)))

    def by_plan(parts: list[FloatArray]) -> FloatArray:
        stacked: FloatArray = np.stack(parts, axis=1)
        return stacked.reshape(n, k, *stacked.shape[1:])

    return Imagined(*(by_plan(part) for part in (settings, impressions, seconds, movement)))


def follow(
    start: FloatArray, gain: FloatArray, bias: FloatArray, impressions: FloatArray, rate: float
) -> FloatArray:
    """Felt moods [shape=(n, k, h, 2)] along impressions of as many bars, from `start` [n, 2]."""
    felt = np.empty_like(impressions)
    now = np.repeat(start[:, None], impressions.shape[1], axis=1)
    for bar in range(impressions.shape[2]):
        now = now + rate * (gain[:, None] * impressions[:, :, bar] + bias[:, None] - now)
        felt[:, :, bar] = now
    return felt


def forecast_moods(
    scene: Scene, seconds: FloatArray, doubtful: bool = True
) -> tuple[FloatArray, FloatArray]:
    """Moods forecast for the end of bars of any length, and their sd, each [shape=(n, k, h, 2)].

    A forecast is for bars as long as now; between them it is taken to be straight, and beyond the
    last to stay.

    :param seconds: of the bars of each plan [shape=(n, k, h)]
    """
    seen = scene.perception
    known = np.concatenate([seen.targets[0][:, None], seen.forecast.moods], axis=1)
    scale = np.concatenate([np.zeros_like(known[:, :1]), seen.forecast.scale], axis=1)
    bars = np.cumsum(seconds, axis=2) / seen.bar_seconds[:, None, None]
    last = known.shape[1] - 1
    before = np.minimum(bars.astype(np.int64), last - 1)
    share = np.minimum(bars - before, 1.0)[..., None]
    rows = np.arange(len(known))[:, None, None]

    def between(values: FloatArray) -> FloatArray:
        return np.asarray((1.0 - share) * values[rows, before] + share * values[rows, before + 1])

    if not doubtful:
        return between(known), np.zeros((1, 1, 1, 2))
    return between(known), LAPLACE_SD * between(scale)


def expected_distance(error: FloatArray, sd: FloatArray) -> FloatArray:
    """About E|x| of x ~ N(error, sd) [both shape=(..., 2)], the mean over both axes [shape=(...)].

    Exact where either is 0, smooth between: root of error^2 + (2 / pi) sd^2.
    """
    distance: FloatArray = np.sqrt(error**2 + (2 / np.pi) * sd**2).mean(axis=-1)
    return distance


PLANNERS = {
    "greedy": Planner(horizon=1, candidates=128, rounds=1, forecast=False, doubtful=False),
    "mpc": Planner(horizon=4, candidates=48, rounds=3, doubtful=False),
    "planner": Planner(horizon=4, candidates=48, rounds=3),
    "bayes": Planner(horizon=6, candidates=48, rounds=4),
    "oracle": Planner(horizon=6, candidates=48, rounds=4, oracle=True),
}
"""Planners by name."""
