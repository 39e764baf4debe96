"""The life of a command: accepted with a promise, kept until its frame, done or dropped."""

from ..client import protocol as p
from ..music.errors import SegueError
from .announce import Announcer
from .checks import check_command
from .conductor import RESTORED
from .executor import Executor
from .performance import Performance
from .queue import Answers, CommandQueue
from .recording import SessionLog
from .timeline import Due

MAX_WAITING = 4096  # commands
STINGER_SECONDS = 0.1  # a stinger is handed on this long before it sounds
MARGIN_SECONDS = 0.02  # nothing can be made to sound earlier than this from now
EXPIRED = "expired before its moment came"


class Commands:
    """The commands of a session.

    :param realtime: time moves by itself, so that what has been decided may be on its way already
    """

    def __init__(
        self, performance: Performance, announcer: Announcer, log: SessionLog, *, realtime: bool
    ) -> None:
        self._performance, self._announcer, self._log = performance, announcer, log
        self._conductor = performance.conductor
        self._executor = Executor(performance, announcer)
        self._queue, self._answers = CommandQueue(), Answers()
        self._realtime = realtime
        self._stinger_frames = round(STINGER_SECONDS * performance.sample_rate)
        self._margin_frames = round(MARGIN_SECONDS * performance.sample_rate)

    def accept(self, content: p.Command, id: str, frame: int) -> p.Accepted:
        """Promise a command that came at a frame, or raise and change nothing."""
        known = self._answers.get(id)
        if known is not None:
            return known
        music, directors = self._performance, self._conductor.performer.DIRECTORS
        check_command(content, music.cue, music.parameters, directors)
        if len(self._queue) >= MAX_WAITING:
            raise SegueError(f"{MAX_WAITING} commands wait already; cancel some, or wait")
        due = self._promise(content, id, frame)
        answer = p.Accepted(
            id=id,
            scheduled_frame=due.frame,
            scheduled_beat=due.beat,
            scheduled_bar=due.bar,
            eta_seconds=max(due.frame - frame, 0) / self._performance.sample_rate,
            estimated=due.estimated,
        )
        self._answers.put(answer)
        return answer

    def _promise(self, content: p.Command, id: str, frame: int) -> Due:
        """When a command is to be done; it is logged once it cannot be refused any more."""
        expires = None
        if content.expires_seconds is not None:
            expires = frame + round(content.expires_seconds * self._performance.sample_rate)
        if isinstance(content, p.Go):
            departure = self._conductor.go(id, content.section, content.at, frame, expires)
            due = self._conductor.due_of(departure)
            self._log_command(content, id, frame)
            self._announcer.dropped_departures(frame)
            return due
        stinger = isinstance(content, p.Stinger)
        earliest = frame + (self._margin_frames if stinger else 0)
        due = self._performance.timeline.due(content.at, earliest)
        self._log_command(content, id, frame)
        act_frame = due.frame - (self._stinger_frames if stinger else 0)
        waiting = self._queue.waiting(id, content, due, act_frame, expires)
        if act_frame > frame:
            self._queue.push(waiting)
            return due
        self._executor.do(waiting, frame)
        if not self._performance.began and not self._realtime:  # let it count from bar 0
            self._conductor.revise(frame)
        return due

    def _log_command(self, content: p.Command, id: str, frame: int) -> None:
        self._log.add("command", id=id, verb=content.TYPE, at_frame=frame, content=content)

    def cancel(self, command: str, frame: int) -> None:
        """Take back a command that waits. Raises if it does not wait."""
        waiting = self._queue.cancel(command)
        if waiting is not None:
            self._announcer.dropped(command, waiting.verb, "cancelled", frame)
        elif self._conductor.withdraw(command):
            self._announcer.dropped(command, p.Go.TYPE, "cancelled", frame)
        else:
            raise SegueError(
                f"no command {command!r} waits here; it has been done, dropped or handed to "
                "the director, or never came: `position` lists what waits"
            )

    def restored(self, frame: int) -> None:
        """Drop all that waits: the music has been restored, which ended the departures too."""
        for waiting in self._queue.clear():
            self._announcer.dropped(waiting.id, waiting.verb, RESTORED, frame)
        self._announcer.dropped_departures(frame)

    @property
    def pending(self) -> list[str]:
        """Ids of the commands that have been promised and not been done."""
        return self._queue.ids + [d.command for d in self._conductor.departures]

    def next_frame(self) -> int | None:
        """When a command is to be done or dropped next."""
        return self._queue.next_frame()

    def do_due(self, frame: int) -> None:
        """Drop what has expired, then do what is due, in order."""
        for late in self._queue.pop_expired(frame):
            self._announcer.dropped(late.id, late.verb, EXPIRED, frame)
        for departure in self._conductor.expired(frame):
            self._announcer.dropped(departure.command, p.Go.TYPE, EXPIRED, frame)
        while (waiting := self._queue.pop_due(frame)) is not None:
            try:
                self._executor.do(waiting, frame)
            except SegueError as error:
                self._announcer.dropped(waiting.id, waiting.verb, str(error), frame)
