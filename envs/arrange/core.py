"""`segue/Arrange-v0`: keep the music in step with a game, for a listener nobody knows.

`ArrangeCore` plays n performances at once on arrays; `env.ArrangeEnv` is one of them behind
Gymnasium's `Env`, `env.ArrangeVectorEnv` all of them behind its `VectorEnv`.
"""

from collections.abc import Callable
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
from ..games.scenes import generate_sessions
from ..games.sliders import slider_sessions
from ..games.traces import load_traces
from .listener import Listeners
from .perception import OBSERVATION, Perception, move_knobs
from .settings import ArrangeSettings, library

OBSERVATION_LIMIT = 10.0
"""Observations are clipped to +- this."""

REWARDS = ("mood", "continuity", "rules", "feedback")
"""The named terms of the reward; they add up to it."""

MIXED = {"traces": 0.5, "generator": 0.25, "sliders": 0.25}
"""Shares of the sources of targets in `mixed`."""

SETTLED = 0.5
"""A listener is settled when the felt mood is this near to the mood wanted, sd."""

_MOVE_WEIGHTS = np.array(
    [{"tempo": 2.0, "mode": 2.0, "register": 1.5}.get(name, 1.0) for name in KNOBS]
)
_SMALLEST_MOVE = 0.02  # of a knob's range; smaller ones cost nothing
_ON_PHRASE, _OFF_PHRASE = 0.35, 1.3  # share of a movement's cost where a phrase begins, elsewhere
_FIRST_KNOBS = (0.2, 0.8)  # an episode starts with knobs in this range
_RULED = [
    KNOBS.index(name)
    for name in ("harmony", "bass", "drums", "register", "articulation", "dynamics")
]
"""The knobs that the rules of arranging look at."""

_LITTLE = np.array([0.4, 0.3, 0.6, 0.4, 0.4, 0.3])
"""Below these, each of those knobs is little (drums: where excitement is wanted)."""

_MUCH, _CALM_DRUMS = 0.6, 0.4
"""Above these, harmony, bass or drums are much, drums too much for calm."""


class ArrangeCore(Core):
    """n performances that advance together, each with a listener of its own.

    What an agent may know is in `perception`; `listeners` and `targets` (moods wanted [shape=(n,
    bars + 1, 2)], sd, one ahead of the first bar) are for rewards and the oracle alone.

    :param n: how many
    :param settings: what is played, for whom, and what it is worth
    """

    REWARDS = REWARDS
    OBSERVATION = OBSERVATION
    ACTIONS = KNOBS

    def __init__(self, n: int, settings: ArrangeSettings | None = None, **options: Any) -> None:
        super().__init__(n)
        self.settings = settings = settings or ArrangeSettings.from_options(**options)
        limit = OBSERVATION_LIMIT
        self.observation_space = spaces.Box(-limit, limit, (len(OBSERVATION),), np.float32)
        self.action_space = spaces.Box(-1.0, 1.0, (len(KNOBS),), np.float32)
        self.book, self.ear = library(settings.split, settings.cues)
        self.model = load_emotion_model(settings.model)
        self.felt_with = load_emotion_model(settings.listener_model or settings.model)
        self.listeners = Listeners(n, settings.listener)
        self.perception = Perception(n, settings.listener)
        self.worlds = Worlds(self.book, np.zeros(n, np.int64), np.arange(n))
        self.bar = 0
        self.played: list[Bars] = []
        self.errors: list[FloatArray] = []  # of each bar: distance of felt and wanted mood, sd

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
        n = self.n // copies
        bars = self.settings.bars

        def every(drawn: NDArray[Any]) -> NDArray[Any]:
            return drawn if copies == 1 else np.repeat(drawn, copies, axis=0)

        self.bar = 0
        self.played = []
        self.errors = []
        cue = every(rng.integers(0, len(self.book.cues), n))
        self.worlds.reset(np.arange(self.n), cue, every(rng.integers(0, 2**31, n)))
        self.targets = every(self._sessions(rng, n))
        self.listeners.meet(*(every(trait) for trait in self.listeners.draw(rng, n)))
        noise = every(rng.standard_normal((n, bars, 2)))
        self.noise = self.settings.listener.rating_noise * noise
        knobs = every(rng.uniform(*_FIRST_KNOBS, (n, len(KNOBS))))
        self.perception.reset(knobs, self.targets[:, 0])
        coming = self.worlds.look(self.worlds.set(self.perception.knobs))
        self.perception.look(self.ear, self.model, coming)
        return self.observe()

    def observe(self) -> FloatArray:
        return self.perception.observe(self.worlds)

    def _sessions(self, rng: np.random.Generator, n: int) -> FloatArray:
        """Moods wanted [n, bars + 1, 2] of n sessions."""
        bars = self.settings.bars + 1
        sources: dict[str, Callable[[int], NDArray[np.float32]]] = {
            "traces": lambda m: load_traces(self.settings.split).sample_sessions(rng, m, bars)[0],
            "generator": lambda m: generate_sessions(rng, m, bars)[0],
            "sliders": lambda m: slider_sessions(rng, m, bars),
        }
        share = MIXED if self.settings.targets == "mixed" else {self.settings.targets: 1.0}
        counts = rng.multinomial(n, list(share.values()))
        parts = [sources[name](m) for name, m in zip(share, counts.tolist(), strict=True) if m]
        return np.concatenate(parts).astype(float)

    def step(self, action: FloatArray) -> tuple[FloatArray, FloatArray, bool, Terms]:
        """Play a bar of every performance.

        :param action: movement of the knobs [shape=(n, 9)], each in [-1, 1]
        :return: observations [n, len(OBSERVATION)], not clipped; rewards [n]; whether the episodes
            are over; the terms of the reward [n] by the names of `REWARDS`
        """
        perception, worlds = self.perception, self.worlds
        before = perception.knobs
        on_phrase = worlds.number % PHRASE_BARS == 0
        perception.knobs = move_knobs(before, action)
        setting = worlds.set(perception.knobs)
        bars = worlds.advance(setting)
        self.played.append(bars)
        coming = worlds.look(setting)
        impressions, features = perception.look(self.ear, self.model, bars, coming)
        impression, features = impressions[: self.n], features[: self.n]
        felt_as = impression if self.felt_with is self.model else self.felt_with.predict(features)
        felt = self.listeners.feel(felt_as)
        target = self.targets[:, self.bar + 1]
        self.errors.append(_distance(felt, target))
        perception.hear(impression, features, bars, self.book)
        rating = self._rating(felt)
        if rating is not None:
            perception.rate(rating)
        perception.want(target)
        terms = self._terms(felt, target, perception.knobs - before, on_phrase, rating)
        self.bar += 1
        over = self.bar >= self.settings.bars
        reward = np.add.reduce(list(terms.values()))
        return self.observe(), reward, over, terms

    def metrics(self) -> dict[str, FloatArray]:
        """`error`: mean distance of felt and wanted mood, sd; `settle_bars`: the first bar at which
        it is below `SETTLED`, the length of the episode if there is none."""
        errors = np.array(self.errors)
        near = errors < SETTLED
        settle = np.where(near.any(axis=0), near.argmax(axis=0), len(errors))
        return {"error": errors.mean(axis=0), "settle_bars": settle.astype(float)}

    def _rating(self, felt: FloatArray) -> FloatArray | None:
        """The listeners' noisy ratings [shape=(n, 2), sd] of this bar, None if none is due."""
        every = self.settings.listener.rating_every_bars
        if every and (self.bar + 1) % every == 0:
            return felt + self.noise[:, self.bar]
        return None

    def _terms(
        self,
        felt: FloatArray,
        target: FloatArray,
        moved: FloatArray,
        on_phrase: NDArray[np.bool_],
        rating: FloatArray | None,
    ) -> Terms:
        """What this bar earns, by the names of `REWARDS` [each shape=(n,)]."""
        s = self.settings
        answer = np.zeros(self.n) if rating is None else _distance(rating, target)
        return {
            "mood": -s.mood_weight * _distance(felt, target),
            "continuity": -s.continuity_weight * movement_cost(moved, on_phrase),
            "rules": -s.rules_weight * broken_rules(self.perception.knobs, target[:, 1]),
            "feedback": -s.feedback_weight * answer,
        }


