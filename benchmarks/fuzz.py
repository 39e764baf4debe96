"""Malformed input at every door of a server: what is sent, and whether others still get answers.

    python -m segue.benchmarks.fuzz --inputs 1000000 --seed 0

Inputs are made from a seed, door by door (`fuzz_inputs`), and sent as fast as the doors take
them. A well-behaved client plays and asks meanwhile, and its answers are timed.
"""

import argparse
import json
import os
import random
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import zmq

from ..client import Client, NoAnswerError, RequestError
from .fuzz_inputs import datagram, http_request, message, raw_bytes, web_message

SHARES = {"raw": 0.01, "http": 0.01, "websocket": 0.01, "osc": 0.25, "zmq": 0.72}
"""Of all inputs; a connection for each, as raw bytes need, takes a hundred times as long."""

IN_FLIGHT = 256  # unanswered messages of a socket
SOCKETS = 4
RECONNECT_EVERY = 20_000  # messages; some sockets are left in the middle of one
CALM_SECONDS = 0.01  # between two requests of the well-behaved client
READY_SECONDS = 60.0
WAIT_SECONDS = 5.0
MAX_LOST = 5  # answers that the well-behaved client waited for in vain
WEB_MESSAGES = 50  # of a WebSocket connection


@dataclass
class Doors:
    """Where a server listens; '' for what it does not have."""

    control: str
    models: str = ""
    heartbeat: str = ""
    web: str = ""
    osc: str = ""


@dataclass
class Findings:
    """What came of it."""

    inputs: Counter[str] = field(default_factory=Counter)  # by door
    replies: Counter[str] = field(default_factory=Counter)  # by type or error code
    internal: list[str] = field(default_factory=list)  # faults of the server's own
    seconds: float = 0.0
    calm_ms: list[float] = field(default_factory=list)
    calm_lost: int = 0

    @property
    def total(self) -> int:
        """Inputs over all doors."""
        return sum(self.inputs.values())

    def summary(self) -> dict[str, float]:
        """Numbers to be told."""
        calm = np.array(self.calm_ms or [np.nan])
        return {
            "inputs": self.total,
            **{f"inputs_{door}": count for door, count in sorted(self.inputs.items())},
            "seconds": self.seconds,
            "internal_faults": len(self.internal),
            "others_answered": len(self.calm_ms),
            "others_unanswered": self.calm_lost,
            "others_p50_ms": float(np.percentile(calm, 50)),
            "others_p99_ms": float(np.percentile(calm, 99)),
            "others_max_ms": float(calm.max()),
        }


