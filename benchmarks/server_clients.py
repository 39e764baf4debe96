"""Many clients steer many sessions: does every command come to an end, and every event in time?

Each command that was accepted has to be followed by `executed` or `dropped`; an event of something
that is going to sound has to arrive at a listener two blocks before it does. The same is measured
with one client alone before.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ..client import Client, RemoteSession
from ..server.serving.launch import ServerProcess
from .findings import Found, Rows, Tell
from .server_ears import LEAST_LEAD_BLOCKS, EventEar
from .server_steering import EXPIRES_SECONDS, Plan, Steering

CUES = ("dungeon", "meadow", "neon", "voyage")
SESSIONS, PROCESSES, CLIENTS = 8, 4, 16  # clients of each process
COMMANDS_PER_SECOND = 10.0  # of each client
SHORT_SECONDS, LONG_SECONDS, ALONE_SECONDS = 60.0, 600.0, 60.0
GRID_BEATS = 0.125
END_SECONDS = EXPIRES_SECONDS + 10.0  # in which all that waits is done or dropped
LOOK_SECONDS = 0.1
START_SECONDS = 30.0


@contextmanager
def playing(
    count: int, *, output: str = "null", whole: bool = False
) -> Iterator[tuple[ServerProcess, Client, list[RemoteSession]]]:
    """A server in which so many sessions of the shipped cues play, and who opened them."""
    with (
        TemporaryDirectory() as folder,
        ServerProcess(folder=folder, whole=whole) as server,
        Client(server.endpoint, timeout_seconds=30.0) as client,
    ):
        sessions = [
            client.open(
                CUES[number % len(CUES)],
                output=output,
                seed=number,
                timeout_seconds=0.0,
                grid_beats=GRID_BEATS,
            )
            for number in range(count)
        ]
        yield server, client, sessions


def measure(
    tell: Tell,
    *,
    long: bool = False,
    seconds: float | None = None,
    sessions: int = SESSIONS,
    processes: int = PROCESSES,
    clients: int = CLIENTS,
) -> Found:
    """`lost_commands`, `late_events`, `event_lead_blocks_min`, `clients_p99_ratio` and others."""
    length = seconds or (LONG_SECONDS if long else SHORT_SECONDS)
    with playing(sessions) as (_, client, opened):
        names = tuple(session.id for session in opened)
        alone, many = Crowd(1, 1), Crowd(processes, clients)
        alone.steer(client, names, min(length, ALONE_SECONDS), lambda s: tell("one client", s / 2))
        many.steer(client, names, length, lambda s: tell("many clients", (1 + s) / 2))
    return _judge(alone, many)


class Crowd:
    """So many processes of so many clients, and what came of their commands."""

    def __init__(self, processes: int, clients: int) -> None:
        self.clients = processes * clients
        self._processes, self._each = processes, clients
        self.lost: set[str] = set()
        self.accepted: set[str] = set()
        self.estimated: set[str] = set()
        self.unanswered = 0
        self.refused: Counter[str] = Counter()

    def steer(
        self,
        client: Client,
        sessions: tuple[str, ...],
        seconds: float,
        tell: Callable[[float], None],
    ) -> None:
        """Steer for so long, then wait for the commands to come to an end."""
        with EventEar(client, sessions) as self.ear:
            with ExitStack() as stack:
                steering = [
                    stack.enter_context(Steering(self._plan(client, sessions, number)))
                    for number in range(self._processes)
                ]
                for one in steering:
                    one.steers.wait(START_SECONDS)
                wait(seconds, tell)
            self.times_ms = np.concatenate([one.times_ms for one in steering])
            for one in steering:
                self.accepted |= one.accepted
                self.estimated |= one.estimated
                self.unanswered += one.unanswered
                self.refused += one.refused
            self.lost = await_ends(self.ear, self.accepted)

    def _plan(self, client: Client, sessions: tuple[str, ...], number: int) -> Plan:
        first, each = number * self._each, self._each
        return Plan(client.endpoint, sessions, each, COMMANDS_PER_SECOND, seed=0, first=first)

    @property
    def row(self) -> dict[str, Any]:
        """For a table."""
        return {
            "clients": self.clients,
            "commands": len(self.times_ms),
            "p50_ms": float(np.median(self.times_ms)),
            "p99_ms": float(np.quantile(self.times_ms, 0.99)),
            "max_ms": float(self.times_ms.max()),
            "accepted": len(self.accepted),
            "refused": sum(self.refused.values()),
            "unanswered": self.unanswered,
            "lost": len(self.lost),
            "events_missed": self.ear.missed,
        }


def wait(seconds: float, tell: Callable[[float], None]) -> None:
    """Let time pass, and tell the share of it that has."""
    began, pause = time.monotonic(), threading.Event()
    while (passed := time.monotonic() - began) < seconds:
        tell(passed / seconds)
        pause.wait(min(LOOK_SECONDS, seconds - passed))


def await_ends(ear: EventEar, accepted: set[str], seconds: float = END_SECONDS) -> set[str]:
    """Commands that were accepted and have not come to an end within some time."""
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while (lost := ear.unended(accepted)) and time.monotonic() < deadline:
        pause.wait(LOOK_SECONDS)
    return lost


def _judge(alone: Crowd, many: Crowd) -> Found:
    leads = many.ear.leads
    quantiles = [float(np.quantile(one.times_ms, 0.99)) for one in (alone, many)]
    found = Found()
    found.results = {
        "clients": float(many.clients),
        "lost_commands": float(len(alone.lost) + len(many.lost)),
        "unanswered_commands": float(alone.unanswered + many.unanswered),
        "clients_p99_ms": quantiles[1],
        "clients_p99_ratio": quantiles[1] / quantiles[0],
        "events": float(len(leads)),
        "late_events": float(np.count_nonzero(leads < LEAST_LEAD_BLOCKS)),
        "event_lead_blocks_min": float(leads.min()),
    }
    found.tables["clients that steer at once"] = [alone.row, many.row]
    found.tables["blocks by which events arrive before their sound"] = _leads(many.ear)
    found.tables["frames by which commands in real time are done after their promise"] = _late(many)
    return found


def _leads(ear: EventEar) -> Rows:
    return [
        {
            "event": kind,
            "events": len(leads),
            "least": min(leads),
            "p1": float(np.quantile(leads, 0.01)),
            "p50": float(np.median(leads)),
        }
        for kind, leads in sorted(ear.leads_blocks.items())
    ]


def _late(crowd: Crowd) -> Rows:
    """Of commands whose promise was no estimate."""
    by_verb: dict[str, list[int]] = {}
    for id in crowd.accepted - crowd.estimated:
        if id in crowd.ear.executed:
            verb, late = crowd.ear.executed[id]
            by_verb.setdefault(verb, []).append(late)
    return [
        {
            "verb": verb,
            "commands": len(late),
            "p50": float(np.median(late)),
            "p99": float(np.quantile(late, 0.99)),
            "max": max(late),
        }
        for verb, late in sorted(by_verb.items())
    ]
