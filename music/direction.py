"""What an agent decides for the next bar."""

from dataclasses import dataclass, field, fields, replace

import numpy as np
from numpy.typing import NDArray

from .errors import UnknownNameError, check_range

KNOBS = (
    "tempo",  # slow to fast within the cue's range
    "mode",  # dark (phrygian) to bright (lydian) within the cue's modes
    "harmony",  # sustained chords: none to full
    "arpeggio",  # moving figures: none to dense
    "bass",  # bass line: none to busy
    "drums",  # percussion: none to full
    "register",  # low to high
    "articulation",  # staccato to legato
    "dynamics",  # soft to loud
)
"""The continuous part of a direction, each in [0, 1], in the order of agents' action vectors."""


@dataclass(frozen=True)
class Direction:
    """How the next bar is to be arranged."""

    tempo: float = 0.5
    mode: float = 0.5
    harmony: float = 0.5
    arpeggio: float = 0.25
    bass: float = 0.5
    drums: float = 0.25
    register: float = 0.5
    articulation: float = 0.5
    dynamics: float = 0.5
    section: str | None = None  # go to this section at the next point its transition allows
    lead: bool | None = None  # whether a filler bar leads there; None: as the transition says
    entry: str = "start"  # of that section; same: at the bar at which the old one is left
    fill: bool = False  # a drum fill in this bar
    levels: dict[str, float] = field(default_factory=dict)  # layer name -> gain 0..1, 1 if absent

    def __post_init__(self) -> None:
        for name in KNOBS:
            object.__setattr__(self, name, check_range(name, getattr(self, name), 0.0, 1.0))
        for layer, level in self.levels.items():
            check_range(f"level of layer {layer!r}", level, 0.0, 1.0)

    @property
    def knobs(self) -> NDArray[np.float64]:
        """The nine knobs [shape=(9,)] in the order of `KNOBS`, each in [0, 1]."""
        return np.array([getattr(self, name) for name in KNOBS])

    def with_knobs(self, knobs: NDArray[np.floating]) -> "Direction":
        """A copy with the nine knobs replaced; values are clipped to [0, 1]."""
        values = np.clip(knobs, 0.0, 1.0)
        return self.with_changes(**dict(zip(KNOBS, map(float, values), strict=True)))

    def with_changes(self, **changes: object) -> "Direction":
        """A copy with named fields replaced; an unknown name raises and names the nearest."""
        known = [item.name for item in fields(self)]
        for name in changes:
            if name not in known:
                raise UnknownNameError("direction", name, known)
        return replace(self, **changes)  # type: ignore[arg-type]