def _distance(felt: FloatArray, wanted: FloatArray) -> FloatArray:
    """Mean absolute difference over the axes [shape=(n,)]."""
    apart: FloatArray = np.abs(felt - wanted)
    return (apart[:, 0] + apart[:, 1]) * 0.5


def movement_cost(moved: FloatArray, on_phrase: NDArray[np.bool_]) -> FloatArray:
    """What a movement of the knobs [shape=(n, 9)] costs [n], less where a phrase begins [n].

    Tempo, mode and register count more than the others, movements below .02 nothing.
    """
    size = np.abs(moved)
    movement = np.where(size > _SMALLEST_MOVE, size, 0.0) @ _MOVE_WEIGHTS
    share: FloatArray = np.where(on_phrase, _ON_PHRASE, _OFF_PHRASE)
    return np.asarray(share * movement)


def broken_rules(knobs: FloatArray, wanted_arousal: FloatArray) -> FloatArray:
    """How far directions [shape=(n, 9)] go against good arranging [n], each rule from 0 to 1.

    * thin: little harmony to carry the melody
    * extreme: a register at either end
    * tame: few drums where excitement is wanted; restless: many where calm is
    * choppy: short notes where calm is wanted
    * muddy: full harmony and a busy bass in the low register
    * hollow: full drums over little bass; weak: full drums in a soft bar

    `wanted_arousal` [n] in sd counts from 0 to 1 either way.
    """
    ruled = knobs[:, _RULED]
    drums, register = ruled[:, 2], ruled[:, 3]
    # All rules at once, as a call of numpy costs more than its work for few performances.
    little = (np.maximum(_LITTLE - ruled, 0.0) / _LITTLE).T
    much = (np.maximum(ruled[:, :3] - _MUCH, 0.0) / (1.0 - _MUCH)).T
    excited = np.minimum(np.maximum(wanted_arousal, 0.0), 1.0)
    calm = np.minimum(np.maximum(-wanted_arousal, 0.0), 1.0)
    thin, weak_bass, tame, low, choppy, soft = little
    full_harmony, busy_bass, full_drums = much
    extreme = np.maximum(np.abs(register - 0.5) * 2.0 - _MUCH, 0.0) / (1.0 - _MUCH)
    restless = np.maximum(drums - _CALM_DRUMS, 0.0) / (1.0 - _CALM_DRUMS)
    broken = (
        thin
        + extreme
        + excited * tame
        + calm * (restless + choppy)
        + full_harmony * busy_bass * low
        + full_drums * (weak_bass + soft)
    )
    return np.asarray(broken)
