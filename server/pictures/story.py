"""The story of a session: its bars, directions, stingers and notes, on the clock of its sound.

It is told while a session plays, or read again from the session's log and MIDI file. `picture`
draws it, and `listen` judges the notes against its chords.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from ...analysis.scores.writing import ChordSpan
from ...client.protocol import AnyEvent, BarEvent, DirectionEvent, Event, StingerEvent
from ...music.errors import FileFormatError
from ...music.files import read_whole
from ...music.midi import read_midi
from ...music.score import Score
from ...music.theory import QUALITIES, Chord, Key, chord_to_mode

if TYPE_CHECKING:
    from ..sessions.session import Session

FloatArray = NDArray[np.float64]

_Told = TypeVar("_Told", BarEvent, DirectionEvent)


@dataclass(frozen=True)
class SoundingChord:
    """A chord as it sounds in the mode of its bar."""

    name: str
    root: int  # pitch class
    pitch_classes: frozenset[int]
    start_beats: float
    beats: float


@dataclass
class Story:
    """What was played. Seconds are those of the sound, from its first frame."""

    sample_rate: int
    key: Key  # the cue's own
    title: str = ""
    bars: list[BarEvent] = field(default_factory=list)
    directions: list[DirectionEvent] = field(default_factory=list)
    stingers: list[StingerEvent] = field(default_factory=list)
    score: Score | None = None

    @classmethod
    def of(cls, session: "Session") -> "Story":
        """The beginning of the story of a session in this process."""
        return cls(session.sample_rate, session.cue.key, session.cue.title)

    def follow(self, session: "Session") -> None:
        """Take in what has happened since the last call; nobody else may read the events.

        A session keeps its last 8192 events, about half an hour of music.
        """
        self.add(session.events())

    def finish(self, session: "Session") -> None:
        """Take in the rest and the notes, before or after the session was closed."""
        self.follow(session)
        self.score = session.score()

    def add(self, events: Iterable[Event]) -> None:
        """Take in events in their order; what a restored session plays again replaces the old."""
        for event in events:
            if isinstance(event, BarEvent):
                _replace(self.bars, event)
            elif isinstance(event, DirectionEvent):
                _replace(self.directions, event)
            elif isinstance(event, StingerEvent):
                self.stingers.append(event)

    def seconds(self, beats: FloatArray) -> FloatArray:
        """When beats sound [any shape]; the tempo of the last bar goes on behind it."""
        first = self.bars[0]
        last = self.bars[-1]
        end_frame = last.at_frame + last.beats * 60.0 / last.bpm * self.sample_rate
        marks = [bar.beat for bar in self.bars] + [last.beat + last.beats]
        frames = [float(bar.at_frame) for bar in self.bars] + [end_frame]
        before = np.minimum(beats - first.beat, 0.0) * 60.0 / first.bpm
        behind = np.maximum(beats - marks[-1], 0.0) * 60.0 / last.bpm
        return np.asarray(np.interp(beats, marks, frames) / self.sample_rate + before + behind)

    def edges(self) -> FloatArray:
        """Where each bar begins, and where the last ends [shape=(bars + 1,)], seconds."""
        beats = [bar.beat for bar in self.bars]
        return self.seconds(np.array([*beats, beats[-1] + self.bars[-1].beats]))

    def chords(self) -> list[SoundingChord]:
        """The chords of all bars, in the modes in which they sound."""
        found = []
        for bar in self.bars:
            beats = bar.beats / len(bar.chords)
            # The dominant of a cadence stays as it is, also in a mode that lacks its leading note.
            moved = len(bar.chords) // 2 if bar.cadence else len(bar.chords)
            for number, name in enumerate(bar.chords):
                mode = Key.parse(bar.key).mode if number < moved else self.key.mode
                bass, classes = chord_to_mode(Chord.parse(name), self.key, mode)
                found.append(
                    SoundingChord(
                        _chord_name(bass, classes) or name,
                        classes[0],
                        frozenset({bass, *classes}),
                        bar.beat + number * beats,
                        beats,
                    )
                )
        return found

    def chord_spans(self) -> list[ChordSpan]:
        """The chords as the measures of notes want them."""
        return [ChordSpan(chord.start_beats, chord.pitch_classes) for chord in self.chords()]


def read_story(log: str | Path, midi: str | Path | None = None) -> Story:
    """The story in a session's log, with the notes of its MIDI file.

    Raises FileFormatError for a file that is no such log, SegueError if one cannot be read.
    """
    lines = read_whole(log).splitlines()
    try:
        head = msgspec.json.decode(lines[0], type=_Head) if lines else None
        entries = [msgspec.json.decode(line, type=_Entry) for line in lines[1:]]
    except msgspec.MsgspecError as error:
        raise FileFormatError(
            f"{log} is not a session log ({error}); give the file that `log` named when the "
            "session was opened"
        ) from error
    if head is None:
        raise FileFormatError(f"{log} is empty; give the log of a session that was closed")
    story = Story(head.sample_rate, Key.parse(head.key), head.cue)
    story.add(entry.event for entry in entries if entry.event is not None)
    if midi is not None:
        story.score = read_midi(midi)
    return story


class _Head(msgspec.Struct):
    cue: str
    sample_rate: int
    key: str


class _Entry(msgspec.Struct):
    line: str
    event: AnyEvent | None = None


def _replace(told: list[_Told], event: _Told) -> None:
    while told and told[-1].beat >= event.beat:
        told.pop()
    told.append(event)


def _chord_name(bass: int, classes: tuple[int, ...]) -> str:
    """How a chord is written; '' for one that has no name."""
    root = classes[0]
    steps = frozenset((pitch - root) % 12 for pitch in classes)
    for quality, pattern in QUALITIES.items():
        if frozenset(step % 12 for step in pattern) == steps:
            return str(Chord(root, quality, None if bass == root else bass))
    return ""
