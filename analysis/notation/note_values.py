"""Lengths as notes can be written: split where the bar shows its beats, and tied.

Conventions: times are fractions of a quarter note from the beginning of a bar.
"""

from fractions import Fraction
from functools import lru_cache

from ...music.tempo import Meter

FINEST = 96
"""Parts of a quarter note on which written music lies: 32nds and triplets of 16ths."""

_WHOLE = 4
_BEAT = 4  # weight of a beat
_BINARY = tuple(Fraction(4, 2**power) for power in range(8))  # 4, 2, 1 .. 1/32
_PLAIN = frozenset(_BINARY)
_DOTTED = frozenset(value * 3 / 2 for value in _BINARY[1:6])
_THIRDS = frozenset(value / 3 for value in _BINARY[1:6])
_VALUES = _PLAIN | _DOTTED | _THIRDS


def as_fraction(beats: float) -> Fraction:
    """A time in beats as an exact fraction on the finest grid."""
    return Fraction(beats).limit_denominator(FINEST)


def is_compound(meter: Meter) -> bool:
    """Whether beats fall in three parts: 6/8, 9/8, 12/8."""
    return meter.denominator >= 8 and meter.numerator % 3 == 0 and meter.numerator > 3


def written_values(
    start: Fraction, end: Fraction, meter: Meter, *, rest: bool = False
) -> list[tuple[Fraction, Fraction]]:
    """(start, length) of the notes that, tied, last from start to end within a bar.

    :param rest: of rests, which never hide a beat
    """
    if _fits(start, end, meter, rest=rest):
        return [(start, end - start)]
    cut = _strongest(start, end, meter)
    return [
        *written_values(start, cut, meter, rest=rest),
        *written_values(cut, end, meter, rest=rest),
    ]


def _fits(start: Fraction, end: Fraction, meter: Meter, *, rest: bool) -> bool:
    length = end - start
    if start == 0 and end == as_fraction(meter.bar_beats) and length in _VALUES:
        return True
    if length not in _VALUES:
        return False
    compound = is_compound(meter)
    if not compound and length in _DOTTED and rest and length > 1:
        return False
    cut = _strongest(start, end, meter)
    if cut == end:
        return True
    inside = _weight(cut, meter)
    edge = max(_weight(start, meter), _weight(end, meter))
    if compound and inside >= _BEAT and (start % _beat(meter) or end % _beat(meter)):
        return False
    if length in _THIRDS and inside < _BEAT and not (start.denominator % 3 and end.denominator % 3):
        return True  # a third of a beat knows no half of it
    if rest:
        return inside < _weight(start, meter) or (inside < edge and inside <= 2)
    if inside < edge:
        return True
    return not compound and _syncopated(start, length, meter)


def _syncopated(start: Fraction, length: Fraction, meter: Meter) -> bool:
    """A note across a beat that everyone reads at once: short, long, short."""
    if length == 2 and start == 1 and meter.bar_beats == _WHOLE:
        return True
    if length == 2 and meter.bar_beats == 3:
        return start == 1
    for value in (Fraction(1), Fraction(1, 2)):
        if length == value and start % (2 * value) == value / 2:
            return True
    return False


def _strongest(start: Fraction, end: Fraction, meter: Meter) -> Fraction:
    """The strongest moment between, the first of equals; the end if there is none between."""
    first, last = int(start * FINEST) + 1, -int(-end * FINEST)
    inside = _weights(meter)[first:last]
    best = max(inside, default=-1)
    return Fraction(first + inside.index(best), FINEST) if best >= 0 else end


def _weight(at: Fraction, meter: Meter) -> int:
    """How strong a moment of a bar is: 6 of its ends, `_BEAT` of a beat, less of its parts."""
    return _weights(meter)[int(at * FINEST)]


@lru_cache(maxsize=32)
def _weights(meter: Meter) -> list[int]:
    """The same of each moment of the finest grid; -1 where nothing is ever written."""
    bar = as_fraction(meter.bar_beats)
    beat = _beat(meter)
    part = beat / 3 if is_compound(meter) else beat / 2
    found = []
    for count in range(int(bar * FINEST) + 1):
        at = Fraction(count, FINEST)
        levels = (
            (6, at in (0, bar)),
            (5, bar == 2 * at and bar % (2 * beat) == 0),
            (_BEAT, at % beat == 0),
            (3, at % part == 0),
            (2, at % (part / 2) == 0),
            (1, at % (part / 4) == 0 or at % Fraction(1, 3) == 0),
            (0, at % Fraction(1, 32) == 0 or at % Fraction(1, 24) == 0),
        )
        found.append(next((level for level, holds in levels if holds), -1))
    return found


def _beat(meter: Meter) -> Fraction:
    return Fraction(12, meter.denominator) if is_compound(meter) else Fraction(1)
