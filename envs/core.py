"""What every environment of Segue is underneath: n episodes that advance together, on arrays.

A `Core` holds the world and its rules; `forms` puts Gymnasium's `Env` and `VectorEnv` round it, and
`agents.sb3` the `VecEnv` of Stable-Baselines3. So an environment is written once, batched, and a
single one is the batch of one.
"""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ..music.errors import SegueError
from ..music.score import Score

FloatArray = NDArray[np.float64]
Terms = dict[str, FloatArray]
Step = tuple[NDArray[Any], FloatArray, bool, Terms]
"""Observations [shape=(n, ...)], rewards [n], whether all are over, terms of the reward."""


class Core(ABC):
    """n episodes of one environment, of the same length, begun and ended together.

    A subclass sets `observation_space` and `action_space`, of a single episode, in `__init__`, and
    takes its options by keyword; an unknown one raises `UnknownNameError`.

    :param n: how many episodes
    """

    TERMINATES: ClassVar[bool] = False
    """Whether the end is the goal of the task (a finished piece) or just where time is up."""

    REWARDS: ClassVar[tuple[str, ...]] = ()
    """The named terms of the reward; they add up to it."""

    OBSERVATION: tuple[str, ...] = ()
    """Names of the numbers of an observation, in order; a policy's card holds a policy to them."""

    ACTIONS: tuple[str, ...] = ()
    """Names of the numbers of an action, or of the choices of a discrete one."""

    observation_space: spaces.Box
    action_space: spaces.Space[Any]

    def __init__(self, n: int) -> None:
        if n < 1:
            raise SegueError(f"there must be at least one environment, not {n}")
        self.n = n

    @property
    @abstractmethod
    def steps(self) -> int:
        """Steps of an episode."""

    @abstractmethod
    def reset(self, rng: np.random.Generator) -> NDArray[Any]:
        """Begin n episodes; all chance of theirs comes from `rng`, and none later.

        So two agents that are compared under the same generator meet the same episodes.

        :return: the first observations [shape=(n, ...)]
        """

    @abstractmethod
    def observe(self) -> NDArray[Any]:
        """What is seen now [shape=(n, ...)]: what the last `reset` or `step` gave."""

    @abstractmethod
    def step(self, actions: NDArray[Any]) -> Step:
        """Advance every episode by a step, with actions [shape=(n, ...)] within the space.

        :return: observations [n, ...] (the last ones of the episodes that end; `reset` begins the
            next), rewards [n], whether all are over, and the terms of the reward, each [n]
        """

    def action_masks(self) -> NDArray[np.bool_] | None:
        """Which discrete actions are allowed now [shape=(n, actions)]; None: always all."""
        return None

    def metrics(self) -> dict[str, FloatArray]:
        """What is measured of the episodes that have just ended, by name, each [shape=(n,)]."""
        return {}

    def about(self, index: int) -> dict[str, Any]:
        """What may be told of an episode at its start, such as the name of its piece."""
        return {}

    @abstractmethod
    def score(self, index: int = 0) -> Score:
        """What has been played so far in one episode, for pictures and sound."""

    def sound(self, index: int = 0) -> NDArray[np.float32]:
        """What has been played so far in one episode [shape=(frames, 2)] at `rendering.RATE`."""
        from .rendering import render_score

        return render_score(self.score(index))

    def picture(self, index: int = 0) -> NDArray[np.uint8]:
        """What has been played so far in one episode, to look at [shape=(height, width, 3)]."""
        from .rendering import draw_score

        return draw_score(self.score(index))

    def present(self, observation: NDArray[Any]) -> NDArray[np.float32]:
        """Observations as agents get them: within the space, float32."""
        low, high = self.observation_space.low, self.observation_space.high
        return np.asarray(np.minimum(np.maximum(observation, low), high), np.float32)

    def accept(self, actions: NDArray[Any]) -> NDArray[Any]:
        """Actions [shape=(n, ...)] as `step` wants them: checked, continuous ones within bounds.

        SegueError says what is wrong with their shape or values.
        """
        shape = (self.n, *(self.action_space.shape or ()))
        given = np.asarray(actions)
        if given.shape != shape:
            raise SegueError(f"actions have the shape {given.shape}; this takes {shape}")
        if isinstance(self.action_space, spaces.Box):
            if not np.isfinite(given).all():
                raise SegueError("an action is not a finite number; look for NaN in the policy")
            low, high = self.action_space.low, self.action_space.high
            return np.asarray(np.clip(given, low, high, dtype=np.float64))
        counts = (
            self.action_space.nvec
            if isinstance(self.action_space, spaces.MultiDiscrete)
            else self.action_space.n  # type: ignore[attr-defined]
        )
        whole = given.astype(np.int64)
        if (whole != given).any() or (whole < 0).any() or (whole >= counts).any():
            raise SegueError(f"an action is not in {self.action_space}: {given.ravel()[:8]} ...")
        return whole
