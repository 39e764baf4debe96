"""The numbers that an agent of `segue/Arrange-v0` sees, by name: the same in training and live."""

from ...music.direction import KNOBS
from ..games.game import GAME_FEATURES
from .response import COMPONENTS, NEXT_COMPONENTS

AHEAD_BARS = 5
"""Bars of the forecast that are seen; the first is the one being decided."""

DOUBTED = (1, 4)
"""Bars ahead whose forecast's scale is seen."""

_AXES = ("valence", "arousal")
_PAIRS_FIRST = ("estimate", "felt", "gain", "bias", "doubt", "bias_doubt", "next", "next_pull")
_PAIRS = (
    *_PAIRS_FIRST,
    "gap",
    "target",
    "change",
    *(f"ahead_{bar}" for bar in range(1, AHEAD_BARS + 1)),
    *(f"ahead_doubt_{bar}" for bar in DOUBTED),
)

OBSERVATION: tuple[str, ...] = (
    *(f"knob_{name}" for name in KNOBS),
    *(f"{name}_{axis}" for name in _PAIRS for axis in _AXES),
    "phase_sin",
    "phase_cos",
    "phrase_boundary",
    "leaving",
    "brightness",
    "ratings",
    "log_bar_seconds",
    *(f"response_coming_{number}" for number in range(COMPONENTS)),
    *(f"response_next_{number}" for number in range(NEXT_COMPONENTS)),
)
"""The numbers of an observation, in order; the manual says what they are."""

SHOWN_GAME: tuple[str, ...] = tuple(f"game_{name}" for name in GAME_FEATURES)
"""What `show_game` adds at the end."""
