"""The life of a command: accepted with a promise, kept until its frame, done or dropped."""

from ...client import protocol as p
from ...music.errors import SegueError
from ..performing.conductor import RESTORED
from ..performing.departures import Departure
from ..performing.performance import Performance
from ..performing.timeline import Due, Slot
from .announce import SETTLE_SECONDS, Announcer
from .checks import check_command
from .executor import Executor
from .explain import explain_go, explain_other
from .queue import NOT_YET, Answers, CommandQueue, Waiting
from .recording import SessionLog

MAX_WAITING = 4096  # commands
STINGER_SECONDS = 0.1  # a stinger is handed on this long before it sounds
MARGIN_SECONDS = 0.035  # no music sounds sooner: two blocks, and the way of its news to listeners
ENDED = "the session ended before its moment came"
EXPIRED = "expired before its moment came"


class Commands:
    """The commands of a session.

    :param realtime: time moves by itself, so that what has been decided may be on its way already
    """

    def __init__(
        self, performance: Performance, announcer: Announcer, log: SessionLog, *, realtime: bool
    ) -> None:
        self._performance, self._announcer, self._log = performance, announcer, log
        self._conductor, self._timeline = performance.conductor, performance.timeline
        self._executor = Executor(performance, announcer, realtime=realtime)
        self._queue, self._answers = CommandQueue(), Answers()
        self._realtime = realtime
        self._rate = performance.sample_rate
        self._stinger_frames = round(STINGER_SECONDS * self._rate)
        self._loop_frames = round(SETTLE_SECONDS * self._rate)
        self._margin_frames = round(MARGIN_SECONDS * self._rate)
        self._followed_frame = 0  # where the decided bars ended when the queue last looked
        self.accepted = 0

    def accept(self, content: p.Command, id: str, frame: int, *, later: bool = False) -> p.Accepted:
        """Promise a command that came at a frame, or raise and change nothing.

        :param later: even what is to be done now waits for `do_due`
        """
        known = self._answers.get(id)
        if known is not None:
            return known
        self._check(content)
        answer = self._answer(self._promise(content, id, frame, later), id, frame)
        self._answers.put(answer)
        self.accepted += 1
        return answer

    def explain(self, content: p.Command, frame: int) -> p.Explained:
        """What `accept` would do with a command; raises as it does, and changes nothing."""
        self._check(content)
        if not isinstance(content, p.Go):
            item = self._plan(content, "", frame)
            rule, steps = explain_other(self._performance, content, item, frame)
            return p.Explained(accepted=self._answer(item.due, "", frame), rule=rule, steps=steps)
        conductor = self._conductor
        decided = self._timeline.slots[-1].performed.bar.index
        open_bar, given_up = conductor.first_open(frame), len(conductor.dropped)
        with conductor.trial(frame):
            departure = self._go(content, "", frame)
            answer = self._answer(conductor.due_of(departure), "", frame)
            rule, steps = explain_go(
                conductor, content, departure, open_bar=open_bar, decided=decided
            )
            steps += [f"command {id!r} is dropped" for id, _ in conductor.dropped[given_up:]]
        return p.Explained(accepted=answer, rule=rule, steps=steps)

    def _check(self, content: p.Command) -> None:
        music, directors = self._performance, self._conductor.performer.DIRECTORS
        check_command(content, music.cue, music.parameters, directors)
        if len(self._queue) >= MAX_WAITING:
            raise SegueError(f"{MAX_WAITING} commands wait already; cancel some, or wait")

    def _answer(self, due: Due, id: str, frame: int) -> p.Accepted:
        return p.Accepted(
            id=id,
            scheduled_frame=due.frame,
            scheduled_beat=due.beat,
            scheduled_bar=due.bar,
            eta_seconds=max(due.frame - frame, 0) / self._rate,
            estimated=due.estimated,
        )

    def _promise(self, content: p.Command, id: str, frame: int, later: bool) -> Due:
        """When a command is to be done; it is logged once it cannot be refused any more."""
        if isinstance(content, p.Go):
            departure = self._go(content, id, frame)
            due = self._conductor.due_of(departure)
            self._log_command(content, id, frame)
            self._announcer.dropped_departures(frame)
            return due
        item = self._plan(content, id, frame)
        self._log_command(content, id, frame)
        if item.act_frame > frame or later:
            self._queue.push(item)
            return item.due
        self._executor.do(item, frame)
        if not self._performance.began and not self._realtime:  # let it count from bar 0
            self._conductor.revise(frame)
        return item.due

    def _go(self, content: p.Go, id: str, frame: int) -> Departure:
        return self._conductor.go(
            id,
            content.section,
            content.at,
            frame,
            self._expires(content, frame),
            lead=content.fill,
            entry=content.entry,
            fade_beats=content.fade_beats,
        )

    def _plan(self, content: p.Command, id: str, frame: int) -> Waiting:
        """When a command is to be heard and done; raises if that cannot be."""
        timeline, ahead = self._timeline, self._ahead_frames(content)
        earliest = frame
        if ahead:  # it needs music to go with
            earliest = max(frame + self._margin_frames, timeline.slots[0].start_frame)
        due = timeline.due(content.at, earliest)
        if isinstance(content, p.Loop):
            due = timeline.line_from(due)
            if not content.bars:  # what is settled is played
                due = timeline.bar_start(max(due.bar, self._conductor.first_open(frame)))
        item = self._queue.waiting(id, content, due, ahead)
        item.expires_frame = self._expires(content, frame)
        item.place = timeline.place(content.at)
        if item.place is not None and not self._conductor.is_settled(due.bar):
            item.act_frame = NOT_YET
        return item

    def _ahead_frames(self, content: p.Command) -> int:
        """How long before it is heard a command is done."""
        if isinstance(content, p.Stinger):
            return self._stinger_frames
        return self._loop_frames if isinstance(content, p.Loop) else 0

    def _expires(self, content: p.Command, frame: int) -> int | None:
        seconds = content.expires_seconds
        return None if seconds is None else frame + round(seconds * self._rate)

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
        self._drop_waiting(RESTORED, frame)
        self._announcer.dropped_departures(frame)

    def ended(self, frame: int) -> None:
        """Drop all that waits: there will be no more music."""
        self._drop_waiting(ENDED, frame)
        for departure in self._conductor.departures:
            self._announcer.dropped(departure.command, p.Go.TYPE, ENDED, frame)
        self._conductor.departures.clear()

    def _drop_waiting(self, reason: str, frame: int) -> None:
        for waiting in self._queue.clear():
            self._announcer.dropped(waiting.id, waiting.verb, reason, frame)

    @property
    def pending(self) -> list[str]:
        """Ids of the commands that have been promised and not been done."""
        return self._queue.ids + [d.command for d in self._conductor.departures]

    def next_frame(self) -> int | None:
        """When a command is to be done or dropped next."""
        return self._queue.next_frame()

    def follow(self) -> None:
        """Let what waits keep to its beat, now that bars have been decided, or decided again."""
        if self._timeline.end_frame == self._followed_frame:
            return
        self._followed_frame = self._timeline.end_frame
        settled = self._conductor.settled_frame
        for item in self._queue:
            fixed = item.act_frame == NOT_YET or item.content.at.startswith("frame:")
            if item.due.frame > settled and not fixed:
                item.put_at(self._timeline.at_beat(item.due.beat))
        self._queue.reorder()

    def reached(self, slot: Slot) -> None:
        """A bar is settled: what waits for its place is done when it begins."""
        bar = slot.performed.bar
        for item in self._queue:
            if item.act_frame == NOT_YET and item.place == slot.place:
                item.put_at(self._timeline.bar_start(bar.index))
        self._queue.reorder()

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
