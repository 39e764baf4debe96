"""Where the games of performances come from: recorded play, paths of moods, a recording's own.

A source holds sessions and tells what any stretch of one brings. Of recorded play it is looked up
in running sums over the game's ticks, in the same few operations however long the stretch is.
"""

from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..games.game import BAR_SECONDS, FEATURE, N_FEATURES, TICK_FIELDS, mood_wanted, window_features
from ..games.traces import TICK_SECONDS, TickEpisodes, load_ticks, pick_episodes

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Window = tuple[FloatArray, FloatArray, NDArray[np.bool_]]
"""Of stretches of game time: mood wanted at the end [m, 2], features [m, F], are they known [m]."""

_STATES = [TICK_FIELDS.index(name) for name in ("health", "armor", "ammo")]  # as at the end
_MEANS = [TICK_FIELDS.index(name) for name in ("monsters", "monster_area")]
_FLAGS = [TICK_FIELDS.index(name) for name in ("died", "new_life")]
_END_FEATURES = [FEATURE[name] for name in ("health", "armor", "ammo")]
_FLAG_FEATURES = [FEATURE[name] for name in ("died", "new_life")]
_EPSILON = 1e-6  # of a tick, against rounding where a bar ends with one


class Source(Protocol):
    """Sessions of one kind of game."""

    def window(
        self, rows: IntArray, start: FloatArray, end: FloatArray, mood: FloatArray | None
    ) -> Window:
        """What stretches of game time bring.

        :param rows: session of each stretch [shape=(m,)]
        :param start: where each begins, game seconds [m]
        :param end: where each ends [m]
        :param mood: the mood wanted at its start [m, 2]; None where a game begins
        """
        ...


@lru_cache(maxsize=8)
def summed_ticks(split: str) -> tuple[TickEpisodes, FloatArray]:
    """The episodes of a split, and the sums of all ticks before each [shape=(ticks + 1, 15)]."""
    episodes = load_ticks(split)
    sums = np.zeros((len(episodes.ticks) + 1, len(TICK_FIELDS)))
    np.cumsum(episodes.ticks, axis=0, dtype=np.float64, out=sums[1:])
    return episodes, sums


