"""`segue/Arrange-v0`, batched, as Stable-Baselines3 wants it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from ..envs.arrange import ArrangeVectorEnv
from ..music.direction import KNOBS


class ArrangeVecEnv(VecEnv):
    """n environments in step, batched inside; takes the options of `segue/Arrange-v0`."""

    def __init__(self, n_envs: int, *, seed: int = 0, **options: Any) -> None:
        self.inner = ArrangeVectorEnv(n_envs, **options)
        super().__init__(
            n_envs, self.inner.single_observation_space, self.inner.single_action_space
        )
        self._next_seed: int | None = seed
        self._earned = np.zeros(n_envs)
        self._actions = np.zeros((n_envs, len(KNOBS)), np.float32)

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        self._next_seed = seed
        return [seed] * self.num_envs

    def reset(self) -> NDArray[np.float32]:
        observation, _ = self.inner.reset(seed=self._next_seed)
        self._next_seed = None
        self._earned[:] = 0.0
        return observation

    def step_async(self, actions: NDArray[Any]) -> None:
        self._actions = actions

    def step_wait(
        self,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        observation, reward, _, truncated, info = self.inner.step(self._actions)
        self._earned += reward
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if truncated[0]:  # all end together
            bars = self.inner.core.settings.bars
            for at, one in enumerate(infos):
                one["terminal_observation"] = info["final_obs"][at]
                one["TimeLimit.truncated"] = True
                one["episode"] = {"r": self._earned[at], "l": bars, "t": 0.0}
            self._earned[:] = 0.0
        return observation, reward.astype(np.float32), truncated, infos

    def close(self) -> None:
        self.inner.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [getattr(self.inner, attr_name)] * len(self._indices(indices))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        setattr(self.inner, attr_name, value)

    def env_method(
        self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any
    ) -> list[Any]:
        return [getattr(self.inner, method_name)(*args, **kwargs)] * len(self._indices(indices))

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        return [False] * len(self._indices(indices))

    def _indices(self, indices: Any) -> list[int]:
        return list(self._get_indices(indices))
