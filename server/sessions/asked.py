"""What can be asked of a session; nothing is changed by it."""

import threading
from concurrent.futures import Future
from typing import Any

from ...client import protocol as p
from ...music.score import Score
from ..performing.performance import Performance
from ..sounding.sound import Sound
from .announce import Announcer
from .checks import read_command
from .commands import Commands
from .eventbook import EventBook
from .gauge import Gauge
from .why import explain_bar

METERS_SECONDS = 10.0  # that an engine may take to tell how loud it is


class Asked:
    """Mixin of a session: its questions."""

    sample_rate: int
    paused: bool
    _lock: threading.RLock
    _performance: Performance
    _announcer: Announcer
    _commands: Commands
    _book: EventBook
    _gauge: Gauge
    _sound: Sound
    _frame: int

    def _now(self) -> int:
        """The frame that sounds now."""
        raise NotImplementedError

    def _check_open(self) -> None:
        """Raise SegueError if the session has ended."""
        raise NotImplementedError

    def position(self) -> p.Position:
        """Where the music is."""
        with self._lock:
            return self._performance.position(
                self._now(),
                pending=self._commands.pending,
                sequence=self._book.sequence,
                paused=self.paused,
            )

    def explain(self, verb: str, /, **content: Any) -> p.Explained:
        """What a command would do if it came now, e.g. `explain("go", section="boss")`.

        Raises as the command does; nothing is changed.
        """
        with self._lock:
            self._check_open()
            return self._commands.explain(read_command(verb, content), self._now())

    def time_to(self, at: str = "bar") -> p.TimeTo:
        """How long it is to the next moment that `at` names."""
        with self._lock:
            frame = self._now()
            due = self._performance.timeline.due(at, frame)
            seconds = (due.frame - frame) / self.sample_rate
            return p.TimeTo(
                frame=due.frame,
                beat=due.beat,
                bar=due.bar,
                seconds=max(seconds, 0.0),
                estimated=due.estimated,
            )

    def why(self) -> p.Why:
        """What is sounding and why: what it was decided on, and what others would do."""
        with self._lock:
            self._check_open()
            return explain_bar(self._performance, self._now())

    def ask_meters(self) -> "Future[p.Meters]":
        """How loud it is, once the engine has come so far; SegueError if there is none."""
        with self._lock:
            self._check_open()
            return self._gauge.ask()

    def meters(self) -> p.Meters:
        """How loud it is: levels of output and layers; SegueError if there is no engine."""
        return self.ask_meters().result(METERS_SECONDS)

    def metrics(self) -> p.SessionMetrics:
        """How the session fares."""
        with self._lock:
            here = self.position()
            return p.SessionMetrics(
                cue=self._performance.cue.name,
                director=here.director,
                frame=here.frame,
                bar=here.bar,
                events=here.sequence,
                commands=self._commands.accepted,
                dropped=self._announcer.dropped_commands,
                late_events=self._announcer.late_events,
                waiting=len(here.pending),
                voices=self._gauge.voices,
                late_blocks=self._gauge.late_blocks,
                restarts=getattr(self._sound, "restarts", 0),
            )

    def decided_until(self) -> tuple[int, float]:
        """Frame and beat at which the bars that are decided end."""
        with self._lock:
            timeline = self._performance.timeline
            return timeline.end_frame, timeline.end_beat

    def score(self) -> Score:
        """The music so far: a track a layer, then those of the stingers."""
        with self._lock:
            return self._performance.score(self._frame)
