"""Malformed input at all doors of a whole server: does it live, and do others still get answers?"""

import threading
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from ..client import Client, ClientError
from ..server.serving.launch import ServerProcess
from .findings import Found, Tell
from .fuzz import READY_SECONDS, Doors, Findings, fuzz, play_calmly
from .server_clients import wait
from .server_processes import descendants

SHORT_INPUTS, LONG_INPUTS = 50_000, 1_000_000
CALM_SECONDS = 20.0  # of the well-behaved client alone, before
SERVING = ("segue.server.jobs ", "segue.server.gateway ")
"""Processes of the server that must not end; workers may be given up by design."""


def measure(
    tell: Tell, *, long: bool = False, inputs: int | None = None, calm_seconds: float = CALM_SECONDS
) -> Found:
    """`fuzz_crashes`, `fuzz_internal_faults`, `fuzz_p99_ratio` of another client, and others."""
    count = inputs or (LONG_INPUTS if long else SHORT_INPUTS)
    tell("starting the server", 0.0)
    with TemporaryDirectory() as folder, ServerProcess(folder=Path(folder), whole=True) as server:
        assert server.pid is not None
        with Client(server.endpoint) as client:
            told = client.server
        doors = Doors(server.endpoint, told.models, told.heartbeat, told.web, told.osc)
        before = _alone(server.endpoint, calm_seconds, tell)
        served = _serving(server.pid)
        try:
            found = fuzz(
                doors, count, tell=lambda share: tell("malformed input", 0.1 + 0.9 * share)
            )
            ended = ""
        except (RuntimeError, ClientError) as error:
            found, ended = Findings(), str(error)
        crashes = len(served - _serving(server.pid)) + bool(ended or not _answers(server.endpoint))
    return _judge(before, found, crashes, ended)


def _alone(endpoint: str, seconds: float, tell: Tell) -> Findings:
    """The answers that a well-behaved client gets when nothing else happens."""
    found, ready, stopped = Findings(), threading.Event(), threading.Event()
    calm = threading.Thread(target=play_calmly, args=(endpoint, found, ready, stopped))
    calm.start()
    ready.wait(READY_SECONDS)
    wait(seconds, lambda share: tell("one client alone", 0.1 * share))
    stopped.set()
    calm.join()
    return found


def _serving(process_id: int) -> set[int]:
    processes = descendants(process_id).items()
    return {one for one, line in processes if any(words in line for words in SERVING)}


def _answers(endpoint: str) -> bool:
    try:
        with Client(endpoint) as client:
            return bool(client.list().cues)
    except ClientError:
        return False


def _judge(before: Findings, found: Findings, crashes: int, ended: str) -> Found:
    told = found.summary()
    quantiles = [float(np.quantile(one.calm_ms or [np.nan], 0.99)) for one in (before, found)]
    result = Found()
    result.results = {
        "fuzz_inputs": float(found.total),
        "fuzz_crashes": float(crashes),
        "fuzz_internal_faults": float(len(found.internal)),
        "fuzz_others_unanswered": float(found.calm_lost),
        "fuzz_p99_ms": quantiles[1],
        "fuzz_p99_ratio": quantiles[1] / quantiles[0],
    }
    result.tables["malformed input"] = [
        {"door": door, "inputs": count} for door, count in sorted(found.inputs.items())
    ] + [{"door": "all", "inputs": found.total, "seconds": told["seconds"]}]
    result.tables["a well-behaved client"] = [
        {
            "beside": beside,
            "answers": len(one.calm_ms),
            "p50_ms": float(np.median(one.calm_ms or [np.nan])),
            "p99_ms": float(np.quantile(one.calm_ms or [np.nan], 0.99)),
            "max_ms": float(max(one.calm_ms, default=np.nan)),
            "unanswered": one.calm_lost,
        }
        for beside, one in (("nothing", before), ("malformed input", found))
    ]
    faults = sorted(set(found.internal))[:10] + [ended] * bool(ended)
    if faults:
        result.tables["what went wrong over malformed input"] = [{"fault": one} for one in faults]
    return result
