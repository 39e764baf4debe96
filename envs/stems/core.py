"""`segue/Stems-v0`: recorded music that follows a game, by the ways its author allowed.

`StemsCore` plays n performances at once on arrays, with the worlds that also play live; `env`
offers them to Gymnasium.
"""

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ...music.cue import PHRASE_BARS
from ...music.direction import Direction
from ...music.score import Score
from ...music.worlds import Worlds
from ..arrange.course import draw_course
from ..arrange.feedback import Answering
from ..arrange.listener import Listeners
from ..arrange.rewards import distance
from ..core import Core, FloatArray, Terms
from .actions import ACTIONS, masks, read_actions, sounding
from .library import MIX_LEVELS, NOWHERE, IntArray
from .perception import OBSERVATION, Perception
from .played import PlayedBar, played_score
from .settings import StemsSettings

OBSERVATION_LIMIT = 10.0
"""Observations are clipped to +- this."""

ON_PHRASE, OFF_PHRASE = 0.35, 1.3
"""Share of a movement's cost where a phrase begins, and elsewhere."""

ENTERING = 2
"""Levels for which the beginning of another section counts."""

_BARS_BEYOND = 16  # that games go on after an episode, for who looks ahead
TIRESOME, MOST_TURNS = 2, 4
"""Turns of a section from which on it tires, and how many more count."""


