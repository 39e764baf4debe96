"""The errors of Segue: one base, narrow children, each message a fact, a value and a way out."""

from collections.abc import Iterable
from difflib import get_close_matches


class SegueError(Exception):
    """Anything that a user of Segue can cause and mend."""


class UnknownNameError(SegueError):
    """A cue, parameter, section, instrument, ... that does not exist."""

    def __init__(self, kind: str, name: str, known: Iterable[str], owner: str = "") -> None:
        self.kind, self.name, self.known = kind, name, sorted(known)
        of_owner = f" of {owner}" if owner else ""
        super().__init__(f"unknown {kind} {name!r}{of_owner}{suggestion(name, self.known)}")


class RangeError(SegueError):
    """A number that is not finite or out of its range."""

    def __init__(self, what: str, value: object, low: float, high: float) -> None:
        self.what, self.value = what, value
        shown = repr(value) if not isinstance(value, int) or abs(value) < 1 << 64 else "huge"
        super().__init__(
            f"{what} is {shown}, not a number from {low:g} to {high:g}; give one in that range"
        )


class CueError(SegueError):
    """A cue that cannot be read or played; `segue cue check` lists every fault."""


class FileFormatError(SegueError):
    """A file whose contents are not what its kind demands."""


class MissingPartError(SegueError):
    """An optional package or device that this machine lacks; the message names the extra."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """'; did you mean X? Known: ...' for the end of an error message."""
    names = sorted(known)
    if not names:
        return "; none are known here"
    close = get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"; did you mean {close[0]!r}?" if close else ";"
    return f"{hint} known: {', '.join(names)}"


def check_range(what: str, value: float, low: float, high: float) -> float:
    """`value` as a float if it is finite and in [low, high], else RangeError."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise RangeError(what, value, low, high) from None
    if not low <= number <= high:  # false for NaN too
        raise RangeError(what, value, low, high)
    return number
