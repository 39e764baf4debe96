"""The arranger as a band: players who each turn some of the knobs, for one shared reward.

`BandEnv` is `segue/Arrange-v0` behind PettingZoo's parallel API (Terry et al., NeurIPS 2021;
package pettingzoo, in the extra `train`), for research on many agents. `BandCore` is the same for
algorithms of one agent that share their parameters: each row is one player of one performance.
"""

from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces
from gymnasium.utils import seeding
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

from ...music.direction import KNOBS
from ...music.errors import SegueError
from ...music.score import Score
from ..core import Core, FloatArray, Terms
from .core import ArrangeCore

ROLES = {
    "rhythm": ("bass", "drums"),
    "harmony": ("mode", "harmony"),
    "melody": ("arpeggio", "register"),
    "conductor": ("tempo", "articulation", "dynamics"),
}
"""The players and the knobs that each turns."""

WIDTH = max(map(len, ROLES.values()))
"""Numbers of an action where all players share a network; some leave the last ones out."""

_PLACES = [[KNOBS.index(knob) for knob in knobs] for knobs in ROLES.values()]


def seen_by_each(observation: NDArray[Any]) -> NDArray[np.float32]:
    """What each player sees: what the arranger would [shape=(n, D)], and who they are.

    :return: [shape=(n, roles, D + roles)]
    """
    shape = (len(observation), len(ROLES))
    everything = np.broadcast_to(observation[:, None], (*shape, observation.shape[1]))
    who = np.broadcast_to(np.eye(len(ROLES)), (*shape, len(ROLES)))
    return np.concatenate([everything, who], axis=2, dtype=np.float32)


def together(actions: NDArray[Any]) -> FloatArray:
    """The movement of all knobs [shape=(n, 9)] from those of each player [n, roles, WIDTH]."""
    moved = np.zeros((len(actions), len(KNOBS)))
    for role, places in enumerate(_PLACES):
        moved[:, places] = actions[:, role, : len(places)]
    return moved


class BandCore(Core):
    """n rows, each a player of a performance; the players of one lie side by side.

    :param n: how many rows, a multiple of the number of roles
    :param options: of `segue/Arrange-v0`
    """

    REWARDS = ArrangeCore.REWARDS
    ACTIONS = tuple(f"knob_{at}_of_role" for at in range(WIDTH))

    def __init__(self, n: int, **options: Any) -> None:
        super().__init__(n)
        if n % len(ROLES):
            raise SegueError(f"{n} rows are no whole bands; take a multiple of {len(ROLES)}")
        self.arrange = ArrangeCore(n // len(ROLES), **options)
        self.OBSERVATION = (*self.arrange.OBSERVATION, *(f"role_{role}" for role in ROLES))
        limit = float(self.arrange.observation_space.high.max())
        self.observation_space = spaces.Box(-limit, limit, (len(self.OBSERVATION),), np.float32)
        self.action_space = spaces.Box(-1.0, 1.0, (WIDTH,), np.float32)

    @property
    def steps(self) -> int:
        return self.arrange.steps

    def reset(self, rng: np.random.Generator) -> NDArray[np.float32]:
        self.arrange.reset(rng)
        return self.observe()

    def observe(self) -> NDArray[np.float32]:
        return seen_by_each(self.arrange.observe()).reshape(self.n, -1)

    def step(self, actions: NDArray[Any]) -> tuple[NDArray[np.float32], FloatArray, bool, Terms]:
        _, reward, over, terms = self.arrange.step(together(actions.reshape(-1, len(ROLES), WIDTH)))
        shared = {name: np.repeat(value, len(ROLES)) for name, value in terms.items()}
        return self.observe(), np.repeat(reward, len(ROLES)), over, shared

    def metrics(self) -> dict[str, FloatArray]:
        return {
            name: np.repeat(value, len(ROLES)) for name, value in self.arrange.metrics().items()
        }

    def about(self, index: int) -> dict[str, Any]:
        return self.arrange.about(index // len(ROLES))

    def score(self, index: int = 0) -> Score:
        return self.arrange.score(index // len(ROLES))


class BandEnv(ParallelEnv):  # type: ignore[misc]  # it comes without types
    """Four players keep the music in step with a game together; see `ArrangeEnv` for the task.

    Agents are the `ROLES`. Each sees the observation of `segue/Arrange-v0` and a one-hot of its own
    role, moves its own knobs, `Box(-1, 1, (knobs,), float32)`, and gets the reward of all. All are
    truncated together after the last bar.

    ```python
    band = BandEnv(split="train")
    observations, infos = band.reset(seed=0)
    actions = {agent: band.action_space(agent).sample() for agent in band.agents}
    observations, rewards, terminations, truncations, infos = band.step(actions)
    ```

    :param options: of `segue/Arrange-v0`
    """

    metadata: ClassVar[dict[str, Any]] = {"name": "segue_band_v0", "render_modes": ["rgb_array"]}

    def __init__(self, render_mode: str | None = None, **options: Any) -> None:
        self.render_mode = render_mode
        self.possible_agents = list(ROLES)
        self.agents: list[str] = []
        self.core = BandCore(len(ROLES), **options)
        self._spaces = {
            role: spaces.Box(-1.0, 1.0, (len(knobs),), np.float32) for role, knobs in ROLES.items()
        }
        self._rng, _ = seeding.np_random()

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        return self.core.observation_space

    def action_space(self, agent: str) -> spaces.Space[Any]:
        return self._spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, NDArray[np.float32]], dict[str, dict[str, Any]]]:
        if seed is not None:
            self._rng, _ = seeding.np_random(seed)
        self.agents = list(self.possible_agents)
        seen = self.core.present(self.core.reset(self._rng))
        return dict(zip(ROLES, seen, strict=True)), {role: self.core.about(0) for role in ROLES}

    def step(
        self, actions: dict[str, NDArray[Any]]
    ) -> tuple[
        dict[str, NDArray[np.float32]],
        dict[str, float],
        dict[str, bool],
        dict[str, bool],
        dict[str, dict[str, Any]],
    ]:
        if set(actions) != set(self.agents):
            raise SegueError(
                f"actions are of {sorted(actions)}; all of {sorted(self.agents)} play a bar "
                "together, and none after the last one until reset"
            )
        wide = np.zeros((len(ROLES), WIDTH))
        for at, (role, knobs) in enumerate(ROLES.items()):
            wide[at, : len(knobs)] = actions[role]
        observation, reward, over, terms = self.core.step(self.core.accept(wide))
        seen = self.core.present(observation)
        told = {name: float(value[0]) for name, value in terms.items()}
        if over:
            told |= {name: float(value[0]) for name, value in self.core.metrics().items()}
            self.agents = []
        return (
            dict(zip(ROLES, seen, strict=True)),
            {role: float(reward[0]) for role in ROLES},
            dict.fromkeys(ROLES, False),
            dict.fromkeys(ROLES, over),
            {role: dict(told) for role in ROLES},
        )

    def render(self) -> NDArray[np.uint8] | None:
        """A piano roll of what has been played, or None without a render mode."""
        from ..rendering import draw_score

        return draw_score(self.core.score()) if self.render_mode else None

    def close(self) -> None:
        pass
