"""Makes trained runs the shipped agents: `python -m segue.agents.stems.ship RUN ...`.

Each run becomes `stems-N`, with its reward on the test splits added to its card; the one that
earned most on validation also becomes `stems`. The test splits choose nothing.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from ...analysis.cards import Card, read_card, save_model
from ...envs import STEMS
from ..evaluate import reward_metric
from ..policy import Policy
from .players import MODELS

EPISODES = 256  # of each split
SPLITS = ("test", "heldout")
COMMAND = "python -m segue.agents.stems.training --seeds N"


def ship(runs: Sequence[Path], folder: Path = MODELS, episodes: int = EPISODES) -> list[Card]:
    """Write the runs' policies and cards into the folder of shipped models.

    :param runs: folders that training left, in the order of the agents' numbers
    :param episodes: of each split that a card reports
    :return: the cards of the agents, then that of the chosen one
    """
    cards = []
    policies = [_light(Policy.load(run / "policy.json", STEMS)) for run in runs]
    for number, (run, policy) in enumerate(zip(runs, policies, strict=True)):
        card, name = read_card(run / "policy.json"), f"stems-{number}"
        card = replace(
            card,
            name=name,
            weights=f"{name}.npz",
            summary=f"cloned from a planner, then {card.summary}",
            metrics=(
                *card.metrics,
                *(reward_metric(STEMS, policy, split, episodes) for split in SPLITS),
            ),
            command=COMMAND,
        )
        cards.append(_save(policy, folder, card))
    best = max(range(len(runs)), key=lambda at: cards[at].metrics[0].value)
    chosen = replace(
        cards[best],
        name="stems",
        weights="stems.npz",
        notes=(f"the same as stems-{best}", *cards[best].notes),
    )
    return [*cards, _save(policies[best], folder, chosen)]


def _light(policy: Policy) -> Policy:
    """The same policy in half precision, at half the size."""
    held: dict[str, NDArray[Any]] = {
        name: weights.astype(np.float16) for name, weights in policy.weights.items()
    }
    light = Policy(held, policy.network)  # which computes in single precision
    light.card = policy.card
    return light


def _save(policy: Policy, folder: Path, card: Card) -> Card:
    card = replace(card, network=policy.network)
    held: dict[str, NDArray[Any]] = {
        name: weights.astype(np.float16) for name, weights in policy.weights.items()
    }
    return save_model(folder, card, held)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+")
    for card in ship(parser.parse_args().runs):
        found = ", ".join(f"{m.value:.3f} ({m.measured_on})" for m in card.metrics)
        print(f"{card.name}: {found}")


if __name__ == "__main__":
    main()
