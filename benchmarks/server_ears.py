"""Who listens to a server that is measured: to the sound of a session, and to all events.

The frame at which a session is when an event arrives is reckoned from its position, which tells
frame and time together; server and listener are on one machine and share its monotonic clock.
"""

import threading
import time
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, Self

import msgspec
import numpy as np
import zmq
from numpy.typing import NDArray

from ..client import Client, ClientError
from ..client import protocol as p
from ..server.sounding.sound import BLOCK_FRAMES, SAMPLE_RATE
from ..synth.pyo_host import Samples

TOLD_AHEAD = {
    *("beat", "bar", "section", "direction", "stinger", "notes", "grid", "marker", "loop"),
}
"""Events of something that is going to sound."""

LEAST_LEAD_BLOCKS = 2.0
CLOCK_SECONDS = 0.5  # between two looks at where the sessions are
POLL_MS, START_SECONDS = 100, 5.0
TOPIC = p.PROTOCOL_TAG.decode()

FloatArray = NDArray[np.float64]


class SoundEar:
    """The sound of a session with output `stream`, block by block; for one thread.

    :param events: endpoint of the events socket
    """

    def __init__(self, events: str, session: str) -> None:
        self._context = zmq.Context()
        topic = f"{TOPIC}/audio/{session}"
        self._socket = _subscriber(self._context, events, topic)

    def read(self, seconds: float = 0.0) -> Iterator[tuple[int, Samples]]:
        """The blocks that come within some time, or are here: first frame, [shape=(512, 2)]."""
        deadline = time.monotonic() + seconds
        while self._socket.poll(max(round(1000 * (deadline - time.monotonic())), 0)):
            _, told, data = self._socket.recv_multipart()
            samples = np.frombuffer(data, np.float32).reshape(-1, 2)
            yield int(msgspec.json.decode(told)["at_frame"]), samples

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close(0)
        self._context.term()


class EventEar:
    """Takes in the events of some sessions in threads, while the context lasts.

    :param client: of the server; asked for its addresses only
    """

    def __init__(self, client: Client, sessions: Iterable[str]) -> None:
        self.leads_blocks: dict[str, array[float]] = defaultdict(lambda: array("d"))  # by type
        self.executed: dict[str, tuple[str, int]] = {}  # command -> verb, late_frames
        self.dropped: set[str] = set()
        self.counts: Counter[str] = Counter()  # events by type
        self.missed = 0  # by their numbers
        self.faults: list[str] = []  # warnings, and sessions that ended
        self._endpoint, self._events = client.endpoint, client.server.events
        self._sessions = tuple(sessions)
        self._clocks: dict[str, tuple[int, int]] = {}  # session -> frame, nanoseconds
        self._sequences: dict[str, int] = {}
        self._stopped, self._listening = threading.Event(), threading.Event()
        self._threads = [threading.Thread(target=run) for run in (self._listen, self._watch)]

    def unended(self, commands: Iterable[str]) -> set[str]:
        """Those that were neither executed nor dropped."""
        return {id for id in commands if id not in self.executed and id not in self.dropped}

    @property
    def leads(self) -> FloatArray:
        """Blocks by which each event came before its sound."""
        return np.concatenate([np.zeros(0), *(np.array(one) for one in self.leads_blocks.values())])

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        self._listening.wait(START_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _watch(self) -> None:
        """Keep the clocks of the sessions."""
        with Client(self._endpoint) as client:
            while True:
                for name in self._sessions:
                    with suppress(ClientError):  # it has ended
                        reply = client.request(p.GetPosition(), p.PositionReply, session=name)
                        here = reply.position
                        self._clocks[name] = (here.frame, here.ts_ns)
                if self._stopped.wait(CLOCK_SECONDS):
                    return

    def _listen(self) -> None:
        context = zmq.Context()
        socket = _subscriber(context, self._events, *(f"{TOPIC}/{s}/" for s in self._sessions))
        self._listening.set()
        while not self._stopped.is_set():
            while socket.poll(POLL_MS):
                _, data = socket.recv_multipart()
                self._take(msgspec.json.decode(data), time.monotonic_ns())
        socket.close(0)
        context.term()

    def _take(self, event: dict[str, Any], arrived_ns: int) -> None:
        kind, session, number = event["type"], event["session"], event["sequence"]
        self.counts[kind] += 1
        self.missed += number - self._sequences.get(session, number - 1) - 1
        self._sequences[session] = number
        clock = self._clocks.get(session)
        if kind in TOLD_AHEAD and clock is not None:
            here = clock[0] + (arrived_ns - clock[1]) * 1e-9 * SAMPLE_RATE
            self.leads_blocks[kind].append((event["at_frame"] - here) / BLOCK_FRAMES)
        elif kind == "executed":
            self.executed[event["command"]] = event["verb"], event["late_frames"]
        elif kind == "dropped":
            self.dropped.add(event["command"])
        elif kind in ("warning", "closed"):
            self.faults.append(f"{session}: {event.get('message') or event.get('reason')}")


def _subscriber(
    context: "zmq.Context[zmq.Socket[bytes]]", events: str, *topics: str
) -> "zmq.Socket[bytes]":
    socket = context.socket(zmq.SUB)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.RCVHWM, 0)  # what is measured is what was sent
    for topic in topics:
        socket.setsockopt(zmq.SUBSCRIBE, topic.encode())
    socket.connect(events)
    return socket