class StemsCore(Core):
    """n performances of recorded music that advance together, each with a listener of its own.

    What an agent may know is in `perception`, `worlds` and `library`; `listeners` and the future of
    `course`, the games, are for rewards and the oracle alone.

    :param n: how many
    :param settings: what is played, for whom, and what it is worth
    """

    REWARDS = ("mood", "movement", "monotony", "promise")
    OBSERVATION = OBSERVATION
    ACTIONS = ACTIONS

    def __init__(self, n: int, settings: StemsSettings | None = None, **options: Any) -> None:
        super().__init__(n)
        self.settings = settings = settings or StemsSettings.from_options(**options)
        limit = OBSERVATION_LIMIT
        self.observation_space = spaces.Box(-limit, limit, (len(OBSERVATION),), np.float32)
        self.action_space = spaces.Discrete(len(ACTIONS))
        self.library = settings.library()
        self.listeners = Listeners(n, settings.listener)
        self.perception = Perception(n, settings.listener, forecast=settings.forecast)
        self.worlds = Worlds(self.library.book, np.zeros(n, np.int64), np.arange(n))
        self.bar = 0
        self.played: list[PlayedBar] = []

    @property
    def steps(self) -> int:
        return self.settings.bars

    def about(self, index: int) -> dict[str, Any]:
        return {"cue": self.library.cues[self.worlds.cue[index]].name}

    def score(self, index: int = 0) -> Score:
        return played_score(self.library, self.played, index)

    def reset(self, rng: np.random.Generator, copies: int = 1) -> FloatArray:
        """Draw new scores, games, listeners and mixes for all.

        :param rng: all chance of the episode comes from here
        :param copies: a divisor of n; only n / copies episodes are drawn, each played so many times
            side by side
        :return: the first observations [shape=(n, len(OBSERVATION))], not clipped
        """
        n, s, library = self.n // copies, self.settings, self.library

        def every(drawn: NDArray[Any], axis: int = 0) -> NDArray[Any]:
            return drawn if copies == 1 else np.repeat(drawn, copies, axis=axis)

        self.bar, self.played = 0, []
        cue = rng.integers(0, len(library.cues), n)
        self.worlds.reset(np.arange(self.n), every(cue), every(rng.integers(0, 2**31, n)))
        self.bar_seconds = library.bar_seconds[every(cue)]
        length = (s.bars + _BARS_BEYOND) * float(library.bar_seconds.max())
        self.course = draw_course(rng, self.n, copies, s.targets, s.split, length)
        self.listeners.meet(*(every(trait) for trait in self.listeners.draw(rng, n)))
        noise = s.listener.rating_noise * rng.standard_normal((s.bars, n, 2))
        draws = rng.random((3, s.bars, n))
        self.answering = Answering(s.listener, every(noise, 1), every(draws, 2))
        middle = library.presets[library.book.first_section[self.worlds.cue], 1]
        self.perception.reset(middle, self.bar_seconds)
        self.perception.want_first(self.course.mood, self.course.features, self.course.known)
        self.setting = self.worlds.set(np.tile(Direction().knobs, (self.n, 1)))
        self._counts = np.zeros((3, self.n))
        self._error = np.zeros(self.n)
        return self.observe()

    def moods_ahead(self, bars: int) -> FloatArray:
        """The moods that will be wanted in the coming bars [shape=(n, bars, 2), sd]."""
        seconds = np.repeat(self.bar_seconds[:, None, None], bars, axis=2)
        return self.course.ahead(seconds)[:, 0]

    def observe(self) -> FloatArray:
        return self.perception.observe(self.library, self.worlds)

    def action_masks(self) -> NDArray[np.bool_]:
        worlds = self.worlds
        return masks(self.library, worlds.cue, worlds.section, worlds.pending, self.perception.mix)

    def step(self, actions: NDArray[Any]) -> tuple[FloatArray, FloatArray, bool, Terms]:
        """Play a bar of every performance.

        :param actions: indices into `ACTIONS` [shape=(n,)]; ways that are not allowed count as
            staying
        :return: observations [n, len(OBSERVATION)], not clipped; rewards [n]; whether the episodes
            are over; the terms of the reward [n] by the names of `REWARDS`
        """
        library, perception, worlds = self.library, self.perception, self.worlds
        before, on_phrase = perception.mix, worlds.number % PHRASE_BARS == 0
        waiting, left = worlds.pending, worlds.section
        go, mix = read_actions(library, worlds.cue, left, before, actions)
        go = np.where(library.leave_at[left, np.maximum(go, 0)] >= 0, go, NOWHERE)
        broken = (waiting != NOWHERE) & (go != NOWHERE) & (go != waiting)
        bars = worlds.advance(self.setting, go)
        perception.mix = sounding(library, bars.section, mix)
        entered = (bars.number == 0) & (bars.turn == 0) & (self.bar > 0)
        self.played.append(PlayedBar(bars.cue, bars.section, bars.number, perception.mix))
        row = library.row[bars.section] + bars.number
        perception.hear(library.mood[row, perception.mix])
        felt = self.listeners.feel(library.felt_mood[row, perception.mix])
        course = self.course
        course.advance(self.bar_seconds)
        perception.want(course.mood, course.features, course.known)
        perception.answer(self.answering.answer(self.bar, felt, course.mood))
        moved = levels_moved(before, perception.mix)
        apart = distance(felt, course.mood)
        movement = movement_cost(moved, on_phrase, entered)
        terms = self._terms(apart, movement, bars.turn, broken)
        self._error += apart / self.settings.bars
        self._counts += np.stack([entered, moved > 0, broken])
        self.bar += 1
        reward = np.add.reduce(list(terms.values()))
        return self.observe(), reward, self.bar >= self.settings.bars, terms

    def _terms(
        self,
        apart: FloatArray,
        movement: FloatArray,
        turn: IntArray,
        broken: NDArray[np.bool_],
    ) -> Terms:
        """What this bar earns, by the names of `REWARDS` [each shape=(n,)]."""
        s = self.settings
        return {
            "mood": -s.mood_weight * apart,
            "movement": -s.movement_weight * movement,
            "monotony": -s.monotony_weight * tiring_turns(turn).astype(float),
            "promise": -s.promise_weight * broken.astype(float),
        }

    def metrics(self) -> dict[str, FloatArray]:
        """Mean distance of felt and wanted mood, and what happened, times an episode."""
        sections, mixes, broken = self._counts
        return {
            "error": self._error.copy(),
            "sections_changed": sections,
            "mixes_changed": mixes,
            "promises_broken": broken,
        }


def levels_moved(before: IntArray, after: IntArray) -> IntArray:
    """Levels that all parts move together from one mix to another [both any shape]."""
    moved: IntArray = np.abs(MIX_LEVELS[after] - MIX_LEVELS[before]).sum(axis=-1)
    return moved


def movement_cost(
    moved: IntArray, on_phrase: NDArray[np.bool_], entered: NDArray[np.bool_]
) -> FloatArray:
    """What movement costs [any shape]: levels moved, less where a phrase begins, and sections.

    :param moved: levels that all parts move together
    :param entered: whether another section begins
    """
    return np.asarray(np.where(on_phrase, ON_PHRASE, OFF_PHRASE) * moved + ENTERING * entered)


def tiring_turns(turn: IntArray) -> IntArray:
    """Turns that tire [any shape], of the times that a section was played before."""
    return np.clip(turn - (TIRESOME - 1), 0, MOST_TURNS)
