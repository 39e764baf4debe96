"""Settings of `segue/Timbre-v0`: one frozen dataclass, checked."""

from dataclasses import dataclass, fields
from typing import Any

from ...analysis.spectra import RATE
from ...music.errors import UnknownNameError, check_range

SPLITS = ("train", "validation", "test")
TARGETS = ("setting", "glide", "note", "phrase", "mixed")

STEP_SECONDS = 0.2
"""What is heard between two actions."""


@dataclass(frozen=True)
class TimbreSettings:
    """What is to be followed, and what following is worth."""

    split: str = "train"  # of targets: no setting, and no instrument, is in two of them
    target: str = "setting"  # fixed or gliding knobs, note or phrase of an instrument, or mixed
    steps: int = 32  # of an episode, each of STEP_SECONDS
    discrete: bool = False  # knobs go down, stay or go up by `discrete_move`
    largest_move: float = 0.25  # of a knob in a step, of its range
    discrete_move: float = 0.05
    loudness_weight: float = 1.0  # of each distance in the mean of all
    brightness_weight: float = 1.0
    noisiness_weight: float = 1.0
    pitch_weight: float = 1.0
    envelope_weight: float = 1.0
    chroma_weight: float = 0.5
    improvement_weight: float = 0.5  # of the distance that a step has taken away
    movement_weight: float = 0.1  # of the mean movement of the knobs, of their ranges
    tolerance: float = 0.15  # distance at which the target counts as met
    sample_rate: int = RATE  # at which the synthesizer computes; the ears hear at 22,050 Hz

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise UnknownNameError("split", self.split, SPLITS)
        if self.target not in TARGETS:
            raise UnknownNameError("target", self.target, TARGETS)
        check_range("steps of an episode", self.steps, 1, 10_000)
        check_range("largest_move", self.largest_move, 0.001, 1.0)
        check_range("discrete_move", self.discrete_move, 0.001, 1.0)
        check_range("tolerance", self.tolerance, 0.0, 2.0)
        check_range("sample rate in Hz", self.sample_rate, RATE, 192_000)
        for item in fields(self):
            if item.name.endswith("_weight"):
                check_range(item.name, getattr(self, item.name), 0.0, 1000.0)

    @classmethod
    def from_options(cls, **options: Any) -> "TimbreSettings":
        """Settings from plain options; unknown ones raise."""
        known = {item.name for item in fields(cls)}
        for name in options:
            if name not in known:
                raise UnknownNameError("option", name, known, "segue/Timbre-v0")
        return cls(**options)

    @property
    def weights(self) -> dict[str, float]:
        """Share of each distance in the mean of all, by name."""
        names = ("loudness", "brightness", "noisiness", "pitch", "envelope", "chroma")
        given = {name: float(getattr(self, f"{name}_weight")) for name in names}
        total = sum(given.values()) or 1.0
        return {name: weight / total for name, weight in given.items()}
