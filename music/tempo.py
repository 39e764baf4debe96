"""Time: meter, and the one place where beats, seconds and frames are converted.

A beat is a quarter note. A tempo map is a list of (beat, bpm) steps; tempo is constant between
them.
"""

from bisect import bisect_right
from dataclasses import dataclass, field

from .errors import SegueError, check_range

MIN_BPM, MAX_BPM = 10.0, 600.0


@dataclass(frozen=True)
class Meter:
    """A time signature, e.g. 6/8 is Meter(6, 8): bars of three beats (quarter notes)."""

    numerator: int = 4
    denominator: int = 4

    def __post_init__(self) -> None:
        check_range("meter numerator", self.numerator, 1, 32)
        if self.denominator not in (1, 2, 4, 8, 16, 32):
            raise SegueError(
                f"meter denominator is {self.denominator}, not a power of two up to 32; "
                "write e.g. 3/4 or 6/8"
            )

    @property
    def bar_beats(self) -> float:
        """Length of a bar in beats (quarter notes)."""
        return self.numerator * 4 / self.denominator

    @classmethod
    def parse(cls, text: str) -> "Meter":
        """Meter from '3/4'."""
        parts = text.split("/")
        if len(parts) != 2 or not all(part.strip().isdigit() for part in parts):
            raise SegueError(f"meter {text!r} is not of the form 4/4; write e.g. 3/4 or 6/8")
        return cls(int(parts[0]), int(parts[1]))

    def __str__(self) -> str:
        return f"{self.numerator}/{self.denominator}"


@dataclass
class TempoMap:
    """Tempo over beats, piecewise constant; grows at its end with `change`."""

    bpm: float = 120.0  # tempo at beat 0
    _beats: list[float] = field(default_factory=list, repr=False)
    _bpms: list[float] = field(default_factory=list, repr=False)
    _seconds: list[float] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        if not self._beats:
            check_range("tempo in bpm", self.bpm, MIN_BPM, MAX_BPM)
            self._beats, self._bpms, self._seconds = [0.0], [float(self.bpm)], [0.0]

    @property
    def steps(self) -> list[tuple[float, float]]:
        """The (beat, bpm) steps in order."""
        return list(zip(self._beats, self._bpms, strict=True))

    def change(self, at_beats: float, bpm: float) -> None:
        """Set the tempo from `at_beats` on; must not lie before the last step."""
        check_range("tempo in bpm", bpm, MIN_BPM, MAX_BPM)
        last = self._beats[-1]
        if not at_beats >= last:
            raise SegueError(
                f"tempo change at beat {at_beats:g} lies before the last one at beat {last:g}; "
                "add changes in order"
            )
        if bpm == self._bpms[-1]:
            return
        if at_beats == last:
            self._bpms[-1] = float(bpm)
            self.bpm = self._bpms[0]
            return
        self._seconds.append(self.seconds(at_beats))
        self._beats.append(float(at_beats))
        self._bpms.append(float(bpm))

    def seconds(self, beats: float) -> float:
        """Seconds from beat 0 to `beats`."""
        step = max(bisect_right(self._beats, beats) - 1, 0)
        return self._seconds[step] + (beats - self._beats[step]) * 60.0 / self._bpms[step]

    def beats(self, seconds: float) -> float:
        """Beats from second 0 to `seconds`."""
        step = max(bisect_right(self._seconds, seconds) - 1, 0)
        return self._beats[step] + (seconds - self._seconds[step]) * self._bpms[step] / 60.0

    def frame(self, beats: float, sample_rate: int) -> int:
        """The audio frame nearest to a beat."""
        return round(self.seconds(beats) * sample_rate)