class TraceSource:
    """n sessions of recorded play, each of some episodes strung together.

    :param rng: all chance comes from here
    :param split: of the traces
    :param seconds: length of the sessions
    :param scenario: number of the only scenario that is played; all if None
    """

    def __init__(
        self,
        rng: np.random.Generator,
        n: int,
        split: str,
        seconds: float,
        scenario: int | None = None,
    ) -> None:
        self._split = split  # what all sessions share is looked up, so that pickles stay small
        episodes, sums = summed_ticks(split)
        ticks = int(seconds / TICK_SECONDS) + 2
        slots = -(-ticks // int(episodes.lengths.min()))
        allowed = np.arange(len(episodes.lengths))
        if scenario is not None:
            allowed = np.flatnonzero(episodes.scenarios == scenario)
        picked = allowed[pick_episodes(rng, episodes.scenarios[allowed], n, slots)]
        start, length = episodes.starts[picked], episodes.lengths[picked]
        before = np.cumsum(length, axis=1) - length
        used = np.clip(ticks - before, 0, length)
        # For every tick of a session: which of its episodes it is in, and where among all ticks.
        slot = np.broadcast_to(np.arange(slots, dtype=np.int32), used.shape)
        self._slot = np.repeat(slot.ravel(), used.ravel()).reshape(n, ticks)
        shift = np.repeat((start - before).ravel(), used.ravel()).reshape(n, ticks)
        self._tick = shift + np.arange(ticks)
        whole = sums[start + length] - sums[start]
        self._before = np.cumsum(whole, axis=1) - whole - sums[start]

    def window(
        self, rows: IntArray, start: FloatArray, end: FloatArray, mood: FloatArray | None
    ) -> Window:
        first = (start / TICK_SECONDS + _EPSILON).astype(np.int64)
        stop = (end / TICK_SECONDS + _EPSILON).astype(np.int64)
        count = stop - first
        values = self._until(rows, stop) - self._until(rows, first)
        values[:, _MEANS] /= count[:, None]
        values[:, _FLAGS] = values[:, _FLAGS] > 0.5
        last = summed_ticks(self._split)[0].ticks[self._tick[rows, stop - 1]]
        values[:, _STATES] = last[:, _STATES]
        # One tick that sums up all of them has the features of all of them.
        seconds = count * TICK_SECONDS
        features = window_features(values[:, None], seconds)
        wanted = mood_wanted(features, mood, seconds=seconds)
        return wanted.astype(float), features.astype(float), np.ones(len(rows), bool)

    def _until(self, rows: IntArray, tick: IntArray) -> FloatArray:
        """Sums over the ticks of a session before this one [shape=(m, 15)]."""
        found: FloatArray = self._before[rows, self._slot[rows, tick]]
        return found + summed_ticks(self._split)[1][self._tick[rows, tick]]


class PathSource:
    """n sessions whose mood is a path over game time, in cells of `BAR_SECONDS`.

    :param moods: after each cell [shape=(n, cells, 2), sd]; between them it moves evenly
    :param features: of each cell [shape=(n, cells, F)]; None if nobody tells them
    """

    def __init__(self, moods: NDArray[np.float32], features: NDArray[np.float32] | None) -> None:
        self._moods = moods.astype(float)
        self._features = features
        if features is not None:
            self._sums = np.zeros((len(features), features.shape[1] + 1, N_FEATURES))
            np.cumsum(features, axis=1, dtype=np.float64, out=self._sums[:, 1:])

    def window(
        self, rows: IntArray, start: FloatArray, end: FloatArray, mood: FloatArray | None
    ) -> Window:
        last, from_cell, to_cell = self._moods.shape[1] - 1, start / BAR_SECONDS, end / BAR_SECONDS
        wanted = _between(self._moods, rows, np.clip(to_cell - 1.0, 0.0, last))
        if self._features is None:
            return wanted, np.zeros((len(rows), N_FEATURES)), np.zeros(len(rows), bool)
        span = (to_cell - from_cell)[:, None]
        features = _between(self._sums, rows, to_cell) - _between(self._sums, rows, from_cell)
        features /= span
        cell = np.minimum(np.ceil(to_cell).astype(np.int64) - 1, last)
        features[:, _END_FEATURES] = self._features[rows, cell][:, _END_FEATURES]
        features[:, _FLAG_FEATURES] = features[:, _FLAG_FEATURES] > 1e-9
        return wanted, features, np.ones(len(rows), bool)


def _between(path: FloatArray, rows: IntArray, place: FloatArray) -> FloatArray:
    """Values of paths [shape=(n, cells, k)] at places between their cells [both shape=(m,)]."""
    low = np.minimum(place.astype(np.int64), path.shape[1] - 2)
    share = (place - low)[:, None]
    return np.asarray((1.0 - share) * path[rows, low] + share * path[rows, low + 1])


class ToldSource:
    """One session told bar by bar, whatever its bars' lengths: a recording.

    :param moods: wanted in each bar [shape=(bars, 2), sd]
    :param features: of each bar [shape=(bars, F)]; None if they are not known
    """

    def __init__(self, moods: FloatArray, features: FloatArray | None = None) -> None:
        self._moods, self._features = moods, features
        self._bar = -1

    def window(
        self, rows: IntArray, start: FloatArray, end: FloatArray, mood: FloatArray | None
    ) -> Window:
        self._bar = min(self._bar + 1, len(self._moods) - 1)
        known = self._features is not None
        features = np.zeros(N_FEATURES) if self._features is None else self._features[self._bar]
        return self._moods[None, self._bar], features[None], np.array([known])
