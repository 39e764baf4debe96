"""Accompanists that learn nothing: chance, one chord for all, and rules."""

import numpy as np
from numpy.typing import NDArray

from ...envs.accompany.chords import CHORDS, CLASSES, IS_SEVENTH, NONE, TONES, Ints
from ...envs.accompany.core import AccompanyCore
from ...envs.accompany.perception import HALF_LIVES_BEATS, MELODY_SIZE


class Chance:
    """Any of the 109 chords, every frame anew."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def act(self, core: AccompanyCore) -> Ints:
        return self._rng.integers(0, CHORDS, core.n)


class Constant:
    """The same chord all the time."""

    def __init__(self, chord: int) -> None:
        self.chord = chord

    def act(self, core: AccompanyCore) -> Ints:
        return np.full(core.n, self.chord)


class Truth:
    """The chords that the song has; no player can know them."""

    def act(self, core: AccompanyCore) -> Ints:
        return core.clips.chords[:, core.frame]


class Rule:
    """The chord that holds most of what was heard lately, left only for one that is clearly better.

    :param weights: of what was heard by the three memories of the observation
    :param margin: by which another chord must be better, as a share of what was heard
    :param triads: no sevenths
    """

    def __init__(
        self,
        weights: tuple[float, float, float],
        margin: float,
        *,
        triads: bool,
    ) -> None:
        self.weights = np.array(weights) / np.sum(weights)
        self.margin = margin
        self._tones = TONES[:NONE].T.astype(np.float64)
        if triads:
            self._tones = self._tones * ~IS_SEVENTH[:NONE]

    def act(self, core: AccompanyCore) -> Ints:
        seen: NDArray[np.float32] = core.observe()
        memories = seen[:, MELODY_SIZE - len(HALF_LIVES_BEATS) * CLASSES : MELODY_SIZE]
        heard = self.weights @ memories.reshape(core.n, len(HALF_LIVES_BEATS), CLASSES)
        fit = heard @ self._tones
        best = fit.argmax(1)
        rows = np.arange(core.n)
        held = np.where(core.last < NONE, core.last, 0)
        kept = (core.last < NONE) & (fit[rows, best] < fit[rows, held] + self.margin)
        return np.where(kept, held, np.where(fit[rows, best] > 0.0, best, NONE))
