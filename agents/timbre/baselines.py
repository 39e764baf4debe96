"""Players of `segue/Timbre-v0` that need no training: what is done today, and two bounds.

Fair ones hear what an agent hears. `Search` may render aside as well, as a tool for sound matching
does, but no more than an agent plays in an episode unless told otherwise. `Oracle` knows the
target's knobs.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...analysis.sound.descriptors import Describer, FloatArray
from ...envs.timbre.core import TimbreCore
from ...envs.timbre.perception import at_ears_rate, distance, step_frames
from ...synth.patch import KNOBS, Patch
from .cma import Cma
from .memory import SAME, Heard
from .table import SIZE, rendered_table

_FIRST_STEP, _LEAST_STEP = 0.2, 0.01  # of a climber's trial, of a knob's range
_POPULATION = 8


def towards(core: TimbreCore, wanted: FloatArray) -> NDArray[Any]:
    """Actions that bring the knobs to where they are wanted [shape=(n, 8)], or on the way there."""
    settings = core.settings
    if settings.discrete:
        whole = np.rint((wanted - core.knobs) / settings.discrete_move)
        return np.asarray(np.clip(whole, -1, 1) + 1, np.int64)
    return np.clip((wanted - core.knobs) / settings.largest_move, -1.0, 1.0)


class Random:
    """Any movement."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def act(self, core: TimbreCore) -> NDArray[Any]:
        shape = (core.n, len(KNOBS))
        if core.settings.discrete:
            return self._rng.integers(0, 3, shape)
        return self._rng.uniform(-1.0, 1.0, shape)


class Hold:
    """Leaves the knobs where they are."""

    def act(self, core: TimbreCore) -> NDArray[Any]:
        return towards(core, core.knobs)


class Nearest:
    """Goes to that row of a table of rendered settings that sounds most like the target.

    :param size: rows of the table
    """

    def __init__(self, size: int = SIZE) -> None:
        self._size = size
        self._heard: FloatArray = np.zeros((0, 0))
        self.wanted: FloatArray = np.zeros((0, 0))  # knobs of the rows [shape=(n, 8)]
        self.sounds: FloatArray = np.zeros((0, 0))  # and what they sound like [n, 29]

    def act(self, core: TimbreCore) -> NDArray[Any]:
        self.look(core)
        return towards(core, self.wanted)

    def look(self, core: TimbreCore) -> None:
        """Find the nearest rows anew where the target has changed."""
        target = core.target
        table = rendered_table(self._size)
        if core.step_number == 0 or self._heard.shape != target.shape:
            changed = np.ones(core.n, bool)
            self.wanted, self.sounds = core.knobs.copy(), core.own.copy()
        else:
            changed = (target != self._heard).any(axis=1)
        if changed.any():
            rows = table.nearest(target[changed], core.settings.weights)
            self.wanted[changed] = table.knobs[rows]
            self.sounds[changed] = table.descriptors[rows]
        self._heard = target.copy()


class NearestMemory:
    """Goes to the nearest, and then to the best that was heard on the way, there or later."""

    def __init__(self, nearest: Nearest | None = None) -> None:
        self._nearest = nearest or Nearest()

    def act(self, core: TimbreCore) -> NDArray[Any]:
        if core.step_number == 0:
            self._heard = Heard()
            self._wanted = np.full(core.knobs.shape, np.nan)
            self._arrived = np.zeros(core.n, bool)
        self._nearest.look(core)
        wanted = self._nearest.wanted
        self._heard.add(core)
        changed = (wanted != self._wanted).any(axis=1)
        there = (np.abs(core.knobs - wanted) < SAME).all(axis=1)
        self._arrived = there | (self._arrived & ~changed)
        self._wanted = wanted.copy()
        best, _ = self._heard.best(core)
        return towards(core, np.where(self._arrived[:, None], best, wanted))


