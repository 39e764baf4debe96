"""Parameters of a cue in play: what the game sets, ramped, and the moods and levels they ask for.

Time is given by the caller as seconds on the session's clock, so live and offline runs are equal.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from .cue import Binding, Cue
from .errors import UnknownNameError, check_range
from .mood import Mood

MAX_RAMP_SECONDS = 600.0
AXES = ("valence", "arousal", "tension")

CURVES: dict[str, Callable[[float], float]] = {
    "linear": lambda share: share,
    "smooth": lambda share: share * share * (3.0 - 2.0 * share),
    "early": lambda share: share * (2.0 - share),
    "late": lambda share: share * share,
}
"""How a ramp goes: the share of the way by the share of the time, both 0..1."""


@dataclass
class Ramp:
    """A value that moves to its target along one of `CURVES`."""

    start: float
    target: float
    from_seconds: float = 0.0
    ramp_seconds: float = 0.0
    curve: str = "linear"

    def value(self, at_seconds: float) -> float:
        """The value at a time; before the ramp its start, after it the target."""
        if at_seconds >= self.from_seconds + self.ramp_seconds:
            return self.target
        if at_seconds <= self.from_seconds:
            return self.start
        share = CURVES[self.curve]((at_seconds - self.from_seconds) / self.ramp_seconds)
        return self.start + (self.target - self.start) * share

    def move(
        self, target: float, at_seconds: float, ramp_seconds: float, curve: str = "linear"
    ) -> None:
        """Go from where it is at `at_seconds` to `target`."""
        self.start = self.value(at_seconds)
        self.target, self.from_seconds, self.ramp_seconds = target, at_seconds, ramp_seconds
        self.curve = curve


def check_ramp(ramp_seconds: float, curve: str = "linear") -> None:
    """Raise RangeError or UnknownNameError unless a ramp can go so."""
    check_range("ramp_seconds", ramp_seconds, 0.0, MAX_RAMP_SECONDS)
    if curve not in CURVES:
        raise UnknownNameError("curve", curve, CURVES)


@dataclass
class _Wish:
    """A mood axis asked for by name; `share` fades between the bindings (0) and the wish (1)."""

    value: Ramp
    share: Ramp


class Parameters:
    """The parameters of a cue, its bindings, and moods asked for directly.

    Raises UnknownNameError (with the nearest name) and RangeError; a failed call changes nothing.
    """

    def __init__(self, cue: Cue) -> None:
        self.cue = cue
        self._ramps = {p.name: Ramp(p.default, p.default) for p in cue.parameters}
        self._wishes = {axis: _Wish(Ramp(0.0, 0.0), Ramp(0.0, 0.0)) for axis in AXES}
        self._bindings: dict[str, list[Binding]] = {}
        for binding in cue.bindings:
            self._bindings.setdefault(binding.to, []).append(binding)
        self._levels = {y.name: self._bindings.get(f"level.{y.name}", []) for y in cue.layers}

    def check(self, name: str, value: float, ramp_seconds: float | None = None) -> float:
        """`value` as a float if this parameter can take it."""
        parameter = self.cue.parameter(name)
        if ramp_seconds is not None:
            check_range("ramp_seconds", ramp_seconds, 0.0, MAX_RAMP_SECONDS)
        return check_range(f"parameter {name!r}", value, parameter.minimum, parameter.maximum)

    def set(
        self,
        name: str,
        value: float,
        at_seconds: float,
        ramp_seconds: float | None = None,
        curve: str = "linear",
    ) -> None:
        """Move a parameter to `value` from `at_seconds` on; the cue's own ramp if None is given."""
        number = self.check(name, value, ramp_seconds)
        ramp = self.cue.parameter(name).ramp_seconds if ramp_seconds is None else ramp_seconds
        self._ramps[name].move(number, at_seconds, ramp, curve)

    def value(self, name: str, at_seconds: float) -> float:
        """A parameter at a time."""
        self.cue.parameter(name)
        return self._ramps[name].value(at_seconds)

    def values(self, at_seconds: float) -> dict[str, float]:
        """All parameters at a time."""
        return {name: ramp.value(at_seconds) for name, ramp in self._ramps.items()}

    @staticmethod
    def check_mood(wanted: Mapping[str, float | None], ramp_seconds: float) -> None:
        """Raise unless every axis exists and lies in [-1, 1]."""
        check_range("ramp_seconds", ramp_seconds, 0.0, MAX_RAMP_SECONDS)
        for axis, value in wanted.items():
            if axis not in AXES:
                raise UnknownNameError("mood axis", axis, AXES)
            if value is not None:
                check_range(axis, value, -1.0, 1.0)

    def set_mood(
        self,
        wanted: Mapping[str, float | None],
        at_seconds: float,
        ramp_seconds: float = 0.5,
        curve: str = "linear",
    ) -> None:
        """Ask for a mood by axis (valence, arousal, tension), in place of what the bindings give.

        None hands the axis back to the bindings; an axis that is not named stays as it is.
        """
        self.check_mood(wanted, ramp_seconds)
        for axis, value in wanted.items():
            wish = self._wishes[axis]
            if value is None:
                wish.share.move(0.0, at_seconds, ramp_seconds, curve)
                continue
            here = self._axis(axis, at_seconds)
            wish.value = Ramp(here, here)
            wish.value.move(float(value), at_seconds, ramp_seconds, curve)
            wish.share = Ramp(1.0, 1.0)

    def mood(self, at_seconds: float) -> Mood:
        """The mood asked for at a time: the sum of the bindings, or the wish, within [-1, 1]."""
        return Mood(**{axis: self._axis(axis, at_seconds) for axis in AXES})

    def level(self, layer: str, at_seconds: float) -> float:
        """Gain of a layer in [0, 1]: the sum of its bindings, 1 if it has none."""
        bindings = self._levels.get(layer)
        if bindings is None:
            self.cue.layer_index(layer)  # raises, for there is no such layer
        return min(max(self._sum(bindings, at_seconds), 0.0), 1.0) if bindings else 1.0

    def _axis(self, axis: str, at_seconds: float) -> float:
        wish = self._wishes[axis]
        share = wish.share.value(at_seconds)
        bound = min(max(self._sum(self._bindings.get(f"mood.{axis}", ()), at_seconds), -1.0), 1.0)
        return bound + share * (wish.value.value(at_seconds) - bound)

    def _sum(self, bindings: Sequence[Binding], at_seconds: float) -> float:
        total = 0.0
        for binding in bindings:
            value = self._ramps[binding.parameter].value(at_seconds)
            total += _interpolate(binding.points, value)
        return total

    def snapshot(self) -> dict[str, Any]:
        """Targets of all parameters and wishes, as plain JSON values."""
        wished = {axis: w.value.target for axis, w in self._wishes.items() if w.share.target > 0}
        return {
            "values": {name: ramp.target for name, ramp in self._ramps.items()},
            "mood": wished,
        }

    def restore(self, snapshot: Mapping[str, Any], at_seconds: float) -> None:
        """Take over the targets of a snapshot at once."""
        for name, value in snapshot["values"].items():
            self.set(name, value, at_seconds, 0.0)
        self.set_mood(dict.fromkeys(AXES) | snapshot["mood"], at_seconds, 0.0)


def _interpolate(points: Sequence[tuple[float, float]], value: float) -> float:
    """Between points in rising order; beyond them, as the nearest.

    For one number a tenth of the time that an array function takes, and it is asked for hundreds of
    times a second.
    """
    after = bisect_right(points, value, key=itemgetter(0))
    if after == 0 or after == len(points):
        return points[min(after, len(points) - 1)][1]
    (left, low), (right, high) = points[after - 1], points[after]
    return (high - low) / (right - left) * (value - left) + low
