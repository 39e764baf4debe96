"""How fast every environment is beside Gymnasium's CartPole, and its share of a training's time.

All on one thread, and by the time that this thread computes, so that a busy machine changes little.
A rate is the median of interleaved rounds, each of a fraction of a second inside `step` and `reset`
(what chooses the actions is not counted). The share is that of the environment while the shipped
configuration trains.
"""

import time
from statistics import median
from typing import Any

import gymnasium as gym
import numpy as np

from ..envs import ENVIRONMENTS, short_name

CARTPOLE = "CartPole-v1"

VECTOR = 256
"""Environments of the vector cases."""

_ROUND_SECONDS = 0.3  # a round of a case takes, inside the environment
_TRAIN_SECONDS = 4.0  # a training is watched for, but for one rollout with its learning at least

Rows = list[dict[str, Any]]


def run(rounds: int = 5) -> tuple[dict[str, float], dict[str, Rows]]:
    """Steps a second of single and batched forms, and the environments' shares of training."""
    from ..agents.algorithms import use_one_thread

    use_one_thread()
    names = (*ENVIRONMENTS, CARTPOLE)
    envs = {(name, n): _Case(name, n) for name in names for n in (1, VECTOR)}
    rates: dict[tuple[str, int], list[float]] = {key: [] for key in envs}
    for _ in range(rounds):
        for key, case in envs.items():
            rates[key].append(case.rate(_ROUND_SECONDS))
    results: dict[str, float] = {}
    speed: Rows = []
    for (name, n), found in rates.items():
        results[f"{short_name(name)}_{'' if n == 1 else 'vector_'}steps_per_second"] = median(found)
        speed.append(
            {
                "environment": name,
                "at once": n,
                "steps_per_second": round(median(found)),
                "slowest": round(min(found)),
                "fastest": round(max(found)),
            }
        )
    shares = [_train_share(name) for name in ENVIRONMENTS]
    for row in shares:
        results[f"{short_name(row['environment'])}_train_share"] = row["share inside"]
    return results, {"speed": speed, "training": shares}


class _Case:
    """One form of an environment, stepped at random: allowed actions only."""

    def __init__(self, name: str, n: int) -> None:
        self.n = n
        place = f"segue.envs:{name}" if name in ENVIRONMENTS else name
        self.env: Any = (
            gym.make(place)
            if n == 1
            else gym.make_vec(place, num_envs=n, vectorization_mode="vector_entry_point")
        )
        self.env.action_space.seed(0)
        self.env.reset(seed=0)
        self.rng = np.random.default_rng(0)
        core = getattr(self.env.unwrapped, "core", None)
        self.masks = core.action_masks if core and core.action_masks() is not None else None
        self.actions = [self.env.action_space.sample() for _ in range(16)]

    def rate(self, seconds: float) -> float:
        """Steps a second over about so many seconds, all episodes of a batch counted."""
        taken, steps = 0.0, 0
        while taken < seconds:
            action = self._action(steps)
            start = time.thread_time()
            _, _, terminated, truncated, _ = self.env.step(action)
            if self.n == 1 and (terminated or truncated):
                self.env.reset()
            taken += time.thread_time() - start
            steps += 1
        return steps * self.n / taken

    def _action(self, step: int) -> Any:
        if self.masks is None:
            return self.actions[step % len(self.actions)]
        masks = self.masks()
        chosen = (masks * self.rng.random(masks.shape)).argmax(axis=1)
        return chosen if self.n > 1 else chosen[0]


def _train_share(name: str) -> dict[str, Any]:
    """Share of the time of its configured training that an environment takes."""
    from stable_baselines3.common.callbacks import BaseCallback

    from ..agents.algorithms import make_model
    from ..agents.config import load_config
    from ..agents.sb3 import CoreVecEnv
    from ..envs import make_core

    class Watch(BaseCallback):
        """Looks at the clock where a rollout begins, from the first one that is learned from."""

        inside = taken = 0.0
        rollouts = 0

        def _on_rollout_start(self) -> None:
            if self.num_timesteps < getattr(self.model, "learning_starts", 0):
                return
            if not self.rollouts:
                self.begun, self.inside_before = time.thread_time(), env.seconds
            self.taken = time.thread_time() - self.begun
            self.inside = env.seconds - self.inside_before
            self.rollouts += 1

        def _on_step(self) -> bool:
            return self.rollouts < 2 or self.taken < _TRAIN_SECONDS

    config = load_config(name)
    env = CoreVecEnv(make_core(name, config.n_envs, **config.train), seed=config.seed)
    watch = Watch()
    make_model(config, env).learn(10**9, callback=watch)
    return {
        "environment": name,
        "algorithm": config.algorithm,
        "at once": config.n_envs,
        "share inside": watch.inside / watch.taken,
        "seconds watched": watch.taken,
    }
