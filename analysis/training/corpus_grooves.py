"""Drums for the generated bands: invented grooves, and those that people played (Groove MIDI)."""

import csv
import io
import random
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import mido

Hit = tuple[float, int, int]
"""Beat, General MIDI drum, velocity."""

KICK, STICK, SNARE, CLAP, CLOSED, PEDAL, OPEN = 36, 37, 38, 39, 42, 44, 46
CRASH, RIDE, BELL, TAMBOURINE, SHAKER = 49, 51, 53, 54, 70
_TOMS = (50, 48, 47, 45, 43, 41)

KINDS = (
    "backbeat", "backbeat", "backbeat", "half", "double", "four", "four", "onedrop", "train",
    "shuffle", "jazz", "latin", "break", "dembow", "trap", "march", "motown", "toms", "disco",
    "percussion", "brush", "punk", "sparse",
)  # fmt: skip


@dataclass(frozen=True)
class Groove:
    """How the drums play in a section: its parts are fixed, single hits vary from bar to bar."""

    kind: str
    beats: int
    unit: float  # of the running cymbal, in beats
    cymbal: int
    kicks: tuple[float, ...]
    snares: tuple[float, ...]
    snare: int
    opens: tuple[float, ...]
    ghosts: float
    extra: tuple[Hit, ...]


def invent(rng: random.Random, beats: int, thirds: bool) -> Groove:
    """A groove for bars of so many beats; `thirds`: beats fall into three parts."""
    kind = rng.choice(KINDS)
    if thirds and kind in ("dembow", "trap", "break", "punk"):
        kind = "backbeat"
    unit = 1 / 3 if thirds else rng.choice((0.5, 0.5, 0.5, 0.25, 1.0))
    cymbal = rng.choice((CLOSED, CLOSED, CLOSED, RIDE, RIDE, OPEN, CRASH, SHAKER))
    if cymbal == CRASH:
        unit = max(unit, 0.5) if not thirds else 1.0
    snare = rng.choice((SNARE, SNARE, SNARE, SNARE, 40, CLAP, STICK))
    grid = [
        i * (1 / 3 if thirds else 0.25) for i in range(round(beats / (1 / 3 if thirds else 0.25)))
    ]
    half = [i / 2 for i in range(beats * 2)]
    kicks, snares = _bones(rng, kind, beats)
    busy = rng.choice((0.0, 0.1, 0.25, 0.4))
    places = grid if thirds or rng.random() < 0.4 else half
    if kind not in ("four", "disco", "march", "jazz", "brush", "percussion", "train"):
        kicks += [at for at in places if at not in snares and rng.random() < busy * 0.5]
    if kind in ("double", "punk", "disco"):
        unit = 0.5 if not thirds else 1 / 3
    if kind == "trap":
        unit = 0.25
    extra: list[Hit] = []
    if kind == "jazz":
        cymbal, unit = RIDE, 1.0
        extra += [(at + (2 / 3 if thirds else 0.5), RIDE, 70) for at in range(1, beats, 2)]
        extra += [(float(at), PEDAL, 70) for at in range(1, beats, 2)]
    if kind == "latin":
        clave = rng.choice(([0, 1.5, 3], [0, 1, 2.5], [0.5, 1.5, 2.5, 3.5], [0, 0.75, 1.5, 2.5, 3]))
        drum = rng.choice((STICK, 56, 75, 62, 63))
        extra += [(at, drum, 85) for at in clave if at < beats]
    if kind == "percussion" or rng.random() < 0.12:
        for drum in rng.sample((TAMBOURINE, SHAKER, 56, 60, 61, 62, 63, 64, 69, 75, 76), 2):
            chance = rng.uniform(0.2, 0.7)
            extra += [(at, drum, rng.randint(55, 95)) for at in places if rng.random() < chance]
    if kind == "percussion":
        kicks, snares, cymbal = (kicks if rng.random() < 0.5 else []), [], SHAKER
    opens = tuple(
        at for at in half if at % 1 == 0.5 and rng.random() < rng.choice((0.0, 0.0, 0.15, 0.6))
    )
    return Groove(
        kind, beats, unit, cymbal, tuple(sorted(set(kicks))), tuple(snares), snare,
        () if kind in ("jazz", "percussion") or thirds else opens,
        rng.choice((0.0, 0.0, 0.08, 0.2)), tuple(extra),
    )  # fmt: skip


