"""Directors of recorded music that search: a section to aim for, and the changes of the mix.

A plan goes to one of the cue's sections by the quickest authored way, or asks for nothing; for each
of these, a beam keeps the best changes of the mix bar by bar. A fair searcher knows what an agent
knows: the belief about the listener, and the forecast of the moods wanted, or the last one, which
it takes to stay. The oracle also knows the listener's hidden traits and the coming moods: an upper
bound that nobody can play.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...envs.stems.actions import CHANGES, WAYS, allowed_changes, changed_mixes, sounding
from ...envs.stems.core import StemsCore, levels_moved, movement_cost, tiring_turns
from ...envs.stems.library import NOWHERE, SLOTS, IntArray
from ...envs.stems.route import Place, ask, play_on
from ...envs.stems.settings import StemsSettings
from ...music.cue import PHRASE_BARS
from .rules import way_to
from .scene import Scene

FloatArray = NDArray[np.float64]

PLANS = 1 + SLOTS
"""To ask for nothing, and to go to each section."""

_TARGET_DRIFT = 0.3  # of a target in a bar, sd (recorded play: mean absolute change 0.22)


@dataclass
class Search:
    """Beam search over the next bars.

    :param horizon: bars planned
    :param beam: plans of the mix kept for each section
    :param forecast: go by the forecast of the moods wanted; else the last one is taken to stay
    :param oracle: know the hidden listener and the future (training scenes only)
    """

    horizon: int = 8
    beam: int = 8
    forecast: bool = False
    oracle: bool = False

    def act(self, scene: Scene) -> IntArray:
        first_go, first_change, total = self._plan(scene, every=False)
        top = total.reshape(scene.n, -1).argmax(axis=1)
        plan, kept = np.divmod(top, total.shape[2])
        rows = np.arange(scene.n)
        way = way_to(scene, first_go[rows, plan])
        return way * len(CHANGES) + first_change[rows, plan, kept]

    def worth(self, scene: Scene) -> FloatArray:
        """What each action is expected to earn in the bars planned [shape=(n, len(ACTIONS))].

        -inf for what is not allowed. Each action has a plan of its own, of which one is kept.
        """
        first_go, _, total = self._plan(scene, every=True)
        ways = np.stack([way_to(scene, go) for go in first_go.T], axis=1)
        found = np.full((scene.n, len(WAYS), len(CHANGES)), -np.inf)
        rows = np.arange(scene.n)
        for plan in range(PLANS):
            here = found[rows, ways[:, plan]]
            found[rows, ways[:, plan]] = np.maximum(here, total[:, plan])
        return found.reshape(scene.n, -1)

    def _plan(self, scene: Scene, *, every: bool) -> tuple[IntArray, IntArray, FloatArray]:
        """The best plans.

        :param every: keep the best one for every first change; else those of the beam
        :return: the section that each plan asks for first [shape=(n, PLANS)], and of the plans kept
            the first change and the worth [each shape=(n, PLANS, kept)]
        """
        library, n = scene.library, scene.n
        gain, bias, felt, targets, doubt = self.knowledge(scene)
        s, rate = StemsSettings(), scene.perception.settings.rate
        goal = library.slots[scene.worlds.cue]
        goal = np.concatenate([np.full((n, 1), NOWHERE), goal], axis=1)
        shape = (n, PLANS)
        place = Place(*(np.repeat(part, PLANS).reshape(shape) for part in Place.of(scene.worlds)))
        impossible = (goal == NOWHERE) & (np.arange(PLANS) > 0)
        total = np.where(impossible, -np.inf, 0.0)[..., None]
        mix = np.repeat(scene.perception.mix, PLANS).reshape(*shape, 1)
        mood = np.repeat(felt[:, None, None], PLANS, axis=1)
        rows, plans = np.ogrid[:n, :PLANS]
        for step in range(self.horizon):
            on_phrase = place.number % PHRASE_BARS == 0
            go = self._hop(scene, place, goal)
            broken = (place.pending != NOWHERE) & (go != NOWHERE) & (go != place.pending)
            changes = self._changes(scene, place.section, mix)
            after = np.maximum(changes, 0)
            place = ask(library, place, go)
            here = np.repeat(place.section[..., None], after.shape[2] * after.shape[3], axis=2)
            heard_mix = sounding(library, here.ravel(), after.ravel()).reshape(after.shape)
            row = library.row[place.section] + place.number
            heard = library.mood[row[..., None, None], heard_mix]
            goes_to = gain[:, None, None, None] * heard + bias[:, None, None, None]
            felt_then = mood[..., None, :] + rate * (goes_to - mood[..., None, :])
            at = min(step, targets.shape[1] - 1)
            error = felt_then - targets[:, at][:, None, None, None]
            spread = doubt[:, min(step, doubt.shape[1] - 1)][:, None, None, None]
            apart = np.sqrt(error**2 + (2 / np.pi) * spread**2).mean(axis=-1)
            moved = levels_moved(mix[..., None], heard_mix)
            entered = (place.number == 0) & (place.turn == 0)
            movement = movement_cost(moved, on_phrase[..., None, None], entered[..., None, None])
            cost = s.mood_weight * apart + s.movement_weight * movement
            rest = s.monotony_weight * tiring_turns(place.turn) + s.promise_weight * broken
            worth = total[..., None] - cost - rest[..., None, None]
            worth = np.where(changes == NOWHERE, -np.inf, worth)
            if every and step:
                best = worth.argmax(axis=3) + np.arange(worth.shape[2]) * len(CHANGES)
            else:
                count = len(CHANGES) if every else min(self.beam, worth.shape[2] * len(CHANGES))
                flat = worth.reshape(n, PLANS, -1)
                best = np.argpartition(-flat, count - 1, axis=2)[..., :count]
                best = np.sort(best, axis=2) if every else best
            spot = (rows[..., None], plans[..., None], best)
            source, change = np.divmod(best, len(CHANGES))
            if step == 0:
                first_go, first_change = go, change
            else:
                first_change = first_change[rows[..., None], plans[..., None], source]
            total = worth.reshape(n, PLANS, -1)[spot]
            mix = heard_mix.reshape(n, PLANS, -1)[spot]
            mood = felt_then.reshape(n, PLANS, -1, 2)[spot]
            place = play_on(library, place)
        return first_go, first_change, total

    def _hop(self, scene: Scene, place: Place, goal: IntArray) -> IntArray:
        """The section to ask for on the way to each plan's goal, NOWHERE if none is needed."""
        hop = scene.library.next_hop[place.section, np.maximum(goal, 0)]
        there = (goal == NOWHERE) | (goal == place.section) | (hop == place.pending)
        return np.where(there, NOWHERE, hop)

    def _changes(self, scene: Scene, section: IntArray, mix: IntArray) -> IntArray:
        """The mix after each change [n, PLANS, beam, changes]; NOWHERE for one not allowed."""
        here = np.repeat(section[..., None], mix.shape[2], axis=2).ravel()
        after = changed_mixes(scene.library, here, mix.ravel())
        allowed = allowed_changes(scene.library, here, mix.ravel())
        return np.where(allowed, after, NOWHERE).reshape(*mix.shape, len(CHANGES))

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
            if not isinstance(scene, StemsCore):
                raise TypeError("the oracle plays training scenes only")
            coming = scene.moods_ahead(self.horizon)
            true = scene.listeners
            return true.gain, true.bias, true.felt, coming, np.zeros((scene.n, 1, 2))
        belief, unsure = seen.belief, seen.belief.bias_var[:, None]
        if self.forecast:
            coming, scale = seen.forecast.moods, seen.forecast.scale
            doubt = np.sqrt(2.0 * scale**2 + unsure)  # sd of a Laplace distribution
            return belief.gain, belief.bias, seen.felt, coming, doubt
        ahead = np.arange(1, self.horizon + 1)[None, :, None]
        doubt = np.sqrt(_TARGET_DRIFT**2 * ahead + unsure)
        return belief.gain, belief.bias, seen.felt, seen.targets[0][:, None], doubt
