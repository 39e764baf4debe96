"""Makes a trained run the shipped agent: `python -m segue.agents.timbre.ship RUN ...`.

Of some runs, the one that earned most on validation becomes `timbre`, with its reward on the test
split for each kind of target on its card. The test split chooses nothing.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from ...analysis.cards import Card, Metric, read_card
from ...envs import TIMBRE, make_core
from ...envs.timbre.settings import TARGETS
from ..evaluate import FIRST_SEED, play
from ..policy import Policy
from ..statistics import interval
from .study import MODELS

EPISODES = 256  # of each kind of target

COMMAND = "python -m segue.agents.timbre.training --run RUN"


def ship(runs: Sequence[Path], folder: Path = MODELS, episodes: int = EPISODES) -> Card:
    """Write the best run's policy and card into the folder of shipped models.

    :param runs: folders that training left
    :param episodes: of the test split that the card reports, for each kind of target
    """
    run = max(runs, key=lambda one: read_card(one / "policy.json").metrics[0].value)
    policy, card = Policy.load(run / "policy.json", TIMBRE), read_card(run / "policy.json")
    measured = (_reward(policy, kind, episodes) for kind in TARGETS[:-1])
    described = replace(
        card,
        name="timbre",
        weights="timbre.npz",
        summary=f"imitation of who knows the target, then {card.summary}",
        metrics=(*card.metrics, *measured),
        command=COMMAND,
        notes=(f"the best of {len(runs)} runs on validation",),
    )
    return policy.save(folder, described)


def _reward(policy: Policy, target: str, episodes: int) -> Metric:
    core = make_core(TIMBRE, episodes, split="test", target=target)
    played = play(core, policy, seed=FIRST_SEED)
    low, high = interval(played.reward)
    where = f"{episodes} episodes of the test split, target {target}"
    return Metric("mean reward a step", float(played.reward.mean()), low, high, where)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+")
    for metric in ship(parser.parse_args().runs).metrics:
        print(f"{metric.value:.3f} [{metric.low:.3f}, {metric.high:.3f}] {metric.measured_on}")


if __name__ == "__main__":
    main()