def _bones(rng: random.Random, kind: str, beats: int) -> tuple[list[float], list[float]]:
    """Kicks and snares that make the kind what it is."""
    every = [float(at) for at in range(beats)]
    weak = every[1::2] if beats % 2 == 0 else rng.choice((every[1:], every[2:3], every[1:2]))
    kicks = [0.0] + ([beats / 2] if beats % 2 == 0 and rng.random() < 0.6 else [])
    if kind in ("half", "trap"):
        return [0.0], [beats / 2 if beats % 2 == 0 else beats - 1.0]
    if kind in ("double", "punk"):
        return every, [at + 0.5 for at in every]
    if kind in ("four", "disco"):
        return every, weak if rng.random() < 0.8 else []
    if kind == "onedrop":
        drop = [float(beats // 2)]
        return drop, drop
    if kind == "train":
        return every[::2], [at / 2 for at in range(beats * 2)]
    if kind == "jazz":
        return [at for at in every if rng.random() < 0.3], [
            at + 0.5 for at in every if rng.random() < 0.2
        ]
    if kind == "latin":
        return [at for at in (0.0, 1.5, 2.0, 3.5) if at < beats], []
    if kind == "break":
        return rng.choice(([0, 0.5, 2.5], [0, 1.5, 2.5], [0, 2.25, 2.5], [0, 0.75, 2.5])), [
            1.0,
            3.0,
        ][: max(1, beats // 2)]
    if kind == "dembow":
        return every, [at for at in (0.75, 1.5, 2.75, 3.5) if at < beats]
    if kind == "march":
        return every[::2], [at / 4 for at in range(beats * 4) if rng.random() < 0.4]
    if kind == "motown":
        return kicks, every
    if kind == "brush":
        return [0.0], weak
    if kind == "sparse":
        return [0.0], weak[:1] if rng.random() < 0.6 else []
    return kicks, weak


def play_bar(rng: random.Random, groove: Groove, start: float, loud: float) -> list[Hit]:
    """The hits of a bar that starts at a beat."""
    hits: list[Hit] = []
    count = round(groove.beats / groove.unit)
    for index in range(count):
        at = index * groove.unit
        if groove.kind in ("toms", "sparse") and rng.random() < 0.5:
            continue
        if groove.kind == "trap" and rng.random() < 0.15:
            hits.append((at + 0.125, groove.cymbal, 60))
        accent = 12 if at % 1 == 0 else 0
        drum = OPEN if at in groove.opens and groove.cymbal == CLOSED else groove.cymbal
        hits.append((at, drum, 66 + accent))
    hits += [(at, KICK, 100) for at in groove.kicks if at < groove.beats and rng.random() < 0.95]
    hits += [(at, groove.snare, 102) for at in groove.snares if rng.random() < 0.97]
    if groove.kind == "toms":
        hits += [
            (i / 2, rng.choice(_TOMS), 88) for i in range(groove.beats * 2) if rng.random() < 0.6
        ]
    for index in range(groove.beats * 4):
        if rng.random() < groove.ghosts and index / 4 not in groove.snares:
            hits.append((index / 4, SNARE, rng.randint(22, 48)))
    hits += list(groove.extra)
    return [
        (start + at, drum, _velocity(rng, velocity, loud)) for at, drum, velocity in sorted(hits)
    ]


def fill(rng: random.Random, beats: int, length: float, start: float, thirds: bool) -> list[Hit]:
    """A fill over the last `length` beats of a bar that starts at a beat."""
    unit = 1 / 3 if thirds else rng.choice((0.25, 0.25, 0.5))
    hits: list[Hit] = []
    tom = 0
    for index in range(round(length / unit)):
        at = beats - length + index * unit
        if rng.random() < 0.85:
            tom = min(tom + (rng.random() < 0.4), len(_TOMS) - 1)
            drum = SNARE if rng.random() < 0.35 else _TOMS[tom]
            hits.append((start + at, drum, _velocity(rng, 92, 0.0)))
        if rng.random() < 0.3:
            hits.append((start + at, KICK, _velocity(rng, 95, 0.0)))
    return hits


def _velocity(rng: random.Random, velocity: int, loud: float) -> int:
    return min(127, max(10, round(velocity + loud + rng.gauss(0, 6))))


@dataclass(frozen=True)
class Take:
    """A groove that somebody played: hits in beats of its metronome."""

    name: str
    bpm: float
    beats_a_bar: int
    bars: int
    hits: tuple[Hit, ...]
    swing: float  # where the second eighth falls within a beat


_TO_GM = {
    22: CLOSED, 26: OPEN, 40: SNARE, 58: 43, 55: CRASH, 57: CRASH, 52: CRASH, 59: RIDE, 50: 48,
    43: 43, 47: 47,
}  # fmt: skip


@lru_cache(maxsize=4)
def takes(data: Path, split: str) -> tuple[str, ...]:
    """Names of the takes of a split that are at least 8 bars long, in bars of 3 or 4 quarters."""
    with open(data / "groove_midi" / "info.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return tuple(
        sorted(
            row["midi_filename"]
            for row in rows
            if row["beat_type"] == "beat"
            and (row["split"] == "train" if split == "train" else row["split"] != "train")
            and row["time_signature"] in ("4-4", "3-4")
            and float(row["duration"]) >= 8 * 4 * 60 / float(row["bpm"])
        )
    )


@lru_cache(maxsize=64)
def read_take(data: Path, name: str) -> Take:
    """A take of Groove MIDI by its name."""
    with zipfile.ZipFile(data / "groove_midi" / "groove_midi.zip") as archive:
        file = mido.MidiFile(file=io.BytesIO(archive.read(name)))
    hits: list[Hit] = []
    for track in file.tracks:
        tick = 0
        for message in track:
            tick += message.time
            if message.type == "note_on" and message.velocity > 0:
                drum = _TO_GM.get(message.note, message.note)
                hits.append((tick / file.ticks_per_beat, drum, message.velocity))
    hits.sort()
    parts = Path(name).stem.split("_")
    beats = int(parts[-1].split("-")[0])
    inside = [at % 1 for at, _, _ in hits]
    between = [share for share in inside if 0.42 < share < 0.75]
    middle = sorted(between)[len(between) // 2] if len(between) > 12 else 0.5
    length = hits[-1][0] if hits else 0.0
    return Take(
        name,
        float(parts[2]),
        beats,
        int(length // beats),
        tuple(hits),
        middle if middle > 0.56 else 0.5,
    )
