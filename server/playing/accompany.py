"""What an accompaniment takes from a player: how densely, loudly, high and in which mode they play.

`Accompanist` hears notes and says where the knobs of the direction should be; `midi_control` hands
that to the session bar by bar. It follows what was played in the last seconds, keeps to the key of
the cue, and lets go when the player rests.
"""

from collections import deque
from typing import NamedTuple

from ...music.cue import Cue
from ...music.theory import Key

MEMORY_SECONDS = 6.0
LEAST_NOTES = 3
DENSEST = 8.0  # notes a second at which the accompaniment is busiest
SOFTEST, LOUDEST = 30.0, 110.0  # MIDI velocities
LOWEST, HIGHEST = 48.0, 84.0  # MIDI pitches
LARGEST_STEP = 0.25  # of a knob in one bar
FOLLOWED = ("mode", "harmony", "arpeggio", "bass", "drums", "register", "dynamics")
"""The knobs that are taken in hand; tempo and articulation stay the director's."""


class Played(NamedTuple):
    """A note of the player."""

    seconds: float
    pitch: int
    velocity: int  # 1..127


class Accompanist:
    """Follows a player of a cue."""

    def __init__(self, cue: Cue) -> None:
        self._cue = cue
        self._notes: deque[Played] = deque()
        self._scales = [frozenset(Key(cue.key.tonic, mode).scale) for mode in cue.modes]
        self._mode = len(cue.modes) // 2  # the mode last followed, as an index
        self._knobs: dict[str, float] = {}

    def hear(self, seconds: float, pitch: int, velocity: int) -> None:
        """The player strikes a key (MIDI pitch, velocity 1..127)."""
        self._notes.append(Played(seconds, pitch, velocity))

    def wishes(self, seconds: float) -> dict[str, float]:
        """Where the knobs should be by now, each in [0, 1]; none if the player rests.

        A knob moves by at most `LARGEST_STEP` from one call to the next.
        """
        while self._notes and self._notes[0].seconds < seconds - MEMORY_SECONDS:
            self._notes.popleft()
        if len(self._notes) < LEAST_NOTES:
            self._knobs = {}
            return {}
        aims = self._aims(seconds)
        before = self._knobs or dict.fromkeys(FOLLOWED, 0.5)
        self._knobs = {
            name: before[name] + min(max(aim - before[name], -LARGEST_STEP), LARGEST_STEP)
            for name, aim in aims.items()
        }
        return dict(self._knobs)

    def _aims(self, seconds: float) -> dict[str, float]:
        notes = self._notes
        heard_seconds = max(seconds - notes[0].seconds, 1.0)
        busy = _share(len(notes) / heard_seconds, 0.0, DENSEST)
        loud = _share(sum(note.velocity for note in notes) / len(notes), SOFTEST, LOUDEST)
        pitch = sum(note.pitch for note in notes) / len(notes)
        return {
            "mode": self._follow_mode(),
            "harmony": 0.35 + 0.4 * loud,
            "arpeggio": busy,
            "bass": 0.25 + 0.6 * busy,
            "drums": (busy + loud) / 2,
            "register": _share(pitch, LOWEST, HIGHEST),
            "dynamics": loud,
        }

    def _follow_mode(self) -> float:
        """The mode whose scale holds most of what was played; of equal ones the last, or nearest.

        The mode knob takes equal shares of its range for the cue's modes, dark to bright.
        """
        held = [
            sum(note.velocity for note in self._notes if note.pitch % 12 in scale)
            for scale in self._scales
        ]
        best = max(held)
        fitting = [number for number, weight in enumerate(held) if weight == best]
        self._mode = min(fitting, key=lambda number: abs(number - self._mode))
        return (self._mode + 0.5) / len(self._scales)


def _share(value: float, low: float, high: float) -> float:
    return min(max((value - low) / (high - low), 0.0), 1.0)
