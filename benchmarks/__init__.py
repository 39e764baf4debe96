"""Speed and size, measured side by side with peers: `segue bench NAME`."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

BENCHMARKS = {
    "analysis": "the ears: rhythm, key, chords, notes, pitch and their cost beside other libraries",
    "env": "steps a second of every environment beside CartPole, and their shares of training",
    "server": "the open door: round trips, timing, many clients, malformed input, faults",
    "synth": "the voice: exactness, speed beside the peers, clicks, live playing",
    "voice": "a real voice: its pitch and notes, harmonies, shifts, live latencies",
}
"""What can be measured; each is a module of this package with a function `run`."""

OPTIONS = {
    "analysis": ("only", "folder", "peers", "keep"),
    "synth": ("only", "long"),
    "server": ("only", "long"),
}
"""What can be asked of them; those that are not here take no time worth telling and no options."""

Rows = list[dict[str, Any]]


def run_benchmark(name: str, **options: Any) -> tuple[dict[str, float], Mapping[str, Rows]]:
    """Results by key, and tables by title; `options` are those of the module's `run`."""
    module = import_module(f".{name}", __name__)
    found: tuple[dict[str, float], Mapping[str, Rows]] = module.run(**options)
    return found
