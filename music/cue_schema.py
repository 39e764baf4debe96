"""What stands in a `cue.toml`: its tables, their keys, and the faults of single values."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from .cue import ANY, ROLES, STEM_ANCHORS, SYNC_POINTS
from .direction import KNOBS
from .orchestra import ORCHESTRA
from .patterns import GROOVES
from .stems import BPM_RANGE
from .theory import MODES


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a cue. `docs/cues.md` lists the codes."""

    code: str  # e.g. "unknown-instrument"
    place: str  # e.g. "layers[2].instrument"
    message: str  # the fact and the value
    remedy: str  # the way out

    def __str__(self) -> str:
        return f"{self.place}: {self.message}; {self.remedy} [{self.code}]"


@dataclass(frozen=True)
class Spec:
    """What a key may hold."""

    kind: str  # text, integer, number, flag, or a list: texts, integers, numbers, points
    required: bool = False
    low: float = -math.inf  # of a number, or of each in a list
    high: float = math.inf
    what: str = ""  # of a text that must be one of `known`
    known: Collection[str] = ()
    least: int = 0  # entries of a list
    most: int = 64


_NAME = Spec("text", required=True)
_GAIN_DB = Spec("number", low=-60, high=24)

TABLES: dict[str, dict[str, Spec]] = {
    "cue": {
        "title": _NAME,
        "key": _NAME,
        "meter": Spec("text"),
        "tempo_bpm": Spec("numbers", True, 20, 400, least=2, most=2),
        "modes": Spec("texts", True, what="mode", known=MODES, least=1, most=len(MODES)),
        "theme": Spec("text"),
        "gain_db": _GAIN_DB,
        "origin": _NAME,
    },
    "layers": {
        "name": _NAME,
        "role": Spec("text", True, what="role", known=ROLES),
        "kit": Spec("flag"),
        "instrument": Spec("text"),
        "track": Spec("text"),
        "knob": Spec("text", what="knob", known=KNOBS),
        "from_level": Spec("number", low=0, high=1),
        "octave": Spec("integer", low=-2, high=2),
        "gain_db": _GAIN_DB,
        "pan": Spec("number", low=-1, high=1),
        "reverb": Spec("number", low=0, high=1),
        "delay": Spec("number", low=0, high=1),
        "group": Spec("text"),
        "file": Spec("text"),
        "bpm": Spec("number", low=BPM_RANGE[0], high=BPM_RANGE[1]),
        "beats": Spec("number", low=1, high=4096),
        "sections": Spec("texts", least=1),
        "anchor": Spec("text", what="anchor", known=STEM_ANCHORS),
        "fade_beats": Spec("number", low=0, high=16),
    },
    "mix": {
        "reverb_seconds": Spec("number", low=0.2, high=8),
        "reverb_hz": Spec("number", low=500, high=16_000),
        "echo_beats": Spec("number", low=0.125, high=4),
        "echo_feedback": Spec("number", low=0, high=0.9),
        "loudness_lufs": Spec("number", low=-40, high=-6),
    },
    "sidechains": {
        "source": _NAME,
        "target": _NAME,
        "depth_db": Spec("number", low=0, high=24),
        "release_seconds": Spec("number", low=0.01, high=5),
    },
    "sections": {
        "name": _NAME,
        "bars": Spec("integer", low=1, high=256),
        "start_bar": Spec("integer", low=0, high=10_000),
        "chords": _NAME,
        "groove": Spec("text", what="groove", known=GROOVES),
        "repeats": Spec("integer", low=1, high=64),
    },
    "transitions": {
        "from": _NAME,
        "to": _NAME,
        "at": Spec("text", what="sync-point", known=SYNC_POINTS),
        "fill": Spec("flag"),
        "weight": Spec("number", low=0, high=100),
    },
    "markers": {
        "name": _NAME,
        "section": _NAME,
        "bar": Spec("integer", low=0, high=255),
    },
    "stingers": {
        "name": _NAME,
        "degrees": Spec("integers", True, -21, 28, least=1),
        "durations_beats": Spec("numbers", True, 0.0625, 16, least=1),
        "instrument": Spec("text", what="instrument", known=ORCHESTRA),
        "octave": Spec("integer", low=0, high=8),
        "velocity": Spec("number", low=0.01, high=1),
        "duck_db": Spec("number", low=0, high=60),
    },
    "parameters": {
        "name": _NAME,
        "minimum": Spec("number", low=-1e9, high=1e9),
        "maximum": Spec("number", low=-1e9, high=1e9),
        "default": Spec("number", low=-1e9, high=1e9),
        "ramp_seconds": Spec("number", low=0, high=60),
    },
    "bindings": {
        "parameter": _NAME,
        "to": _NAME,
        "points": Spec("points", True, -1e9, 1e9, least=2),
    },
}
"""The tables of `cue.toml`; `cue` and `mix` stand once, the others are lists."""

