"""Clients that steer a server, some in each process: `python -m segue.benchmarks.server_steering`.

Each sends commands of all verbs, now and for later, at random intervals, and waits for the answer
to one before it sends the next. What came of them is printed once a second; the process ends with
its standard input, and may be killed at any time.
"""

import math
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from subprocess import PIPE, Popen
from typing import Self

import msgspec
import zmq

from ..client import protocol as p
from ..client.heart import dealer
from ..client.verbs import new_id
from ..client.wire import Message, pack, unpack

PATIENCE_SECONDS = 5.0  # for an answer
REPORT_SECONDS = 1.0
EXPIRES_SECONDS = 10.0  # of what is not to be done now
NOW_SHARE = 0.4
FAR_BEATS, FAR_FRAMES = 12, 300_000  # the most that `beat:N` and `frame:N` look ahead
END_SECONDS = 10.0
DIRECTORS = ("agent", "table", "adaptive")


class Plan(msgspec.Struct, frozen=True):
    """What a process of clients is to do."""

    endpoint: str
    sessions: tuple[str, ...]
    clients: int  # that take the sessions in turns
    commands_per_second: float  # of each
    seed: int
    first: int = 0  # number of the first client


class Report(msgspec.Struct):
    """What has happened since the report before."""

    times_ms: list[float] = msgspec.field(default_factory=list)  # from command to its acceptance
    accepted: list[str] = msgspec.field(default_factory=list)  # ids
    estimated: list[str] = msgspec.field(default_factory=list)  # those of which the promise is
    refused: dict[str, int] = msgspec.field(default_factory=dict)  # by code
    verbs: dict[str, int] = msgspec.field(default_factory=dict)
    unanswered: int = 0


