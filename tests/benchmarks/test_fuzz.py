"""Malformed input: made from a seed, and nothing that a server minds."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from segue.benchmarks.fuzz import SHARES, Doors, fuzz, serve_and_fuzz
from segue.benchmarks.fuzz_inputs import datagram, http_request, message, raw_bytes, web_message
from segue.server.serving.server import Server

MAKERS: dict[str, Callable[[random.Random], object]] = {
    "zmq": message,
    "osc": datagram,
    "raw": raw_bytes,
    "websocket": web_message,
    "http": lambda rng: http_request(rng, "http://127.0.0.1:5580"),
}


@pytest.mark.parametrize("door", sorted(MAKERS))
def test_the_same_seed_gives_the_same_inputs(door: str) -> None:
    make = MAKERS[door]
    one, two, other = random.Random(1), random.Random(1), random.Random(2)
    first = [make(one) for _ in range(300)]
    assert first == [make(two) for _ in range(300)] != [make(other) for _ in range(300)]


def test_no_message_ends_the_server_by_asking() -> None:
    rng = random.Random(3)
    for _ in range(5000):
        frames = message(rng)
        assert 1 <= len(frames) <= 64
        assert b"shutdown" not in b"".join(frames)


def test_a_server_answers_others_meanwhile(server: Server) -> None:
    doors = Doors(server.endpoint, heartbeat=server.addresses.heartbeat)
    found = fuzz(doors, 3000, seed=4)
    assert found.total == pytest.approx(3000 * (SHARES["zmq"] + SHARES["raw"]), abs=5)
    assert found.internal == [] and found.replies["error"] > 300
    told = found.summary()
    assert told["others_answered"] > 10 and told["others_unanswered"] == 0


@pytest.mark.slow
def test_a_whole_server_lives_through_it(tmp_path: Path) -> None:
    shares = []
    found = serve_and_fuzz(5000, 5, tmp_path, shares.append)
    assert set(found.inputs) == set(SHARES) and shares[-1] == pytest.approx(1.0, abs=0.01)
    assert found.internal == [] and found.calm_lost == 0
