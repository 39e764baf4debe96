"""From a command to its acceptance: ours beside a bare echo, gRPC and HTTP, in turns."""

import http.client
import itertools
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import zmq

from ..client import Client
from ..music.errors import MissingPartError
from ..server.serving.launch import ServerProcess
from .findings import Found, Tell
from .server_peers import METHOD, peer

ROUNDS, CALLS = 40, 100  # in turns, so that what else the machine does hits all alike
WARM_CALLS = 300
GOALS = {"rtt_p50_ratio": 1.5, "rtt_p99_ratio": 2.0, "rtt_p50_ms": 0.5}

Call = Callable[[bytes], bytes]


def command(number: int, session: str = "s1") -> bytes:
    """A `set` in the one-frame form, as a thin client sends it."""
    header = {"id": f"bench-{number}", "type": "set", "session": session, "version": "1.3"}
    content = {"parameters": {"danger": number % 100 / 100}, "at": "now"}
    return json.dumps({"header": header, "content": content}).encode()


@contextmanager
def dealer(endpoint: str) -> Iterator[Call]:
    """Calls by a DEALER."""
    context = zmq.Context()
    socket = context.socket(zmq.DEALER)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.RCVTIMEO, 10_000)
    socket.connect(endpoint)

    def call(data: bytes) -> bytes:
        socket.send(data)
        return socket.recv()

    try:
        yield call
    finally:
        socket.close(0)
        context.term()


@contextmanager
def _grpc_call(port: int) -> Iterator[Call]:
    import grpc

    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel.unary_unary(METHOD)


@contextmanager
def _http_call(port: int) -> Iterator[Call]:
    connection = http.client.HTTPConnection("127.0.0.1", port)

    def call(data: bytes) -> bytes:
        connection.request("POST", "/", data)
        return connection.getresponse().read()

    try:
        yield call
    finally:
        connection.close()


@contextmanager
def playing_server() -> Iterator[str]:
    """A server in which a session plays through an engine that nobody hears; its endpoint."""
    with (
        TemporaryDirectory() as folder,
        ServerProcess(folder=folder) as server,
        Client(server.endpoint) as client,
    ):
        client.open("dungeon", output="null", timeout_seconds=0.0)
        yield server.endpoint


def measure(tell: Tell, long: bool = False) -> Found:
    """`rtt_*`, `vs_grpc` and `vs_http`."""
    found = Found()
    tell("starting the servers", 0.0)
    with ExitStack() as stack:
        calls: dict[str, Call] = {
            "segue": stack.enter_context(dealer(stack.enter_context(playing_server())))
        }
        echo = stack.enter_context(peer("echo"))
        calls["echo"] = stack.enter_context(dealer(f"tcp://127.0.0.1:{echo}"))
        calls["http"] = stack.enter_context(_http_call(stack.enter_context(peer("http"))))
        try:
            calls["grpc"] = stack.enter_context(_grpc_call(stack.enter_context(peer("grpc"))))
        except MissingPartError as error:
            found.skip("vs_grpc", str(error))
        times = _in_turns(calls, tell)
    _judge(times, found)
    return found


def _in_turns(calls: dict[str, Call], tell: Tell) -> dict[str, Any]:
    """Milliseconds of each call [shape=(ROUNDS, CALLS)]."""
    numbers = itertools.count()
    times = {name: np.zeros((ROUNDS, CALLS)) for name in calls}
    for call in calls.values():
        for _ in range(WARM_CALLS):
            call(command(next(numbers)))
    for turn in range(ROUNDS):
        tell("round trips", turn / ROUNDS)
        for name, call in calls.items():
            for number in range(CALLS):
                data = command(next(numbers))
                began = time.perf_counter_ns()
                call(data)
                times[name][turn, number] = (time.perf_counter_ns() - began) * 1e-6
    return times


def _judge(times: dict[str, Any], found: Found) -> None:
    """Quantiles over all calls, and ratios: medians over the rounds of each round's own."""
    rows = []
    p50 = {name: np.median(one, axis=1) for name, one in times.items()}
    p99 = {name: np.quantile(one, 0.99) for name, one in times.items()}
    for name, one in times.items():
        rows.append(
            {
                "server": name,
                "p50_ms": float(np.median(one)),
                "p95_ms": float(np.quantile(one, 0.95)),
                "p99_ms": float(p99[name]),
                "max_ms": float(one.max()),
            }
        )
    found.tables["from a command to its acceptance, a session playing"] = rows
    found.results["rtt_p50_ms"] = float(np.median(times["segue"]))
    found.results["rtt_p99_ms"] = float(p99["segue"])
    found.results["rtt_p50_ratio"] = float(np.median(p50["segue"] / p50["echo"]))
    found.results["rtt_p99_ratio"] = float(p99["segue"] / p99["echo"])
    for name in ("grpc", "http"):
        if name in times:
            found.results[f"vs_{name}"] = float(np.median(p50["segue"] / p50[name]))
