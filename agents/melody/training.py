"""Trains a composer: `python -m segue.agents.melody.training RUN`.

As RL Tuner does (Jaques et al. 2016), it begins as the note model: its network is first fitted to
what the note model expects, in pieces that the note model writes, its critic to what they earn.
Then PPO tunes it by the reward. The run is that of `configs/melody.yaml` and leaves what
`segue train` leaves; `segue train melody` is the same from scratch. With `--ship NAME` the policy
is also put among the models that ship. Long training sharpens it; at a lower temperature than that
of training, pieces end on the tonic a little more often and become alike.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from msgspec.structs import replace
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from torch.nn import functional

from ...envs import MELODY
from ...envs.melody.core import MelodyCore
from ..config import load_config
from ..policy import Policy
from ..train import train
from .baselines import ModelNotes
from .study import MODELS

PIECES, STEPS, BATCH = 1024, 600, 512
_RATE = 1e-3
_CRITIC_WEIGHT = 0.01  # squares of rewards are large beside nats


def imitate(model: BaseAlgorithm, seed: int, **options: Any) -> float:
    """Make a new PPO model act like the note model.

    :param seed: of the pieces
    :param options: of the environment
    :return: how far it is off at the end: Kullback-Leibler divergence, nats an event
    """
    assert isinstance(model, PPO)
    seen, chances, returns = (torch.from_numpy(part) for part in own_pieces(model, seed, options))
    policy = model.policy
    optimiser = torch.optim.Adam(policy.parameters(), _RATE)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, STEPS)
    random = torch.Generator().manual_seed(seed)
    apart = torch.zeros(())
    for _ in range(STEPS):
        rows = torch.randint(len(seen), (BATCH,), generator=random)
        actor, critic = policy.mlp_extractor(seen[rows])
        told = functional.log_softmax(policy.action_net(actor), 1)
        apart = functional.kl_div(told, chances[rows], reduction="batchmean")
        missed = functional.mse_loss(policy.value_net(critic)[:, 0], returns[rows])
        optimiser.zero_grad()
        (apart + _CRITIC_WEIGHT * missed).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    return float(apart.detach())


def own_pieces(
    model: PPO, seed: int, options: dict[str, Any]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Observations, what the note model expects there, and what comes of it, of its own pieces.

    :return: [shape=(steps, inputs)], [steps, 38] and [steps], discounted returns
    """
    core = MelodyCore(PIECES, **options)
    core.reset(np.random.default_rng(seed))
    player = ModelNotes(seed)
    seen, chances, rewards = [], [], []
    for _ in range(core.steps):
        seen.append(core.present(core.observe()))
        chances.append(np.exp(core.log_probs))
        rewards.append(core.step(player.act(core))[1])
    returns = np.zeros((core.steps + 1, core.n), np.float32)
    for step in reversed(range(core.steps)):
        returns[step] = rewards[step] + model.gamma * returns[step + 1]
    return np.concatenate(seen), np.concatenate(chances), returns[:-1].ravel()


def ship(run: Path, name: str, command: str, temperature: float) -> None:
    """Put the policy of a run among the models that ship.

    :param temperature: of its draws; it becomes part of the last layer
    """
    policy = Policy.load(run / "policy.json", MELODY)
    assert policy.card is not None  # it was loaded with one
    last = sum(key.startswith("w") for key in policy.weights) - 1
    for key in (f"w{last}", f"b{last}"):
        policy.weights[key] = policy.weights[key] / np.float32(temperature)
    notes = policy.card.notes
    if temperature != 1.0:
        notes += (f"it draws at temperature {temperature:g}; its reward was measured at 1",)
    card = replace(policy.card, name=name, weights=f"{name}.npz", command=command, notes=notes)
    policy.save(MODELS, card)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="folder of the run")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, help="by default those of the configuration")
    parser.add_argument("--rules", default="repaired", help="repaired or published")
    parser.add_argument("--ship", metavar="NAME", help="of the card among the models that ship")
    parser.add_argument("--temperature", type=float, default=1.0, help="of what ships")
    options = parser.parse_args()
    config = load_config("melody", seed=options.seed)
    config = replace(
        config,
        steps=options.steps or config.steps,
        train=config.train | {"rules": options.rules},
        validation=config.validation | {"rules": options.rules},
    )

    def prepare(model: BaseAlgorithm) -> None:
        apart = imitate(model, options.seed, **config.train)
        print(f"it begins {apart:.4f} nats an event from the note model")

    train(config, options.run, prepare=prepare)
    if options.ship:
        command = f"python -m segue.agents.melody.training RUN --seed {options.seed}"
        command += f" --steps {config.steps} --rules {options.rules} --ship {options.ship}"
        command += f" --temperature {options.temperature}"
        ship(options.run, options.ship, command, options.temperature)


if __name__ == "__main__":
    main()
