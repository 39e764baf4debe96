"""A tiny world that can be solved, to see whether something learns; it is registered for a test."""

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import pytest
from gymnasium import spaces

from segue.agents.config import Config
from segue.agents.study import Study
from segue.envs import ENVIRONMENTS
from segue.envs.core import Core, Step, Terms
from segue.envs.forms import SingleEnv
from segue.music.errors import UnknownNameError
from segue.music.score import Score

ECHO = "segue/Echo-v0"


class EchoCore(Core):
    """Say what you see: a number, one of three, or two choices; worth how right it is.

    With masks, of three choices the one after the right one is forbidden.
    """

    REWARDS = ("right", "price")
    OBSERVATION = ("low", "middle", "high")

    def __init__(self, n: int, *, kind: str = "box", length: int = 8, **options: Any) -> None:
        super().__init__(n)
        for name in options:
            if name not in ("split", "price"):
                raise UnknownNameError("option", name, ("kind", "length", "split", "price"), ECHO)
        self.kind, self.length = kind, length
        self.price = float(options.get("price", 0.0))
        self.observation_space = spaces.Box(-1, 1, (3,), np.float32)
        self.action_space = {
            "box": spaces.Box(-2.0, 3.0, (1,), np.float32),
            "discrete": spaces.Discrete(3),
            "masked": spaces.Discrete(3),
            "many": spaces.MultiDiscrete([3, 2]),
        }[kind]
        self.at = 0
        self.asked = np.zeros((n, length + 1), np.int64)

    @property
    def steps(self) -> int:
        return self.length

    def reset(self, rng: np.random.Generator) -> Any:
        self.at = 0
        self.asked = rng.integers(0, 3, (self.n, self.length + 1))
        return self.observe()

    def observe(self) -> Any:
        return np.eye(3)[self.asked[:, self.at]]

    def step(self, actions: Any) -> Step:
        wanted = self.asked[:, self.at]
        if self.kind == "box":
            right = -np.abs(actions[:, 0] - (wanted - 1.0))
        elif self.kind == "many":
            right = (actions[:, 0] == wanted) * 0.5 + (actions[:, 1] == (wanted == 2)) * 0.5
        else:
            right = (actions == wanted).astype(float)
        terms: Terms = {"right": right, "price": np.full(self.n, -self.price)}
        self.at += 1
        return self.observe(), right - self.price, self.at == self.length, terms

    def action_masks(self) -> Any:
        if self.kind != "masked":
            return None
        masks = np.ones((self.n, 3), bool)
        masks[np.arange(self.n), (self.asked[:, self.at] + 1) % 3] = False
        return masks

    def metrics(self) -> dict[str, Any]:
        first = self.asked[:, 0].astype(float)
        return {"first": first, "seldom": np.where(first == 2, 1.0, np.nan)}

    def score(self, index: int = 0) -> Score:
        return Score([])


class EchoEnv(SingleEnv):
    """Echo, one at a time."""

    core_class: ClassVar[type[Core]] = EchoCore


class Says:
    """A player that says the same each time, or with a seed something else each time."""

    train_cpu_seconds = 0.0

    def __init__(self, value: float, seed: int | None = None) -> None:
        self.value = value
        self.rng = None if seed is None else np.random.default_rng(seed)

    def act(self, core: Any) -> Any:
        if self.rng is None:
            return np.full((core.n, 1), self.value)
        return self.rng.uniform(-2.0, 3.0, (core.n, 1))


class Right:
    """A player that looks at what is asked."""

    train_cpu_seconds = 12.5

    def act(self, core: Any) -> Any:
        return core.asked[:, core.at, None] - 1.0


def make_echo_player(name: str, seed: int) -> Any:
    return {"right": Right(), "zero": Says(0.0), "random": Says(0.0, seed)}[name]


ECHO_STUDY = Study(
    environment=ECHO,
    players={"right": "knows", "zero": "says 0", "random": "anything"},
    make=make_echo_player,
    baseline="zero",
    keep=lambda core: core.asked[:, 0],
    summary=lambda played: {"best": max(one.reward.mean() for one in played)},
)


@pytest.fixture(scope="module")
def echo() -> Iterator[str]:
    """The id of the tiny world, which is there while a module's tests run."""
    module = ModuleType("tiny_world")
    module.EchoEnv = EchoEnv  # type: ignore[attr-defined]
    sys.modules["tiny_world"] = module
    ENVIRONMENTS[ECHO] = "tiny_world:Echo"
    yield ECHO
    del ENVIRONMENTS[ECHO], sys.modules["tiny_world"]


@pytest.fixture(scope="session")
def echo_study() -> Study:
    return ECHO_STUDY


@pytest.fixture(scope="session")
def echo_core() -> type[EchoCore]:
    return EchoCore


def _echo_config(algorithm: str = "ppo", kind: str = "discrete", **changes: Any) -> Config:
    rollouts = {"n_steps": 16, "batch_size": 64, "learning_rate": 3e-3}
    replays = {"learning_starts": 200, "buffer_size": 5000, "batch_size": 64, "learning_rate": 3e-3}
    given: dict[str, Any] = {
        "hyper": {
            **dict.fromkeys(("ppo", "maskable_ppo", "recurrent_ppo"), rollouts),
            "a2c": {"learning_rate": 3e-3},
            **dict.fromkeys(("sac", "tqc"), replays | {"gradient_steps": 2}),
            **dict.fromkeys(
                ("dqn", "qr_dqn"), replays | {"gradient_steps": 4, "target_update_interval": 200}
            ),
        }[algorithm],
        "policy": {"net_arch": [16]},
        "train": {"kind": kind},
        "validation": {"kind": kind},
        "steps": 2048,
        "n_envs": 8,
        "validation_episodes": 32,
        "checks": 4,
    }
    return Config(environment=ECHO, algorithm=algorithm, **given | changes)


@pytest.fixture(scope="session")
def echo_config() -> Any:
    """Makes configurations for the tiny world: `echo_config(algorithm, kind, **changes)`."""
    return _echo_config
