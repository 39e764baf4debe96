"""Settings of `segue/Arrange-v0`: one frozen dataclass, checked, with named splits of cues."""

from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Any

from ...analysis.emotion.model import load_emotion_model
from ...analysis.scores.ear import Ear
from ...music.book import Book
from ...music.cue_file import load_cue, shipped_cues
from ...music.errors import SegueError, UnknownNameError, check_range
from ...music.themes import compose_theme
from ..games.traces import SPLITS
from .listener import ListenerSettings
from .observation import AHEAD_BARS
from .response import ThemeResponse

TARGETS = ("traces", "generator", "sliders", "mixed")

THEMES = {  # seeds of composed themes; no theme is in two splits
    "train": range(0, 16),
    "validation": range(1000, 1006),
    "test": range(2000, 2006),
    "heldout": range(2000, 2006),
}
"""Composed themes of each split; `test` and `heldout` also play every shipped cue."""


@dataclass(frozen=True)
class ArrangeSettings:
    """What is played, for whom, and what it is worth."""

    split: str = "train"  # of games and themes: train, validation, test, heldout
    targets: str = "traces"  # of a real game, made up, set by hand, or mixed
    scenario: str = ""  # the only one of the real games that is played; none: all of the split
    cues: tuple[str, ...] = ()  # names or folders of cues; none: those of the split
    themes: int = 0  # composed themes of `train`; none: as many as `THEMES` says
    bars: int = 64  # length of an episode [bars]
    model: str = "vgmidi"  # emotion model that the agent hears with
    listener_model: str = ""  # emotion model that listeners feel with; none: the same
    mood_weight: float = 1.0  # of the distance between felt and wanted mood [per sd]
    continuity_weight: float = 0.15  # of a bar's movement of the knobs
    rules_weight: float = 0.1  # of each rule of arranging that a bar breaks
    feedback_weight: float = 0.0  # of how bad an answer is: see `feedback.Answers.cost`
    forecast: bool = True  # the game is forecast; else the last mood wanted is taken to stay
    belief: bool = True  # belief is exact; else gains are 1 and biases shrunk means of ratings
    response: bool = True  # the response of the coming bars is seen
    game_told: bool = True  # what goes on in the game is told; else its moods alone
    show_game: bool = False  # the features of the game are seen too, at the end of an observation
    lookahead_bars: int = 0  # of the true future, in place of the forecast's
    known_listener: bool = False  # belief is the truth
    listener: ListenerSettings = field(default_factory=ListenerSettings)

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise UnknownNameError("split", self.split, SPLITS)
        if self.targets not in TARGETS:
            raise UnknownNameError("source of targets", self.targets, TARGETS)
        check_range("themes", self.themes, 0, THEMES["validation"][0])
        check_range("bars of an episode", self.bars, 1, 100_000)
        for name in ("mood_weight", "continuity_weight", "rules_weight", "feedback_weight"):
            check_range(name, getattr(self, name), 0.0, 1000.0)
        check_range("lookahead_bars", self.lookahead_bars, 0, AHEAD_BARS)

    @classmethod
    def from_options(cls, **options: Any) -> "ArrangeSettings":
        """Settings from plain options, those of the listener among them; unknown ones raise."""
        own = {item.name for item in fields(cls)} - {"listener"}
        listener = {item.name for item in fields(ListenerSettings)}
        for name in options:
            if name not in own | listener:
                raise UnknownNameError("option", name, own | listener, "segue/Arrange-v0")
        if "cues" in options:
            options["cues"] = tuple(options["cues"])
        of_listener = {name: options.pop(name) for name in list(options) if name in listener}
        return cls(listener=ListenerSettings.from_options(**of_listener), **options)


@lru_cache(maxsize=8)
def library(split: str, cues: tuple[str, ...], themes: int = 0) -> tuple[Book, Ear]:
    """The arranged cues of a split, or those named, and the ear that hears them. Cached.

    :param themes: composed themes of the training split; 0: as many as `THEMES` says
    """
    if cues:
        chosen = [load_cue(name) for name in cues]
    else:
        seeds = range(themes) if themes and split == "train" else THEMES[split]
        chosen = [compose_theme(seed) for seed in seeds]
        if split in ("test", "heldout"):
            chosen += [load_cue(name) for name in shipped_cues()]
    if not chosen:
        raise SegueError(f"the split {split!r} has no cues; name some with cues=[...]")
    book = Book(chosen)
    return book, Ear(book)


@lru_cache(maxsize=8)
def response_of(split: str, cues: tuple[str, ...], model: str, themes: int = 0) -> ThemeResponse:
    """The response of the bars of a `library` as an emotion model hears them. Cached."""
    return ThemeResponse(*library(split, cues, themes), load_emotion_model(model))
