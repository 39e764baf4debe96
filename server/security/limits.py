"""How much one client may ask: requests and bytes a second, openings at once.

The rate is limited by the generic cell rate algorithm (ITU-T I.371): of each client one number is
kept, the moment at which all that it asked would be paid for. Who has paid is forgotten.
"""

import time
from collections.abc import Hashable
from dataclasses import dataclass

from ...client.errors import RequestError

BYTES_A_REQUEST = 8192


@dataclass(frozen=True)
class Limits:
    """Of each client."""

    requests_per_second: float = 2000.0
    burst: int = 10_000  # requests that may come at once, after a rest
    clients: int = 4096  # whose debts are remembered
    openings: int = 8  # sessions that are being opened for one client
    bytes_a_request: int = BYTES_A_REQUEST  # a larger message counts as several


LOCAL = Limits(requests_per_second=50_000.0, burst=100_000, openings=64)
"""Of clients on this machine, who could stop the server anyway."""


class Meter:
    """Counts what clients ask; the state it keeps is bounded."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._cost = 1.0 / limits.requests_per_second
        self._credit = limits.burst * self._cost
        self._bytes = limits.bytes_a_request
        self._paid: dict[Hashable, float] = {}  # monotonic seconds

    def take(self, client: Hashable, size: int) -> bool:
        """Count a request of so many bytes; whether there have not been too many."""
        now = time.monotonic()
        paid = self._paid.get(client, now)
        if paid < now:
            paid = now
        elif paid - now > self._credit:
            return False
        self._paid[client] = paid + self._cost * (1 + size // self._bytes)
        if len(self._paid) > self.limits.clients:
            self._forget(now)
        return True

    def _forget(self, now: float) -> None:
        """Of those who have paid; and of the others half, those who owe least."""
        owing = [client for client in self._paid.items() if client[1] > now]
        owing.sort(key=lambda client: client[1])
        self._paid = dict(owing[-self.limits.clients // 2 :])

    def __len__(self) -> int:
        return len(self._paid)


def too_many(limits: Limits) -> RequestError:
    """The answer to a request that is beyond the limits."""
    return RequestError(
        "busy",
        f"more than {limits.requests_per_second:g} requests a second (a large one counts as one "
        f"for each {limits.bytes_a_request} bytes)",
        "",
        "wait for replies before asking more",
    )


def too_many_openings(count: int) -> RequestError:
    """The answer to an `open` while so many are under way for the same client."""
    return RequestError(
        "busy",
        f"{count} sessions are being opened for this client already",
        "",
        "wait until they are open",
    )
