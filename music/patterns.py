"""Rhythms that the arranger draws on: drum grooves, fills, bass and arpeggio figures.

A step is a sixteenth note. Drum lines are strings of one character a step: `.` rests, a digit is
the velocity in tenths. A pattern shorter or longer than the bar is cut or goes round again. Every
groove has four levels of activity; level 0 is silence.
"""

from typing import NamedTuple

from .tempo import Meter

LEVELS = 5
"""Levels of activity of a layer: 0 is silent, 4 the busiest."""

KICK, RIM, SNARE, CLAP, HAT, OPEN_HAT, LOW_TOM, MID_TOM, HIGH_TOM = (
    36,
    37,
    38,
    39,
    42,
    46,
    45,
    47,
    50,
)
CRASH, RIDE, TAMBOURINE, SHAKER = 49, 51, 54, 70

DrumPattern = dict[int, str]

GROOVES: dict[str, tuple[DrumPattern, DrumPattern, DrumPattern, DrumPattern]] = {
    "rock": (
        {SHAKER: "5.3.4.3.5.3.4.3.", RIM: "............3..."},
        {KICK: "7.......6.......", RIM: "....5.......5...", HAT: "5.3.4.3.5.3.4.3."},
        {KICK: "8.....4.7.......", SNARE: "....7.......7..2", HAT: "6.4.5.4.6.4.5.4."},
        {
            KICK: "8..5..4.8.5...4.",
            SNARE: "....8..2.2..8...",
            HAT: "6454645464546.5.",
            OPEN_HAT: 14 * "." + "5.",
        },
    ),
    "march": (
        {SNARE: "3.......3.......", KICK: "4..............."},
        {KICK: "7.......6.......", SNARE: "3...3.334...3..."},
        {KICK: "8.......7.......", SNARE: "4..35.334..35.33", LOW_TOM: "6.......5......."},
        {
            KICK: "8...5...8...5...",
            SNARE: "5.335.335.335353",
            LOW_TOM: "7...5...7...5...",
            CRASH: "4...............",
        },
    ),
    "halftime": (
        {SHAKER: "4...3...4...3...", KICK: "4..............."},
        {KICK: "7...............", RIM: "........5.......", HAT: "4...3...4...3..."},
        {KICK: "8.....4.........", SNARE: "........7.......", HAT: "5.3.4.3.5.3.4.3."},
        {
            KICK: "8.....5...5..4..",
            SNARE: "........8......3",
            RIDE: "6.4.5.4.6.4.5.4.",
            LOW_TOM: "............5.5.",
        },
    ),
    "tribal": (
        {LOW_TOM: "5.......4.......", SHAKER: "3...3...3...3..."},
        {LOW_TOM: "6.....4.5...4...", SHAKER: "4.2.3.2.4.2.3.2."},
        {
            KICK: "7.......7.......",
            LOW_TOM: "6..4..4.6..4..4.",
            MID_TOM: "....5.......5.5.",
            SHAKER: "4.3.4.3.4.3.4.3.",
        },
        {
            KICK: "8..5..5.8..5..5.",
            LOW_TOM: "7..5..5.7..5..5.",
            MID_TOM: "..5.5.6...5.5.66",
            TAMBOURINE: "5.4.5.4.5.4.5.4.",
        },
    ),
    "electro": (
        {HAT: "..4...4...4...4.", KICK: "5..............."},
        {KICK: "7...7...7...7...", HAT: "..4...4...4...4."},
        {
            KICK: "8...8...8...8...",
            CLAP: "....6.......6...",
            OPEN_HAT: "..5...5...5...5.",
            HAT: "4.......4.......",
        },
        {
            KICK: "8...8...8...8.4.",
            CLAP: "....7.......7..3",
            OPEN_HAT: "..5...5...5...5.",
            HAT: "54.454.454.454.4",
        },
    ),
    "waltz": (
        {SHAKER: "4...2...2...", KICK: "3..........."},
        {KICK: "6...........", RIM: "....3...3...", SHAKER: "3.2.3.2.3.2."},
        {KICK: "7...........", SNARE: "....4...4...", HAT: "5...4.3.4.3."},
        {
            KICK: "8.......4...",
            SNARE: "....5...5.3.",
            RIDE: "6...5.4.5.4.",
            TAMBOURINE: "....4...4...",
        },
    ),
    "jig": (
        {SHAKER: "5.3.3.4.3.3.", KICK: "3..........."},
        {KICK: "6.....4.....", TAMBOURINE: "5.3.3.5.3.3."},
        {KICK: "7...4.6.....", SNARE: "......5...3.", TAMBOURINE: "5.3.4.5.3.4."},
        {KICK: "8...5.7...5.", SNARE: "..3.3.6.3.4.", TAMBOURINE: "6.4.4.6.4.4."},
    ),
    "ambient": (
        {SHAKER: "2...........2..."},
        {KICK: "4...............", SHAKER: "3.......2......."},
        {KICK: "5...............", SHAKER: "3...2...3...2...", RIM: "............3..."},
        {
            KICK: "6.......4.......",
            SHAKER: "4.2.3.2.4.2.3.2.",
            LOW_TOM: "..........4...4.",
            RIDE: "4.......3.......",
        },
    ),
}
"""Drum grooves by name, four levels each."""

