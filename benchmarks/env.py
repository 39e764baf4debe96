"""How fast `segue/Arrange-v0` is beside Gymnasium's CartPole, and its share of PPO's time."""

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import gymnasium as gym
import numpy as np

from ..envs import ARRANGE, make_core

VECTOR = 256
"""Environments of the vector cases."""

PPO_ENVS, PPO_ROLLOUT_BARS, PPO_ROLLOUTS = 128, 64, 3
PPO_STEPS = PPO_ENVS * PPO_ROLLOUT_BARS * PPO_ROLLOUTS


def run(repeats: int = 5) -> tuple[dict[str, float], dict[str, list[dict[str, Any]]]]:
    """Steps a second, median of `repeats` interleaved rounds on one core, and PPO's share."""
    cases: dict[str, Callable[[], float]] = {
        "segue/Arrange-v0, 1": lambda: _single(ARRANGE, 2_000),
        "CartPole-v1, 1": lambda: _single("CartPole-v1", 20_000),
        f"segue/Arrange-v0, {VECTOR}": lambda: _vector(ARRANGE, 200),
        f"CartPole-v1, {VECTOR}": lambda: _vector("CartPole-v1", 400),
    }
    rates: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(repeats):
        for name, case in cases.items():
            rates[name].append(case())
    share = _ppo_env_share()
    middle = {name: median(values) for name, values in rates.items()}
    rows = [
        {
            "environment": name,
            "steps_per_second": round(middle[name]),
            "slowest": round(min(values)),
            "fastest": round(max(values)),
        }
        for name, values in rates.items()
    ]
    ours = f"segue/Arrange-v0, {VECTOR}"
    results = {
        "steps_per_second": middle["segue/Arrange-v0, 1"],
        "vector_steps_per_second": middle[ours],
        "cartpole_steps_per_second": middle["CartPole-v1, 1"],
        "cartpole_vector_steps_per_second": middle[f"CartPole-v1, {VECTOR}"],
        "ppo_env_share": share,
    }
    return results, {"speed": rows}


def _single(name: str, steps: int) -> float:
    env = gym.make(name)
    env.reset(seed=0)
    env.action_space.seed(0)
    actions = [env.action_space.sample() for _ in range(64)]
    start = time.perf_counter()
    for step in range(steps):
        _, _, terminated, truncated, _ = env.step(actions[step % 64])
        if terminated or truncated:
            env.reset()
    taken = time.perf_counter() - start
    env.close()
    return steps / taken


def _vector(name: str, steps: int) -> float:
    env = gym.make_vec(name, num_envs=VECTOR, vectorization_mode="vector_entry_point")
    env.reset(seed=0)
    env.action_space.seed(0)
    actions = [env.action_space.sample() for _ in range(8)]
    start = time.perf_counter()
    for step in range(steps):
        env.step(actions[step % 8])
    taken = time.perf_counter() - start
    env.close()
    return steps * VECTOR / taken


def _ppo_env_share() -> float:
    """Share of PPO's training time that is spent inside the environment."""
    import torch
    from stable_baselines3 import PPO

    from ..agents.sb3 import CoreVecEnv

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    env = CoreVecEnv(make_core(ARRANGE, PPO_ENVS))
    model = PPO(
        "MlpPolicy",
        env,
        n_steps=PPO_ROLLOUT_BARS,
        batch_size=2048,
        n_epochs=5,
        policy_kwargs={"net_arch": [128, 128]},
        device="cpu",
        seed=0,
    )
    np.random.seed(0)
    start = time.perf_counter()
    model.learn(PPO_STEPS)
    taken = time.perf_counter() - start
    env.close()
    torch.set_num_threads(threads)
    return env.seconds / taken
