"""What the measurements of the voice share: pieces to play, what a process has used, findings."""

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from ..agents.arrange.performer import Performer
from ..music.cue import Cue
from ..music.cue_file import load_cue, shipped_cues
from ..music.errors import MissingPartError
from ..music.events import EVENT, Events
from ..music.mood import Mood
from ..server.sessions.session import Session
from ..server.sounding.sound import GAIN_DB, Silence, session_channels
from .synth_piece import Piece

SEARCH_SECONDS = 40.0
AROUSED = (Mood(-1, 1, 0), Mood(0, 1, 0), Mood(1, 1, 0))  # the moods that ask for most notes


@dataclass(frozen=True)
class Spot:
    """A place of a cue at a mood, and how much is played there."""

    cue: str
    section: str
    mood: Mood
    notes_per_second: float

    def __str__(self) -> str:
        return f"{self.cue}, {self.section}, valence {self.mood.valence:+g}"


class Recorder(Silence):
    """A sound that keeps what a session asks for, in time moved by hand."""

    def __init__(self) -> None:
        super().__init__(realtime=False)
        self.parts: list[Events] = []
        self.moves: list[tuple[int, str, float, float]] = []

    def schedule(self, events: Events) -> None:
        """Keep the notes."""
        self.parts.append(events.copy())

    def cancel(self, from_frame: int) -> None:
        """Forget the notes from a frame on."""
        self.parts = [part[part["at_frame"] < from_frame] for part in self.parts]

    def control(self, name: str, value: float, ramp_seconds: float) -> None:
        """Keep the move of a control."""
        self.moves.append((self.frame, name, value, ramp_seconds))


@lru_cache(maxsize=1)
def busiest_spots() -> tuple[Spot, ...]:
    """The spot with most notes a second of each shipped cue, the busiest first."""
    spots = []
    for name in shipped_cues():
        cue = load_cue(name)
        tried = [
            Spot(name, section.name, mood, _notes_per_second(cue, section.name, mood))
            for section in cue.sections
            for mood in AROUSED
        ]
        spots.append(max(tried, key=lambda spot: spot.notes_per_second))
    return tuple(sorted(spots, key=lambda spot: -spot.notes_per_second))


def _notes_per_second(cue: Cue, section: str, mood: Mood) -> float:
    performer = Performer(cue, "agent", seed=0)
    performer.go(section)
    seconds, notes = 0.0, 0
    while seconds < SEARCH_SECONDS:
        bar = performer.next_bar(mood).bar
        seconds += bar.beats * 60.0 / bar.bpm
        notes += len(bar.notes)
    return notes / seconds


def record(spot: Spot, seconds: float) -> Piece:
    """What a session with the agent plays there."""
    cue = load_cue(spot.cue)
    recorder = Recorder()
    session = Session(cue, Performer(cue, "agent", seed=0), recorder)
    begin(session, spot)
    session.advance(seconds)
    session.close()
    events = np.concatenate([np.zeros(0, EVENT), *recorder.parts])
    piece = Piece(
        tuple(session_channels(cue)),
        events[np.argsort(events["at_frame"], kind="stable")],
        tuple(recorder.moves),
        seconds,
        GAIN_DB,
    )
    return piece.first(seconds)


def begin(session: Session, spot: Spot) -> None:
    """Send a session that has not sounded yet to a spot."""
    session.mood(valence=spot.mood.valence, arousal=spot.mood.arousal, ramp_seconds=0.0)
    session.go(spot.section)


def process_seconds(process_id: int) -> float:
    """Seconds of processor time, user and system, that a running process has used."""
    fields = _proc(process_id, "stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def process_megabytes(process_id: int) -> float:
    """Resident memory of a running process, without the pages of files that it has mapped."""
    resident, shared = map(int, _proc(process_id, "statm").split()[1:3])
    return (resident - shared) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _proc(process_id: int, name: str) -> str:
    try:
        return Path(f"/proc/{process_id}/{name}").read_text()
    except OSError as error:
        raise MissingPartError(
            f"this system does not tell what process {process_id} uses ({error}); measure on Linux"
        ) from error
