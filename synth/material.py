"""The tables of a recipe, and how they are read: once, round and round, or swaying.

Readings interpolate in straight lines between the samples of a table; what is read is laid on the
tape (`tape.py`) once for each pitch.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .pyo_host import Samples
from .recipes import Recipe, bake
from .tables import pitch_hz
from .tape import Reading, Take, Tape

LEAST_RING_FRAMES = 1 << 14
FRACTION_BITS = 32  # of a place in a table that is counted in whole numbers

Fixed = NDArray[np.int64]
"""Places in a table, in 2 ** -FRACTION_BITS of a sample."""


class Material:
    """The tables of one recipe, shared by all voices of an engine."""

    def __init__(self, tape: Tape, recipe: Recipe) -> None:
        self._tape = tape
        self._name = recipe.name
        self._roots, self._step = recipe.roots, recipe.step
        self._baked = bake(recipe, tape.sample_rate)
        self.layers = len(self._baked.zones[0])

    def layer(self, loudness: float) -> int:
        """The layer for a loudness 0..1."""
        return min(max(int(loudness * self.layers), 0), self.layers - 1)

    def _zone(self, pitch: float) -> int:
        number = round((pitch - self._roots[0]) / self._step)
        return min(max(number, 0), len(self._roots) - 1)

    def root_hz(self, pitch: float) -> float:
        """Frequency in Hz of the root whose table plays a pitch."""
        return pitch_hz(self._roots[self._zone(pitch)])

    def table(self, pitch: float, layer: int, side: int = 0) -> "Table":
        """The table that plays a pitch, and how it is read."""
        zone = self._zone(pitch)
        sides = self._baked.zones[zone][layer]
        speed = 2.0 ** ((pitch - self._roots[zone]) / 12.0)
        return Table(sides[min(side, len(sides) - 1)], self._baked.scale, float(speed))

    def seconds(self, pitch: float) -> float:
        """How long reading a table once lasts at a pitch."""
        zone = self._zone(pitch)
        frames = self._baked.zones[zone].shape[-1] / self._tape.sample_rate
        return float(frames * 2.0 ** ((self._roots[zone] - pitch) / 12.0))

    def once(self, pitch: float, layer: int, side: int = 0, factor: float = 1.0) -> Take:
        """The take of a table read once.

        :param factor: speed of reading against that which the pitch asks for
        """

        def make() -> Reading:
            table = self.table(pitch, layer, side)
            return read_once(table, table.speed * factor, self._tape.block_frames)

        return self._tape.take((self._name, pitch, layer, side, factor), make)

    def round(self, pitch: float, layer: int, side: int = 0) -> Take:
        """The take of a table read round and round."""

        def make() -> Reading:
            return read_round(self.table(pitch, layer, side), self._tape.block_frames)

        return self._tape.take((self._name, pitch, layer, side), make)


def material(tape: Tape, recipe: Recipe) -> Material:
    """The tables of a recipe, made when they are asked for the first time."""
    return tape.once(recipe, lambda: Material(tape, recipe))


@dataclass(frozen=True, slots=True)
class Walk:
    """Where a table without end is read: samples, those after them, and the way between."""

    index: NDArray[np.intp]
    after: NDArray[np.intp]
    share: Samples


@dataclass(frozen=True, slots=True)
class Table:
    """Samples in 16 bits, their scale, and how many of them go by in a frame."""

    samples: NDArray[np.int16]
    scale: float
    speed: float

    def read(self, walk: Walk) -> Samples:
        """The samples along a walk, in straight lines from one to the next."""
        low = self.samples.take(walk.index, mode="wrap").astype(np.float32)
        after = self.samples.take(walk.after, mode="wrap")
        wave: Samples = np.subtract(after, low, dtype=np.float32)
        wave *= walk.share
        wave += low
        wave *= self.scale
        return wave


def fixed(place: float) -> int:
    """A place or a speed, counted in fractions of a sample."""
    return round(place * (1 << FRACTION_BITS))


def walk(places: Fixed) -> Walk:
    """The walk through some places."""
    index = places >> FRACTION_BITS
    share = places.astype("<i8", copy=False).view("<u4")[::2].astype(np.float32)
    share *= 2.0**-FRACTION_BITS
    return Walk(index, index + 1, share)


def even_places(speed: float, first: float, count: int) -> Fixed:
    """Places of an even speed from one on."""
    begin, step = fixed(first), fixed(speed)
    return np.arange(begin, begin + count * step, step, dtype=np.int64)


@lru_cache(maxsize=4)
def _even_walk(size: int, speed: float, first: int, count: int) -> Walk:
    """Frames of an even speed through a table of some size; layers and sides share it."""
    return walk(even_places(speed, first * speed % size, count))


@lru_cache(maxsize=4)
def _single_walk(size: int, speed: float, first: int, count: int) -> Walk:
    """The same, that stays at the last sample."""
    places = even_places(speed, min(first * speed, size), count)
    if (first + count) * speed > size - 2:
        np.minimum(places, ((size - 1) << FRACTION_BITS) - 1, out=places)
    return walk(places)


def read_once(table: Table, speed: float, least_ring: int) -> Reading:
    """A table from its first sample to its last, which is silence, and then silence."""
    size = len(table.samples)
    return Reading(
        lambda first, count: table.read(_single_walk(size, speed, first, count)),
        math.ceil((size - 1) / speed),
        least_ring,
    )


def read_round(table: Table, least_ring: int) -> Reading:
    """A table that begins again at its end."""
    size = len(table.samples)
    turns, ring = whole_turns(size, table.speed, least_ring)
    speed = turns * size / ring
    return Reading(lambda first, count: table.read(_even_walk(size, speed, first, count)), 0, ring)


def whole_turns(size: float, speed: float, least_ring: int, choices: int = 1) -> tuple[int, int]:
    """How often a table of some size is gone through in a ring, and the frames of that ring.

    :param choices: numbers of turns from which that is chosen for which the speed has to be bent
        least to make the ring a whole number of frames
    """
    fewest = math.ceil(max(least_ring, LEAST_RING_FRAMES) * speed / size)
    turns = np.arange(fewest, max(2 * fewest, fewest + choices))
    exact = turns * (size / speed)
    best = int(np.argmin(np.abs(exact - np.rint(exact)) / exact))
    return int(turns[best]), round(exact[best])
