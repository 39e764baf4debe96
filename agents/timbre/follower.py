"""A trained agent beside a musician: what comes in is followed by the synthesizer, step by step.

`Follower` takes sound as it comes, from a microphone or from anything else; `follow_sound` is its
offline twin. Both hear, see and turn as in `segue/Timbre-v0`, by the same code.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...analysis.sound.descriptors import Describer, FloatArray
from ...analysis.sound.feature_stream import MonoIntake
from ...analysis.spectra import RATE, to_mono
from ...envs.timbre.perception import at_ears_rate, distance, observe, step_frames
from ...envs.timbre.settings import STEP_SECONDS, TimbreSettings
from ...music.errors import SegueError
from ...synth.patch import KNOBS, Patch, knob_values
from .table import Table, within_reach

SAMPLE_RATE = 44_100
"""Of the synthesizer where it is to be listened to."""

_QUIET_DB = 30.0  # below the loudest step, what is followed counts as silence
_FIRST_KNOB = 0.5


class Decides(Protocol):
    """A policy: actions [shape=(n, 8)] for observations [n, 96]."""

    def act_on(self, observation: NDArray[Any]) -> NDArray[Any]: ...


class Follower:
    """Follows sound that comes in blocks of any size; answers a step of `STEP_SECONDS` late.

    :param policy: who turns the knobs
    :param in_rate: sample rate of what comes in, in Hz
    :param knobs: where they stand at first [shape=(8,)], 0..1; none: in the middle
    :param sample_rate: of the synthesizer, 22050 Hz or more
    :param settings: how far knobs move and how distances are weighed
    :param table: whose rows tell what is out of reach, for `within_reach`; none: nothing is
    """

    def __init__(
        self,
        policy: Decides,
        in_rate: int,
        *,
        knobs: FloatArray | None = None,
        sample_rate: int = SAMPLE_RATE,
        settings: TimbreSettings | None = None,
        table: Table | None = None,
    ) -> None:
        self._policy = policy
        self._table = table
        self._settings = settings or TimbreSettings()
        self._rate = int(sample_rate)
        self._frames = step_frames(self._rate)
        self._intake = MonoIntake(in_rate, RATE)
        self._waiting = np.zeros(0, np.float32)
        self._describer = Describer()
        first = np.full(len(KNOBS), _FIRST_KNOB) if knobs is None else np.asarray(knobs)
        self.turned = [np.asarray(first, np.float64)]  # knobs of each step of `sound`
        self.distances: list[float] = []  # of each step that was followed
        self._patch = Patch(self.turned[0][None], self._rate)
        self.first = self._play()  # what sounds while the first step comes in

    @property
    def knobs(self) -> FloatArray:
        """Where the knobs stand [shape=(8,)], 0..1."""
        return self.turned[-1]

    def push(self, block: NDArray[np.floating]) -> NDArray[np.float32]:
        """Take the next samples [shape=(n,) or (n, channels)]; what the synthesizer answers.

        :return: sound [shape=(frames,)], a step for each step of the input that became whole, maybe
            none
        """
        self._waiting = np.concatenate([self._waiting, self._intake.push(block)])
        size = step_frames(RATE)
        answers = []
        while len(self._waiting) >= size:
            heard, self._waiting = self._waiting[:size], self._waiting[size:]
            answers.append(self.follow(self._describer.describe(heard[None])))
        return np.concatenate(answers) if answers else np.zeros(0, np.float32)

    def follow(self, target: FloatArray) -> NDArray[np.float32]:
        """Take the descriptors of a step [shape=(1, 29)]; the synthesizer's next step of sound."""
        self.distances.append(float(distance(self._own, target, self._settings.weights)[0]))
        time = min(len(self.distances) - 1, self._settings.steps) / self._settings.steps
        seen = observe(self._own, self._reached(target), self.knobs[None], time)
        moves = np.clip(self._policy.act_on(seen)[0], -1.0, 1.0) * self._settings.largest_move
        self.turned.append(np.clip(self.knobs + moves, 0.0, 1.0))
        self._patch.turn(self.knobs[None])
        return self._play()

    def _reached(self, target: FloatArray) -> FloatArray:
        if self._table is None:
            return target
        row = self._table.descriptors[self._table.nearest(target, self._settings.weights)]
        return within_reach(target, row, self._settings.weights)

    def _play(self) -> NDArray[np.float32]:
        sound = self._patch.play(self._frames)
        self._own = self._describer.describe(at_ears_rate(sound, self._rate))
        return np.ascontiguousarray(sound[:, 0])


@dataclass(frozen=True)
class Followed:
    """What came of following a sound."""

    sound: NDArray[np.float32]  # [shape=(frames,)] at `SAMPLE_RATE`, in time with the target
    knobs: FloatArray  # [shape=(steps, 8)], 0..1
    distances: FloatArray  # [steps]

    def report(self) -> dict[str, Any]:
        """For a file: where the knobs stood, in their units, and how near it came."""
        return {
            "seconds_per_step": STEP_SECONDS,
            "distance_first": float(self.distances[0]),
            "distance_last": float(self.distances[-1]),
            "distance_mean": float(self.distances.mean()),
            "units": {knob.name: knob.unit for knob in KNOBS},
            "steps": [
                {"distance": float(apart), **knob_values(turned)}
                for apart, turned in zip(self.distances, self.knobs, strict=True)
            ],
        }


def follow_sound(
    policy: Decides,
    samples: NDArray[np.floating],
    sample_rate: int,
    *,
    still: bool = False,
    table: Table | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> Followed:
    """Follow a recording as if it came in live.

    Raises SegueError for a recording of less than one step.

    :param samples: [shape=(n,) or (n, channels)], full scale 1
    :param still: the recording is one sound, such as a note: what is followed is the mean of its
        steps that are not quiet, for as long as an episode of training
    :param table: see `Follower`
    :param progress: told the share that is done
    """
    describer = Describer()
    mono = to_mono(samples, sample_rate)
    size = step_frames(RATE)
    count = len(mono) // size
    if not count:
        raise SegueError(
            f"a recording of {len(mono) / RATE:.2f} seconds is too short to be followed; give "
            f"{STEP_SECONDS} seconds or more"
        )
    targets = describer.describe(mono[: count * size].reshape(count, size))
    if still:
        loud = targets[:, 0] >= targets[:, 0].max() - _QUIET_DB
        targets = np.repeat(targets[loud].mean(axis=0)[None], TimbreSettings.steps, axis=0)
    follower = Follower(policy, RATE, table=table)
    sound = [follower.first]
    for step, target in enumerate(targets):
        sound.append(follower.follow(target[None]))
        progress((step + 1) / len(targets))
    knobs, distances = np.array(follower.turned[:-1]), np.array(follower.distances)
    return Followed(np.concatenate(sound[:-1]), knobs, distances)
