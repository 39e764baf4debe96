"""How an environment is offered: Gymnasium's `Env` and `VectorEnv` round a `Core`."""

from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from ..music.errors import UnknownNameError
from .core import Core, FloatArray

RENDER_MODES = ("rgb_array", "audio")
"""A picture, mostly a piano roll [shape=(height, width, 3)] uint8, and sound [shape=(frames, 2)]
float32."""


def _render(core: Core, mode: str | None, index: int = 0) -> NDArray[Any] | None:
    if mode is None:
        return None
    return core.sound(index) if mode == "audio" else core.picture(index)


def _check_mode(mode: str | None) -> None:
    if mode is not None and mode not in RENDER_MODES:
        raise UnknownNameError("render mode", mode, RENDER_MODES)


class SingleEnv(gym.Env[Any, Any]):
    """One episode at a time. Subclasses name the core; their docstring is its manual."""

    core_class: ClassVar[type[Core]]
    metadata = {"render_modes": list(RENDER_MODES), "render_fps": 1}  # noqa: RUF012

    def __init__(self, render_mode: str | None = None, **options: Any) -> None:
        _check_mode(render_mode)
        self.render_mode = render_mode
        self.core = self.core_class(1, **options)
        self.observation_space: spaces.Box = self.core.observation_space
        self.action_space = self.core.action_space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        super().reset(seed=seed)
        observation = self.core.reset(self.np_random)
        return self.core.present(observation)[0], self._info({})

    def step(
        self, action: NDArray[Any] | int
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        actions = self.core.accept(np.asarray(action)[None])
        observation, reward, over, terms = self.core.step(actions)
        info = self._info({name: float(term[0]) for name, term in terms.items()})
        if over:
            info |= {name: float(value[0]) for name, value in self.core.metrics().items()}
        ends = over and self.core.TERMINATES
        return self.core.present(observation)[0], float(reward[0]), ends, over and not ends, info

    def _info(self, info: dict[str, Any]) -> dict[str, Any]:
        return self.core.about(0) | info

    def action_masks(self) -> NDArray[np.bool_]:
        """Which discrete actions are allowed now [shape=(actions,)], as MaskablePPO asks."""
        masks = self.core.action_masks()
        if masks is None:
            raise AttributeError(f"every action is allowed in {type(self).__name__}")
        return np.asarray(masks[0])

    def render(self) -> NDArray[Any] | None:
        return _render(self.core, self.render_mode)


class VectorForm(gym.vector.VectorEnv[Any, Any, Any]):
    """n episodes in step, batched inside, made by `gym.make_vec`.

    They end together and begin anew in the same step; the last observations are in
    `info["final_obs"]`, what was measured in `info["final_info"]`. Spaces, reward and options are
    those of the single form.
    """

    core_class: ClassVar[type[Core]]
    metadata = {  # noqa: RUF012 - Gymnasium's own form
        "render_modes": list(RENDER_MODES),
        "render_fps": 1,
        "autoreset_mode": AutoresetMode.SAME_STEP,
    }

    def __init__(self, num_envs: int = 1, render_mode: str | None = None, **options: Any) -> None:
        _check_mode(render_mode)
        self.num_envs = num_envs
        self.render_mode = render_mode
        self.core = self.core_class(num_envs, **options)
        self.single_observation_space = self.core.observation_space
        self.single_action_space = self.core.action_space
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
        return self.core.present(self.core.reset(self.np_random)), {}

    def step(
        self, actions: NDArray[Any]
    ) -> tuple[
        NDArray[np.float32], FloatArray, NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]
    ]:
        observation, reward, over, terms = self.core.step(self.core.accept(actions))
        info: dict[str, Any] = dict(terms)
        seen = self.core.present(observation)
        if over:
            everywhere = np.ones(self.num_envs, bool)
            info |= {"final_obs": seen, "_final_obs": everywhere}
            info |= {"final_info": self.core.metrics(), "_final_info": everywhere}
            seen = self.core.present(self.core.reset(self.np_random))
        ended = np.full(self.num_envs, over)
        never = np.zeros(self.num_envs, bool)
        ends = (ended, never) if self.core.TERMINATES else (never, ended)
        return seen, reward, *ends, info

    def action_masks(self) -> NDArray[np.bool_] | None:
        """Which discrete actions are allowed now [shape=(n, actions)]; None: always all."""
        return self.core.action_masks()

    def render(self) -> tuple[Any, ...] | None:
        """What has been played in each episode, as pictures or sound."""
        if self.render_mode is None:
            return None
        return tuple(_render(self.core, self.render_mode, at) for at in range(self.num_envs))
