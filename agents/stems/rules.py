"""Directors of recorded music without learning: what a state machine of a studio does, tuned.

A rule looks up the section and the mix whose measured mood is nearest to the mood wanted, goes
there by the quickest authored way, and moves the mix towards the one looked up, a change a bar. It
stays where it is unless that gains enough, the more so off a phrase's start. Three rules share
that:

* **table** reads the mood wanted alone, as game audio middleware does;
* **adaptive** also corrects for what this listener feels and is like, as far as ratings tell, and
  for the trend of the mood wanted;
* **informed** goes by the forecast of the mood wanted in place of the trend.

`tune` finds their parameters on the training split.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...envs.games.forecast import BARS as FORECAST_BARS
from ...envs.stems.actions import CHANGES, allowed_changes, changed_mixes
from ...envs.stems.core import levels_moved
from ...envs.stems.library import MIX_LEVELS, MIXES, NOWHERE
from ...music.cue import PHRASE_BARS
from .scene import Scene

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

AIM_LIMIT = 2.5
"""No rule aims further than this, sd."""

_FORBIDDEN = 1e9
_MOVED = np.abs(MIX_LEVELS[:, None] - MIX_LEVELS[None]).sum(axis=2)  # levels between two mixes


class Hold:
    """Stays where it is, as a track on repeat does."""

    def act(self, scene: Scene) -> IntArray:
        return np.zeros(scene.n, np.int64)


class Random:
    """Any allowed action.

    :param seed: of what it draws; a bar of a restored performance draws the same again
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def act(self, scene: Scene) -> IntArray:
        rng = np.random.default_rng([self.seed, int(scene.worlds.index[0])])
        masks = scene.action_masks()
        return np.asarray((rng.random(masks.shape) * masks).argmax(axis=1))


@dataclass
class Table:
    """The table of a studio: the nearest section and mix by their measured moods.

    :param parameters: costs, in sd, of another section, of each bar until it begins, and of each
        level that the mix is away; and what must be gained at least where a phrase begins and
        elsewhere (all as logarithms) [shape=(size,), or (n, size)]
    """

    parameters: FloatArray
    size = 5

    def act(self, scene: Scene) -> IntArray:
        theta = np.broadcast_to(self.parameters, (scene.n, self.parameters.shape[-1]))
        section_cost, wait_cost, mix_cost, on, off = np.exp(theta[:, :5]).T
        library, worlds, mix = scene.library, scene.worlds, scene.perception.mix
        slots, section = library.slots[worlds.cue], worlds.section
        there = np.maximum(slots, 0)
        aim = self.aim(scene, theta)
        apart = np.abs(library.section_mood[there] - aim[:, None, None])
        worth = (apart[..., 0] + apart[..., 1]) * 0.5  # [n, SLOTS, MIXES], less is better
        worth += mix_cost[:, None, None] * _MOVED[mix][:, None]
        hop = library.next_hop[section[:, None], there]
        wait = library.wait_bars(section[:, None], hop, worlds.number[:, None])
        wait = wait + library.path_bars[hop, there]
        coming = np.where(worlds.pending == NOWHERE, section, worlds.pending)
        away = there != coming[:, None]
        worth += np.where(away, section_cost[:, None] + wait_cost[:, None] * wait, 0.0)[..., None]
        worth[slots == NOWHERE] = _FORBIDDEN
        rows = np.arange(scene.n)
        now = worth[rows, library.slot[coming], mix]
        best = worth.reshape(scene.n, -1).argmin(axis=1)
        slot, wanted = np.divmod(best, MIXES)
        on_phrase = worlds.number % PHRASE_BARS == 0
        gained = now - worth[rows, slot, wanted] > np.where(on_phrase, on, off)
        target = slots[rows, slot]
        go = np.where(gained & (target != coming), library.next_hop[section, target], NOWHERE)
        change = np.where(gained, towards(scene, wanted), 0)
        return way_to(scene, go) * len(CHANGES) + change

    def aim(self, scene: Scene, theta: FloatArray) -> FloatArray:
        """The mood to look up [shape=(n, 2), sd], by parameters [shape=(n, size)]."""
        target: FloatArray = scene.perception.targets[0]
        return target


@dataclass
class Adaptive(Table):
    """The table for this listener: what is believed of them is taken off the mood to look up.

    Three more parameters: how far to aim beyond the mood wanted by error, trend and bias.
    """

    size = 8

    def aim(self, scene: Scene, theta: FloatArray) -> FloatArray:
        seen = scene.perception
        gain, lead, trust = (theta[:, 5 + k, None] for k in range(3))
        target, before = seen.targets[:2]
        error, trend = target - seen.felt, target - before
        aim: FloatArray = target - trust * seen.belief.bias + gain * error + lead * trend
        return np.clip(aim, -AIM_LIMIT, AIM_LIMIT, out=aim)


@dataclass
class Informed(Adaptive):
    """Adaptive, by the forecast of the mood wanted in place of its trend.

    One more parameter: which of the coming bars to go by, as a logit.
    """

    size = 9

    def aim(self, scene: Scene, theta: FloatArray) -> FloatArray:
        seen = scene.perception
        gain, lead, trust = (theta[:, 5 + k, None] for k in range(3))
        share = 1.0 / (1.0 + np.exp(-theta[:, 8]))
        bar = np.rint(share * (FORECAST_BARS - 1)).astype(np.int64)
        expected = seen.forecast.moods[np.arange(scene.n), bar]
        target = seen.targets[0]
        error, change = target - seen.felt, expected - target
        aim: FloatArray = target - trust * seen.belief.bias + gain * error + lead * change
        return np.clip(aim, -AIM_LIMIT, AIM_LIMIT, out=aim)


def towards(scene: Scene, wanted: IntArray) -> IntArray:
    """The allowed change that leaves the mix nearest to a wanted one [shape=(n,)]."""
    library, section, mix = scene.library, scene.worlds.section, scene.perception.mix
    left = levels_moved(changed_mixes(library, section, mix), wanted[:, None])
    allowed = allowed_changes(library, section, mix)
    return np.asarray(np.where(allowed, left, _FORBIDDEN).argmin(axis=1))


def way_to(scene: Scene, go: IntArray) -> IntArray:
    """The way (0 stays) to sections over all cues [shape=(n,)]; 0 to one that is coming."""
    coming = (go == NOWHERE) | (go == scene.worlds.pending) | (go == scene.worlds.section)
    way = np.where(coming, 0, scene.library.slot[np.maximum(go, 0)] + 1)
    return way


RULES: dict[str, type[Table]] = {"table": Table, "adaptive": Adaptive, "informed": Informed}
"""Rules with tuned parameters, by name."""
