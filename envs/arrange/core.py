"""`segue/Arrange-v0`: keep the music in step with a game, for a listener nobody knows.

`ArrangeCore` plays n performances at once on arrays; `env.ArrangeEnv` is one of them behind
Gymnasium's `Env`, `env.ArrangeVectorEnv` all of them behind its `VectorEnv`.
"""

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ...analysis.emotion.model import load_emotion_model
from ...music.cue import PHRASE_BARS
from ...music.direction import KNOBS
from ...music.performed import bars_score
from ...music.score import Score
from ...music.worlds import Bars, Worlds
from ..core import Core, FloatArray, Terms
from .course import Course, draw_course
from .feedback import Answering, Answers
from .listener import Listeners
from .measures import measure
from .observation import OBSERVATION, SHOWN_GAME
from .perception import Perception, bar_seconds, move_knobs
from .rewards import REWARDS as REWARDS
from .rewards import broken_rules as broken_rules
from .rewards import distance
from .rewards import movement_cost as movement_cost
from .settings import ArrangeSettings, library, response_of

OBSERVATION_LIMIT = 10.0
"""Observations are clipped to +- this."""

_FIRST_KNOBS = (0.2, 0.8)  # an episode starts with knobs in this range
_BARS_BEYOND = 8  # that a search may look at after the end of an episode


