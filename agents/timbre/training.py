"""Training of the agents of `segue/Timbre-v0`: `python -m segue.agents.timbre.training --run DIR`.

The actor of Stable-Baselines3's PPO learns by imitation of who knows the target's knobs, on pairs
of settings; with `--steps`, PPO goes on from there in the environment as the configuration `timbre`
says. `segue train timbre` is PPO from nothing.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import torch
from stable_baselines3.common.base_class import BaseAlgorithm

from ...envs import make_core
from ...envs.timbre.settings import TimbreSettings
from ..algorithms import export, make_model, use_one_thread
from ..config import Config, load_config
from ..evaluate import play
from ..policy import Policy
from ..sb3 import CoreVecEnv
from ..train import VALIDATION_SEED, policy_card, train, validation_core
from .imitation import Material, make_material, train_imitation

_ROWS, _SEED = 24_576, 78  # settings that are imitated on, and as many neighbours
_LOG_STD = -2.3  # of PPO's actions, where it goes on from a trained actor


def train_agent(run: Path, seed: int, material: Material, steps: int = 0) -> Policy:
    """Train an agent and leave its card and weights in `run`.

    :param material: of the imitation
    :param steps: of PPO after the imitation; 0: none
    """
    config = load_config("timbre", seed=seed, steps=max(steps, 1))
    if steps:
        trained = train(config, run, prepare=lambda model: _imitate(model, config, material))
        assert isinstance(trained, Policy)  # for the type checker: PPO is exported
        return trained
    run.mkdir(parents=True, exist_ok=True)
    started = time.process_time()
    env = CoreVecEnv(make_core(config.environment, config.n_envs, **config.train))
    model = make_model(config, env)
    _imitate(model, config, material)
    taken = time.process_time() - started
    policy = export(model, config)
    core = validation_core(config, config.validation_episodes)
    card = policy_card(config, core, play(core, policy, seed=VALIDATION_SEED), taken, steps=0)
    policy.save(run, card)
    return policy


def _imitate(model: BaseAlgorithm, config: Config, material: Material) -> None:
    """Train the actor of a new model before it plays."""
    policy: Any = model.policy
    actor = torch.nn.Sequential(*policy.mlp_extractor.policy_net, policy.action_net)
    move = TimbreSettings.from_options(**config.train).largest_move
    train_imitation(actor, material, move, seed=config.seed)
    with torch.no_grad():
        policy.log_std.fill_(_LOG_STD)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--run", type=Path, required=True, help="folder; seeds get one each in it")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--steps", type=int, default=0, help="of PPO after the imitation")
    given = parser.parse_args()
    use_one_thread()
    given.run.mkdir(parents=True, exist_ok=True)
    material = make_material(_ROWS, _SEED, given.run / "settings.npz")
    for seed in given.seeds:
        policy = train_agent(given.run / f"seed{seed}", seed, material, given.steps)
        print(seed, policy.card.metrics[0] if policy.card else "", flush=True)


if __name__ == "__main__":
    main()
