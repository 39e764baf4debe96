"""Settings of `segue/Stems-v0`: one frozen dataclass, checked, with named splits of scores."""

from dataclasses import dataclass, field, fields
from typing import Any

from ...music.cue_file import load_cue
from ...music.errors import UnknownNameError, check_range
from ..arrange.listener import ListenerSettings
from ..arrange.settings import TARGETS
from ..games.traces import SPLITS
from .library import Library, composed_library, make_library

SCORES = {  # seeds of composed scores; no score is in two splits but those of test
    "train": range(0, 48),
    "validation": range(1000, 1008),
    "test": range(2000, 2016),
    "heldout": range(2000, 2016),
}
"""Composed scores of each split; `heldout` plays those of `test` to games held out."""


@dataclass(frozen=True)
class StemsSettings:
    """What is played, for whom, and what it is worth."""

    split: str = "train"  # of games and scores: train, validation, test, heldout
    targets: str = "traces"  # of a real game, made up, set by hand, or mixed
    cues: tuple[str, ...] = ()  # folders of recorded cues; none: the scores of the split
    bars: int = 64  # length of an episode [bars]
    model: str = "vgmidi"  # emotion model that the agent hears with
    listener_model: str = ""  # emotion model that listeners feel with; none: the same
    forecast: bool = (
        True  # whether the game is forecast; else the last mood wanted is taken to stay
    )
    mood_weight: float = 1.0  # of the distance between felt and wanted mood [per sd]
    movement_weight: float = 0.04  # of each level that a part moves
    monotony_weight: float = 0.05  # of each turn of a section beyond the second, up to four
    promise_weight: float = 0.2  # of a section that was asked for and given up for another
    listener: ListenerSettings = field(default_factory=ListenerSettings)

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise UnknownNameError("split", self.split, SPLITS)
        if self.targets not in TARGETS:
            raise UnknownNameError("source of targets", self.targets, TARGETS)
        check_range("bars of an episode", self.bars, 1, 100_000)
        for name in ("mood_weight", "movement_weight", "monotony_weight", "promise_weight"):
            check_range(name, getattr(self, name), 0.0, 1000.0)

    @classmethod
    def from_options(cls, **options: Any) -> "StemsSettings":
        """Settings from plain options, those of the listener among them; unknown ones raise."""
        own = {item.name for item in fields(cls)} - {"listener"}
        listener = {item.name for item in fields(ListenerSettings)}
        for name in options:
            if name not in own | listener:
                raise UnknownNameError("option", name, own | listener, "segue/Stems-v0")
        if "cues" in options:
            options["cues"] = tuple(options["cues"])
        of_listener = {name: options.pop(name) for name in list(options) if name in listener}
        return cls(listener=ListenerSettings.from_options(**of_listener), **options)

    def library(self) -> Library:
        """What is played, as tables."""
        if self.cues:
            cues = [load_cue(name) for name in self.cues]
            return make_library(cues, self.model, self.listener_model)
        return composed_library(SCORES[self.split], self.model, self.listener_model)
