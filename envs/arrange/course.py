"""The games of n performances on their own clock: a bar lasts as long as its tempo says.

A game goes on for as many seconds as the music takes to play a bar, so fast music hears of the game
more often, bar by bar. What bars of any length would bring can be asked for many plans at once.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ...music.errors import UnknownNameError
from ..games.game import BAR_SECONDS, N_FEATURES
from ..games.scenes import generate_sessions
from ..games.sliders import slider_sessions
from .sources import PathSource, Source, TraceSource, Window, summed_ticks

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

MIXED = {"traces": 0.5, "generator": 0.25, "sliders": 0.25}
"""Shares of the sources of games in `mixed`."""


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
    episodes, _ = summed_ticks(split)
    return [episodes.names[number] for number in np.unique(episodes.scenarios)]


def _scenario_number(split: str, scenario: str) -> int:
    """The number of a scenario of a split; UnknownNameError if it has none of that name."""
    known = scenario_names(split)
    if scenario not in known:
        raise UnknownNameError("scenario", scenario, known, f"the split {split!r}")
    return summed_ticks(split)[0].names.index(scenario)


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
