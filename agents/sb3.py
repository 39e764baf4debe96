"""Every environment of Segue, batched, as Stable-Baselines3 wants it."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from ..envs.core import Core


class CoreVecEnv(VecEnv):
    """The n episodes of a core as n environments in step.

    `seconds` sums up the time that this thread computed inside `step_wait`.

    :param core: whose episodes they are
    :param seed: of the first reset; the next ones go on from it
    """

    def __init__(self, core: Core, *, seed: int = 0) -> None:
        self.core = core
        super().__init__(core.n, core.observation_space, core.action_space)
        self.seconds = 0.0
        self._rng = np.random.default_rng(seed)
        self._earned = np.zeros(core.n)
        self._actions: NDArray[Any] = np.zeros(core.n)

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        self._rng = np.random.default_rng(seed)
        return [seed] * self.num_envs

    def reset(self) -> NDArray[np.float32]:
        self._earned[:] = 0.0
        return self.core.present(self.core.reset(self._rng))

    def step_async(self, actions: NDArray[Any]) -> None:
        self._actions = actions

    def step_wait(
        self,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        start = time.thread_time()
        core = self.core
        observation, reward, over, _ = core.step(core.accept(self._actions))
        seen = core.present(observation)
        self._earned += reward
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if over:
            for at, one in enumerate(infos):
                one["terminal_observation"] = seen[at]
                one["TimeLimit.truncated"] = not core.TERMINATES
                one["episode"] = {"r": self._earned[at], "l": core.steps, "t": 0.0}
            seen = self.reset()
        self.seconds += time.thread_time() - start
        return seen, reward.astype(np.float32), np.full(self.num_envs, over), infos

    def close(self) -> None:
        pass

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        value = None if attr_name == "render_mode" else getattr(self.core, attr_name)
        return [value] * len(self._chosen(indices))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        setattr(self.core, attr_name, value)

    def has_attr(self, attr_name: str) -> bool:
        if attr_name == "action_masks":  # MaskablePPO asks for it by this name
            return self.core.action_masks() is not None
        return hasattr(self.core, attr_name)

    def env_method(
        self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any
    ) -> list[Any]:
        result = getattr(self.core, method_name)(*args, **kwargs)
        if method_name == "action_masks":
            return [result[at] for at in self._chosen(indices)]
        return [result] * len(self._chosen(indices))

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        return [False] * len(self._chosen(indices))

    def _chosen(self, indices: Any) -> list[int]:
        return list(self._get_indices(indices))