REQUIRED_TABLES = ("cue", "layers", "sections")
RESERVED_NAMES = (ANY,)


class FaultList(list[Fault]):
    """The faults found so far."""

    def report(self, code: str, place: str, message: str, remedy: str) -> None:
        """Add one."""
        self.append(Fault(code, place, message, remedy))

    def report_unknown(self, what: str, name: str, known: Collection[str], place: str) -> None:
        """Add 'unknown-WHAT' with the nearest known name as the remedy."""
        self.report(f"unknown-{what}", place, f"no {what} is called {name!r}", nearest(name, known))


def nearest(name: str, known: Collection[str]) -> str:
    """The remedy for an unknown name."""
    close = get_close_matches(name, known, n=1, cutoff=0.5)
    if close:
        return f"write {close[0]!r}?"
    return f"write one of: {', '.join(known)}" if known else "there is none to name here"


def read_table(table: Any, name: str, place: str, faults: FaultList) -> dict[str, Any]:
    """The sound values of one table; all else is reported."""
    specs = TABLES[name]
    if not isinstance(table, dict):
        faults.report("wrong-type", place, "it is not a table", f"write [{name}] and keys below")
        return {}
    values: dict[str, Any] = {}
    for key, value in table.items():
        here = f"{place}.{key}"
        if key not in specs:
            faults.report_unknown("key", key, specs, here)
        elif (sound := _read_value(value, specs[key], here, faults)) is not None:
            values[key] = sound
    for key, spec in specs.items():
        if spec.required and key not in table:
            faults.report("missing-key", place, f"it has no {key}", f"add {key} = ...")
    return values


def _read_value(value: Any, spec: Spec, place: str, faults: FaultList) -> Any:
    """The value in its proper type, None if it has a fault."""
    if spec.kind == "points":
        return _read_points(value, spec, place, faults)
    if not spec.kind.endswith("s"):
        return _read_scalar(value, spec, spec.kind, place, faults)
    if not isinstance(value, list):
        faults.report("wrong-type", place, f"{value!r} is not a list", f"list {spec.kind} in [ ]")
        return None
    if not spec.least <= len(value) <= spec.most:
        count = f"{spec.least}" if spec.least == spec.most else f"{spec.least} to {spec.most}"
        faults.report(
            "wrong-length", place, f"it has {len(value)} entries", f"write {count} {spec.kind}"
        )
        return None
    entries = [
        _read_scalar(item, spec, spec.kind[:-1], f"{place}[{index}]", faults)
        for index, item in enumerate(value)
    ]
    return None if None in entries else tuple(entries)


def _read_points(value: Any, spec: Spec, place: str, faults: FaultList) -> Any:
    shaped = isinstance(value, list) and all(isinstance(p, list) and len(p) == 2 for p in value)
    if not shaped or not spec.least <= len(value) <= spec.most:
        faults.report(
            "wrong-type", place, f"{value!r} is no list of points", "write e.g. [[0, 0], [1, 0.5]]"
        )
        return None
    points = [
        tuple(_read_scalar(number, spec, "number", f"{place}[{index}]", faults) for number in point)
        for index, point in enumerate(value)
    ]
    return None if any(None in point for point in points) else tuple(points)


def _read_scalar(value: Any, spec: Spec, kind: str, place: str, faults: FaultList) -> Any:
    if kind == "text":
        return _read_text(value, spec, place, faults)
    if kind == "flag":
        if isinstance(value, bool):
            return value
        faults.report("wrong-type", place, f"{value!r} is no flag", "write true or false")
        return None
    types = (int,) if kind == "integer" else (int, float)
    if isinstance(value, bool) or not isinstance(value, types):
        faults.report("wrong-type", place, f"{value!r} is no {kind}", f"write one {kind}")
        return None
    if not spec.low <= value <= spec.high:  # false for NaN too
        faults.report(
            "out-of-range",
            place,
            f"{value} is out of range",
            f"write a number from {spec.low:g} to {spec.high:g}",
        )
        return None
    return value if kind == "integer" else float(value)


def _read_text(value: Any, spec: Spec, place: str, faults: FaultList) -> str | None:
    if not isinstance(value, str):
        faults.report("wrong-type", place, f"{value!r} is no text", "write it in quotes")
        return None
    if spec.known and value not in spec.known:
        faults.report_unknown(spec.what, value, spec.known, place)
        return None
    if spec.required and not value.strip():
        faults.report("empty-text", place, "it is empty", "write something")
        return None
    return value