class Climb:
    """Hill climbing by ear: tries a knob, keeps what is nearer, goes back where it is not.

    :param start: who says where to begin; none: where the knobs are
    """

    def __init__(self, start: Nearest | None = None) -> None:
        self._start = start

    def act(self, core: TimbreCore) -> NDArray[Any]:
        if core.step_number == 0:
            self._begin(core)
        climbing = self._arrived.copy()
        self._learn(core, climbing)
        if core.step_number == core.steps - 1:
            return towards(core, self._best)  # the last word is the best that was found
        rows = np.arange(core.n)
        trial = self._best.copy()
        size = self._sizes[rows, self._knob] * self._sign
        trial[rows, self._knob] = np.clip(trial[rows, self._knob] + size, 0.0, 1.0)
        if self._start is not None:
            self._start.look(core)
            there = np.abs(core.knobs - self._start.wanted).max(axis=1) < SAME
            new = there & ~self._arrived
            self._best[new] = core.knobs[new]
            self._best_own[new] = core.own[new]
            trial[~self._arrived] = self._start.wanted[~self._arrived]
            trial[new] = core.knobs[new]
            self._arrived |= there
        return towards(core, trial)

    def _begin(self, core: TimbreCore) -> None:
        n = core.n
        self._best, self._best_own = core.knobs.copy(), core.own.copy()
        self._sizes = np.full((n, len(KNOBS)), _FIRST_STEP)
        self._knob, self._sign = np.zeros(n, np.int64), np.ones(n)
        self._failed = np.zeros(n, bool)  # in the other direction of this knob
        self._arrived = np.full(n, self._start is None)

    def _learn(self, core: TimbreCore, climbing: NDArray[np.bool_]) -> None:
        """Keep what sounds nearer; after the rest turn round, or take the next knob."""
        if core.step_number == 0:
            return
        rows = np.arange(core.n)
        best = distance(self._best_own, core.target, core.settings.weights)
        better = climbing & (core.distance < best)
        worse = climbing & ~better
        self._best[better] = core.knobs[better]
        self._best_own[better] = core.own[better]
        self._failed[better] = False
        twice = worse & self._failed
        once = worse & ~self._failed
        self._sign[once] *= -1.0
        self._failed[once] = True
        shrunk = np.maximum(self._sizes[rows, self._knob] * 0.5, _LEAST_STEP)
        self._sizes[rows[twice], self._knob[twice]] = shrunk[twice]
        self._knob[twice] = (self._knob[twice] + 1) % len(KNOBS)
        self._failed[twice] = False


class Search:
    """Renders aside, improves by CMA-ES, and goes to the best that was found.

    :param renders: for each episode, or for each step of a target that moves
    :param seed: of what it tries
    """

    def __init__(self, renders: int, seed: int = 0) -> None:
        self._renders = renders
        self._seed = seed
        self._heard: FloatArray = np.zeros((0, 0))

    def act(self, core: TimbreCore) -> NDArray[Any]:
        if core.step_number == 0 or (core.target != self._heard).any():
            self._wanted = self._search(core)
            self._heard = core.target.copy()
        return towards(core, self._wanted)

    def _search(self, core: TimbreCore) -> FloatArray:
        settings, n = core.settings, core.n
        rows = np.arange(n)
        describer = Describer()
        cma = Cma(core.knobs, _POPULATION, np.random.default_rng([self._seed, core.step_number]))
        best, least = core.knobs.copy(), core.distance
        patch = Patch(best, settings.sample_rate)
        for _ in range(self._renders // _POPULATION):
            tried = cma.ask()
            apart = np.empty((n, _POPULATION))
            for at in range(_POPULATION):
                patch.turn(tried[:, at])
                sound = patch.play(step_frames(settings.sample_rate))
                own = describer.describe(at_ears_rate(sound, settings.sample_rate))
                apart[:, at] = distance(own, core.target, settings.weights)
            cma.tell(tried, apart)
            first = apart.argmin(axis=1)
            nearer = apart[rows, first] < least
            best[nearer] = tried[rows, first][nearer]
            least = np.minimum(least, apart[rows, first])
        patch.close()
        return best


class Oracle:
    """Goes straight to the knobs that the target has, or will have: for settings and glides."""

    def act(self, core: TimbreCore) -> NDArray[Any]:
        assert core.targets is not None  # for the type checker
        coming = core.targets.knobs[:, min(core.step_number + 1, core.steps)]
        return towards(core, np.where(np.isnan(coming), core.knobs, coming))
