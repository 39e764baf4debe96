"""Scores of recorded music to learn on: composed themes, recorded, with authored ways through them.

A score has four to six sections of four or eight bars, from calm to wild. Ways lead mostly to
sections of nearly the same excitement, as composers write them: at the next bar, phrase or end,
some over a fill. One section is a dead end with a single way out, and what lies further apart can
be reached only through what lies between.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...music.cue import PHRASE_BARS, Cue, Transition
from ...music.takes import Take, draw_takes, record
from ...music.themes import SECTION_BARS, compose_theme
from ...music.theory import MODES

SECTIONS = (4, 6)
"""Fewest and most sections of a score."""

_SHORT = 0.3  # chance that a section has one phrase only
_SECONDS_OF_BAR = (1.6, 2.6)
_NEAR, _FAR = 1.0, 0.35  # chance of a way to the next in excitement, and to the one after
_LEAP = 0.1  # chance of any other way, at the end of the section
_POINTS = ("bar", "phrase", "phrase", "section")
_FILL = 0.5


def compose_score(seed: int) -> Cue:
    """The cue of a composed score, its stems named and not made; a seed always gives the same."""
    rng = np.random.default_rng([seed, 1])
    count = int(rng.integers(SECTIONS[0], SECTIONS[1] + 1))
    theme = compose_theme(seed, bars=count * SECTION_BARS)
    short = rng.random(count) < _SHORT
    sections = tuple(
        replace(one, bars=PHRASE_BARS, chords=one.chords[:PHRASE_BARS]) if cut else one
        for one, cut in zip(theme.sections, short, strict=True)
    )
    cue = replace(theme, name=f"score-{seed}", title=f"Score {seed}", sections=sections)
    cue = replace(cue, modes=tuple(MODES))
    takes = draw_takes(cue, rng)
    bpm = 60.0 * cue.meter.bar_beats / rng.uniform(*_SECONDS_OF_BAR)
    return record(cue, takes, round(bpm, 1), transitions=draw_ways(cue, takes, rng))


def draw_ways(
    cue: Cue, takes: tuple[Take, ...], rng: np.random.Generator
) -> tuple[Transition, ...]:
    """Ways between the sections of a cue such that each can be reached from each."""
    names = [section.name for section in cue.sections]
    rank = np.argsort(np.argsort([take.velocity_scale for take in takes]))
    apart = np.abs(rank[:, None] - rank[None, :])
    chance = np.select([apart == 1, apart == 2], [_NEAR, _FAR], _LEAP)
    while True:
        allowed = rng.random(chance.shape) < chance
        np.fill_diagonal(allowed, False)
        dead_end = int(rng.integers(len(names)))
        way_out = int(rng.choice(np.flatnonzero(apart[dead_end] == 1)))
        allowed[dead_end] = np.arange(len(names)) == way_out
        if all_reachable(allowed):
            break
    ways = []
    for here, there in np.argwhere(allowed):
        leap = apart[here, there] > 2 or here == dead_end
        at = "section" if leap else str(rng.choice(_POINTS))
        fill = bool(rng.random() < _FILL)
        ways.append(Transition(names[here], names[there], at=at, fill=fill))
    return tuple(ways)


def all_reachable(allowed: NDArray[np.bool_]) -> bool:
    """Whether each section can be reached from each [shape=(sections, sections)]."""
    paths = np.linalg.matrix_power(allowed.astype(np.int64) + np.eye(len(allowed), dtype=int), 8)
    return bool((paths > 0).all())
