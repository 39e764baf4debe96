"""Recorded performances: the decisions in a session's log, and playing them again.

`docs/protocol.md` describes the lines of a log. A recording holds what decided its bars, so that
`replay` plays the same ones; a difference means another version of the cue, the director or Segue.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ...envs.arrange.listener import ListenerSettings
from ...music.cue import Cue
from ...music.errors import FileFormatError, SegueError
from ...music.mood import Mood
from ..arrange.performer import Performer
from ..arrange.scene import Scene
from ..live import Live, Performed
from ..performing import make_performer
from ..stems.performer import PREFIX

FloatArray = NDArray[np.float64]


CHANNELS = {"rate": "rating", "thumb": "thumbs"}
"""Channels of feedback (`envs.arrange.listener.CHANNELS`) by what a performer is told."""


class Decision(msgspec.Struct, frozen=True):
    """How one bar was decided, as the log tells it."""

    bar: int
    wanted: tuple[float, float, float]  # valence, arousal, tension, each -1..1
    told: list[tuple[str, str, list[Any], dict[str, Any]]]  # since the bar before: id, verb, ...
    section: str | None
    fill: bool
    director: str
    observation: list[float]
    action: list[float]  # of each knob, -1..1
    knobs: list[float]  # that followed, 0..1
    lead: bool | None = None  # whether a filler bar was to lead into the section
    entry: str = "start"  # of the section
    repeats: int | None = None  # the bar that a loop played again; then nothing was decided


class Start(msgspec.Struct, frozen=True):
    """The first line of a log."""

    cue: str
    fingerprint: str
    director: str
    seed: int


@dataclass(frozen=True)
class Stretch:
    """Bars that were decided one after another, from a known state of the performer."""

    state: dict[str, Any]
    decisions: tuple[Decision, ...]
    sources: tuple[dict[str, Any], ...] = ()  # how earlier bars were decided that loops play again


@dataclass(frozen=True)
class Recording:
    """The decisions of one session, in the stretches between its restores."""

    path: Path
    start: Start
    stretches: tuple[Stretch, ...]

    @property
    def bars(self) -> int:
        """Bars that sounded."""
        return sum(len(stretch.decisions) for stretch in self.stretches)

    @property
    def channels(self) -> tuple[str, ...]:
        """How the listener answered: rating, thumbs, both or, if never, neither."""
        told = {verb for s in self.stretches for d in s.decisions for _, verb, *_ in d.told}
        return tuple(name for verb, name in CHANNELS.items() if verb in told)


def read_recording(path: str | Path) -> Recording:
    """Read a session log.

    Raises SegueError if it cannot be read, FileFormatError (naming the line) if it is no log of
    this version. A last line that was cut off is left out.
    """
    path = Path(path)
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise SegueError(f"cannot read the log {path}: {error.strerror or error}") from error
    whole = lines[:-1]  # what follows the last end of line was cut off, or is nothing
    start: Start | None = None
    stretches: list[tuple[dict[str, Any], list[Decision], list[dict[str, Any]]]] = []
    for number, line in enumerate(whole, 1):
        try:
            plain = msgspec.json.decode(line, type=dict[str, Any])
            match plain.get("line"):
                case "session":
                    start = msgspec.convert(plain, Start)
                case "performer":
                    stretches.append((dict(plain["state"]), [], list(plain.get("sources", []))))
                case "decision":
                    stretches[-1][1].append(msgspec.convert(plain, Decision))
        except (msgspec.MsgspecError, KeyError, IndexError, TypeError) as error:
            raise FileFormatError(
                f"line {number} of {path} is not of a session log of this version ({error}); "
                "record the session again with log=..."
            ) from error
    if start is None:
        raise FileFormatError(f"{path} is not a session log: its first line tells of no session")
    kept = tuple(
        Stretch(state, tuple(found), tuple(sources)) for state, found, sources in stretches if found
    )
    return Recording(path, start, kept)


def check_cue(recording: Recording, cue: Cue, fingerprint: str) -> None:
    """SegueError unless a recording is of this cue, in this version."""
    start = recording.start
    if start.cue != cue.name:
        raise SegueError(
            f"{recording.path} is of cue {start.cue!r}, not of {cue.name!r}; name that cue"
        )
    if start.fingerprint != fingerprint:
        raise SegueError(
            f"{recording.path} was recorded with another version of cue {cue.name!r} "
            f"(music {start.fingerprint}, now {fingerprint}); record the session again"
        )


def replay(
    recording: Recording, cue: Cue, director: str | None = None
) -> Iterator[tuple[Decision, Performed]]:
    """Play a recording again, bar by bar: what was decided then, and now.

    :param director: in place of the recorded one; what it is told stays as it was, and the state at
        the start of each stretch too
    """
    name = director or recording.start.director
    performer = make_performer(cue, name, seed=recording.start.seed)
    yield from _again(performer, recording, cue, director)


def relive(
    recording: Recording, cue: Cue, listener: ListenerSettings
) -> tuple[Performer, list[Performed]]:
    """The bars as they were recorded, whatever a director would do now, and the performer after.

    Raises SegueError for a recording of recorded music, which no knobs have played.

    :param listener: what is assumed of listeners
    """
    if recording.start.director.startswith(PREFIX):
        raise SegueError(
            f"{recording.path} was played by {recording.start.director!r}, a director of recorded "
            "music; only sessions of the arranger's directors can be learned from"
        )
    performer = Performer(cue, "hold", seed=recording.start.seed, listener=listener)
    bars = _again(performer, recording, cue, "hold", as_recorded=True)
    return performer, [performed for _, performed in bars]


@dataclass(frozen=True)
class _Recorded:
    """A director that does again what was done."""

    decision: Decision

    def act(self, scene: Scene) -> FloatArray:
        return np.array([self.decision.action])


def _again(
    performer: Live,
    recording: Recording,
    cue: Cue,
    director: str | None,
    *,
    as_recorded: bool = False,
) -> Iterator[tuple[Decision, Performed]]:
    """Play each bar of a recording again, from where it was decided.

    :param as_recorded: whatever the director would do now
    """
    check_cue(recording, cue, performer.book.arrangements[0].fingerprint)
    played: dict[int, Performed] = {}
    for stretch in recording.stretches:
        state = stretch.state if director is None else stretch.state | {"director": director}
        try:
            played |= performer.decide_again(stretch.sources)
            performer.restore(state)
        except (KeyError, TypeError, ValueError) as error:
            raise FileFormatError(
                f"{recording.path} was recorded by another version of Segue (its states lack "
                f"{error}); record the session again"
            ) from error
        for number, decision in enumerate(stretch.decisions):
            for _, verb, names, values in decision.told:
                if director is None or verb != "switch":
                    getattr(performer, verb)(*names, **values)
            if number and decision.repeats is None:
                performer.ask(decision.section, decision.fill, decision.lead, decision.entry)
            if as_recorded:
                performer.director = _Recorded(decision)
            wanted = Mood(*decision.wanted)
            performed = (
                performer.next_bar(wanted)
                if decision.repeats is None
                else performer.again(played[decision.repeats], wanted)
            )
            played[decision.bar] = performed
            yield decision, performed


def first_difference(recording: Recording, cue: Cue) -> str:
    """Where a replay leaves a recording, in words; empty if it gives the same bars to the bit."""
    for then, now in replay(recording, cue):
        knobs = now.bar.direction.knobs
        if not np.array_equal(np.asarray(then.observation), now.observation):
            return f"bar {then.bar}: the director saw something else than when it was recorded"
        if not np.array_equal(np.asarray(then.action), now.action):
            return f"bar {then.bar}: director {now.director!r} decides otherwise than it did"
        if not np.array_equal(np.asarray(then.knobs), knobs):
            return f"bar {then.bar}: the knobs move otherwise than they did"
    return ""
