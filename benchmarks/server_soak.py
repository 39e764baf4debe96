"""Hours of a server's life: sessions that play, clients that steer them, are killed and replaced.

Blocks that come late are held against those of the same sessions left alone just before, on the
same machine. Memory, files and threads are looked at from the end of the warm-up on.
"""

import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import msgspec
import numpy as np

from ..client import RemoteSession
from .findings import Found, Tell
from .server_clients import CLIENTS, PROCESSES, SESSIONS, await_ends, playing, wait
from .server_ears import LEAST_LEAD_BLOCKS, EventEar
from .server_processes import find, handles, megabytes, threads
from .server_steering import Plan, Steering
from .synth_material import process_megabytes

SHORT_SECONDS, LONG_SECONDS = 60.0, 1800.0
CONTROL_SHARE = 1 / 6  # of the time, in which the sessions are left alone before
WARM_SHARE = 1 / 3  # after which memory is looked at
LOOKS, LOOK_SECONDS = 60, 0.1  # at memory and the like; between two looks at the clock
KILL_SECONDS = (2.0, 6.0)  # between two processes of clients that are killed
COMMANDS_PER_SECOND = 5.0  # of each client


@dataclass
class Looks:
    """What a server used, as time passed."""

    seconds: list[float] = field(default_factory=list)
    server_mb: list[float] = field(default_factory=list)
    all_mb: list[float] = field(default_factory=list)
    handles: list[int] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)

    def look(self, process_id: int) -> None:
        """Once more."""
        self.seconds.append(time.monotonic())
        self.server_mb.append(process_megabytes(process_id))
        self.all_mb.append(megabytes(process_id))
        self.handles.append(handles(process_id))
        self.threads.append(threads(process_id))

    def slope(self, values: list[float]) -> float:
        """Of a straight line through what came after the warm-up, an hour."""
        first = self._warm
        return float(np.polyfit(self.seconds[first:], values[first:], 1)[0]) * 3600.0

    def growth(self, values: list[int]) -> float:
        """From the least after the warm-up to the least in the last third; 0 if it sank."""
        first, last = self._warm, len(values) - max(len(values) // 3, 1)
        return float(max(min(values[last:]) - min(values[first:last] or values), 0))

    @property
    def _warm(self) -> int:
        return int(len(self.seconds) * WARM_SHARE)


class Soak:
    """A crowd of clients of which some are killed all the time.

    :param stack: ends those that are left
    """

    def __init__(self, plan: Plan, processes: int, stack: ExitStack) -> None:
        self.rng = random.Random(plan.seed)
        self.killed = 0
        self.accepted: set[str] = set()
        self.refused: Counter[str] = Counter()
        self.commands = self.unanswered = 0
        self._plan, self._stack = plan, stack
        self._numbers = itertools.count()
        self._living = [self._start() for _ in range(processes)]

    def _start(self) -> Steering:
        first = next(self._numbers) * self._plan.clients
        return self._stack.enter_context(Steering(msgspec.structs.replace(self._plan, first=first)))

    def kill(self) -> None:
        """Kill one process of clients and start another, if all have begun to steer."""
        if all(one.steers.is_set() for one in self._living):
            victim = self._living.pop(self.rng.randrange(len(self._living)))
            victim.kill()
            self.killed += self._plan.clients
            self._take(victim)
            self._living.append(self._start())

    def finish(self) -> None:
        """End those that live."""
        while self._living:
            self._take(self._living.pop())

    def _take(self, one: Steering) -> None:
        one.close()
        self.accepted |= one.accepted
        self.commands += len(one.times_ms)
        self.unanswered += one.unanswered
        self.refused += one.refused


def measure(
    tell: Tell,
    *,
    long: bool = False,
    seconds: float | None = None,
    sessions: int = SESSIONS,
    processes: int = PROCESSES,
    clients: int = CLIENTS,
) -> Found:
    """`soak_errors`, `soak_memory_mb_per_hour`, `soak_handles_grown`, and late blocks."""
    length = seconds or (LONG_SECONDS if long else SHORT_SECONDS)
    with playing(sessions) as (server, client, opened):
        assert server.pid is not None
        names = tuple(session.id for session in opened)
        left_alone = late_blocks(opened)
        wait(length * CONTROL_SHARE, lambda share: tell("sessions left alone", share / 6))
        left_alone, before = late_blocks(opened) - left_alone, late_blocks(opened)
        engines, looks = find(server.pid, "engine_child"), Looks()
        plan = Plan(client.endpoint, names, clients, COMMANDS_PER_SECOND, seed=1)
        with EventEar(client, names) as ear:
            with ExitStack() as stack:
                soak = Soak(plan, processes, stack)
                _let_live(soak, looks, server.pid, length, lambda s: tell("soak", (1 + 5 * s) / 6))
                soak.finish()
            late = late_blocks(opened) - before
            lost = await_ends(ear, soak.accepted)
        died = set(engines) - set(find(server.pid, "engine_child"))
    faults = [
        *(f"no end of command {id}" for id in lost),
        *(f"engine {one} has ended" for one in died),
        *ear.faults,
    ]
    errors = len(faults) + soak.unanswered + soak.refused.get("internal", 0)
    found = _judge(soak, looks, ear)
    found.results["soak_errors"] = float(errors)
    found.results["soak_late_blocks_beyond_control"] = max(late - left_alone / CONTROL_SHARE, 0.0)
    found.tables["soak"][0] |= {
        "late_blocks": late,
        "of_them_left_alone": left_alone / CONTROL_SHARE,
    }
    if faults:
        found.tables["what went wrong in the soak"] = [{"fault": fault} for fault in faults[:20]]
    return found


def late_blocks(sessions: Sequence[RemoteSession]) -> int:
    """Blocks that have come late since the sessions began."""
    return sum(session.meters().late_blocks for session in sessions)


def _let_live(
    soak: Soak, looks: Looks, process_id: int, seconds: float, tell: Callable[[float], None]
) -> None:
    """Let time pass, and look from time to time."""
    began, pause = time.monotonic(), threading.Event()
    next_look = next_kill = 0.0
    while (passed := time.monotonic() - began) < seconds:
        tell(passed / seconds)
        if passed >= next_look:
            looks.look(process_id)
            next_look += seconds / LOOKS
        if passed >= next_kill:
            soak.kill()
            next_kill = passed + soak.rng.uniform(*KILL_SECONDS)
        pause.wait(LOOK_SECONDS)


def _judge(soak: Soak, looks: Looks, ear: EventEar) -> Found:
    leads = ear.leads
    found = Found()
    found.results = {
        "soak_seconds": looks.seconds[-1] - looks.seconds[0],
        "soak_memory_mb_per_hour": looks.slope(looks.all_mb),
        "soak_handles_grown": looks.growth(looks.handles),
        "soak_threads_grown": looks.growth(looks.threads),
    }
    found.tables["soak"] = [
        {
            "commands": soak.commands,
            "accepted": len(soak.accepted),
            "refused": sum(soak.refused.values()),
            "clients_killed": soak.killed,
            "events": len(leads),
            "late_events": int(np.count_nonzero(leads < LEAST_LEAD_BLOCKS)),
            "server_mb": looks.server_mb[-1],
            "server_mb_per_hour": looks.slope(looks.server_mb),
            "handles": looks.handles[-1],
            "threads": looks.threads[-1],
        }
    ]
    return found
