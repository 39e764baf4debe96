"""Patches of endless loops: one player whose colour follows his breath or bow, and sections.

How loud a wind or bowed instrument is played changes its spectrum more than its level, so loudness
is a mixture of a dark and a bright colour here. One envelope drives both: the bright colour goes
with a higher power of it, so that it comes later than the dark one and is gone sooner, as it does
where a tone is blown. The sides are a loop of their own that is added left and taken away right:
nothing is lost in mono, and the width is known.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from .instrument import Sound, Strand, Touch
from .material import FRACTION_BITS, Table, Walk, even_places, material, walk, whole_turns
from .players import swaying
from .pyo_host import Samples
from .recipes import Recipe
from .tape import Reading, Tape

GOLDEN = 0.618  # of a loop from one note's beginning to the next's
PLACES = 3  # that notes with vibrato begin at
SWAY_POINTS = 512
GRID_FRAMES = 8  # from one point to the next at which vibrato is worked out
SHARES = np.stack(
    [1.0 - np.arange(GRID_FRAMES) / GRID_FRAMES, np.arange(GRID_FRAMES) / GRID_FRAMES]
)
HURRY, UNEVEN = 0.4, 0.15  # of vibrato: radians, and share of its depth
NOISE_PITCH = 60  # the one zone of what is read at an onset

T = TypeVar("T", np.float32, np.float64)


class Places:
    """Where in the loops the next note of an instrument begins, so that no two are alike.

    :param name: of the instrument's recipe
    :param roam: share of the loop that notes begin in
    """

    def __init__(self, tape: Tape, name: str, roam: float) -> None:
        self._tape, self._name, self._roam = tape, name, roam

    def next(self) -> float:
        """A place 0..1."""
        return self._roam * ((self._tape.turn(self._name) * GOLDEN) % 1.0)


class TwoColours:
    """Loops of a dark (layer 0) and a bright colour (layer 1), and of the sides (layer 2).

    Vibrato grows while the envelope settles from its peak to what it sustains; `vibrato_cents` 0
    leaves it out, `throb` is how much the bright colour goes with it. `width` is the level of the
    sides against the middle, 0 leaves them out.
    """

    recipe: Recipe
    onset: Recipe | None = None  # noise of the first moment, read once
    onset_level = 1.0
    attack, settle, sustain = 0.06, 0.6, 0.8
    attack_seconds, release_seconds = 0.05, 0.2
    late = 1  # how often the envelope is squared to be the bright colour's
    vibrato_hz, vibrato_cents, throb = 5.2, 0.0, 0.0
    width = 0.0
    least, most = 0.05, 1.0  # share of the bright colour, played softest and loudest
    roam = 1.0  # share of the loop that notes begin in

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self._material = material(tape, self.recipe)
        self._onset = None if self.onset is None else material(tape, self.onset)
        self._places = Places(tape, self.recipe.name, self.roam)
        self._vibrato = Vibrato(
            self.vibrato_hz, self.vibrato_cents, self.attack, self.settle, tape.sample_rate
        )

    def sound(self, touch: Touch) -> Sound:
        share = self.least + (self.most - self.least) * touch.loudness**1.3
        place = self._places.next()
        strands = [
            self._strand(touch.pitch, 0, place, 1.0 - 0.75 * share, 2),
            self._strand(touch.pitch, 1, place, share, 2 << self.late),
        ]
        if self.width:
            aside = self._strand(touch.pitch, 2, place, self.width, 2)
            aside.right = -aside.right
            strands.append(aside)
        if self._onset is not None:
            noise = self._onset.once(NOISE_PITCH, self._onset.layer(touch.loudness))
            level = self.onset_level * 2.0 ** (2.0 * (touch.attack - 0.5))
            strands.append(Strand(noise, level, level, power=0))
        return Sound(
            strands,
            attack=attack_of(touch, self.attack),
            decay=self.settle,
            sustain=self.sustain,
            release=self.release_seconds,
            shortest_seconds=self.attack_seconds,
        )

    def _strand(self, pitch: float, layer: int, place: float, level: float, power: int) -> Strand:
        """A loop from a place on; with vibrato, from the nearest of a few."""
        if not self.vibrato_cents:
            loop = self._material.round(pitch, layer)
            return Strand(loop, level, level, power, round(place * loop.reading.ring))
        which = int(place / self.roam * PLACES)
        throb = self.throb if layer == 1 else 0.0

        def make() -> Reading:
            table, when = self._material.table(pitch, layer), which / PLACES
            return self._vibrato.read(table, self.roam * when, when, throb, self._tape.block_frames)

        key = self.recipe.name, "vibrato", pitch, layer, which
        return Strand(self._tape.take(key, make), level, level, power)


class Section:
    """Loops of a whole section: a layer for each loudness in the middle, the last for the sides."""

    recipe: Recipe
    attack, settle, sustain = 0.15, 0.5, 0.85
    attack_seconds, release_seconds = 0.06, 0.6
    width = 0.55
    roam = 0.15  # share of the loop that notes begin in

    def __init__(self, tape: Tape) -> None:
        self._material = material(tape, self.recipe)
        self._places = Places(tape, self.recipe.name, self.roam)

    def sound(self, touch: Touch) -> Sound:
        sides = self._material.layers - 1
        layer = min(int(self.among(touch) * sides), sides - 1)
        middle = self._material.round(touch.pitch, layer)
        aside = self._material.round(touch.pitch, sides)
        start = round(self._places.next() * middle.reading.ring)
        return Sound(
            [
                Strand(middle, start=start),
                Strand(aside, self.width, -self.width, start=start),
            ],
            attack=attack_of(touch, self.attack),
            decay=self.settle,
            sustain=self.sustain,
            release=self.release_seconds,
            shortest_seconds=self.attack_seconds,
        )

    def among(self, touch: Touch) -> float:
        """Where among the layers a note is played, 0..1."""
        return touch.loudness


def attack_of(touch: Touch, seconds: float) -> float:
    """How long a note takes to its peak: soft ones take longer."""
    return touch.slower(seconds) * (1.2 - 0.4 * touch.velocity)


class Vibrato:
    """A swaying of pitch and level, not quite even in rate and depth, that grows with the note.

    Pitch sways by `cents` up and down round the note; a place in the table is the integral of that,
    which is taken as if rate and depth stood still for a turn.

    :param begin_seconds: of the note, when it sets in; it is whole `grow_seconds` later
    """

    def __init__(
        self, hz: float, cents: float, begin_seconds: float, grow_seconds: float, sample_rate: int
    ) -> None:
        self._hz, self._rate = hz, sample_rate
        self._begin, self._grow = begin_seconds * sample_rate, grow_seconds * sample_rate
        self._width = 2.0 ** (cents / 1200.0) - 1.0
        rng = np.random.default_rng(17)
        hurry, depth = (swaying(rng, SWAY_POINTS, SWAY_POINTS // 2, 0.5, 2.0) for _ in range(2))
        # hurry of the phase in turns and factor of the depth, at points of a ring
        self._points = np.stack([HURRY / (2.0 * np.pi) * hurry, 1.0 + UNEVEN * depth])
        self._slopes = np.roll(self._points, -1, axis=1) - self._points

    def read(
        self, table: Table, place: float, when: float, throb: float, least_ring: int
    ) -> Reading:
        """A looped table with vibrato.

        :param place: where in the table the note begins, 0..1
        :param when: where in the vibrato it begins, 0..1
        :param throb: how much its level sways
        """
        size = len(table.samples)
        rounds, ring = whole_turns(size, table.speed, max(least_ring, self._rate))
        turns = max(1, round(self._hz * ring / self._rate))
        sway = Sway(self, size, rounds * size / ring, place * size, when, ring, turns)

        def read(first: int, count: int) -> Samples:
            walk, swing = _swayed(sway, first, count)
            wave = table.read(walk)
            if throb:
                wave *= 1.0 + np.float32(throb) * swing
            return wave

        return Reading(read, round(self._begin + self._grow), ring)

    def walk(self, sway: "Sway", first: int, count: int) -> tuple[Walk, Samples]:
        """Where a table is read in some frames, and how far the level swings, -1 to 1 or so."""
        grid = np.arange(first // GRID_FRAMES, (first + count - 1) // GRID_FRAMES + 2)
        frames = grid * float(GRID_FRAMES)
        time = (frames / sway.ring + sway.when) % 1.0
        point = time * SWAY_POINTS
        index = point.astype(np.intp)
        hurry, unevenness = self._points[:, index] + (point - index) * self._slopes[:, index]
        phase = 2.0 * np.pi * (sway.turns * time + hurry)
        depth = np.clip((frames - self._begin) / self._grow, 0.0, 1.0) * unevenness
        bend = self._width * sway.ring / (2.0 * np.pi * sway.turns) * depth * np.cos(phase)
        within = slice(first % GRID_FRAMES, first % GRID_FRAMES + count)
        bent = _between(bend * (sway.speed * 2.0**FRACTION_BITS))[within]
        places = even_places(sway.speed, (sway.place + sway.speed * first) % sway.size, count)
        places -= bent.astype(np.int64)
        return walk(places), _between((depth * np.sin(phase)).astype(np.float32))[within]


def _between(points: NDArray[T]) -> NDArray[T]:
    """Straight lines from point to point, so many frames each."""
    ends = np.empty((len(points) - 1, 2), points.dtype)
    ends[:, 0], ends[:, 1] = points[:-1], points[1:]
    lines: NDArray[T] = np.dot(ends, SHARES.astype(points.dtype)).reshape(-1)
    return lines


@dataclass(frozen=True)
class Sway:
    """One way of reading tables of a size with vibrato."""

    vibrato: Vibrato
    size: int
    speed: float  # samples in a frame
    place: float  # of the first sample
    when: float  # in the vibrato's ring, 0..1
    ring: int  # frames
    turns: int  # of the vibrato in a ring


@lru_cache(maxsize=4)
def _swayed(sway: Sway, first: int, count: int) -> tuple[Walk, Samples]:
    """What the colours of a note share."""
    return sway.vibrato.walk(sway, first, count)