class ArrangeCore(Core):
    """n performances that advance together, each with a listener of its own.

    What an agent may know is in `perception`. For rewards, measures and oracles alone are:
    `listeners`; `course`, the games; `targets` [shape=(n, bars + 1, 2)], the moods wanted so far
    (sd; one ahead of the first bar; 0 where it is not known yet); and of the last bar `wanted`,
    `impression` (on an average listener, by the agent's emotion model), `felt_impression` (by that
    of listeners) [each shape=(n, 2), sd] and `answers`.

    :param n: how many
    :param settings: what is played, for whom, and what it is worth
    """

    REWARDS = REWARDS
    OBSERVATION = OBSERVATION
    ACTIONS = KNOBS

    course: Course
    answering: Answering

    def __init__(self, n: int, settings: ArrangeSettings | None = None, **options: Any) -> None:
        super().__init__(n)
        self.settings = s = settings or ArrangeSettings.from_options(**options)
        if s.show_game:
            self.OBSERVATION = (*OBSERVATION, *SHOWN_GAME)
        limit = OBSERVATION_LIMIT
        self.observation_space = spaces.Box(-limit, limit, (len(self.OBSERVATION),), np.float32)
        self.action_space = spaces.Box(-1.0, 1.0, (len(KNOBS),), np.float32)
        self.book, self.ear = library(s.split, s.cues, s.themes)
        self.model = load_emotion_model(s.model)
        self.felt_with = load_emotion_model(s.listener_model or s.model)
        self.response = response_of(s.split, s.cues, s.model, s.themes) if s.response else None
        self.listeners = Listeners(n, s.listener)
        self.perception = Perception(
            n,
            s.listener,
            self.response,
            forecast=s.forecast,
            belief=s.belief,
            show_game=s.show_game,
        )
        self.worlds = Worlds(self.book, np.zeros(n, np.int64), np.arange(n))
        self.bar = 0
        self.played: list[Bars] = []
        self.answers = Answers()

    @property
    def steps(self) -> int:
        return self.settings.bars

    def about(self, index: int) -> dict[str, Any]:
        return {"cue": self.book.cues[self.worlds.cue[index]].name}

    def score(self, index: int = 0) -> Score:
        return bars_score(self.book, self.played, index)

    def reset(self, rng: np.random.Generator, copies: int = 1) -> FloatArray:
        """Draw new cues, games, listeners and knobs for all.

        Everything is drawn here, so that two directors meet the same episodes under the same
        generator.

        :param rng: all chance of the episode comes from here
        :param copies: a divisor of n; only n / copies episodes are drawn, each played so many times
            side by side
        :return: the first observations [shape=(n, len(OBSERVATION))], not clipped
        """
        n, s = self.n // copies, self.settings

        def every(drawn: NDArray[Any], axis: int = 0) -> NDArray[Any]:
            return drawn if copies == 1 else np.repeat(drawn, copies, axis=axis)

        self.bar = 0
        self.played = []
        cue = every(rng.integers(0, len(self.book.cues), n))
        self.worlds.reset(np.arange(self.n), cue, every(rng.integers(0, 2**31, n)))
        longest = float((self.book.bar_beats * 60.0 / self.book.slowest_bpm).max())
        length = (s.bars + _BARS_BEYOND) * longest
        self.course = draw_course(rng, self.n, copies, s.targets, s.split, length, s.scenario)
        self.listeners.meet(*(every(trait) for trait in self.listeners.draw(rng, n)))
        noise = s.listener.rating_noise * rng.standard_normal((s.bars, n, 2))
        draws = rng.random((3, s.bars, n))
        self.answering = Answering(s.listener, every(noise, 1), every(draws, 2))
        self.begin(every(rng.uniform(*_FIRST_KNOBS, (n, len(KNOBS)))))
        return self.observe()

    def begin(self, knobs: FloatArray) -> None:
        """Begin the performances that have been drawn, with knobs [shape=(n, 9)] there."""
        bars, perception, course = self.settings.bars, self.perception, self.course
        self.targets = np.zeros((self.n, bars + 1, 2))
        self.targets[:, 0] = course.mood
        self._felt, self._heard = np.zeros((2, bars, self.n, 2))
        self.wanted = course.mood
        self.impression = self.felt_impression = np.zeros((self.n, 2))
        self.answers = Answers()
        perception.reset(knobs)
        perception.look(self.ear, self.model, self.worlds.look(self.worlds.set(knobs)))
        perception.want_first(course.mood, course.features, self._told)
        self._tell()

    def observe(self) -> FloatArray:
        return self.perception.observe(self.worlds)

    def step(self, action: FloatArray) -> tuple[FloatArray, FloatArray, bool, Terms]:
        """Play a bar of every performance.

        :param action: movement of the knobs [shape=(n, 9)], each in [-1, 1]
        :return: observations [n, len(OBSERVATION)], not clipped; rewards [n]; whether the episodes
            are over; the terms of the reward [n] by the names of `REWARDS`
        """
        perception, worlds, course, bar = self.perception, self.worlds, self.course, self.bar
        before = perception.knobs
        on_phrase = worlds.number % PHRASE_BARS == 0
        perception.knobs = move_knobs(before, action)
        setting = worlds.set(perception.knobs)
        bars = worlds.advance(setting)
        self.played.append(bars)
        impressions, features = perception.look(self.ear, self.model, bars, worlds.look(setting))
        impression, features = impressions[: self.n], features[: self.n]
        same = self.felt_with is self.model
        self.impression = impression
        self.felt_impression = impression if same else self.felt_with.predict(features)
        felt = self.listeners.feel(self.felt_impression)
        course.advance(bar_seconds(bars))
        perception.hear(impression, bars, self.book)
        perception.want(course.mood, course.features, self._told)
        self.answers = self.answering.answer(bar, felt, course.mood)
        perception.answer(self.answers)
        self._tell()
        self.targets[:, bar + 1] = course.mood
        self.wanted = course.mood
        self._felt[bar], self._heard[bar] = felt, perception.estimate
        terms = self._terms(felt, course.mood, perception.knobs - before, on_phrase)
        self.bar = bar + 1
        reward = np.add.reduce(list(terms.values()))
        return self.observe(), reward, self.bar >= self.settings.bars, terms

    def metrics(self) -> dict[str, FloatArray]:
        """See `measures.measure`."""
        bars = self.bar
        return measure(
            self._felt[:bars],
            self._heard[:bars],
            self.targets[:, 1 : bars + 1].swapaxes(0, 1),
            self.listeners.bias,
            self.settings.listener.bias_sd,
        )

    def moods_ahead(self, seconds: FloatArray) -> FloatArray:
        """The moods that will be wanted, for plans of bars of so many seconds.

        :param seconds: of the coming bars of k plans for each performance [shape=(n, k, bars)]
        :return: moods wanted [shape=(n, k, bars, 2), sd]
        """
        return self.course.ahead(seconds)

    @property
    def _told(self) -> NDArray[np.bool_]:
        """Of which games the features are known [shape=(n,)]."""
        return self.course.known & self.settings.game_told

    def _tell(self) -> None:
        """What ablations tell an agent: the true listener, the true future."""
        if self.settings.known_listener:
            self.perception.belief.know(self.listeners.gain, self.listeners.bias)
        if told := self.settings.lookahead_bars:
            lasting = np.repeat(self.perception.bar_seconds[:, None, None], told, axis=2)
            self.perception.forecast.be_told(self.moods_ahead(lasting)[:, 0])

    def _terms(
        self,
        felt: FloatArray,
        target: FloatArray,
        moved: FloatArray,
        on_phrase: NDArray[np.bool_],
    ) -> Terms:
        """What this bar earns, by the names of `REWARDS` [each shape=(n,)]."""
        s = self.settings
        answer = self.answers.cost(target) if s.feedback_weight else np.zeros(self.n)
        return {
            "mood": -s.mood_weight * distance(felt, target),
            "continuity": -s.continuity_weight * movement_cost(moved, on_phrase),
            "rules": -s.rules_weight * broken_rules(self.perception.knobs, target[:, 1]),
            "feedback": -s.feedback_weight * answer,
        }
