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

PIECE_FRAMES, PARTS = 1 << 14, 4  # a piece is laid in parts
REACH_FRAMES = 2048  # how far voices read before it is looked whether they leave their pieces
PART_FRAMES = PIECE_FRAMES // PARTS
CHANNEL_PIECES = 128  # 8 MiB for each channel


@dataclass(frozen=True)
class Reading:
    """A sound as a function of time: first its `head`, then its `ring`, round and round.

    :param read: given a frame and how many, returns their samples [shape=(n,)]
    :param head: frames that are heard once
    :param ring: frames that are repeated for ever after them
    """

    read: Callable[[int, int], Samples]
    head: int
    ring: int


@dataclass(eq=False, slots=True)
class Take:
    """A reading, and the numbers of the pieces on which its stretches have been laid down.

    The tape forgets a take of which nothing is left on it.
    """

    key: Hashable
    reading: Reading
    pieces: dict[int, int] = field(default_factory=dict)


class Tape:
    """All takes of one engine, in pieces of `PIECE_FRAMES` and some of what comes after them.

    :param block_frames: what voices read at once
    :param pieces: how many there are; more are made only if voices need more at the same time
    """

    def __init__(self, sample_rate: int, block_frames: int, pieces: int = CHANNEL_PIECES) -> None:
        self.sample_rate, self.block_frames = sample_rate, block_frames
        self.clock = 0  # blocks so far
        self.places_in_use: Callable[[], Places] = lambda: np.zeros(0, np.int64)
        self._made: dict[Hashable, Any] = {}
        self.turns: dict[str, int] = {}  # notes so far, of all that take turns
        self.patience = max(1, REACH_FRAMES // block_frames)  # blocks from one look to the next
        self._over = (self.patience + 1) * block_frames  # frames read before that next look
        self._size = PIECE_FRAMES + self._over
        self._owners: list[tuple[Take, int]] = []  # of each piece: what it is a stretch of
        # by piece: when it was entered; the place that follows it, 0 if that is not known; its
        # first frame and the head of its take
        self._entered, self._next, self._first, self._head = np.zeros((4, 0), np.int64)
        # by piece and part: the frame of the piece where a reader has to follow, so that it does
        # not read what is not laid; and so where no part is laid
        self._ends: list[list[int]] = []
        self._bare = [PART_FRAMES * part - self._over for part in range(PARTS)]
        self.samples: Samples = np.zeros(0, np.float32)
        self._lengthen(pieces)

    def _lengthen(self, pieces: int) -> None:
        """Make room for more pieces; before the first is a block that notes may begin in."""
        known = len(self.samples)
        longer = np.empty(self.block_frames + (len(self._next) + pieces) * self._size, np.float32)
        longer[:known] = self.samples
        longer[known:] = 0.0  # takes hold of the memory now and not while it plays
        self.samples, self.windows = longer, sliding_window_view(longer, self.block_frames)
        more = np.zeros(pieces, np.int64)
        self._entered, self._next = np.append(self._entered, more), np.append(self._next, more)
        self._first, self._head = np.append(self._first, more), np.append(self._head, more)
        self._ends += [self._bare.copy() for _ in range(pieces)]

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` returned the first time it was asked for under this key."""
        if key not in self._made:
            self._made[key] = make()
        made: T = self._made[key]
        return made

    def turn(self, name: str) -> int:
        """How often this name has had its turn before."""
        turn = self.turns.get(name, 0)
        self.turns[name] = turn + 1
        return turn

    def take(self, key: Hashable, make: Callable[[], Reading]) -> Take:
        """The take of this key; what it sounds like is asked for if there is none."""
        return self.once(key, lambda: Take(key, make()))

    def enter(self, take: Take, frame: int) -> int:
        """The place on the tape of a frame of a take, which is laid down there if it is not yet."""
        reading = take.reading
        if frame >= reading.head + reading.ring:
            frame = reading.head + (frame - reading.head) % reading.ring
        number, within = divmod(frame, PIECE_FRAMES)
        piece = take.pieces.get(number, -1)
        if piece < 0:
            piece = take.pieces[number] = self._room(take, number)
        self._entered[piece] = self.clock
        self._ensure(piece, within)
        return self.block_frames + piece * self._size + within

    def leave(self, places: Places) -> Places:
        """Where they have to follow at the next look, so that they do not read what is not laid."""
        ends = [self.leave_one(place) for place in places.reshape(-1).tolist()]
        return np.array(ends, np.int64).reshape(places.shape)

    def leave_one(self, place: int) -> int:
        """The same of one place."""
        piece, within = divmod(place - self.block_frames, self._size)
        return place - within + self._ends[piece][min(within // PART_FRAMES, PARTS - 1)]

    def follow(self, places: Places) -> tuple[Places, Places]:
        """Where some places go on that have come to where they have to leave, and leave next."""
        rows = []
        for place in places.tolist():
            end = place
            while end <= place:  # or the next piece is over already, or not laid far enough
                place = self._onward(place)
                end = self.leave_one(place)
            rows.append((place, end))
        gone, ends = np.array(rows, np.int64).T
        return gone, ends

    def _onward(self, place: int) -> int:
        """Lay down the next part, or go on to the next piece where there is none."""
        piece, within = divmod(place - self.block_frames, self._size)
        if within < PIECE_FRAMES:
            self._ensure(piece, within)
        else:
            after = int(self._next[piece])
            if not after:
                take, number = self._owners[piece]
                after = self._next[piece] = self.enter(take, (number + 1) * PIECE_FRAMES)
            place = after + within - PIECE_FRAMES
            piece = (place - self.block_frames) // self._size
        self._entered[piece] = self.clock
        return place

    def settled(self, places: Places) -> NDArray[np.bool_]:
        """Whether some places are in the rings of their takes."""
        pieces = self._piece(places)
        frames = self._first[pieces] + places - self._begin(pieces)
        return np.asarray(frames >= self._head[pieces], np.bool_)

    def ring(self, places: Places) -> Places:
        """Where the rings begin of the takes that lie at some places."""
        takes = [self._owners[piece][0] for piece in self._piece(places).tolist()]
        return np.array([self.enter(take, take.reading.head) for take in takes])

    def _piece(self, places: Places) -> Places:
        return (places - self.block_frames) // self._size

    def _begin(self, pieces: Places) -> Places:
        return self.block_frames + pieces * self._size

    def _ensure(self, piece: int, within: int) -> None:
        """Lay down what will be read from a frame of a piece on before the next look."""
        ends = self._ends[piece]
        if ends[0] == PIECE_FRAMES:
            return
        last = min(within + self._over, PIECE_FRAMES - 1)
        for part in range(within // PART_FRAMES, last // PART_FRAMES + 1):
            if ends[part] == self._bare[part]:
                self._lay(piece, part)

    def _lay(self, piece: int, part: int) -> None:
        """Lay down a part, and behind the last one what is read before the next look."""
        within = part * PART_FRAMES
        size = PART_FRAMES if part + 1 < PARTS else PART_FRAMES + self._over
        first = int(self._first[piece]) + within
        place = self.block_frames + piece * self._size + within
        self.samples[place : place + size] = self._owners[piece][0].reading.read(first, size)
        ends = self._ends[piece]
        ends[part] = ends[part + 1] if part + 1 < PARTS else PIECE_FRAMES
        while part > 0 and ends[part - 1] > self._bare[part - 1]:
            part -= 1
            ends[part] = ends[part + 1]

    def _room(self, take: Take, number: int) -> int:
        """A piece that is free, or was entered longest ago of those that nobody reads."""
        piece = len(self._owners)
        if piece == len(self._next):
            ages = self._entered.copy()
            ages[self._piece(self.places_in_use())] = self.clock
            oldest = int(np.argmin(ages))
            if ages[oldest] < self.clock:
                piece = oldest
                before, its_number = self._owners[piece]
                del before.pieces[its_number]
                if not before.pieces and self._made.get(before.key) is before:
                    del self._made[before.key]
                self._next[self._piece(self._next) == piece] = 0
            else:
                self._lengthen(CHANNEL_PIECES)
        if piece == len(self._owners):
            self._owners.append((take, number))
        self._owners[piece] = take, number
        self._next[piece], self._ends[piece] = 0, self._bare.copy()
        self._first[piece], self._head[piece] = number * PIECE_FRAMES, take.reading.head
        return piece