def fuzz(
    doors: Doors,
    inputs: int,
    *,
    seed: int = 0,
    tell: Callable[[float], None] = lambda share: None,
) -> Findings:
    """Send so many malformed inputs to a server, and watch how another client fares.

    Ctrl-C ends it with what was found so far.

    :param tell: is told the share that is done
    """
    found = Findings()
    ready, stopped = threading.Event(), threading.Event()
    calm = threading.Thread(target=play_calmly, args=(doors.control, found, ready, stopped))
    calm.start()
    ready.wait(READY_SECONDS)
    began = time.monotonic()
    try:
        targets = {
            "zmq": [place for place in (doors.control, doors.models, doors.heartbeat) if place],
            "osc": [doors.osc],
            "raw": [place for place in (doors.control, doors.models, doors.web) if place],
            "http": [doors.web],
            "websocket": [doors.web],
        }
        senders = {"zmq": _zmq, "osc": _osc, "raw": _raw, "http": _http, "websocket": _websocket}
        done = 0
        for door, share in SHARES.items():
            places = [place for place in targets[door] if place]
            count = round(inputs * share)
            rng = random.Random(f"{seed} {door}")
            for place in places:
                for sent in senders[door](place, count // len(places), rng, found):
                    found.inputs[door] += sent
                    done += sent
                    tell(min(done / inputs, 1.0))
    except KeyboardInterrupt:
        pass  # what was found so far is told
    finally:
        found.seconds = time.monotonic() - began
        stopped.set()
        calm.join()
    return found


def play_calmly(
    control: str, found: Findings, ready: threading.Event, stopped: threading.Event
) -> None:
    """A client as it should be: plays, steers and asks, and times each answer."""
    with Client(control, timeout_seconds=WAIT_SECONDS) as music:
        session = music.open("dungeon", director="table", clock="realtime")
        ready.set()
        number = 0
        while not stopped.wait(CALM_SECONDS):
            number += 1
            began = time.perf_counter()
            try:
                if number % 2:
                    session.set(danger=(number % 100) / 100.0)
                else:
                    session.position()
            except NoAnswerError:
                found.calm_lost += 1
                continue
            except RequestError:  # random input has hit this very session
                with suppress(RequestError, NoAnswerError):
                    session = music.open("dungeon", director="table", clock="realtime")
            found.calm_ms.append(1000.0 * (time.perf_counter() - began))


# Doors, each told where and how many, and telling how many it has sent ---------------------------


def _zmq(place: str, count: int, rng: random.Random, found: Findings) -> Iterator[int]:
    """Messages of the protocol, broken in every way, by a few sockets that read the replies."""
    context = zmq.Context()
    sockets = [_dealer(context, place) for _ in range(SOCKETS)]
    unanswered = dict.fromkeys(range(SOCKETS), 0)
    try:
        for number in range(count):
            index = number % SOCKETS
            if rng.random() < 1 / RECONNECT_EVERY:
                with suppress(zmq.Again):
                    sockets[index].send(b"half of a message", zmq.NOBLOCK | zmq.SNDMORE)
                sockets[index].close(0)
                sockets[index], unanswered[index] = _dealer(context, place), 0
            unanswered[index] -= _drain(sockets[index], found, wait=unanswered[index] >= IN_FLIGHT)
            with suppress(zmq.Again):
                sockets[index].send_multipart(message(rng))
                unanswered[index] += 1
            if number % 1000 == 999:
                _check(found)
                yield 1000
        yield count % 1000
        for index, dealer in enumerate(sockets):
            while unanswered[index] > 0 and (answered := _drain(dealer, found, wait=True)):
                unanswered[index] -= answered
    finally:
        for dealer in sockets:
            dealer.close(0)
        context.term()


def _dealer(context: "zmq.Context[zmq.Socket[bytes]]", place: str) -> "zmq.Socket[bytes]":
    dealer = context.socket(zmq.DEALER)
    dealer.setsockopt(zmq.LINGER, 0)
    dealer.setsockopt(zmq.SNDTIMEO, round(1000 * WAIT_SECONDS))
    dealer.connect(place)
    return dealer


def _check(found: Findings) -> None:
    if found.calm_lost > MAX_LOST:
        raise RuntimeError("the server answers no more: the inputs before have ended it")


def _drain(dealer: "zmq.Socket[bytes]", found: Findings, *, wait: bool) -> int:
    """Read the replies that are there; with `wait`, for the first of them."""
    count = 0
    if wait and not dealer.poll(1000):
        return IN_FLIGHT  # they were lost with a connection
    while True:
        try:
            frames = dealer.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            return count
        count += 1
        _keep(frames, found)


def _keep(frames: list[bytes], found: Findings) -> None:
    """Count a reply; those that tell of a fault of the server are kept."""
    whole = b" ".join(frames)
    kind = "error" if b'"error"' in whole or b"\xa5error" in whole else "other"
    if kind == "error" and b"(fault " in whole:
        found.internal.append(whole[:2000].decode("utf-8", "replace"))
        kind = "internal"
    found.replies[kind] += 1


def _osc(place: str, count: int, rng: random.Random, found: Findings) -> Iterator[int]:
    """Datagrams, from a few ports."""
    host, _, port = place.rpartition(":")
    senders = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(SOCKETS)]
    try:
        for sender in senders:
            sender.connect((host, int(port)))
        for number in range(count):
            with suppress(OSError):  # full, too long, or refused
                senders[number % SOCKETS].send(datagram(rng))
            if number % 1000 == 999:
                yield 1000
        yield count % 1000
    finally:
        for sender in senders:
            sender.close()


