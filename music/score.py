"""Symbolic music: notes as numpy structured arrays, tracks and scores round them.

Conventions: time in beats (a beat is a quarter note), pitch as MIDI note number 0..127 (60 = middle
C), velocity in (0, 1] (MIDI velocity / 127). Arrays of notes are sorted by onset, then pitch.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .errors import RangeError, SegueError, check_range
from .tempo import Meter, TempoMap

NOTE = np.dtype(
    [
        ("onset_beats", np.float64),
        ("duration_beats", np.float64),
        ("pitch", np.uint8),
        ("velocity", np.float32),
    ]
)
"""One note of a track."""

ONSET_TOLERANCE_BEATS = 1e-6
"""Onsets nearer than this count as one: beats that were computed carry rounding errors."""

MAX_BEATS = 1e6
"""The latest beat of a marker: some days of music."""

Notes = NDArray[np.void]
"""A structured array [shape=(n,)] of dtype `NOTE` (or one that extends it)."""


def make_notes(rows: list[tuple[float, float, int, float]]) -> Notes:
    """Sorted, checked notes from rows of (onset_beats, duration_beats, pitch, velocity)."""
    notes = np.array(rows, dtype=NOTE)
    check_notes(notes)
    return sort_notes(notes)


def sort_notes(notes: Notes) -> Notes:
    """The same notes by onset, then pitch."""
    return notes[np.lexsort((notes["pitch"], notes["onset_beats"]))]


def check_notes(notes: Notes) -> None:
    """Raise unless onsets are finite, >= 0, durations > 0, pitches <= 127, velocities in (0, 1]."""
    limits = {
        "onset_beats": (0.0, np.inf),
        "duration_beats": (1e-9, np.inf),
        "pitch": (0, 127),
        "velocity": (1e-9, 1.0),
    }
    for name, (low, high) in limits.items():
        column = notes[name].astype(float)
        bad = ~((column >= low) & (column <= high) & np.isfinite(column))
        if bad.any():
            index = int(np.flatnonzero(bad)[0])
            raise RangeError(f"{name} of note {index}", float(column[index]), low, high)


@dataclass(frozen=True)
class Track:
    """One part: a name, its notes, and the General MIDI program and channel to write it with."""

    name: str
    notes: Notes
    program: int = 0  # General MIDI program, 0..127
    channel: int = 0  # MIDI channel, 0..15; 9 is drums
    bank: int = 0  # of programs, 0..16383; 0 is General MIDI

    def __post_init__(self) -> None:
        check_notes(self.notes)

    @property
    def end_beats(self) -> float:
        """Where the last note ends, in beats."""
        if not len(self.notes):
            return 0.0
        return float((self.notes["onset_beats"] + self.notes["duration_beats"]).max())


@dataclass(frozen=True)
class Marker:
    """A word at a moment of a score, such as the name of a section that begins there."""

    beat: float  # from the start of the score, 0 or later
    text: str

    def __post_init__(self) -> None:
        check_range(f"beat of marker {self.text!r}", self.beat, 0.0, MAX_BEATS)


@dataclass(frozen=True)
class Score:
    """Tracks over one tempo map and one meter, and markers in the order of their beats."""

    tracks: tuple[Track, ...]
    tempo: TempoMap = field(default_factory=TempoMap)
    meter: Meter = field(default_factory=Meter)
    title: str = ""
    markers: tuple[Marker, ...] = ()

    def __post_init__(self) -> None:
        in_order = sorted(self.markers, key=lambda marker: marker.beat)
        object.__setattr__(self, "markers", tuple(in_order))

    @property
    def end_beats(self) -> float:
        """Where the last note of all tracks ends, in beats."""
        return max((track.end_beats for track in self.tracks), default=0.0)

    def track(self, name: str) -> Track:
        """The track of that name, or SegueError that lists the names."""
        for track in self.tracks:
            if track.name == name:
                return track
        names = ", ".join(repr(track.name) for track in self.tracks) or "none"
        raise SegueError(f"no track {name!r} in this score; its tracks: {names}")