FILL_STEPS = 8
FILL: DrumPattern = {
    SNARE: "5.66....",
    HIGH_TOM: "....7...",
    MID_TOM: ".....67.",
    LOW_TOM: ".......8",
    KICK: "6...6...",
}
"""The last eight steps of a bar that leads into another section."""


class Figure(NamedTuple):
    """A repeating figure of chord tones."""

    step_beats: float  # time between notes
    tones: tuple[int, ...]  # which tone each note takes, counted up from the lowest
    length: float  # duration as a share of the step


_ARPEGGIOS: tuple[Figure, ...] = (
    Figure(1.0, (0, 2, 1, 2), 1.0),
    Figure(0.5, (0, 1, 2, 3, 2, 1), 1.0),
    Figure(0.5, (0, 2, 1, 3, 2, 4, 3, 1), 0.9),
    Figure(0.25, (0, 1, 2, 3, 4, 3, 2, 1), 0.9),
)
ROOT, FIFTH, OCTAVE, APPROACH = 0, 1, 2, 3  # tones of a bass; the last leads into the next chord

_BASSES: tuple[Figure, ...] = (
    Figure(4.0, (ROOT,), 0.95),
    Figure(2.0, (ROOT, FIFTH), 0.9),
    Figure(1.0, (ROOT, ROOT, FIFTH, APPROACH), 0.85),
    Figure(0.5, (ROOT, ROOT, OCTAVE, ROOT, FIFTH, ROOT, OCTAVE, APPROACH), 0.8),
)

_COMPOUND_ARPEGGIOS: tuple[Figure, ...] = (
    Figure(1.5, (0, 2), 1.0),
    Figure(0.5, (0, 1, 2, 3, 2, 1), 1.0),
    Figure(0.5, (0, 2, 4, 3, 2, 1), 0.9),
    Figure(0.25, (0, 1, 2, 3, 4, 5, 5, 4, 3, 2, 1, 0), 0.9),
)
_COMPOUND_BASSES: tuple[Figure, ...] = (
    Figure(3.0, (ROOT,), 0.95),
    Figure(1.5, (ROOT, FIFTH), 0.9),
    Figure(0.5, (ROOT, ROOT, FIFTH), 0.85),
    Figure(0.5, (ROOT, ROOT, OCTAVE, FIFTH, ROOT, APPROACH), 0.8),
)


def is_compound(meter: Meter) -> bool:
    """Whether the bar is counted in groups of three eighths, as 6/8 is."""
    return meter.denominator == 8 and meter.numerator % 3 == 0


def arpeggio_figure(level: int, meter: Meter) -> Figure:
    """The arpeggio of a level, 1 to 4."""
    return (_COMPOUND_ARPEGGIOS if is_compound(meter) else _ARPEGGIOS)[level - 1]


def bass_figure(level: int, meter: Meter) -> Figure:
    """The bass figure of a level, 1 to 4."""
    return (_COMPOUND_BASSES if is_compound(meter) else _BASSES)[level - 1]


def bar_steps(meter: Meter) -> int:
    """Sixteenth steps in a bar."""
    return round(meter.bar_beats * 4)


def drum_hits(groove: str, level: int, meter: Meter, fill: bool) -> list[tuple[float, int, float]]:
    """(onset_beats, drum, velocity) of a bar, level 1 to 4; a fill takes its last eight steps."""
    steps = bar_steps(meter)
    fill_from = max(steps - FILL_STEPS, 0) if fill else steps
    hits = [
        (step / 4, drum, int(line[step % len(line)]) / 10)
        for drum, line in GROOVES[groove][level - 1].items()
        for step in range(fill_from)
        if line[step % len(line)] != "."
    ]
    if fill:
        strength = 0.7 + 0.1 * level
        hits += [
            ((fill_from + step) / 4, drum, int(mark) / 10 * strength)
            for drum, line in FILL.items()
            for step, mark in enumerate(line[: steps - fill_from])
            if mark != "."
        ]
    return sorted(hits)