def _address(place: str) -> tuple[str, int]:
    host, _, port = place.split("//")[-1].rstrip("/").rpartition(":")
    return host, int(port)


def _connection(place: str) -> socket.socket:
    made = socket.create_connection(_address(place), timeout=WAIT_SECONDS)
    # Closing leaves nothing behind, so that ports do not run out.
    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    return made


def _raw(place: str, count: int, rng: random.Random, found: Findings) -> Iterator[int]:
    """Bytes that are no ZMTP, a connection for each; some are left open for a while."""
    kept: list[socket.socket] = []
    for _ in range(count):
        connection = _connection(place)
        with suppress(OSError):
            connection.sendall(raw_bytes(rng))
        kept.append(connection)
        if len(kept) > 64:
            kept.pop(rng.randrange(len(kept))).close()
        yield 1
    for connection in kept:
        connection.close()


def _http(place: str, count: int, rng: random.Random, found: Findings) -> Iterator[int]:
    for _ in range(count):
        with _connection(place) as connection, suppress(OSError):
            connection.sendall(http_request(rng, place))
            connection.settimeout(0.05)
            status = connection.recv(4096).split(b" ", 2)[1:2]
            found.replies[f"http {status[0].decode('latin-1')}" if status else "closed"] += 1
        yield 1


def _websocket(place: str, count: int, rng: random.Random, found: Findings) -> Iterator[int]:
    """Frames after a proper handshake, good and broken ones."""
    host, port = _address(place)
    hello = (
        f"GET /ws HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    sent = 0
    while sent < count:
        with _connection(place) as connection, suppress(OSError):
            connection.sendall(hello.encode())
            connection.recv(4096)
            connection.settimeout(1.0)
            for _ in range(min(WEB_MESSAGES, count - sent)):
                sent += 1
                yield 1
                connection.sendall(web_message(rng))
                if rng.random() < 0.2:
                    _keep([connection.recv(65_536)], found)


# The command --------------------------------------------------------------------------------------


def serve_and_fuzz(
    inputs: int,
    seed: int,
    folder: Path,
    tell: Callable[[float], None] = lambda share: None,
) -> Findings:
    """Start a whole server, fuzz it, and end it; RuntimeError if it did not live through it."""
    from ..server.serving.launch import ServerProcess

    with ServerProcess(folder=folder, whole=True) as process:
        with Client(process.endpoint) as music:
            told = music.server
        doors = Doors(process.endpoint, told.models, told.heartbeat, told.web, told.osc)
        found = fuzz(doors, inputs, seed=seed, tell=tell)
        with Client(process.endpoint) as music:
            assert music.list().cues
    return found


def _tell(share: float) -> None:
    print(f"\r{share:.1%}", end="", file=sys.stderr, flush=True)


def main() -> None:
    """Fuzz a server of its own, or one that runs, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--control", default="", help="of a server that runs")
    asked = parser.parse_args()
    if asked.control:
        with Client(asked.control) as music:
            told = music.server
        doors = Doors(asked.control, told.models, told.heartbeat, told.web, told.osc)
        found = fuzz(doors, asked.inputs, seed=asked.seed, tell=_tell)
    else:
        found = serve_and_fuzz(asked.inputs, asked.seed, Path(os.curdir), _tell)
    print(file=sys.stderr)
    print(json.dumps(found.summary() | {"replies": dict(found.replies)}, indent=1))
    print(*sorted(set(found.internal))[:10], sep="\n")


if __name__ == "__main__":
    main()
