"""Makes trained runs the shipped agents: `python -m segue.agents.timbre.ship RUN ...`.

Each run becomes `timbre-N`, with its reward on the test split for each kind of target on its card;
the one that earned most on validation also becomes `timbre`. The test split chooses nothing.
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


def ship(runs: Sequence[Path], folder: Path = MODELS, episodes: int = EPISODES) -> list[Card]:
    """Write the runs' policies and cards into the folder of shipped models.

    :param runs: folders that training left, in the order of the agents' numbers
    :param episodes: of the test split that a card reports, for each kind of target
    :return: the cards of the agents, then that of the chosen one
    """
    cards = []
    policies = [Policy.load(run / "policy.json", TIMBRE) for run in runs]
    for number, (run, policy) in enumerate(zip(runs, policies, strict=True)):
        card = read_card(run / "policy.json")
        name = f"timbre-{number}"
        card = replace(
            card,
            name=name,
            weights=f"{name}.npz",
            summary=f"imitation of who knows the target, then {card.summary}",
            metrics=(*card.metrics, *(_reward(policy, kind, episodes) for kind in TARGETS[:-1])),
            command=COMMAND,
        )
        cards.append(policy.save(folder, card))
    best = max(range(len(runs)), key=lambda at: cards[at].metrics[0].value)
    chosen = replace(
        cards[best],
        name="timbre",
        weights="timbre.npz",
        notes=(f"the same as timbre-{best}", *cards[best].notes),
    )
    return [*cards, policies[best].save(folder, chosen)]


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
    for card in ship(parser.parse_args().runs):
        found = ", ".join(f"{m.value:.3f} ({m.measured_on})" for m in card.metrics)
        print(f"{card.name}: {found}")


if __name__ == "__main__":
    main()
