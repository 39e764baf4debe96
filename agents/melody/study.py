"""The study of `segue/Melody-v0`: who writes, and what is measured of the pieces."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...envs import MELODY
from ...envs.core import Core
from ..policy import Policy
from ..study import Episodes, Player, Study
from .baselines import ModelNotes, RandomNotes

MODELS = Path(__file__).parent.parent / "models"
SEEDS = tuple(f"composer-{seed}" for seed in range(5))
PLAYERS = {
    "random": "any event, each as likely as the others",
    "notes": "the note model, drawn",
    "filter": "the note model without the events that break a rule at once, drawn",
    "naive": "the same training with the rules as published, at temperature 0.2: it games them",
    "composer": "PPO that began as the note model; of the seeds that validation likes best",
}
BEST_SEED = 3

TUNES = (
    "Tunes of the test split (539 phrases; python -m segue.agents.melody.tunes): repeats 0.004, "
    "not in key 0.010, motif 0.641, repeated motif 0.017, autocorrelation -0.19, 0.36, -0.26, "
    "starts on tonic 0.334, unique max 0.583, min 0.503, leaps resolved 0.855, 1.25 leaps a piece, "
    "log-probability -1.41"
)
RL_TUNER = (
    "RL Tuner (Q; Jaques et al. 2016, Table 1; 100,000 pieces, another note model and other data, "
    "so not to be compared number by number): repeats 0.000, not in key 0.010, motif 0.757, "
    "repeated motif 0.001, autocorrelation -0.11, 0.03, 0.03, starts on tonic 0.288, "
    "unique max 0.564, min 0.519, leaps resolved 0.911"
)


def make_player(name: str, seed: int) -> Player:
    """A player by its name in `PLAYERS` or `SEEDS`, and a seed for what it draws."""
    if name == "random":
        return RandomNotes(seed)
    if name in ("notes", "filter"):
        return ModelNotes(seed, filtered=name == "filter")
    file = {"composer": SEEDS[BEST_SEED], "naive": "composer-naive"}.get(name, name)
    return Policy.load(MODELS / f"{file}.json", MELODY, seed=seed)


def pieces(core: Core) -> Any:
    """The events [shape=(n, 32)] of the pieces that have just been written."""
    return core.listening.events.copy()  # type: ignore[attr-defined]


def summary(played: Sequence[Episodes]) -> dict[str, float]:
    """Of each player, over all its pieces.

    * `..._distinct`: different pieces / pieces
    * `..._leaps_resolved`: resolved leaps / resolved and doubled ones, as RL Tuner counts
    * `..._log_prob_gap`: mean log-probability of an event, less that of the note model's own pieces
    """
    found: dict[str, float] = {}
    own = [one.metrics["log_prob"].mean() for one in played if one.player == "notes"]
    for one in played:
        written = np.concatenate(one.kept)
        found[f"{one.player}_distinct"] = len(np.unique(written, axis=0)) / len(written)
        resolved, doubled = (float(one.metrics[name].sum()) for name in ("resolved", "doubled"))
        if resolved + doubled:
            found[f"{one.player}_leaps_resolved"] = resolved / (resolved + doubled)
        if own:
            found[f"{one.player}_log_prob_gap"] = float(one.metrics["log_prob"].mean() - own[0])
    return found


STUDY = Study(
    environment=MELODY,
    players=PLAYERS,
    make=make_player,
    baseline="notes",
    seeds=SEEDS,
    splits=("train", "validation", "test"),
    keep=pieces,
    summary=summary,
    notes=(TUNES, RL_TUNER),
)
