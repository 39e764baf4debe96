"""Who plays `segue/Melody-v0` without having learned from its rules."""

import numpy as np
from numpy.typing import NDArray

from ...envs.melody.core import MelodyCore
from ...envs.melody.events import EVENTS, FIRST_PITCH, HOLD, IN_KEY, IS_NOTE, OFF
from ...envs.melody.listening import LEAP

_CLOSED = -1e9  # added to what is not allowed
_MOST_SAME, _MOST_HELD = 3, 4  # equal notes and holds in a row that the filter allows
_INTERVALS = np.abs(np.subtract.outer(np.arange(EVENTS), np.arange(EVENTS)))


class RandomNotes:
    """Any event, each as likely as the others."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def act(self, core: MelodyCore) -> NDArray[np.int64]:
        return self._rng.integers(0, EVENTS, core.n)


class ModelNotes:
    """What the note model expects, drawn.

    :param seed: of what is drawn
    :param filtered: keep to the rules that a single event can break: the key, excessive repeats and
        rests, leaps without a step back, C at the start and at the end
    """

    def __init__(self, seed: int, *, filtered: bool = False) -> None:
        self.filtered = filtered
        self._rng = np.random.default_rng(seed)

    def act(self, core: MelodyCore) -> NDArray[np.int64]:
        scores = core.log_probs.astype(float)
        if self.filtered:
            scores = scores + np.where(allowed(core), 0.0, _CLOSED)
        drawn: NDArray[np.int64] = (scores + self._rng.gumbel(size=scores.shape)).argmax(axis=1)
        return drawn


def allowed(core: MelodyCore) -> NDArray[np.bool_]:
    """Events that break no rule at once [shape=(n, 38)]."""
    heard = core.listening
    known = heard.last > 0
    free = np.tile(IN_KEY, (core.n, 1))
    if heard.step == 0:
        free[:] = IS_NOTE & ((np.arange(EVENTS) - FIRST_PITCH) % 12 == 0)
        return free
    apart = _INTERVALS[heard.last]
    bad = (apart > 12) | (apart == 6) | (apart == 10) | (apart == 11)
    free &= ~(known[:, None] & IS_NOTE & bad)
    towards = np.sign(np.arange(EVENTS)[None] - heard.last[:, None])
    steps_back = (apart <= 2) & (towards == -heard.leapt[:, None])
    free &= ~IS_NOTE | (heard.leapt == 0)[:, None] | steps_back
    ahead = (apart >= LEAP) & (towards == heard.direction[:, None])
    free &= ~(IS_NOTE & ahead)
    again = np.arange(EVENTS)[None] == heard.last[:, None]
    free &= ~(again & (heard.same > _MOST_SAME)[:, None])
    free[:, HOLD] &= heard.holds < _MOST_HELD
    free[:, OFF] &= heard.rests < 1
    if heard.step == heard.steps - 2:
        tonic = IS_NOTE & ((np.arange(EVENTS) - FIRST_PITCH) % 12 == 0)
        free[:] = tonic & (apart < LEAP)
        free[~free.any(axis=1)] = tonic
    if heard.step == heard.steps - 1:
        free[:] = np.arange(EVENTS) == HOLD
    free[~free.any(axis=1), HOLD] = True
    return free
