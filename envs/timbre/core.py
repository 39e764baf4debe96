"""`segue/Timbre-v0`: turn a synthesizer's knobs so that what is heard follows a sound.

`TimbreCore` has n synthesizers side by side, the voices of one pyo graph; `env.TimbreEnv` is one of
them behind Gymnasium's `Env`. pyo is loaded when the first of them sounds.
"""

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ...analysis.sound.descriptors import DESCRIPTORS, PITCH, Describer
from ...music.score import Score, Track, make_notes
from ...music.tempo import TempoMap
from ...synth.patch import KNOBS, Patch, play_knobs
from ..core import Core, FloatArray, Step, Terms
from ..rendering import RATE as SOUND_RATE
from .perception import (
    OBSERVATION,
    OBSERVATION_LIMIT,
    at_ears_rate,
    distance,
    distances,
    observe,
    step_frames,
    surely_pitched,
)
from .settings import STEP_SECONDS, TimbreSettings
from .targets import Targets, draw_targets

DISTANCES = ("loudness", "brightness", "noisiness", "pitch", "envelope", "chroma")
REWARDS = (*DISTANCES, "improvement", "movement")
"""The named terms of the reward; they add up to it."""

_LAST_STEPS = 4  # that the final distance is the mean of
_BEATS_PER_STEP = 0.5


