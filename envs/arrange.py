"""`segue/Arrange-v0`: keep the music in step with a game, for a listener nobody knows.

`ArrangeCore` plays n performances at once on arrays; `ArrangeEnv` is one of them behind Gymnasium's
`Env`, `ArrangeVectorEnv` all of them behind its `VectorEnv`.
"""

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from ..analysis.emotion.model import load_emotion_model
from ..music.cue import PHRASE_BARS
from ..music.direction import KNOBS
from ..music.worlds import Worlds
from .arrange_settings import ArrangeSettings, library
from .listener import Listeners
from .perception import OBSERVATION, Perception, move_knobs
from .scenes import generate_sessions
from .sliders import slider_sessions
from .traces import load_traces

FloatArray = NDArray[np.float64]
Terms = dict[str, FloatArray]

OBSERVATION_LIMIT = 10.0
"""Observations are clipped to +- this."""

REWARDS = ("mood", "continuity", "rules", "feedback")
"""The named terms of the reward; they add up to it."""

MIXED = {"traces": 0.5, "generator": 0.25, "sliders": 0.25}
"""Shares of the sources of targets in `mixed`."""

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


class ArrangeCore:
    """n performances that advance together, each with a listener of its own.

    What an agent may know is in `perception`; `listeners` and `targets` (moods wanted [shape=(n,
    bars + 1, 2)], sd, one ahead of the first bar) are for rewards and the oracle alone.

    :param n: how many
    :param settings: what is played, for whom, and what it is worth
    """

    def __init__(self, n: int, settings: ArrangeSettings) -> None:
        self.n = n
        self.settings = settings
        self.book, self.ear = library(settings.split, settings.cues)
        self.model = load_emotion_model(settings.model)
        self.felt_with = load_emotion_model(settings.listener_model or settings.model)
        self.listeners = Listeners(n, settings.listener)
        self.perception = Perception(n, settings.listener)
        self.worlds = Worlds(self.book, np.zeros(n, np.int64), np.arange(n))
        self.bar = 0

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
        coming = worlds.look(setting)
        impressions, features = perception.look(self.ear, self.model, bars, coming)
        impression, features = impressions[: self.n], features[: self.n]
        felt_as = impression if self.felt_with is self.model else self.felt_with.predict(features)
        felt = self.listeners.feel(felt_as)
        target = self.targets[:, self.bar + 1]
        perception.hear(impression, features, bars, self.book)
        rating = self._rating(felt)
        if rating is not None:
            perception.rate(rating)
        perception.want(target)
        terms = self._terms(felt, target, perception.knobs - before, on_phrase, rating)
        self.bar += 1
        over = self.bar >= self.settings.bars
        reward = np.add.reduce(list(terms.values()))
        return perception.observe(worlds), reward, over, terms

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


def observation_space() -> spaces.Box:
    """The space of one observation; see the table in `ArrangeEnv`."""
    return spaces.Box(-OBSERVATION_LIMIT, OBSERVATION_LIMIT, (len(OBSERVATION),), np.float32)


def action_space() -> spaces.Box:
    """The space of one action: a movement of each knob."""
    return spaces.Box(-1.0, 1.0, (len(KNOBS),), np.float32)


def _clip(observation: FloatArray) -> NDArray[np.float32]:
    clipped = np.minimum(np.maximum(observation, -OBSERVATION_LIMIT), OBSERVATION_LIMIT)
    return clipped.astype(np.float32)


