"""The tables of a recipe, and how they are read: once, round and round, or swaying.

Readings interpolate in straight lines between the samples of a table; what is read is laid on the
tape (`tape.py`) once for each pitch.
"""

import math

import numpy as np

from .pyo_host import Samples
from .recipes import Recipe, bake
from .tables import pitch_hz
from .tape import Floats, Reading, Take, Tape

LEAST_RING_FRAMES = 1 << 14


class Material:
    """The tables of one recipe, shared by all voices of an engine."""

    def __init__(self, tape: Tape, recipe: Recipe) -> None:
        self._tape = tape
        self._name = recipe.name
        self._roots, self._step = recipe.roots, recipe.step
        self._baked = bake(recipe, tape.sample_rate)
        self._tables: dict[tuple[int, int, int], Samples] = {}
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

    def table(self, pitch: float, layer: int, side: int = 0) -> tuple[Samples, float]:
        """The table that plays a pitch, and how many of its samples go by in a frame."""
        zone = self._zone(pitch)
        where = zone, layer, min(side, self._baked.zones[zone].shape[1] - 1)
        if where not in self._tables:
            self._tables[where] = self._baked.table(*where)
        return self._tables[where], float(2.0 ** ((pitch - self._roots[zone]) / 12.0))

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
            table, speed = self.table(pitch, layer, side)
            return read_once(table, speed * factor, self._tape.block_frames)

        return self._tape.take((self._name, pitch, layer, side, factor), make)

    def round(self, pitch: float, layer: int, side: int = 0) -> Take:
        """The take of a table read round and round."""

        def make() -> Reading:
            return read_round(*self.table(pitch, layer, side), self._tape.block_frames)

        return self._tape.take((self._name, pitch, layer, side), make)


def material(tape: Tape, recipe: Recipe) -> Material:
    """The tables of a recipe, made when they are asked for the first time."""
    return tape.once(recipe, lambda: Material(tape, recipe))


def read_once(table: Samples, speed: float, least_ring: int) -> Reading:
    """A table from its first sample to its last, which is silence, and then silence."""
    last = len(table) - 1

    def read(frames: Floats) -> Samples:
        place = np.minimum(frames * speed, last - 1e-6)
        index = place.astype(np.intp)
        return between(table.take(index), table.take(index + 1), place - index)

    return Reading(read, math.ceil(last / speed), least_ring)


def read_round(table: Samples, speed: float, least_ring: int) -> Reading:
    """A table that begins again at its end."""
    turns, ring = whole_turns(len(table), speed, least_ring)
    return Reading(lambda frames: wrapped(table, frames * (turns * len(table) / ring)), 0, ring)


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


def wrapped(table: Samples, place: Floats) -> Samples:
    """The samples at rising places of a table without end [shape=(n,)]."""
    place = place - len(table) * np.floor(place[0] / len(table))
    index = place.astype(np.intp)
    low, high = (table.take(index + offset, mode="wrap") for offset in range(2))
    return between(low, high, place - index)


def between(low: Samples, high: Samples, share: Floats) -> Samples:
    """What lies at a share of the way from `low` to `high`."""
    high -= low
    high *= share.astype(np.float32)
    high += low
    return high
