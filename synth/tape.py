"""The tape: memory from which all voices of an engine read, laid down at the speed they read it.

A voice that reads a table at another speed than its own has to interpolate between its samples, for
every note anew. Here that is done once: what a pitch of an instrument sounds like is a *take*, laid
on the tape piece by piece when a note first gets there, and kept. Reading then is copying, and all
voices are copied in one step. Once the tape is full, the piece entered longest ago makes room.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from .pyo_host import Samples

Floats = NDArray[np.float64]
Places = NDArray[np.int64]
T = TypeVar("T")

PIECE_FRAMES = 4096
CHANNEL_PIECES = 512  # 8 MiB for each channel


@dataclass(frozen=True)
class Reading:
    """A sound as a function of time: first its `head`, then its `ring`, round and round.

    :param read: given frames counted from the beginning [shape=(n,)], returns their samples
    :param head: frames that are heard once
    :param ring: frames that are repeated for ever after them
    """

    read: Callable[[Floats], Samples]
    head: int
    ring: int


@dataclass(eq=False, slots=True)
class Take:
    """A reading, and the numbers of the pieces on which its stretches have been laid down."""

    reading: Reading
    pieces: dict[int, int] = field(default_factory=dict)


class Tape:
    """All takes of one engine, in pieces of `PIECE_FRAMES` and the block that comes after them.

    :param block_frames: what voices read at once
    :param pieces: how many there are; more are made only if voices need more at the same time
    """

    def __init__(self, sample_rate: int, block_frames: int, pieces: int = CHANNEL_PIECES) -> None:
        self.sample_rate, self.block_frames = sample_rate, block_frames
        self.clock = 0  # blocks so far
        self.places_in_use: Callable[[], Places] = lambda: np.zeros(0, np.int64)
        self._made: dict[Hashable, Any] = {}
        self._size = PIECE_FRAMES + block_frames
        self._owners: list[tuple[Take, int]] = []  # of each piece: what it is a stretch of
        self._entered = np.zeros(0, np.int64)  # when
        self._next = np.zeros(0, np.int64)  # the place that follows it; 0 if that is not laid
        self._settled = np.zeros(0, np.bool_)  # whether only the ring follows
        self.samples: Samples = np.zeros(0, np.float32)
        self._lengthen(pieces)

    def _lengthen(self, pieces: int) -> None:
        """Make room for more pieces; before the first is a block that notes may begin in."""
        known = len(self.samples)
        longer = np.empty(self.block_frames + (len(self._next) + pieces) * self._size, np.float32)
        longer[:known] = self.samples
        longer[known:] = 0.0  # takes hold of the memory now and not while it plays
        self.samples, self.windows = longer, sliding_window_view(longer, self.block_frames)
        self._entered = np.append(self._entered, np.full(pieces, -1))
        self._next = np.append(self._next, np.zeros(pieces, np.int64))
        self._settled = np.append(self._settled, np.zeros(pieces, np.bool_))

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` returned the first time it was asked for under this key."""
        if key not in self._made:
            self._made[key] = make()
        made: T = self._made[key]
        return made

    def take(self, key: Hashable, make: Callable[[], Reading]) -> Take:
        """The take of this key; what it sounds like is asked for if there is none."""
        return self.once(key, lambda: Take(make()))

    def enter(self, take: Take, frame: int) -> int:
        """The place on the tape of a frame of a take, which is laid down there if it is not yet."""
        reading = take.reading
        if frame >= reading.head + reading.ring:
            frame = reading.head + (frame - reading.head) % reading.ring
        number, within = divmod(frame, PIECE_FRAMES)
        piece = take.pieces.get(number, -1)
        if piece < 0:
            piece = self._lay(take, number)
        self._entered[piece] = self.clock
        return self.block_frames + piece * self._size + within

    def leave(self, places: Places) -> Places:
        """Where the pieces are left that hold some places: the places behind their last frames."""
        return self._begin(self._piece(places)) + PIECE_FRAMES

    def settled(self, places: Places) -> NDArray[np.bool_]:
        """Whether nothing but the ring follows the pieces that some places are about to leave."""
        return self._settled[self._piece(places)]

    def follow(self, places: Places) -> Places:
        """Where some places go on that have left their pieces."""
        pieces = self._piece(places)
        after = self._next[pieces]
        for row in np.flatnonzero(after == 0).tolist():
            piece = int(pieces[row])
            take, number = self._owners[piece]
            after[row] = self.enter(take, (number + 1) * PIECE_FRAMES)
            self._next[piece] = after[row]
        self._entered[self._piece(after)] = self.clock
        return after + (places - self._begin(pieces) - PIECE_FRAMES)

    def _piece(self, places: Places) -> Places:
        return (places - self.block_frames) // self._size

    def _begin(self, pieces: Places) -> Places:
        return self.block_frames + pieces * self._size

    def _lay(self, take: Take, number: int) -> int:
        """Lay down a stretch of a take; returns the piece that it is on."""
        piece = take.pieces[number] = self._room((take, number))
        first, place = number * PIECE_FRAMES, self.block_frames + piece * self._size
        frames = np.arange(first, first + self._size, dtype=np.float64)
        self.samples[place : place + self._size] = take.reading.read(frames)
        self._next[piece], self._settled[piece] = 0, first + PIECE_FRAMES >= take.reading.head
        return piece

    def _room(self, owner: tuple[Take, int]) -> int:
        """A piece that is free, or was entered longest ago of those that nobody reads."""
        if len(self._owners) == len(self._next):
            ages = self._entered.copy()
            ages[self._piece(self.places_in_use())] = self.clock
            piece = int(np.argmin(ages))
            if ages[piece] < self.clock:
                take, number = self._owners[piece]
                del take.pieces[number]
                self._next[self._piece(self._next) == piece] = 0
                self._owners[piece] = owner
                return piece
            self._lengthen(CHANNEL_PIECES)
        self._owners.append(owner)
        return len(self._owners) - 1