class ArrangeEnv(gym.Env[Any, Any]):
    """Keep the music in step with a game, for a listener nobody knows.

    ## Description

    A game wants a mood, bar by bar. An agent turns nine knobs of an arranger; the arranger plays
    the next bar of a cue; a simulated listener feels what it expresses, late and in a way of their
    own. The agent earns most when what is felt follows what is wanted, by music that moves as
    little as it must. Everything but the game and the listener is what also plays live: the same
    cues, arranger, world, ear and observation.

    What makes it hard, and learning worth it, is what is hidden and late: listeners differ in bias
    and gain, which show only in a noisy rating every four bars; felt mood lags by about four bars;
    a bar is decided before it is known what the game wants of it; and every movement of a knob has
    a price, lower where a phrase begins. With an obedient listener and no lag a one-step search is
    as good as anything.

    Moods are in standard deviations (sd) of listeners' ratings; 1 sd is 0.5 in `music.mood.Mood`.

    ## Action space

    `Box(-1, 1, (9,), float32)`: how far each knob moves: nothing inside +-0.2, 0.35 of its range at
    +-1. Knobs, in order: tempo (slow to fast), mode (dark to bright), harmony, arpeggio, bass,
    drums (silent to busy), register (low to high), articulation (staccato to legato), dynamics
    (soft to loud).

    ## Observation space

    `Box(-10, 10, (49,), float32)`. Pairs are valence, arousal.

    | index | name | unit | about |
    | --- | --- | --- | --- |
    | 0-8 | knob_* | 0..1 | where the knobs are |
    | 9-10 | estimate_* | sd | what an average listener feels by now |
    | 11-12 | felt_* | sd | what this listener feels, as far as ratings tell |
    | 13-14 | gain_* | 1 | believed gain of this listener, less 1 |
    | 15-16 | bias_* | sd | believed bias of this listener |
    | 17-18 | doubt_* | sd | posterior sd of felt |
    | 19-20 | bias_doubt_* | sd | posterior sd of bias |
    | 21-22 | next_* | sd | impression of the next bar if no knob moves |
    | 23-24 | next_pull_* | sd | where that would pull this listener, less felt |
    | 25-26 | gap_* | sd | mood wanted less felt |
    | 27-28 | target_* | sd | mood wanted, at the last bar that is known |
    | 29-30 | change_* | sd | its change over the last bar |
    | 31-32 | change_before_* | sd | and over the bar before |
    | 33-34 | trend_* | sd | mood wanted less its mean over some eight bars |
    | 35-36 | phase_sin, phase_cos | 1 | place in the phrase of four bars |
    | 37 | phrase_boundary | 0, 1 | the next bar begins a phrase |
    | 38 | leaving | 0, 1 | a change of section is on its way |
    | 39 | brightness | -1..1 | of the mode of the last bar |
    | 40 | ratings | 0..1 | n / (n + 2) of n ratings |
    | 41-48 | heard_* | about -1..1 | features of the last bar, see `perception.HEARD` |

    ## Reward

    The sum of four terms, each also in `info`:

    | term | is |
    | --- | --- |
    | mood | - mean distance of felt and wanted mood over both axes, sd |
    | continuity | -0.15 x movement of the knobs |
    | rules | -0.1 for each rule of arranging that is broken, by how far |
    | feedback | - weight x distance of a rating and the mood wanted, sd; weight 0 unless set |

    Movement counts 2 for tempo and mode, 1.5 for register, 1 for others, nothing below .02, all x
    0.35 where a phrase begins and x 1.3 elsewhere. The rules are those of `broken_rules`: thin,
    extreme, tame, restless, choppy, muddy, hollow, weak. Feedback is for training without access to
    what is felt.

    ## Starting state

    A cue, a game session, a listener and knobs uniform in 0.2..0.8, all drawn at reset.

    ## Episode end

    Truncation after 64 bars; there is no terminal state.

    ## Arguments

    `split` (train, validation, test, heldout), `targets` (traces of real play, generator of
    game-like scenes, sliders set by hand, mixed),
    `cues` (names or folders), `bars`, `model` and `listener_model` (emotion models of the agent and
    of listeners), `mood_weight`, `continuity_weight`, `rules_weight`, `feedback_weight`, and of the
    listener `memory_bars` (0: no lag), `bias_sd`, `log_gain_sd` (0: everyone feels alike),
    `rating_every_bars` (0: never), `rating_noise`. See `ArrangeSettings` and `ListenerSettings`.

    ```python
    env = gym.make("segue.envs:segue/Arrange-v0", split="train", memory_bars=0)
    envs = gym.make_vec("segue.envs:segue/Arrange-v0", num_envs=256)
    ```

    ## Version history

    * v0: first.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 - Gymnasium's own form

    def __init__(self, render_mode: str | None = None, **options: Any) -> None:
        self.render_mode = render_mode
        self.core = ArrangeCore(1, ArrangeSettings.from_options(**options))
        self.observation_space = observation_space()
        self.action_space = action_space()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        super().reset(seed=seed)
        observation = self.core.reset(self.np_random)
        return _clip(observation)[0], {"cue": self.core.book.cues[self.core.worlds.cue[0]].name}

    def step(
        self, action: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        observation, reward, over, terms = self.core.step(
            np.clip(action, -1.0, 1.0, dtype=np.float64)[None]
        )
        info = {name: float(term[0]) for name, term in terms.items()}
        return _clip(observation)[0], float(reward[0]), False, over, info


class ArrangeVectorEnv(gym.vector.VectorEnv[Any, Any, Any]):
    """`segue/Arrange-v0`, n at once: batched inside, all of them in step.

    Episodes end together, by truncation, and begin anew in the same step; the last observations are
    in `info["final_obs"]`. Spaces, reward and options are those of `ArrangeEnv`.
    """

    metadata = {  # noqa: RUF012 - Gymnasium's own form
        "render_modes": [],
        "autoreset_mode": AutoresetMode.SAME_STEP,
    }

    def __init__(self, num_envs: int = 1, render_mode: str | None = None, **options: Any) -> None:
        self.num_envs = num_envs
        self.render_mode = render_mode
        self.core = ArrangeCore(num_envs, ArrangeSettings.from_options(**options))
        self.single_observation_space = observation_space()
        self.single_action_space = action_space()
        self.observation_space = gym.vector.utils.batch_space(
            self.single_observation_space, num_envs
        )
        self.action_space = gym.vector.utils.batch_space(self.single_action_space, num_envs)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Reset all; a list of seeds is read as one seed, made of all of them."""
        if seed is not None:
            self._np_random = np.random.default_rng(seed)  # type: ignore[arg-type]
        return _clip(self.core.reset(self.np_random)), {}

    def step(
        self, actions: NDArray[np.float32]
    ) -> tuple[
        NDArray[np.float32], FloatArray, NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]
    ]:
        observation, reward, over, terms = self.core.step(
            np.clip(actions, -1.0, 1.0, dtype=np.float64)
        )
        info: dict[str, Any] = dict(terms)
        seen = _clip(observation)
        if over:
            info["final_obs"] = seen
            info["_final_obs"] = np.ones(self.num_envs, bool)
            seen = _clip(self.core.reset(self.np_random))
        truncated = np.full(self.num_envs, over)
        return seen, reward, np.zeros(self.num_envs, bool), truncated, info
