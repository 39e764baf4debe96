"""Moods: what music expresses, or what is wanted of it."""

from dataclasses import dataclass

from .errors import check_range

MOOD_PER_SD = 0.5
"""One standard deviation of the listeners' ratings in mood units: +-1 is the edge of what they
report.

Listeners rated the bars of VGMIDI (Ferreira and Whitehead, ISMIR 2019); the mean rating of a bar
varies with a standard deviation of 0.23 (valence) and 0.26 (arousal) on their own scale. Mood 0 is
the mean rating, mood 0.5 one such deviation above it.
"""


@dataclass(frozen=True)
class Mood:
    """Valence (dark to bright), arousal (calm to excited), tension (rest to strain): [-1, 1]."""

    valence: float = 0.0
    arousal: float = 0.0
    tension: float = 0.0

    @property
    def axes(self) -> list[float]:
        """Valence, arousal and tension."""
        return [self.valence, self.arousal, self.tension]

    def __post_init__(self) -> None:
        for name in ("valence", "arousal", "tension"):
            object.__setattr__(self, name, check_range(name, getattr(self, name), -1.0, 1.0))
