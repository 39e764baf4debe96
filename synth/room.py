"""The room: delay lines that feed each other, computed a block at a time.

A feedback delay network after Jot and Chaigne ("Digital delay networks for designing artificial
reverberators", 1991). All lines are longer than what is computed at once, so that a piece of sound
takes one reading of all taps, one product with a matrix of levels, and one low-pass of all lines.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ..music.events import MixSettings
from .pyo_host import Samples
from .recursion import Recursion, low_cut, one_pole

LOW_CUT_HZ = 170.0
EARLY_SECONDS = ((0.011, 0.019, 0.031), (0.013, 0.023, 0.029))  # first reflections, left and right
EARLY_LEVEL = 0.25  # of the first of them
PREDELAY_SECONDS = (0.021, 0.027)
LINE_SECONDS = (0.0437, 0.0491, 0.0546, 0.0618, 0.0672, 0.0739, 0.0817, 0.0893)
INTO = (1, 1, -1, 1, 1, -1, -1, -1)  # signs of what goes into the lines: left, right, left ...
HALFWAY = (0.53, 0.71, 0.46, 0.64, 0.43, 0.58, 0.49, 0.38)  # of each line: where it is heard too
HALFWAY_LEVEL = 0.7
# signs with which the ends of all lines are heard on either side, and half their halfway taps: of
# all there are, those with which the two sides of a tail are least alike
ENDS = ((1, 1, -1, -1, 1, -1, 1, -1), (1, 1, 1, 1, 1, 1, -1, -1))
HALVES = ((1, -1, 1, 1), (-1, -1, -1, 1))
LEVEL = 0.163
SILENT = 1e-9  # amplitude of what is sent
TAIL_DB = 120.0  # after which the room is empty

LINES = len(LINE_SECONDS)
LEFT, RIGHT = LINES, LINES + 1  # rows of what is sent

Places = NDArray[np.int64]


class Room:
    """A stereo room; what is sent to one side comes back from both.

    :param block_frames: what is sent at once
    """

    def __init__(self, sample_rate: int, block_frames: int, mix: MixSettings) -> None:
        lines = _frames(LINE_SECONDS, sample_rate)
        halfway = np.rint(lines * np.array(HALFWAY)).astype(np.int64)
        early = [_frames(seconds, sample_rate) for seconds in EARLY_SECONDS]
        self._delays = np.concatenate(
            [lines, halfway, _frames(PREDELAY_SECONDS, sample_rate), *early]
        )
        pieces = -(-block_frames // int(halfway.min()))
        self._frames = -(-block_frames // pieces)
        size = int(self._delays.max()) + self._frames
        self._size = -(-size // self._frames) * self._frames
        # what has gone into the lines and what was sent, round and round; the beginning of each row
        # lies once more behind its end
        self._rows: Samples = np.zeros((LINES + 2, self._size + self._frames), np.float32)
        self._windows = sliding_window_view(self._rows.reshape(-1), self._frames)
        sides = [[side] * len(taps) for side, taps in zip((LEFT, RIGHT), early, strict=True)]
        rows = np.concatenate([np.arange(LINES), np.arange(LINES + 2), *sides])
        self._begins = rows * self._rows.shape[1]
        self._places: dict[int, Places] = {}  # of all taps, by where the rows are written next
        self._at = 0
        self._thin = Recursion(*low_cut(LOW_CUT_HZ, sample_rate), 2, self._frames)
        self._damp = Recursion(*one_pole(mix.reverb_hz, sample_rate), LINES, self._frames)
        decay = np.exp(-3.0 * np.log(10.0) * lines / (sample_rate * mix.reverb_seconds))
        self._levels = _levels(decay).astype(np.float32)
        seconds = mix.reverb_seconds * TAIL_DB / 60.0 + max(LINE_SECONDS) + max(PREDELAY_SECONDS)
        self._tail_frames = self._passed = round(seconds * sample_rate)
        self._heard: Samples = np.zeros((2, block_frames), np.float32)
        self._empty = True

    def process(self, sent: Samples) -> Samples:
        """What comes back in the next block; it is written over later.

        :param sent: that block [shape=(2, block_frames)]
        """
        if float(np.vdot(sent, sent)) < SILENT**2:
            if self._passed >= self._tail_frames:
                return self._silence()
            self._passed += sent.shape[1]
        else:
            self._passed, self._empty = 0, False
        if sent.shape[1] == self._frames:
            return self._piece(sent)
        for first in range(0, sent.shape[1], self._frames):
            piece = slice(first, first + self._frames)
            self._heard[:, piece] = self._piece(np.ascontiguousarray(sent[:, piece]))
        return self._heard

    def _silence(self) -> Samples:
        """Empty all lines, once."""
        if not self._empty:
            self._empty = True
            self._rows[:] = self._heard[:] = 0.0
            self._thin.clear()
            self._damp.clear()
        return self._heard

    def _piece(self, sent: Samples) -> Samples:
        """What comes back, of no more frames than are written at once."""
        frames, at = sent.shape[1], self._at
        self._write(LINES, self._thin.process(sent))
        if at not in self._places:
            self._places[at] = self._begins + (at - self._delays) % self._size
        taps = self._windows[self._places[at]]
        mixed: Samples = np.dot(self._levels, taps[:, :frames])
        self._write(0, self._damp.process(mixed[:LINES]))
        self._at = (at + frames) % self._size
        return mixed[LINES:]

    def _write(self, row: int, sound: Samples) -> None:
        """Write rows from one on."""
        at, size, rows = self._at, self._size, self._rows[row : row + len(sound)]
        end = at + sound.shape[1]
        rows[:, at:end] = sound
        if end > size:
            rows[:, : end - size] = rows[:, size:end]
        if at < self._frames:
            copied = min(end, self._frames)
            rows[:, size + at : size + copied] = rows[:, at:copied]


def _levels(decay: NDArray[np.float64]) -> NDArray[np.float64]:
    """What goes into the lines, and what is heard, of what all taps read.

    :param decay: factor of a sound that has passed each line
    """
    hadamard = np.ones((1, 1))
    while len(hadamard) < LINES:
        hadamard = np.block([[hadamard, hadamard], [hadamard, -hadamard]])
    halves, sent, early = LINES, 2 * LINES, 2 * LINES + 2
    count = len(EARLY_SECONDS[0])
    levels = np.zeros((LINES + 2, early + 2 * count))
    levels[:LINES, :LINES] = hadamard / np.sqrt(LINES) * decay
    for side, heard in enumerate((LEFT, RIGHT)):
        levels[side:LINES:2, sent + side] = INTO[side::2]
        levels[heard, :LINES] = LEVEL * np.array(ENDS[side])
        levels[heard, halves + side : sent : 2] = LEVEL * HALFWAY_LEVEL * np.array(HALVES[side])
        first = early + side * count
        levels[heard, first : first + count] = EARLY_LEVEL / np.arange(1, count + 1)
    return levels


def _frames(seconds: tuple[float, ...], sample_rate: int) -> NDArray[np.int64]:
    frames: NDArray[np.int64] = np.rint(np.array(seconds) * sample_rate).astype(np.int64)
    return frames
