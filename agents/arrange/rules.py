"""Directors without learning: what a studio would use today, with its parameters tuned.

A rule maps the mood wanted to knobs by a quadratic surface, as a table of parameter curves does in
game audio middleware, and moves towards it at one rate on the first bar of a phrase and another
elsewhere. Four rules share that surface:

* **table** reads the mood wanted alone;
* **reactive** adds the error of an average listener's mood and the trend of the target (a PD rule);
* **adaptive** also takes off how much this listener's ratings lie above an average listener's mood,
  on average, shrunk while they are few;
* **informed** knows what the learned agents know: the exact belief about the listener, and the
  forecast of the game.

Parameters are tuned by `tune.py` on the training split.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...envs.arrange.perception import DEAD_ZONE, KNOB_STEP
from ...music.cue import PHRASE_BARS
from ...music.direction import KNOBS
from .scene import Scene

FloatArray = NDArray[np.float64]

N_KNOBS = len(KNOBS)
_TERMS = 6  # 1, v, a, v^2, v a, a^2
SURFACE = _TERMS * N_KNOBS
"""Parameters of the surface, [shape=(6 terms, 9 knobs)] row after row."""

AIM_LIMIT = 2.5
"""No rule aims further than this, sd."""

_SMALLEST_MOVE = 0.02  # of a knob's range; what is nearer stays where it is


def move_to(knobs: FloatArray, wanted: FloatArray, rate: FloatArray | float) -> FloatArray:
    """Actions [shape=(n, 9)] that move knobs towards others, as far as a bar allows.

    :param knobs: where they are [shape=(n, 9)], each in [0, 1]
    :param wanted: where they should be [shape=(n, 9), or (9,) for all]
    :param rate: share of the way to go, 0..1 [shape=(n, 1), or one for all]
    """
    step = np.clip((wanted - knobs) * rate, -KNOB_STEP, KNOB_STEP) / KNOB_STEP
    action = np.sign(step) * (DEAD_ZONE + (1.0 - DEAD_ZONE) * np.abs(step))
    return np.where(np.abs(step) * KNOB_STEP < _SMALLEST_MOVE, 0.0, action)


def _logistic(x: FloatArray) -> FloatArray:
    """From any number to 0..1: tuning moves parameters freely, knobs and rates have ends."""
    return np.asarray(1.0 / (1.0 + np.exp(-x)))


def drawing(scene: Scene, seed: int) -> np.random.Generator:
    """A generator for this bar alone, so that a restored performance draws the same again."""
    return np.random.default_rng([seed, int(scene.worlds.index[0])])


class Random:
    """Uniform actions."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def act(self, scene: Scene) -> FloatArray:
        return drawing(scene, self.seed).uniform(-1.0, 1.0, (scene.n, N_KNOBS))


@dataclass
class Hold:
    """One direction for every moment: the best constant.

    :param parameters: knobs before the logistic function [shape=(9,), or (n, 9)]
    """

    parameters: FloatArray
    size = N_KNOBS

    def act(self, scene: Scene) -> FloatArray:
        return move_to(scene.perception.knobs, _logistic(self.parameters), 1.0)


@dataclass
class Table:
    """The static rule table: knobs by a quadratic surface over the mood wanted.

    :param parameters: the surface, then the rates on and off a phrase's start (all before the
        logistic function), then those of the kinds below [shape=(size,), or (n, size)]
    """

    parameters: FloatArray
    size = SURFACE + 2

    def act(self, scene: Scene) -> FloatArray:
        theta = np.broadcast_to(self.parameters, (scene.n, self.parameters.shape[-1]))
        valence, arousal = self.aim(scene, theta).T
        one = np.ones_like(valence)
        terms = np.stack([one, valence, arousal, valence**2, valence * arousal, arousal**2], axis=1)
        surface = theta[:, :SURFACE].reshape(-1, _TERMS, N_KNOBS)
        wanted = _logistic((terms[:, None] @ surface)[:, 0])
        on_phrase = scene.worlds.number % PHRASE_BARS == 0
        on, off = theta[:, SURFACE], theta[:, SURFACE + 1]
        rate = _logistic(np.where(on_phrase, on, off))
        return move_to(scene.perception.knobs, wanted, rate[:, None])

    def aim(self, scene: Scene, theta: FloatArray) -> FloatArray:
        """The mood to look up [shape=(n, 2), sd], by parameters [shape=(n, size)]."""
        target: FloatArray = scene.perception.targets[0]
        return target


@dataclass
class Reactive(Table):
    """Aims beyond the target by the average listener's error and by the target's trend.

    Two more parameters: how far by each.
    """

    size = SURFACE + 4

    def aim(self, scene: Scene, theta: FloatArray) -> FloatArray:
        seen = scene.perception
        error = seen.targets[0] - seen.estimate
        trend = seen.targets[0] - seen.targets[1]
        gain, lead = theta[:, SURFACE + 2, None], theta[:, SURFACE + 3, None]
        aim: FloatArray = seen.targets[0] + gain * error + lead * trend
        return np.clip(aim, -AIM_LIMIT, AIM_LIMIT, out=aim)


@dataclass
class Adaptive(Table):
    """Like reactive, for this listener: the mean of ratings less estimate is taken off the target.

    Three more parameters: how far by error, trend and that mean.
    """

    size = SURFACE + 5

    def aim(self, scene: Scene, theta: FloatArray) -> FloatArray:
        seen = scene.perception
        residual = seen.belief.shrunk_residual
        error = seen.targets[0] - seen.estimate - residual
        trend = seen.targets[0] - seen.targets[1]
        gain, lead, trust = (theta[:, SURFACE + 2 + k, None] for k in range(3))
        aim: FloatArray = seen.targets[0] - trust * residual + gain * error + lead * trend
        return np.clip(aim, -AIM_LIMIT, AIM_LIMIT, out=aim)


@dataclass
class Informed(Table):
    """Like adaptive, by the posterior of gain and bias and the moods forecast for coming bars.

    Four more parameters: how far by error, by the forecasts of one and of three bars, by bias.
    """

    size = SURFACE + 6

    def aim(self, scene: Scene, theta: FloatArray) -> FloatArray:
        seen = scene.perception
        target = seen.targets[0]
        soon, later = seen.forecast.moods[:, 0], seen.forecast.moods[:, 2]
        gain, near, far, trust = (theta[:, SURFACE + 2 + k, None] for k in range(4))
        aim: FloatArray = target + near * (soon - target) + far * (later - target)
        aim = (aim + gain * (aim - seen.felt) - trust * seen.bias) / seen.gain
        return np.clip(aim, -AIM_LIMIT, AIM_LIMIT, out=aim)


RULES: dict[str, type[Hold] | type[Table]] = {
    "hold": Hold,
    "table": Table,
    "reactive": Reactive,
    "adaptive": Adaptive,
    "informed": Informed,
}
"""Rules with tuned parameters, by name."""
