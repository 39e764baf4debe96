"""Where the notes of a session go: bars that can be taken back, and stingers that stay."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ...music.events import Events
from ...music.score import Notes
from ...music.world import Bar
from ..sounding.sound import Sound


@dataclass(frozen=True)
class Figure:
    """A stinger that has been played."""

    name: str
    instrument: str
    notes: Notes
    events: Events


@runtime_checkable
class HearsBars(Protocol):
    """A sound that wants to know the bars, as one with stems or a MIDI clock does."""

    def bar(self, bar: Bar, start_frame: int, end_frame: int) -> None:
        """A bar lies between two frames; `cancel` from its beginning takes it back."""


class Stage:
    """Hands notes to the sound and keeps the stingers when bars are taken back."""

    def __init__(self, sound: Sound) -> None:
        self.figures: list[Figure] = []
        self._sound = sound

    def schedule(self, events: Events) -> None:
        """Play the notes of a bar."""
        if len(events):
            self._sound.schedule(events)

    def bar(self, bar: Bar, start_frame: int, end_frame: int) -> None:
        """Tell of a bar, ahead of its notes."""
        if isinstance(self._sound, HearsBars):
            self._sound.bar(bar, start_frame, end_frame)

    def play(self, figure: Figure) -> None:
        """Play a stinger."""
        self.figures.append(figure)
        self._sound.schedule(figure.events)

    def cancel(self, from_frame: int) -> None:
        """Forget the notes of bars that begin at or after a frame."""
        self._sound.cancel(from_frame)
        for figure in self.figures:
            self.schedule(figure.events[figure.events["at_frame"] >= from_frame])

    def clear(self, from_frame: int, from_beat: float) -> None:
        """Forget all that begins at or after a frame, and let sounding notes end.

        The music goes back or forth to a beat: stingers that began after it never were.
        """
        self.figures = [f for f in self.figures if f.notes["onset_beats"][0] < from_beat]
        self._sound.cancel(from_frame)
        self._sound.release_all()
