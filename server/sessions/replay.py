"""`segue replay`: a recorded session once more, from the commands in its log.

Commands are done again at their frames on a clock that is moved by hand, so the directors decide
again and the bars have to come out the same; where they do not, another version of the cue, a
director or Segue is at work.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from ...client import protocol as p
from ...music.errors import FileFormatError, SegueError
from .session import Session

TAIL_SECONDS = 1.0  # of a log that was cut off, after its last line


@dataclass(frozen=True)
class LoggedSession:
    """What a session log says.

    `start` is its first line, `steps` are the lines that change something, each with `at_frame`,
    and `bars` are the bars that sounded, as they were published.
    """

    path: Path
    start: dict[str, Any]
    steps: list[dict[str, Any]]
    bars: list[p.BarEvent]
    end_frame: int
    whole: bool  # the session was closed in good order


@dataclass
class Replayed:
    """What came of it."""

    bars: int = 0  # that were played again
    same: int = 0
    differences: list[str] = field(default_factory=list)  # of the first few that are not
    files: list[str] = field(default_factory=list)


def read_log(path: str | Path) -> LoggedSession:
    """Read a session log.

    Raises SegueError if it cannot be read, FileFormatError (naming the line) if it is none. A last
    line that was cut off is left out.
    """
    path = Path(path)
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
    except OSError as error:
        raise SegueError(f"cannot read the log {path}: {error.strerror or error}") from error
    found = [_line(path, number, line) for number, line in enumerate(lines, 1)]
    if not found or found[0].get("line") != "session" or "frame" not in found[0]:
        raise FileFormatError(
            f"{path} is not a session log of this version: its first line tells of no session; "
            "record one with log=..."
        )
    kinds = ("command", "cancel", "seek", "restore")
    events = [msgspec.convert(one["event"], p.AnyEvent) for one in found if one["line"] == "event"]
    ends = [int(one["at_frame"]) for one in found if one["line"] == "end"]
    last = max((int(one["at_frame"]) for one in found if "at_frame" in one), default=0)
    told = max((event.at_frame for event in events), default=0)
    return LoggedSession(
        path,
        found[0],
        [one for one in found if one["line"] in kinds],
        [event for event in events if isinstance(event, p.BarEvent)],
        ends[0] if ends else max(last, told) + round(TAIL_SECONDS * found[0]["sample_rate"]),
        bool(ends),
    )


def _line(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        plain = msgspec.json.decode(line, type=dict[str, Any])
        plain["line"]
    except (msgspec.MsgspecError, KeyError) as error:
        raise FileFormatError(f"line {number} of {path} is not of a session log: {error}") from None
    return plain


def replay(
    log: LoggedSession,
    *,
    output: str = "none",
    cue: str | None = None,
    midi: Path | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> Replayed:
    """Play a log again.

    :param output: none, null or file:PATH
    :param cue: where the cue is, if not where its name says
    :param progress: told how much is done, 0 to 1

    Raises SegueError if the cue is not the one that was recorded.
    """
    start = log.start
    live = start["clock"] != "manual"
    session = Session.open(
        cue or start["cue"],
        director=start["director"],
        output=output,
        seed=start["seed"],
        clock="replay" if live else "manual",
        parameters=start["parameters"],
        look_ahead_bars=start["look_ahead_bars"],
        midi=midi,
    )
    with session:
        if session.fingerprint != start["fingerprint"]:
            raise SegueError(
                f"{log.path} was recorded with another version of cue {start['cue']!r} (music "
                f"{start['fingerprint']}, now {session.fingerprint}); name its folder by --cue"
            )
        bars = list(_play(session, log, progress))
        files = session.close()
    result = _compare(log.bars, bars, int(start["frame"]))
    result.files = files
    return result


def _play(
    session: Session, log: LoggedSession, progress: Callable[[float], None]
) -> Iterator[p.BarEvent]:
    """Do what the log says at its frames; the bars that are told."""
    zero, read = int(log.start["frame"]), 0
    end = max(log.end_frame - zero, 1)
    for step in [*log.steps, {"line": "end", "at_frame": log.end_frame}]:
        frame = int(step["at_frame"]) - zero
        while (here := session.position().frame) < frame:
            session.advance(min(frame - here, session.sample_rate) / session.sample_rate)
            progress(session.position().frame / end)
        _do(session, step, zero)
        for event in session.events_after(read):
            read = event.sequence
            if isinstance(event, p.BarEvent):
                yield event


def _do(session: Session, step: dict[str, Any], zero: int) -> None:
    match step["line"]:
        case "command":
            content = dict(step["content"])
            kind, _, number = str(content.get("at", "")).partition(":")
            if kind == "frame":
                content["at"] = f"frame:{int(number) - zero}"
            session.command(msgspec.convert(content, p.REQUESTS[step["verb"]]), step["id"])  # type: ignore[arg-type]
        case "cancel":
            session.cancel(step["command"])
        case "seek":
            session.seek(step["bar"])
        case "restore":
            session.restore(step["state"])


def _compare(recorded: list[p.BarEvent], played: list[p.BarEvent], zero: int) -> Replayed:
    """Bars one by one: their places and everything that was said of them."""
    result = Replayed(bars=len(played))
    for before, now in zip(recorded, played, strict=False):
        now.at_frame += zero
        told = [
            f"{name} {getattr(before, name)!r}, now {getattr(now, name)!r}"
            for name in p.BarEvent.__struct_fields__
            if name not in ("sequence", "session", "ts_ns")
            and getattr(before, name) != getattr(now, name)
        ]
        result.same += not told
        if told:
            result.differences.append(f"bar {before.bar}: {'; '.join(told)}")
    if len(played) < len(recorded):
        result.differences.append(f"{len(recorded)} bars were recorded, {len(played)} played")
    return result
