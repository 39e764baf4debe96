"""Makes trained runs the shipped agents: `python -m segue.agents.arrange.ship RUN ...`.

Each run becomes `arranger-N`, with its reward on the splits for testing added to its card; the one
that earned most on validation also becomes `arranger`. With `--ppo` they become `arranger-ppo-N`,
for comparison. The test split chooses nothing.
"""

import argparse
from pathlib import Path

from msgspec.structs import replace

from ...analysis.cards import Card, read_card
from ...envs import ARRANGE
from ..evaluate import reward_metric
from ..policy import Policy
from .directors import MODELS

EPISODES = 1280  # of each split
SPLITS = ("test", "heldout")


def ship(
    runs: list[Path], folder: Path = MODELS, episodes: int = EPISODES, *, ppo: bool = False
) -> list[Card]:
    """Write the runs' policies and cards into the folder of shipped models.

    :param runs: folders that a training left, in the order of the agents' numbers
    :param episodes: of each split that a card reports
    :param ppo: they are for comparison, and none of them becomes the agent
    :return: the cards of the agents, then that of the chosen one
    """
    cards = []
    policies = [Policy.load(run / "policy.json", ARRANGE) for run in runs]
    for number, (run, policy) in enumerate(zip(runs, policies, strict=True)):
        card = read_card(run / "policy.json")
        metrics = (
            *card.metrics,
            *(reward_metric(ARRANGE, policy, split, episodes) for split in SPLITS),
        )
        name = f"arranger-ppo-{number}" if ppo else f"arranger-{number}"
        cards.append(
            policy.save(folder, replace(card, name=name, weights=f"{name}.npz", metrics=metrics))
        )
    if ppo:
        return cards
    best = max(range(len(runs)), key=lambda at: cards[at].metrics[0].value)
    chosen = replace(
        cards[best],
        name="arranger",
        weights="arranger.npz",
        notes=(*cards[best].notes, f"the same as arranger-{best}"),
    )
    return [*cards, policies[best].save(folder, chosen)]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--ppo", action="store_true", help="runs of PPO from scratch")
    asked = parser.parse_args()
    for card in ship(asked.runs, ppo=asked.ppo):
        found = ", ".join(f"{m.value:.3f} ({m.measured_on})" for m in card.metrics)
        print(f"{card.name}: {found}")


if __name__ == "__main__":
    main()
