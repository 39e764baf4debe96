"""A folder of recordings as zones: notes, dynamics and round robins are read from file names.

`violin_A4_mf_rr2.wav` is A4 (MIDI pitch 69), mezzo-forte, the second of a round robin. Parts of a
name are divided by `_`, `-`, `.` or spaces and may come in any order:

* the note: a letter, `#`, `s` (sharp) or `b` (flat), an octave (C4 = 60); or a number 0..127;
* the dynamic: `ppp` .. `fff`, their Italian names, or `v1`, `v2`, ... from soft to loud;
* the round robin: `rr1`, `rr2`, ...; files that agree in all else take turns in any case.

Every pitch and velocity plays the recording that is nearest; a dynamic counts as `DYNAMIC_STEP`
semitones away from its neighbour.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from ..music.errors import SegueError
from ..music.sample_files import sound_files
from .samples import Zone, probe_clip, read_clip

DYNAMIC_STEP = 2.0
RELEASE_SECONDS = 0.6
DYNAMICS = {"ppp": 16, "pp": 33, "p": 49, "mp": 64, "mf": 80, "f": 96, "ff": 112, "fff": 126}
"""The velocity that each dynamic is written as."""
ITALIAN = {
    "pianissimo": "pp",
    "mezzo-piano": "mp",
    "mezzopiano": "mp",
    "piano": "p",
    "mezzo-forte": "mf",
    "mezzoforte": "mf",
    "fortissimo": "ff",
    "forte": "f",
}
NOTE = re.compile(r"^([A-Ga-g])(#|s|b|)(-?\d)$")
SEMITONE = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
ACCIDENTAL = {"#": 1, "s": 1, "b": -1, "": 0}


@dataclass(frozen=True)
class NamedSample:
    """What a file's name says."""

    path: Path
    pitch: int
    dynamic: float | None  # velocity, or number of the layer; None where the name has none
    turn: int


def note_pitch(name: str) -> int | None:
    """The MIDI pitch of a note name such as A4, C#3, As3 or Eb-1 (C4 = 60); None if it is none."""
    found = NOTE.match(name)
    if not found:
        return None
    letter, accidental, octave = found.groups()
    pitch = SEMITONE[letter.upper()] + ACCIDENTAL[accidental] + 12 * (int(octave) + 1)
    return pitch if 0 <= pitch <= 127 else None


def read_name(path: Path) -> NamedSample | None:
    """What the name of a file says; None if it names no note."""
    stem = path.stem
    for word, short in ITALIAN.items():
        stem = re.sub(rf"(?<![A-Za-z]){word}(?![A-Za-z])", short, stem, flags=re.IGNORECASE)
    parts = [piece for part in re.split(r"[_\s.]+", stem) for piece in _pieces(part)]
    pitches = [pitch for part in parts if (pitch := note_pitch(part)) is not None]
    numbers = [int(part) for part in parts if part.isdecimal() and int(part) <= 127]
    if not pitches and len(numbers) != 1:
        return None
    dynamic: float | None = None
    turn = 0
    for part in (part.lower() for part in parts):
        if part in DYNAMICS:
            dynamic = float(DYNAMICS[part])
        elif found := re.fullmatch(r"v(?:el)?(\d+)", part):
            dynamic = float(found[1])
        elif found := re.fullmatch(r"rr(\d+)", part):
            turn = int(found[1])
    return NamedSample(path, pitches[-1] if pitches else numbers[0], dynamic, turn)


def _pieces(part: str) -> list[str]:
    """A part as it is if it names a note such as A-1, else divided at its dashes."""
    return [part] if note_pitch(part) is not None else [p for p in part.split("-") if p]


def folder_zones(folder: Path) -> list[Zone]:
    """The zones of a folder; SegueError if none of its sound files names a note."""
    paths = sound_files(folder)
    named = [sample for path in paths if (sample := read_name(path)) is not None]
    if not named:
        what = f"{len(paths)} sound files, none of which names" if paths else "no sound file and so"
        raise SegueError(
            f"the folder {folder} has {what} a note; name the files like violin_A4_mf.wav"
        )
    groups: dict[tuple[float | None, int], list[NamedSample]] = defaultdict(list)
    for sample in named:
        groups[sample.dynamic, sample.pitch].append(sample)
    zones = []
    for level, (low, high) in _velocity_ranges({dynamic for dynamic, _ in groups}).items():
        for (low_pitch, high_pitch), key in _nearest(list(groups), level):
            turns = sorted(groups[key], key=lambda sample: (sample.turn, sample.path.name))
            for turn, sample in enumerate(turns):
                zones.append(
                    Zone(
                        place=str(folder / sample.path.name),
                        key=str(sample.path),
                        load=partial(read_clip, sample.path, str(folder)),
                        probe=partial(probe_clip, sample.path, str(folder)),
                        low_pitch=low_pitch,
                        high_pitch=high_pitch,
                        low_velocity=low,
                        high_velocity=high,
                        root_pitch=float(sample.pitch),
                        release_seconds=RELEASE_SECONDS,
                        turn=turn,
                        turns=len(turns),
                    )
                )
    return zones


def _velocity_ranges(levels: set[float | None]) -> dict[float | None, tuple[int, int]]:
    """The velocities of each layer: half-way between dynamics, or even shares of numbered ones."""
    known = sorted(level for level in levels if level is not None)
    if not known:
        return {None: (1, 127)}
    if max(known) <= max(len(known), 8) and not set(known) & set(DYNAMICS.values()):
        centres = [127 * (index + 0.5) / len(known) for index in range(len(known))]
    else:
        centres = known
    edges = [0] + [int((a + b) / 2) for a, b in pairwise(centres)] + [127]
    ranges = zip(known, pairwise(edges), strict=True)
    return {level: (low + 1, high) for level, (low, high) in ranges if high > low}


def _nearest(
    keys: Sequence[tuple[float | None, int]], level: float | None
) -> list[tuple[tuple[int, int], tuple[float | None, int]]]:
    """For one layer: runs of pitches, and the dynamic and pitch of the recording each plays."""
    order = sorted({dynamic for dynamic, _ in keys if dynamic is not None})
    here = order.index(level) if level is not None else 0
    steps = [abs(order.index(dynamic) - here) if dynamic else 0 for dynamic, _ in keys]
    pitches = np.arange(128)
    away = np.abs(pitches[:, None] - np.array([pitch for _, pitch in keys]))
    best = np.argmin(away + DYNAMIC_STEP * np.array(steps), axis=1)
    starts = np.flatnonzero(np.diff(best, prepend=-1))
    ends = np.append(starts[1:], 128) - 1
    return [
        ((int(low), int(high)), keys[int(best[low])])
        for low, high in zip(starts, ends, strict=True)
    ]
