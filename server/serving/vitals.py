"""How the server fares: counts, memory, and how long its turns take."""

import resource
import sys
import time
from collections import deque
from collections.abc import Mapping

import numpy as np

from ...client import protocol as p

KEPT_TURNS = 10_000
STATM = "/proc/self/statm"  # of Linux


class Vitals:
    """Counts of a server since it was made."""

    def __init__(self) -> None:
        self.requests = self.errors = 0
        self._since_seconds = time.monotonic()
        self._turns_ms: deque[float] = deque(maxlen=KEPT_TURNS)

    def turn(self, seconds: float) -> None:
        """The sessions have had a turn that took so long."""
        self._turns_ms.append(seconds * 1000.0)

    def read(self, sessions: Mapping[str, p.SessionMetrics]) -> p.Metrics:
        """All of it, with how the sessions fare."""
        turns = np.array(self._turns_ms) if self._turns_ms else np.zeros(1)
        return p.Metrics(
            uptime_seconds=time.monotonic() - self._since_seconds,
            requests=self.requests,
            errors=self.errors,
            memory_mb=memory_mb(),
            turn_ms_p50=float(np.percentile(turns, 50)),
            turn_ms_p99=float(np.percentile(turns, 99)),
            sessions=dict(sessions),
        )


def memory_mb() -> float:
    """Memory of this process in MB; where the system does not tell, the most it ever had."""
    try:
        with open(STATM, encoding="ascii") as file:
            return int(file.read().split()[1]) * resource.getpagesize() / 1e6
    except OSError:
        unit = 1.0 if sys.platform == "darwin" else 1024.0
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
