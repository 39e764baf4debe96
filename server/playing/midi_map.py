"""Which controller of a keyboard moves what in a session: `cc:1=danger`, `note:36=stinger.victory`.

| source | value, from 0 to 1 |
| --- | --- |
| `cc:N` | controller N (0..127) of any channel |
| `bend` | pitch bend, 0.5 in the middle |
| `pressure` | aftertouch of a channel |
| `note:N` | velocity of key N, 0 when it is let go |

| target | range, unless `:LOW..HIGH` follows |
| --- | --- |
| `NAME` | a parameter of the cue: its own range |
| `mood.AXIS` | valence, arousal or tension: -1..1 |
| `knob.KNOB` | a knob of the direction: 0..1 |
| `level.LAYER` | gain of a layer: 0..1 |
| `section.NAME`, `stinger.NAME` | none |

Sections and stingers are asked for when a key is hit, or when a controller rises past one half.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ...music.cue import Cue
from ...music.direction import KNOBS
from ...music.errors import SegueError, UnknownNameError, check_range
from ...music.parameters import AXES

SOURCES = ("cc:N", "bend", "pressure", "note:N")
KINDS = ("mood.AXIS", "knob.KNOB", "level.LAYER", "section.NAME", "stinger.NAME")
TRIGGERS = ("section", "stinger")
PARAMETER = "parameter"
_FORM = re.compile(r"([a-z]+)(?::(\d+))?=(?:([a-z]+)\.)?([^.:=]+)(?::(-?[\d.]+)\.\.(-?[\d.]+))?")


@dataclass(frozen=True)
class Route:
    """One source and what it moves."""

    source: str  # of SOURCES, with its number
    kind: str  # parameter, mood, knob, level, section or stinger
    name: str
    low: float = 0.0  # the target's value where the source's is 0
    high: float = 1.0  # and 1

    def value(self, share: float) -> float:
        """The target's value for the source's, 0..1."""
        return self.low + (self.high - self.low) * share


def parse_map(texts: Iterable[str], cue: Cue) -> list[Route]:
    """Routes from texts such as `cc:1=danger:0..0.8`; a range may fall.

    Raises UnknownNameError, RangeError, or SegueError for what is not of that form.
    """
    return [_route(text, cue) for text in texts]


def moved(message: Any) -> tuple[str, float] | None:
    """Source and value (0..1) of a message (mido's), None if it is no source."""
    match message.type:
        case "control_change":
            return f"cc:{message.control}", message.value / 127
        case "pitchwheel":
            return "bend", (message.pitch + 8192) / 16383
        case "aftertouch":
            return "pressure", message.value / 127
        case "note_on":
            return f"note:{message.note}", message.velocity / 127
        case "note_off":
            return f"note:{message.note}", 0.0
    return None


def _route(text: str, cue: Cue) -> Route:
    found = _FORM.fullmatch(text.replace(" ", ""))
    if found is None:
        raise SegueError(
            f"MIDI map {text!r} is not of the form SOURCE=TARGET or SOURCE=TARGET:LOW..HIGH; "
            "write e.g. cc:1=danger"
        )
    source, number, kind, name, low, high = found.groups()
    _check_source(text, source, number)
    full = source if number is None else f"{source}:{int(number)}"
    kind = kind or PARAMETER
    if kind in TRIGGERS:
        getattr(cue, "stinger" if kind == "stinger" else "section_index")(name)
        if low is not None:
            raise SegueError(f"MIDI map {text!r} gives a range to a {kind}, which has none")
        return Route(full, kind, name)
    least, most = _range(kind, name, cue)
    return Route(
        full,
        kind,
        name,
        least if low is None else check_range(f"range of {text!r}", _number(low), least, most),
        most if high is None else check_range(f"range of {text!r}", _number(high), least, most),
    )


def _check_source(text: str, source: str, number: str | None) -> None:
    numbered = source in ("cc", "note")
    if source not in ("cc", "note", "bend", "pressure") or numbered != (number is not None):
        raise UnknownNameError("MIDI source", text.partition("=")[0], SOURCES)
    if number is not None:
        check_range(f"number of {source!r}", int(number), 0, 127)


def _range(kind: str, name: str, cue: Cue) -> tuple[float, float]:
    """The whole range of a target, which must exist."""
    match kind:
        case "parameter":
            parameter = cue.parameter(name)
            return parameter.minimum, parameter.maximum
        case "mood":
            if name not in AXES:
                raise UnknownNameError("mood axis", name, AXES)
            return -1.0, 1.0
        case "knob":
            if name not in KNOBS:
                raise UnknownNameError("knob", name, KNOBS)
            return 0.0, 1.0
        case "level":
            cue.layer_index(name)
            return 0.0, 1.0
    raise UnknownNameError("MIDI target", f"{kind}.{name}", (*KINDS, "PARAMETER"))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")  # out of every range
