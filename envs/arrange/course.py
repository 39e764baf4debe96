"""The games of n performances on their own clock: a bar lasts as long as its tempo says.

A game goes on for as many seconds as the music takes to play a bar, so fast music hears of the game
more often, bar by bar. What a bar of any length would bring is looked up in running sums over the
game's ticks, in the same few operations however long the bar is: so a search can ask it for many
plans.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...music.errors import UnknownNameError
from ..games.game import BAR_SECONDS, FEATURE, N_FEATURES, TICK_FIELDS, mood_wanted, window_features
from ..games.scenes import generate_sessions
from ..games.sliders import slider_sessions
from ..games.traces import TICK_SECONDS, TickEpisodes, load_ticks, pick_episodes

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Window = tuple[FloatArray, FloatArray, NDArray[np.bool_]]
"""Of stretches of game time: mood wanted at the end [m, 2], features [m, F], are they known [m]."""

MIXED = {"traces": 0.5, "generator": 0.25, "sliders": 0.25}
"""Shares of the sources of games in `mixed`."""

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
def _summed(split: str) -> tuple[TickEpisodes, FloatArray]:
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
        episodes, sums = _summed(split)
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
        last = _summed(self._split)[0].ticks[self._tick[rows, stop - 1]]
        values[:, _STATES] = last[:, _STATES]
        # One tick that sums up all of them has the features of all of them.
        seconds = count * TICK_SECONDS
        features = window_features(values[:, None], seconds)
        wanted = mood_wanted(features, mood, seconds=seconds)
        return wanted.astype(float), features.astype(float), np.ones(len(rows), bool)

    def _until(self, rows: IntArray, tick: IntArray) -> FloatArray:
        """Sums over the ticks of a session before this one [shape=(m, 15)]."""
        found: FloatArray = self._before[rows, self._slot[rows, tick]]
        return found + _summed(self._split)[1][self._tick[rows, tick]]


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


class Course:
    """How the games of n performances go on.

    `seconds` [shape=(n,)] is where each game is; of the last bar `mood` [n, 2] is the mood wanted
    (sd), `features` [n, F] (units as in `game.GAME_FEATURES`) and `known` [n] whether anybody tells
    them. Before the first bar, a game has gone on for `BAR_SECONDS`.

    :param sources: of the sessions
    :param source_of: which source each performance takes its session from [shape=(n,)]
    :param row_of: which of its sessions [shape=(n,)]
    """

    def __init__(self, sources: Sequence[Source], source_of: IntArray, row_of: IntArray) -> None:
        self._sources, self._source_of, self._row_of = sources, source_of, row_of
        self._rows = np.arange(len(row_of))
        self.seconds = np.full(len(row_of), BAR_SECONDS)
        lead = self._window(self._rows, np.zeros(len(row_of)), self.seconds, None)
        self.mood, self.features, self.known = lead

    def advance(self, seconds: FloatArray) -> None:
        """Let the games go on for a bar of so many seconds [shape=(n,)]."""
        start, end = self.seconds, self.seconds + seconds
        self.mood, self.features, self.known = self._window(self._rows, start, end, self.mood)
        self.seconds = end

    def ahead(self, seconds: FloatArray) -> FloatArray:
        """The moods that will be wanted, for plans of bars of so many seconds.

        The games stay where they are.

        :param seconds: of the coming bars of k plans for each performance [shape=(n, k, bars)]
        :return: moods wanted [shape=(n, k, bars, 2), sd]
        """
        n, plans, bars = seconds.shape
        rows = np.repeat(np.arange(n), plans)
        start, mood = self.seconds[rows], self.mood[rows]
        found = np.empty((n * plans, bars, 2))
        for bar, lasting in enumerate(np.moveaxis(seconds, 2, 0)):
            end = start + lasting.ravel()
            mood, _, _ = self._window(rows, start, end, mood)
            start, found[:, bar] = end, mood
        return found.reshape(n, plans, bars, 2)

    def _window(
        self, rows: IntArray, start: FloatArray, end: FloatArray, mood: FloatArray | None
    ) -> Window:
        if len(self._sources) == 1:
            return self._sources[0].window(self._row_of[rows], start, end, mood)
        moods, features = np.empty((len(rows), 2)), np.empty((len(rows), N_FEATURES))
        known = np.zeros(len(rows), bool)
        for number, source in enumerate(self._sources):
            of = np.flatnonzero(self._source_of[rows] == number)
            if len(of):
                moods[of], features[of], known[of] = source.window(
                    self._row_of[rows[of]], start[of], end[of], None if mood is None else mood[of]
                )
        return moods, features, known


def scenario_names(split: str) -> list[str]:
    """The scenarios that a split of the traces has."""
    episodes, _ = _summed(split)
    return [episodes.names[number] for number in np.unique(episodes.scenarios)]


def _scenario_number(split: str, scenario: str) -> int:
    """The number of a scenario of a split; UnknownNameError if it has none of that name."""
    known = scenario_names(split)
    if scenario not in known:
        raise UnknownNameError("scenario", scenario, known, f"the split {split!r}")
    return _summed(split)[0].names.index(scenario)


def draw_course(
    rng: np.random.Generator,
    n: int,
    copies: int,
    targets: str,
    split: str,
    seconds: float,
    scenario: str = "",
) -> Course:
    """Games for n performances.

    :param rng: all chance comes from here
    :param copies: a divisor of n; so many performances side by side share each session
    :param targets: traces, generator, sliders or mixed
    :param split: of the traces
    :param seconds: how long the games go on at least
    :param scenario: the only one of the traces that is played; "": all
    """
    number = _scenario_number(split, scenario) if scenario else None
    cells = int(np.ceil(seconds / BAR_SECONDS)) + 1
    makers: dict[str, Callable[[int], Source]] = {
        "traces": lambda m: TraceSource(rng, m, split, seconds, number),
        "generator": lambda m: PathSource(*generate_sessions(rng, m, cells)),
        "sliders": lambda m: PathSource(slider_sessions(rng, m, cells), None),
    }
    share = MIXED if targets == "mixed" else {targets: 1.0}
    counts = rng.multinomial(n // copies, list(share.values()))
    parts = [(makers[name](m), m) for name, m in zip(share, counts.tolist(), strict=True) if m]
    source_of = np.repeat(np.arange(len(parts)), [m for _, m in parts])
    row_of = np.concatenate([np.arange(m) for _, m in parts])
    return Course(
        [source for source, _ in parts], np.repeat(source_of, copies), np.repeat(row_of, copies)
    )