class TimbreCore(Core):
    """n synthesizers that are played side by side, each after a target of its own.

    `targets` also knows the knobs that a target was made with: for the oracle alone.

    :param n: how many, up to 256
    :param settings: what is to be followed, and what following is worth
    """

    REWARDS = REWARDS
    OBSERVATION = OBSERVATION
    ACTIONS = tuple(knob.name for knob in KNOBS)

    def __init__(self, n: int, settings: TimbreSettings | None = None, **options: Any) -> None:
        super().__init__(n)
        self.settings = settings = settings or TimbreSettings.from_options(**options)
        limit, knobs = OBSERVATION_LIMIT, len(KNOBS)
        self.observation_space = spaces.Box(-limit, limit, (len(OBSERVATION),), np.float32)
        self.action_space = (
            spaces.MultiDiscrete([3] * knobs)
            if settings.discrete
            else spaces.Box(-1.0, 1.0, (knobs,), np.float32)
        )
        self._weights = settings.weights
        self._describer = Describer()
        self._patch: Patch | None = None
        self.step_number = 0
        self.turned = [np.zeros((n, knobs))]  # knobs of each step so far
        self.own = np.zeros((n, len(DESCRIPTORS)))
        self.targets: Targets | None = None

    @property
    def steps(self) -> int:
        return self.settings.steps

    @property
    def knobs(self) -> FloatArray:
        """Where the knobs stand [shape=(n, 8)], 0..1."""
        return self.turned[-1]

    @property
    def target(self) -> FloatArray:
        """Descriptors of what was to be followed in the last step [shape=(n, 29)]."""
        return self._targets.descriptors[:, self.step_number]

    @property
    def distance(self) -> FloatArray:
        """Between what is heard and what is to be followed [shape=(n,)]."""
        return distance(self.own, self.target, self._weights)

    @property
    def _targets(self) -> Targets:
        assert self.targets is not None  # for the type checker: `reset` comes first
        return self.targets

    def about(self, index: int) -> dict[str, Any]:
        return {"target": self._targets.name(index, self.settings.split)}

    def reset(self, rng: np.random.Generator) -> FloatArray:
        self.targets = draw_targets(self.settings, rng, self.n, self._describer)
        first = rng.uniform(0.0, 1.0, (self.n, len(KNOBS)))
        self.step_number = 0
        self.turned = [first]
        self._patch = Patch(first, self.settings.sample_rate)
        self.own = self._hear(self._patch)
        self._curve = [self.distance]
        return self.observe()

    def observe(self) -> FloatArray:
        time = self.step_number / self.settings.steps
        return observe(self.own, self.target, self.knobs, time)

    def step(self, actions: NDArray[Any]) -> Step:
        """Turn the knobs and hear what comes of it, for `STEP_SECONDS`.

        :param actions: movements [shape=(n, 8)]; -1 to 1 times `largest_move`, or, if discrete, 0
            down, 1 nothing, 2 up
        """
        settings = self.settings
        if settings.discrete:
            moves = (actions - 1.0) * settings.discrete_move
        else:
            moves = actions * settings.largest_move
        patch = self._sounding()
        before = self.knobs
        knobs = np.clip(before + moves, 0.0, 1.0)
        self.turned.append(knobs)
        patch.turn(knobs)
        self.own = self._hear(patch)
        self.step_number += 1
        self._curve.append(self.distance)
        terms = self._terms(np.abs(knobs - before).mean(axis=1))
        reward = np.add.reduce(list(terms.values()))
        return self.observe(), reward, self.step_number >= settings.steps, terms

    def _terms(self, moved: FloatArray) -> Terms:
        """What this step earns, by the names of `REWARDS` [each shape=(n,)]."""
        settings = self.settings
        apart = distances(self.own, self.target)
        terms = {name: -weight * apart[name] for name, weight in self._weights.items()}
        terms["improvement"] = settings.improvement_weight * (self._curve[-2] - self._curve[-1])
        terms["movement"] = -settings.movement_weight * moved
        return terms

    def _hear(self, patch: Patch) -> FloatArray:
        rate = self.settings.sample_rate
        return self._describer.describe(at_ears_rate(patch.play(step_frames(rate)), rate))

    def _sounding(self) -> Patch:
        """The synthesizers; after unpickling, brought to where they were by all that was played."""
        if self._patch is None:
            frames = step_frames(self.settings.sample_rate)
            self._patch = Patch(self.turned[0], self.settings.sample_rate)
            for knobs in self.turned:
                self._patch.turn(knobs)
                self._patch.play(frames)
        return self._patch

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_patch": None}

    def metrics(self) -> dict[str, FloatArray]:
        curve = np.array(self._curve[1:])
        within = curve <= self.settings.tolerance
        reached = np.where(within.any(axis=0), within.argmax(axis=0) + 1, len(curve) + 1)
        return {
            "final_distance": curve[-_LAST_STEPS:].mean(axis=0),
            "mean_distance": curve.mean(axis=0),
            "seconds_to_tolerance": reached * STEP_SECONDS,
            "within_tolerance": within.mean(axis=0),
        }

    def curve(self, index: int) -> FloatArray:
        """The distance at each step so far, the start included."""
        return np.array([one[index] for one in self._curve])

    def score(self, index: int = 0) -> Score:
        """The pitches of the synthesizer and of its target, a note a step."""
        turned = np.array([knobs[index] for knobs in self.turned])
        heard = self._targets.descriptors[index, : len(turned)]
        pitches = np.where(surely_pitched(heard) > 0.0, heard[:, PITCH], np.nan)
        own, level = KNOBS[0].value(turned[:, 0]), 0.3 + 0.6 * turned[:, -1]
        tracks = (
            Track("lead", _notes(own, level)),
            Track("target", _notes(pitches, np.full(len(turned), 0.5))),
        )
        bpm = 60.0 * _BEATS_PER_STEP / STEP_SECONDS
        return Score(tracks, TempoMap(bpm), title=self.about(index)["target"])

    def sound(self, index: int = 0) -> NDArray[np.float32]:
        """What the synthesizer sounded, computed again sample by sample."""
        import soxr

        rate = self.settings.sample_rate
        turned = np.array([knobs[index] for knobs in self.turned])
        sound = play_knobs(turned, rate, step_frames(rate))
        if rate != SOUND_RATE:
            sound = np.asarray(soxr.resample(sound, rate, SOUND_RATE), np.float32)
        return np.repeat(np.clip(sound, -1.0, 1.0)[:, None], 2, axis=1)

    def picture(self, index: int = 0) -> NDArray[np.uint8]:
        """Spectrograms of the target and of what was played, the distance, and the knobs."""
        from .picture import draw_following

        return draw_following(self, index)


def _notes(pitches: FloatArray, velocities: FloatArray) -> Any:
    """Notes of the steps that have a pitch; equal ones that follow each other are one."""
    rows: list[tuple[float, float, int, float]] = []
    for step, (pitch, velocity) in enumerate(zip(pitches, velocities, strict=True)):
        if not np.isfinite(pitch):
            continue
        onset, whole = step * _BEATS_PER_STEP, round(float(np.clip(pitch, 0, 127)))
        if rows and rows[-1][2] == whole and rows[-1][0] + rows[-1][1] == onset:
            rows[-1] = (rows[-1][0], rows[-1][1] + _BEATS_PER_STEP, whole, rows[-1][3])
        else:
            rows.append((onset, _BEATS_PER_STEP, whole, float(velocity)))
    return make_notes(rows)
