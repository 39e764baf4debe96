"""How much a client may ask, and what counting costs."""

import time

import pytest

from segue.server.security import limits as limits_module
from segue.server.security.limits import BYTES_A_REQUEST, Limits, Meter


class Clock:
    """Moved by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(limits_module.time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def taken(meter: Meter, client: str, count: int, size: int = 100) -> int:
    return sum(meter.take(client, size) for _ in range(count))


def test_a_burst_then_a_steady_rate(clock: Clock) -> None:
    meter = Meter(Limits(requests_per_second=100.0, burst=50))
    assert taken(meter, "a", 1000) == 51
    clock.now += 0.1
    assert taken(meter, "a", 1000) == pytest.approx(10, abs=1)
    clock.now += 60.0
    assert taken(meter, "a", 1000) == 51
    steady = 0
    clock.now += 60.0
    for _ in range(1000):
        clock.now += 0.01
        steady += meter.take("a", 100)
    assert steady == 1000


def test_one_client_does_not_pay_for_another(clock: Clock) -> None:
    meter = Meter(Limits(requests_per_second=100.0, burst=50))
    assert taken(meter, "a", 100) == 51 == taken(meter, "b", 100)


def test_large_messages_count_as_several(clock: Clock) -> None:
    meter = Meter(Limits(requests_per_second=100.0, burst=50))
    assert taken(meter, "a", 1000, size=10 * BYTES_A_REQUEST) == 5


def test_64_clients_steer_freely(clock: Clock) -> None:
    meter = Meter(Limits())
    for _ in range(600):  # ten seconds of frames, three commands in each
        clock.now += 1 / 60
        for client in range(64):
            assert taken(meter, str(client), 3) == 3


def test_what_is_kept_is_bounded_and_forgotten_when_paid(clock: Clock) -> None:
    meter = Meter(Limits(requests_per_second=100.0, burst=50, clients=64))
    debtor = taken(meter, "debtor", 1000)
    for number in range(100_000):
        clock.now += 1e-6
        meter.take(f"passer-by {number}", 100)
        assert len(meter) <= 64
    assert debtor == 51 and taken(meter, "debtor", 100) < 15  # is not forgotten for them


def test_counting_takes_less_than_two_microseconds() -> None:
    meter = Meter(Limits(requests_per_second=1e9))
    names = [str(number) for number in range(64)]
    fastest = float("inf")
    for _ in range(20):
        start = time.perf_counter()
        for name in names * 16:
            meter.take(name, 200)
        fastest = min(fastest, (time.perf_counter() - start) / 1024)
    assert fastest < 2e-6
