"""Which General MIDI instruments may play a part."""

import random
from functools import lru_cache
from pathlib import Path

from .corpus_render import Font

PROGRAMS: dict[str, tuple[int, ...]] = {
    "piano": (0, 0, 0, 1, 1, 2, 3),
    "keys": (0, 1, 2, 4, 5, 6, 7, 16, 17, 18, 19, 21),
    "melody": (
        0, 4, 6, 11, 16, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 40, 41, 42, 46, 48, 52, 53, 54,
        56, 57, 59, 60, 61, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 79, 80, 81, 82, 83,
        85, 87, 105,
    ),
    "bass": (32, 33, 34, 35, 36, 37, 38, 39, 32, 33, 34, 58, 42, 43, 0, 87),
    "comp": (
        0, 1, 2, 3, 4, 5, 6, 7, 11, 15, 16, 17, 18, 19, 21, 23, 24, 25, 26, 27, 28, 48, 61, 62, 63,
        80, 81, 90,
    ),
    "guitar": (24, 25, 26, 27, 28, 105, 106),
    "power": (29, 30, 28, 81, 62),
    "pad": (16, 19, 48, 49, 50, 51, 52, 53, 54, 88, 89, 90, 91, 94, 95),
    "arp": (0, 4, 6, 8, 9, 10, 11, 12, 13, 24, 25, 45, 46, 80, 81, 87, 104, 107, 108),
    "strings": (40, 41, 42, 48, 48, 49),
    "voices": (19, 48, 49, 52, 53, 16, 20, 21, 61, 0, 6, 68, 71, 73, 70, 60),
    "choir": (52, 53, 54),
    "singer": (52, 53, 54, 73, 71, 68, 40, 65),
    "tune": (
        73, 40, 56, 71, 68, 65, 42, 24, 0, 79, 74, 58, 52, 11, 41, 57, 60, 64, 66, 69, 70, 72, 75,
        22, 21, 25, 26, 80, 81, 53, 110, 109, 105, 59, 12, 43, 32, 33,
    ),
}  # fmt: skip
"""Programs counted from 0 by what a part does; one that stands twice is likelier."""

RANGES: dict[int, tuple[int, int]] = {
    **dict.fromkeys(range(32, 40), (28, 60)),
    **dict.fromkeys(range(24, 32), (40, 88)),
    **dict.fromkeys((40, 110), (55, 96)),
    **dict.fromkeys((52, 53, 54), (48, 84)),
    **dict.fromkeys((72, 78), (74, 103)),
    **dict.fromkeys((73, 74, 75, 79), (60, 96)),
    **dict.fromkeys((9, 10, 11, 12, 13), (53, 96)),
    41: (48, 84),
    42: (36, 76),
    43: (28, 60),
    56: (52, 84),
    57: (40, 72),
    58: (28, 58),
    59: (52, 82),
    60: (41, 77),
    64: (56, 87),
    65: (49, 82),
    66: (44, 75),
    67: (36, 69),
    68: (58, 91),
    69: (52, 81),
    70: (34, 72),
    71: (50, 91),
    105: (48, 84),
    109: (55, 84),
}
"""Lowest and highest pitch that an instrument plays; 21 to 108 for the others."""


@lru_cache(maxsize=8)
def missing(font: Font) -> frozenset[int]:
    """Programs that a font has no sound for."""
    if not font.path.endswith(".cfg"):
        return frozenset()
    present, inside = set(), False
    for line in Path(font.path).read_text().splitlines():
        words = line.split()
        if words[:1] in (["bank"], ["drumset"]):
            inside = words[:2] == ["bank", "0"]
        elif inside and words and words[0].isdigit():
            present.add(int(words[0]))
    return frozenset(range(128)) - present


def pick_program(rng: random.Random, role: str, font: Font) -> int:
    """An instrument for a part that the font has."""
    fitting = [program for program in PROGRAMS[role] if program not in missing(font)]
    return rng.choice(fitting or [0])


def into_range(program: int, pitches: list[int]) -> int:
    """Octaves, in semitones, by which a part has to move so that its instrument can play it."""
    low, high = RANGES.get(program, (21, 108))
    best, shift = 10**9, 0
    for octaves in (0, 12, -12, 24, -24):
        outside = sum(not low <= pitch + octaves <= high for pitch in pitches)
        if outside < best:
            best, shift = outside, octaves
    return shift
