"""Settings of `segue/Melody-v0`."""

from dataclasses import dataclass, fields
from typing import Any

from ...music.errors import UnknownNameError, check_range
from .rules import GROUPS, RULES

SPLITS = {"train": 0, "validation": 1, "test": 2}
"""Splits differ in the numbers their primes are drawn from, and in nothing else."""


@dataclass(frozen=True)
class MelodySettings:
    """Which rules, and what each group of them and the note model weigh."""

    split: str = "train"  # of what is drawn: train, validation, test
    rules: str = "repaired"  # or as published
    model: str = "notes"  # note model: a name, or the path of a card
    note_model_weight: float = 1.0  # of the log-probability of an event [per nat]
    key_weight: float = 1.0
    tonic_weight: float = 1.0
    repeats_weight: float = 1.0
    motif_weight: float = 1.0
    repeated_motif_weight: float = 1.0
    intervals_weight: float = 1.0
    leaps_weight: float = 1.0
    autocorrelation_weight: float = 1.0
    extremes_weight: float = 1.0

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise UnknownNameError("split", self.split, SPLITS)
        if self.rules not in RULES:
            raise UnknownNameError("rules", self.rules, RULES)
        for group in ("note_model", *GROUPS):
            name = f"{group}_weight"
            check_range(name, getattr(self, name), 0.0, 1000.0)

    @classmethod
    def from_options(cls, **options: Any) -> "MelodySettings":
        """Settings from plain options; an unknown one raises UnknownNameError."""
        known = {item.name for item in fields(cls)}
        for name in options:
            if name not in known:
                raise UnknownNameError("option", name, known, "segue/Melody-v0")
        return cls(**options)

    def weights(self) -> dict[str, float]:
        """By the name of each term of the reward."""
        return {group: getattr(self, f"{group}_weight") for group in ("note_model", *GROUPS)}
