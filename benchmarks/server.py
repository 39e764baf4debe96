"""The server in numbers: round trips, timing, many clients, a soak, malformed input, faults.

`run` measures all parts, or those named; each is a module of this package. `docs/results.md` says
what the results mean and which are wanted.
"""

from collections.abc import Sequence

from . import (
    server_clients,
    server_faults,
    server_fuzz,
    server_latency,
    server_soak,
    server_timing,
)
from .findings import Part, Rows, Tell, measure_parts, silent

PARTS: dict[str, Part] = {
    "latency": lambda tell, long: server_latency.measure(tell),
    "timing": lambda tell, long: server_timing.measure(tell),
    "quantised": lambda tell, long: server_timing.measure_quantised(tell),
    "clients": lambda tell, long: server_clients.measure(tell, long=long),
    "soak": lambda tell, long: server_soak.measure(tell, long=long),
    "faults": lambda tell, long: server_faults.measure(tell),
    "fuzz": lambda tell, long: server_fuzz.measure(tell, long=long),
}
"""What can be measured, in this order."""


def run(
    only: Sequence[str] = (), *, long: bool = False, tell: Tell = silent
) -> tuple[dict[str, float], dict[str, Rows]]:
    """Results by key, and tables by title.

    Raises UnknownNameError for a part that does not exist.

    :param only: names of `PARTS`; none means all
    :param long: ten minutes of many clients, half an hour of soak, a million malformed inputs
    :param tell: called with what is being measured and the share of the whole that is done
    """
    return measure_parts(PARTS, only, long=long, tell=tell)
