"""The trained agent of `segue/Timbre-v0`: five policies together, with a memory."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...analysis.sound.descriptors import FloatArray
from ...envs import TIMBRE
from ...envs.timbre.core import TimbreCore
from ...envs.timbre.perception import OBSERVATION, distance, observe
from ..policy import Policy
from .baselines import Nearest, towards
from .memory import SAME, Heard
from .table import within_reach

MODELS = Path(__file__).parents[1] / "models"
SEEDS = (0, 1, 2, 3, 4)
"""Of the trainings that are shipped."""

NEAR = 0.13
"""Distance under which a table's row is worth going to; chosen on validation, of .13, .16, .2."""

_FREE_STEPS = 8  # in which the policies go where they like, before the best is gone back to
_SIZES = np.array([1.0, 0.5, 0.0])  # of a movement from the best, after so many that failed


class Ensemble:
    """Policies of several seeds that act by the mean of their actions."""

    def __init__(self, policies: Sequence[Policy]) -> None:
        self.policies = tuple(policies)

    @classmethod
    def load(cls, seeds: Sequence[int] = SEEDS) -> "Ensemble":
        """The shipped ones."""
        paths = [MODELS / f"timbre-{seed}.json" for seed in seeds]
        return cls([Policy.load(path, TIMBRE, OBSERVATION) for path in paths])

    @property
    def train_cpu_seconds(self) -> float:
        """What all the trainings took."""
        return sum(policy.train_cpu_seconds for policy in self.policies)

    def act(self, core: TimbreCore) -> NDArray[Any]:
        return self.act_on(core.observe())

    def act_on(self, observation: NDArray[Any]) -> NDArray[Any]:
        """Actions [shape=(n, 8)] for observations [n, 96]."""
        return np.asarray(np.mean([one.act_on(observation) for one in self.policies], axis=0))


class Remembering:
    """Policies that begin at a table's row where one is near, and go back to the best they found.

    Where no row is near, the policies go their way for some steps. Then, on a target that stays
    still, they start from the best that was heard so far: a movement from there that brought
    nothing is made half as far, and then not again. On a moving target there is nothing to go back
    to, and the policies decide alone.

    What the synthesizer cannot sound is told to the policies as `within_reach` says.

    :param policies: whose actions are followed; for knobs that move freely
    :param table: is looked up where the target has changed
    """

    def __init__(self, policies: Ensemble, table: Nearest | None = None) -> None:
        self._policies = policies
        self._table = table or Nearest()

    @property
    def train_cpu_seconds(self) -> float:
        """Of the policies."""
        return self._policies.train_cpu_seconds

    def _begin(self, core: TimbreCore) -> None:
        self._heard = Heard()
        self._target: FloatArray = core.target
        self._best: FloatArray = core.knobs
        self._wanted: FloatArray = np.full_like(core.knobs, np.nan)
        apart = distance(self._table.sounds, core.target, core.settings.weights)
        self._going: NDArray[np.bool_] = apart < NEAR
        self._free: NDArray[np.int64] = np.where(self._going, 0, _FREE_STEPS)
        self._failed: NDArray[np.int64] = np.zeros(core.n, np.int64)

    def act(self, core: TimbreCore) -> NDArray[Any]:
        self._table.look(core)
        if core.step_number == 0:
            self._begin(core)
        changed = (core.target != self._target).any(axis=1)
        self._target = core.target
        self._free = np.where(changed, _FREE_STEPS, self._free - 1)
        self._heard.add(core)
        best, sound = self._heard.best(core, self._free >= 0)
        other = changed | (np.abs(best - self._best) > SAME).any(axis=1)
        arrived = (np.abs(core.knobs - self._wanted) < SAME).all(axis=1)
        self._failed = np.where(other | self._going, 0, self._failed + arrived)
        self._best = best
        self._going &= ~changed & (np.abs(core.knobs - self._table.wanted) > SAME).any(axis=1)
        size = _SIZES[np.minimum(self._failed, len(_SIZES) - 1)] * core.settings.largest_move
        followed = within_reach(core.target, self._table.sounds, core.settings.weights)
        seen = observe(sound, followed, best, core.step_number / core.steps)
        wanted = np.clip(best + size[:, None] * self._policies.act_on(seen), 0.0, 1.0)
        self._wanted = np.where(self._going[:, None], self._table.wanted, wanted)
        return towards(core, self._wanted)
