"""Training of the director of recorded music: it learns from a planner, then beyond it.

`python -m segue.agents.stems.training` does three things, each with tools that exist:

1. **demonstrations**: the planner plays training episodes, then says what it would do where the
   learner goes (DAgger: Ross, Gordon and Bagnell, AISTATS 2011);
2. **cloning**: the policy of MaskablePPO learns to decide alike, and its value network what it
   earns;
3. **MaskablePPO** (Huang and Ontanon, FLAIRS 2022) goes on from there, by `agents.train` and
   `configs/stems.yaml`.

From scratch, by `segue train stems`, MaskablePPO needs some hundred thousand bars only to find out
that asking for a section pays, as most sections it asks for by chance are the wrong ones.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from msgspec.structs import replace
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm

from ...envs.stems.core import StemsCore
from ..algorithms import make_model, player_of, use_one_thread
from ..config import Config, load_config
from ..sb3 import CoreVecEnv
from ..train import train
from .scene import Director
from .search import Search

EPOCHS, EPOCHS_ON_THE_WAY = 8, 2
"""Times that all demonstrations are learned from, after the last of them and between them."""

_BATCH, _RATE = 256, 1e-3
_VALUE_SHARE = 0.25  # of the loss
_WHOLE_RETURNS = 32  # bars at the start of an episode whose earnings are seen nearly to the end


@dataclass(frozen=True)
class Demonstrations:
    """What a teacher would do: observations [m, D], masks [m, A], actions [m].

    `returns` [m] are what was earned from there on, discounted; NaN near an episode's end.
    """

    observations: NDArray[np.float32]
    masks: NDArray[np.bool_]
    actions: NDArray[np.int64]
    returns: NDArray[np.float32]

    def and_more(self, other: "Demonstrations") -> "Demonstrations":
        """These, then those."""
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return Demonstrations(*(np.concatenate(pair) for pair in pairs))


def demonstrate(
    core: StemsCore, teacher: Director, learner: Director, rng: np.random.Generator, gamma: float
) -> Demonstrations:
    """What a teacher would do in the episodes that a learner plays.

    :param gamma: discount of what is earned
    """
    core.reset(rng)
    observations, masks, actions, rewards = [], [], [], []
    over = False
    while not over:
        observations.append(core.present(core.observe()))
        masks.append(core.action_masks())
        actions.append(teacher.act(core))
        _, reward, over, _ = core.step(learner.act(core))
        rewards.append(reward)
    returns = np.array(rewards)
    for bar in reversed(range(len(returns) - 1)):
        returns[bar] += gamma * returns[bar + 1]
    returns[_WHOLE_RETURNS:] = np.nan
    return Demonstrations(
        np.concatenate(observations),
        np.concatenate(masks),
        np.concatenate(actions),
        returns.ravel().astype(np.float32),
    )


def clone(model: BaseAlgorithm, shown: Demonstrations, epochs: int, seed: int = 0) -> float:
    """Let a policy of MaskablePPO decide as was shown; the share of decisions that it repeats."""
    policy: Any = model.policy
    rng = np.random.default_rng(seed)
    batches = max(len(shown.actions) // _BATCH, 1)
    optimiser = torch.optim.Adam(policy.parameters(), lr=_RATE)
    fall = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.05, max(epochs, 1) * batches)
    for _ in range(epochs):
        for rows in np.array_split(rng.permutation(len(shown.actions)), batches):
            returns = torch.as_tensor(shown.returns[rows])
            values, likely, _ = policy.evaluate_actions(
                torch.as_tensor(shown.observations[rows]),
                torch.as_tensor(shown.actions[rows]),
                torch.as_tensor(shown.masks[rows]),
            )
            seen = ~returns.isnan()
            error = (values.flatten()[seen] - returns[seen]).square().mean()
            loss = -likely.mean() + _VALUE_SHARE * error
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            fall.step()
    some = rng.permutation(len(shown.actions))[: 16 * _BATCH]
    with torch.no_grad():
        decided, _ = model.predict(  # type: ignore[call-arg]
            shown.observations[some], action_masks=shown.masks[some], deterministic=True
        )
    return float((decided == shown.actions[some]).mean())


def gather(config: Config, rounds: int, episodes: int, seed: int) -> Demonstrations:
    """Demonstrations of the planner: in its own episodes, then in those of a learner.

    :param rounds: times that so many episodes are played
    """
    core = StemsCore(episodes, **config.train)
    teacher = Search(horizon=6, beam=3, forecast=True)
    model = make_model(config, CoreVecEnv(core))
    gamma = float(config.hyper["gamma"])
    rng = np.random.default_rng(seed)
    learner: Director = teacher
    shown: Demonstrations | None = None
    for number in range(rounds):
        new = demonstrate(core, teacher, learner, rng, gamma)
        shown = new if shown is None else shown.and_more(new)
        same = clone(model, shown, EPOCHS_ON_THE_WAY, seed=number)
        learner = player_of(model, config)
        print(f"round {number + 1}: {len(shown.actions)} bars, {same:.2f} decided alike")
    assert shown is not None
    return shown


def load_or_gather(path: Path, config: Config, rounds: int, episodes: int) -> Demonstrations:
    """Demonstrations that lie in a file, or new ones, which are left there."""
    if path.exists():
        with np.load(path, allow_pickle=False) as held:
            return Demonstrations(**{name: held[name] for name in held.files})
    shown = gather(config, rounds, episodes, seed=1_000)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, allow_pickle=False, **vars(shown))
    return shown


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--steps", type=int)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--episodes", type=int, default=128)
    parser.add_argument("--run", type=Path, default=Path("runs/stems"))
    arguments = parser.parse_args()
    use_one_thread()
    for seed in arguments.seeds:
        changes = {} if arguments.steps is None else {"steps": arguments.steps}
        config = load_config("stems", seed=seed, **changes)
        path = arguments.run / "demonstrations.npz"
        shown = load_or_gather(path, config, arguments.rounds, arguments.episodes)
        note = f"demonstrations, shared by all seeds: {len(shown.actions):,} bars of the planner"
        config = replace(config, card=replace(config.card, notes=(note,)))

        def prepare(model: BaseAlgorithm, seed: int = seed, shown: Demonstrations = shown) -> None:
            same = clone(model, shown, EPOCHS, seed=seed)
            print(f"seed {seed}: {same:.2f} decided alike")

        train(config, arguments.run / f"seed{seed}", prepare=prepare, quiet=True)


if __name__ == "__main__":
    main()
