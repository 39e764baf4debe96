"""Makes trained runs the shipped agents: `python -m segue.agents.timbre.ship RUNS`.

`RUNS/seed0`, `seed1` and so on become `timbre-0`, `timbre-1`: weights in half precision, and cards
with what each earned on validation. None is left out, and nothing is chosen.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from ...analysis.cards import Card, Source, save_model
from ...envs import TIMBRE
from ..policy import Policy
from .ensemble import MODELS, SEEDS
from .table import REACH

_SETTINGS = Source("settings of Segue's synthesizer", "MIT, made by Segue", "training")

_NOTES = (
    "measured alone, without table and memory",
    f"the agent follows what is farther than {REACH} from a table of settings as if it were about "
    "that near; chosen on validation, of .13, .16 and no such rule, 512 episodes of each kind of "
    "target: no kind worse with its interval apart, the best mean over the kinds",
)

COMMAND = "python -m segue.agents.timbre.training --run RUNS"


def ship(runs: Path, folder: Path = MODELS) -> list[Card]:
    """Write policies and cards into the folder of shipped models.

    :param runs: folder that training left, with one of each seed in it
    """
    found = []
    for seed in SEEDS:
        policy = Policy.load(runs / f"seed{seed}" / "policy.json", TIMBRE)
        assert policy.card is not None  # for the type checker: it was loaded
        name = f"timbre-{seed}"
        card = replace(
            policy.card,
            name=name,
            weights=f"{name}.npz",
            summary="imitation of who knows the target's knobs, on pairs of settings; [192, 192]",
            split="settings by draw, instruments by name; none of validation or test was seen",
            training_data=(_SETTINGS,),
            command=COMMAND,
            network=policy.network,
            notes=(f"seed {seed}", *_NOTES),
        )
        halves: dict[str, NDArray[Any]] = {
            key: value.astype(np.float16) for key, value in policy.weights.items()
        }
        found.append(save_model(folder, card, halves))
    return found


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", type=Path)
    for card in ship(parser.parse_args().runs):
        print(card.name, card.metrics[0])


if __name__ == "__main__":
    main()
