"""Training of the director of recorded music: it learns from a planner, then beyond it.

`python -m segue.agents.stems.training` does three things, each with tools that exist:

1. **demonstrations**: the planner plays training episodes, then tells what each action is worth
   where the learner goes (DAgger: Ross, Gordon and Bagnell, AISTATS 2011);
2. **cloning**: the policy of MaskablePPO learns to think alike, and its value network what it
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

EPOCHS, EPOCHS_ON_THE_WAY = 14, 2
"""Times that all demonstrations are learned from, after the last of them and between them."""

SOFTNESS = 0.03
"""Actions whose worth differs by so much differ in their chances by a factor e."""

SHARPER = 4.0
"""By this the logits are multiplied once they are learned, so that what is tried is good enough."""

_BATCH, _RATE = 256, 1e-3
_LEAST_LOGIT, _MOST_REGRET = -30.0, 1.0
_VALUE_SHARE = 0.25  # of the loss
_WHOLE_RETURNS = 32  # bars at the start of an episode whose earnings are seen nearly to the end


@dataclass(frozen=True)
class Demonstrations:
    """What a teacher thinks of actions: observations [m, D], masks [m, A], worth [m, A].

    The worth of an action is what it is expected to earn, -inf of one that is not thought of.
    `returns` [m] are what was earned from there on, discounted; NaN near an episode's end.
    """

    observations: NDArray[np.float32]
    masks: NDArray[np.bool_]
    worth: NDArray[np.float32]
    returns: NDArray[np.float32]

    def and_more(self, other: "Demonstrations") -> "Demonstrations":
        """These, then those."""
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return Demonstrations(*(np.concatenate(pair) for pair in pairs))


def demonstrate(
    core: StemsCore,
    teacher: Search,
    learner: Director | None,
    rng: np.random.Generator,
    gamma: float,
) -> Demonstrations:
    """What a teacher thinks of all actions in the episodes that a learner plays.

    :param learner: who plays; None: the teacher itself
    :param gamma: discount of what is earned
    """
    core.reset(rng)
    observations, masks, worths, rewards = [], [], [], []
    over = False
    while not over:
        observations.append(core.present(core.observe()))
        masks.append(core.action_masks())
        worths.append(teacher.worth(core))
        actions = worths[-1].argmax(axis=1) if learner is None else learner.act(core)
        _, reward, over, _ = core.step(actions)
        rewards.append(reward)
    returns = np.array(rewards)
    for bar in reversed(range(len(returns) - 1)):
        returns[bar] += gamma * returns[bar + 1]
    returns[_WHOLE_RETURNS:] = np.nan
    return Demonstrations(
        np.concatenate(observations),
        np.concatenate(masks),
        np.concatenate(worths).astype(np.float32),
        returns.ravel().astype(np.float32),
    )


def clone(model: BaseAlgorithm, shown: Demonstrations, epochs: int, seed: int = 0) -> float:
    """Let a policy of MaskablePPO think of actions as was shown.

    Its chances learn those of softmax(worth / `SOFTNESS`): actions that are worth nearly the same
    are as good as each other.

    :return: what its best actions are worth less than the best ones, on average
    """
    policy: Any = model.policy
    rng = np.random.default_rng(seed)
    batches = max(len(shown.worth) // _BATCH, 1)
    optimiser = torch.optim.Adam(policy.parameters(), lr=_RATE)
    fall = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.05, max(epochs, 1) * batches)
    for _ in range(epochs):
        for rows in np.array_split(rng.permutation(len(shown.worth)), batches):
            observations = torch.as_tensor(shown.observations[rows])
            masks, returns = shown.masks[rows], torch.as_tensor(shown.returns[rows])
            wanted = torch.softmax(torch.as_tensor(shown.worth[rows]) / SOFTNESS, dim=1)
            chances = policy.get_distribution(observations, masks).distribution.logits
            seen = ~returns.isnan()
            error = (policy.predict_values(observations).flatten()[seen] - returns[seen]).square()
            likely = (wanted * chances.clamp(min=_LEAST_LOGIT)).sum(dim=1).mean()
            loss = _VALUE_SHARE * error.mean() - likely
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            fall.step()
    some = rng.permutation(len(shown.worth))[: 16 * _BATCH]
    with torch.no_grad():
        decided, _ = model.predict(  # type: ignore[call-arg]
            shown.observations[some], action_masks=shown.masks[some], deterministic=True
        )
    best, worth = shown.worth[some].max(axis=1), shown.worth[some, decided]
    return float(np.minimum(best - worth, _MOST_REGRET).mean())


def sharpen(model: BaseAlgorithm) -> None:
    """Let a policy of MaskablePPO be surer of the same: its chances are too wide to play by."""
    policy: Any = model.policy
    with torch.no_grad():
        for weights in policy.action_net.parameters():
            weights *= SHARPER


def gather(config: Config, rounds: int, episodes: int, seed: int) -> Demonstrations:
    """Demonstrations of the planner: in its own episodes, then in those of a learner.

    :param rounds: times that so many episodes are played
    """
    core = StemsCore(episodes, **config.train)
    teacher = Search(horizon=6, forecast=True)
    model = make_model(config, CoreVecEnv(core))
    gamma = float(config.hyper["gamma"])
    rng = np.random.default_rng(seed)
    learner: Director | None = None
    shown: Demonstrations | None = None
    for number in range(rounds):
        new = demonstrate(core, teacher, learner, rng, gamma)
        shown = new if shown is None else shown.and_more(new)
        regret = clone(model, shown, EPOCHS_ON_THE_WAY, seed=number)
        learner = player_of(model, config)
        print(f"round {number + 1}: {len(shown.worth)} bars, regret {regret:.4f}")
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
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--episodes", type=int, default=128)
    parser.add_argument("--run", type=Path, default=Path("runs/stems"))
    arguments = parser.parse_args()
    use_one_thread()
    for seed in arguments.seeds:
        changes = {} if arguments.steps is None else {"steps": arguments.steps}
        config = load_config("stems", seed=seed, **changes)
        path = arguments.run / "demonstrations.npz"
        shown = load_or_gather(path, config, arguments.rounds, arguments.episodes)
        note = f"demonstrations, shared by all seeds: {len(shown.worth):,} bars of the planner"
        config = replace(config, card=replace(config.card, notes=(note,)))

        def prepare(model: BaseAlgorithm, seed: int = seed, shown: Demonstrations = shown) -> None:
            print(f"seed {seed}: regret {clone(model, shown, EPOCHS, seed=seed):.4f}")
            sharpen(model)

        train(config, arguments.run / f"seed{seed}", prepare=prepare, quiet=True)


if __name__ == "__main__":
    main()