class Steering:
    """A process of clients, while the context lasts, and all that it has reported."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.times_ms: list[float] = []
        self.accepted: set[str] = set()
        self.estimated: set[str] = set()
        self.refused: Counter[str] = Counter()
        self.verbs: Counter[str] = Counter()
        self.unanswered = 0
        self.steers = threading.Event()  # the first report has come
        self._process: Popen[bytes] | None = None
        self._reader = threading.Thread(target=self._read)

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", __name__, msgspec.json.encode(self.plan).decode()]
        self._process = Popen(command, stdin=PIPE, stdout=PIPE)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process; what it has reported stays. A second call does nothing."""
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        if process.stdin.closed:
            return
        process.stdin.close()
        process.wait(END_SECONDS)
        self._reader.join()
        process.stdout.close()

    def kill(self) -> None:
        """SIGKILL, in the middle of whatever it does."""
        assert self._process is not None
        self._process.kill()

    def _read(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        for line in self._process.stdout:
            try:
                report = msgspec.json.decode(line, type=Report)
            except msgspec.DecodeError:  # it was killed while it wrote
                return
            self.times_ms += report.times_ms
            self.accepted |= set(report.accepted)
            self.estimated |= set(report.estimated)
            self.refused.update(report.refused)
            self.verbs.update(report.verbs)
            self.unanswered += report.unanswered
            self.steers.set()


# Commands -----------------------------------------------------------------------------------------


@dataclass
class Maker:
    """Makes random commands for a session of a cue."""

    cue: p.CueInfo
    rng: random.Random
    beat: float = 0.0  # up to which the music is known
    frame: int = 0
    makers: dict[str, tuple[float, Callable[[], p.Command]]] = field(init=False)  # with weights

    def __post_init__(self) -> None:
        self.makers = {
            "set": (4.0, self._set),
            "mood": (2.0, self._mood),
            "level": (2.0, self._level),
            "control": (3.0, self._control),
            "game": (2.0, lambda: p.Game(features={"health": self._share(), "monsters": 2.0})),
            "direct": (1.0, lambda: p.Direct(changes={"drums": self._share()})),
            "release": (1.0, p.Release),
            "duck": (1.0, lambda: p.Duck(depth_db=6.0, seconds=self._share())),
            "stinger": (0.5, lambda: p.Stinger(name=self._one(self.cue.stingers))),
            "tempo": (0.3, lambda: p.Tempo(bpm=self.rng.uniform(*self.cue.tempo_bpm))),
            "go": (0.2, lambda: p.Go(section=self._one(self.cue.sections))),
            "feedback": (0.1, lambda: p.Feedback(value=self.rng.uniform(-1.0, 1.0))),
            "loop": (0.1, lambda: p.Loop(bars=self.rng.choice((0, 0, 1, 2)))),
            "switch": (0.1, lambda: p.Switch(director=self.rng.choice(DIRECTORS))),
            "learning": (0.1, lambda: p.Learning(on=self.rng.random() < 0.5)),
            "unlearn": (0.1, p.Unlearn),
        }

    def command(self) -> p.Command:
        """The next one."""
        weights, makers = zip(*self.makers.values(), strict=True)
        made: p.Command = self.rng.choices(makers, weights)[0]()
        made.at = self._at()
        if made.at != "now":
            made.expires_seconds = EXPIRES_SECONDS
        return made

    def _at(self) -> str:
        if self.rng.random() < NOW_SHARE:
            return "now"
        return self.rng.choice(
            (
                *("beat", "bar", "phrase", "section", "grid:0.5", "grid:0.25", "bars:2"),
                f"beat:{math.ceil(self.beat) + self.rng.randrange(1, 4 * FAR_BEATS) / 4}",
                f"frame:{self.frame + self.rng.randrange(1, FAR_FRAMES)}",
                f"section:{self._one(self.cue.sections)}",
                *(f"marker:{name}" for name in self.cue.markers[:1]),
            )
        )

    def _set(self) -> p.Command:
        name = self._one(list(self.cue.parameters))
        low, high, _ = self.cue.parameters[name]
        return p.Set(parameters={name: self.rng.uniform(low, high)})

    def _mood(self) -> p.Command:
        axes = [self.rng.uniform(-1.0, 1.0) for _ in range(3)]
        return p.SetMood(valence=axes[0], arousal=axes[1], tension=axes[2])

    def _level(self) -> p.Command:
        return p.Level(layer=self._one(self.cue.layers), value=self.rng.uniform(0.3, 1.0))

    def _control(self) -> p.Command:
        name = f"layer.{self._one(self.cue.layers)}.{self.rng.choice(('pan', 'reverb', 'delay'))}"
        return p.Control(name=name, value=self._share())

    def _share(self) -> float:
        return self.rng.random()

    def _one(self, names: list[str]) -> str:
        return self.rng.choice(names)


# The process --------------------------------------------------------------------------------------


class Steerer:
    """One client: its socket, and the command that it waits for."""

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]", plan: Plan, number: int) -> None:
        self.socket = dealer(context, plan.endpoint)
        self._session = plan.sessions[number % len(plan.sessions)]
        self._rng = random.Random(f"{plan.seed} {number}")
        self._rate = plan.commands_per_second
        self._asked = ""  # id of the command that waits for its answer
        self._sent = 0.0
        opened = self._join()
        here = opened.position
        self._maker = Maker(opened.cue, self._rng, here.beat, here.frame)
        self.due = time.perf_counter() + self._rng.expovariate(self._rate)

    def _join(self) -> p.Opened:
        message, header = Message(), p.Header(id=new_id(), type=p.Join.TYPE, session=self._session)
        self.socket.send_multipart(pack(p.Join(), header, packed=True))
        unpack(self.socket.recv_multipart(), message)
        return message.read(p.Opened)

    def send(self, report: Report) -> None:
        """Send a command, as its moment has come."""
        if self._asked:
            report.unanswered += 1
        content, self._asked = self._maker.command(), new_id()
        header = p.Header(id=self._asked, type=content.TYPE, session=self._session)
        report.verbs[content.TYPE] = report.verbs.get(content.TYPE, 0) + 1
        frames = pack(content, header, packed=True)
        self._sent = time.perf_counter()
        self.socket.send_multipart(frames, zmq.NOBLOCK)
        self.due = self._sent + PATIENCE_SECONDS

    def take(self, report: Report) -> None:
        """Take an answer."""
        frames, now = self.socket.recv_multipart(), time.perf_counter()
        message = Message()
        unpack(frames, message)
        if message.parent.get("id") != self._asked:
            return  # given up before
        report.times_ms.append((now - self._sent) * 1000)
        if message.header.type == p.Error.TYPE:
            code = message.read(p.Error).code
            report.refused[code] = report.refused.get(code, 0) + 1
        else:
            accepted = message.read(p.Accepted)
            report.accepted.append(accepted.id)
            report.estimated += [accepted.id] * accepted.estimated
            self._maker.beat, self._maker.frame = accepted.scheduled_beat, accepted.scheduled_frame
        self._asked, self.due = "", now + self._rng.expovariate(self._rate)


def main(text: str) -> None:
    """Steer as a plan says, until standard input ends."""
    plan = msgspec.json.decode(text, type=Plan)
    context, poller = zmq.Context(), zmq.Poller()
    clients = [Steerer(context, plan, plan.first + number) for number in range(plan.clients)]
    by_socket = {client.socket: client for client in clients}
    for socket in by_socket:
        poller.register(socket, zmq.POLLIN)
    poller.register(sys.stdin.fileno(), zmq.POLLIN)
    report, report_due = Report(), time.perf_counter() + REPORT_SECONDS
    while True:
        now = time.perf_counter()
        due = min(report_due, *(client.due for client in clients))
        ready = dict(poller.poll(max(math.ceil((due - now) * 1000), 0)))
        if sys.stdin.fileno() in ready:
            break
        for socket in ready:
            by_socket[socket].take(report)
        now = time.perf_counter()
        for client in clients:
            if client.due <= now:
                client.send(report)
        if now >= report_due:
            _print(report)
            report, report_due = Report(), now + REPORT_SECONDS
    _print(report)
    context.destroy(0)


def _print(report: Report) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(sys.argv[1])
