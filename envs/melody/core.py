"""`segue/Melody-v0`: a melody, note by note, that keeps rules and stays near a learned model.

`MelodyCore` writes n pieces at once; `env.MelodyEnv` is one of them behind Gymnasium's `Env`.
"""

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ...music.score import Score, Track
from ..core import Core, FloatArray, Terms
from .events import (
    BAR_STEPS,
    EVENTS,
    FIRST_PITCH,
    LOWEST,
    PHRASE_BARS,
    PIECE_STEPS,
    IntArray,
    notes_of,
)
from .listening import LAGS, Listening
from .note_model import load_note_model
from .rules import GROUPS, RULES
from .settings import SPLITS, MelodySettings
from .statistics import Statistics

OBSERVATION_LIMIT = 10.0
"""Observations are clipped to +- this."""

BACK = (BAR_STEPS, 2 * BAR_STEPS)
"""So many steps ago are the events that an agent is reminded of, to repeat what it wrote."""

EVENT_NAMES = (
    "hold",
    "off",
    *(f"pitch_{LOWEST + at}" for at in range(EVENTS - FIRST_PITCH)),
)
_PITCHES = EVENT_NAMES[FIRST_PITCH:]


def _observation_names(units: int) -> tuple[str, ...]:
    names = [f"log_prob_{name}" for name in EVENT_NAMES]
    names += [f"hidden_{at}" for at in range(units)]
    names += [f"last_{name}" for name in _PITCHES]
    names += [f"count_{name}" for name in _PITCHES]
    names += [f"recent_{name}" for name in _PITCHES]
    for back in BACK:
        names += [f"ago_{back}_{name}" for name in EVENT_NAMES]
    names += [f"place_{at}" for at in range(BAR_STEPS)]
    names += [f"bar_{at}" for at in range(PHRASE_BARS)]
    names += [f"alike_{back}" for back in BACK]
    names += [f"autocorrelation_{lag}" for lag in LAGS]
    names += ["leapt", "leap_direction", "from_leap", "since_leap", "leaps"]
    names += ["holds", "rests", "same", "spaced", "repeats"]
    return tuple(names)


class MelodyCore(Core):
    """n pieces of four bars that are written together.

    :param n: how many
    :param settings: which rules, and what they weigh
    """

    TERMINATES = True
    REWARDS = ("note_model", *GROUPS)
    ACTIONS = EVENT_NAMES

    def __init__(self, n: int, settings: MelodySettings | None = None, **options: Any) -> None:
        super().__init__(n)
        self.settings = settings or MelodySettings.from_options(**options)
        self.model = load_note_model(self.settings.model)
        self.rules = RULES[self.settings.rules]()
        self.OBSERVATION = _observation_names(self.model.units)
        limit = OBSERVATION_LIMIT
        self.observation_space = spaces.Box(-limit, limit, (len(self.OBSERVATION),), np.float32)
        self.action_space = spaces.Discrete(EVENTS)
        self.listening = Listening(n, PIECE_STEPS)
        self.statistics = Statistics(n)
        self._weights = self.settings.weights()
        self._eye = np.eye(EVENTS, dtype=np.float32)
        self._begin(np.full(n, FIRST_PITCH))

    @property
    def steps(self) -> int:
        return PIECE_STEPS

    @property
    def log_probs(self) -> NDArray[np.float32]:
        """What the note model expects next [shape=(n, 38)]."""
        return self.state.log_probs

    def reset(self, rng: np.random.Generator) -> NDArray[np.float32]:
        drawn = np.random.default_rng((SPLITS[self.settings.split], *rng.integers(0, 2**32, 4)))
        self._begin(self.model.draw_primes(drawn, self.n))
        return self.observe()

    def _begin(self, primes: IntArray) -> None:
        self.state = self.model.begin(primes)
        self.listening.begin()
        self.rules.begin(self.n)
        self.statistics = Statistics(self.n)
        self.repeats = np.zeros(self.n)
        self.log_prob = np.zeros(self.n)  # of the pieces so far

    def step(self, actions: NDArray[Any]) -> tuple[NDArray[np.float32], FloatArray, bool, Terms]:
        listening = self.listening
        told = self.state.log_probs[listening.rows, actions].astype(float)
        before = listening.last
        heard = listening.hear(actions)
        self.statistics.count(heard)
        self.repeats += heard.repeated_motif
        self.log_prob += told
        earned = {"note_model": told, **self.rules.judge(heard, listening, before)}
        terms = {name: self._weights[name] * value for name, value in earned.items()}
        over = listening.step >= PIECE_STEPS
        self.state = self.model.follow(self.state, actions, listening.step % PIECE_STEPS)
        reward = np.add.reduce(list(terms.values()))
        return self.observe(), reward, over, terms

    def observe(self) -> NDArray[np.float32]:
        heard, n = self.listening, self.n
        step = heard.step
        pitches = slice(FIRST_PITCH, None)
        parts: list[NDArray[Any]] = [self.state.log_probs, self.state.hidden]
        parts.append(self._eye[heard.last, pitches])
        parts.append(0.5 * heard.counts[:, pitches])
        parts.append(heard.seen_at[:, pitches] > step - BAR_STEPS)
        for back in BACK:
            known = step >= back
            parts.append(
                self._eye[heard.events[:, step - back]] if known else np.zeros((n, EVENTS))
            )
        place = np.zeros((n, BAR_STEPS + PHRASE_BARS))
        place[:, step % BAR_STEPS] = 1.0
        place[:, BAR_STEPS + min(step // BAR_STEPS, PHRASE_BARS - 1)] = 1.0
        parts.append(place)
        parts.append(heard.alike[:, BACK] / BAR_STEPS)
        correlated = heard.autocorrelation() if step else np.zeros((n, len(LAGS)))
        parts.append(correlated)
        from_leap = np.where(heard.direction != 0, heard.last - heard.leapt_from, 0) / 12
        numbers = [heard.leapt, heard.direction, from_leap, heard.since_leap / 8, heard.leaps / 2]
        numbers += [heard.holds / 4, heard.rests / 2, heard.same / 4, heard.spaced]
        numbers += [self.repeats / 4]
        parts.append(np.stack(numbers, axis=1))
        return np.concatenate(parts, axis=1, dtype=np.float32)

    def metrics(self) -> dict[str, FloatArray]:
        found = self.statistics.of(self.listening)
        return found | {"log_prob": self.log_prob / max(self.listening.step, 1)}

    def score(self, index: int = 0) -> Score:
        events = self.listening.events[index, : self.listening.step]
        return Score((Track("melody", notes_of(events), program=73),), title="Melody")
