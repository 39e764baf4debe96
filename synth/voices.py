"""All voices of an engine, computed together: what they read, its envelopes, the sum by channel.

Each note reads some strands off the tape, and an envelope for each. A block takes a few steps of
numpy however many notes there are: one copies what all strands read, one multiplies those whose
envelope moves by it, and a product of levels and rows for each channel gives its two sides.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from .envelopes import FADE_SECONDS, Line, faded, held, line_of, released
from .instrument import Sound
from .pyo_host import Samples
from .tape import Tape

T = TypeVar("T", bound=np.generic)

SOUND, ENVELOPE = range(2)  # what a strand reads
SLOT, CHANNEL, POWER = range(3)  # of a strand
NEVER = 1 << 62


@dataclass(slots=True)
class Played:
    """A note in its slot."""

    line: Line
    begin_frame: int
    closing: tuple[int, float] = (0, 0.0)  # offset in the next block, and where the line stands
    fading: int = 0  # frame of the fade where the next block begins


class Voices:
    """The notes that sound, by slots; frames are counted as events are."""

    def __init__(self, tape: Tape) -> None:
        self._tape, self._frames = tape, tape.block_frames
        self.fade_frames = max(1, round(FADE_SECONDS * tape.sample_rate))
        self._fade = faded(tape)
        self._played: dict[int, Played] = {}
        self._closing: list[int] = []
        self._fading: list[int] = []
        self._ended: list[int] = []
        self._slots = 0  # so far
        self._changed = False
        self._spans: list[tuple[int, int, int]] = []  # channel, its first strand and the one after
        # by strand: what it is; the places where it and its envelope read, where these leave their
        # pieces, and their steps; whether the envelope moves; levels while it does and later
        self._strands = np.zeros((3, 0), np.int64)
        self._places, self._leave, self._steps = np.zeros((3, 2, 0), np.int64)
        self._moves = np.zeros(0, np.bool_)
        self._levels = np.zeros((2, 2, 0), np.float32)
        tape.places_in_use = lambda: self._places[self._steps > 0]

    # notes

    def begin(
        self, channel: int, sound: Sound, levels: tuple[float, float], frame: int, offset: int
    ) -> int:
        """Begin a note; returns its slot.

        :param levels: factors left and right
        :param frame: at which it begins
        :param offset: of that frame in the next block
        """
        self._slots += 1
        slot, line = self._slots, line_of(sound, self._tape.sample_rate)
        self._played[slot] = Played(line, frame)
        strands, places, gains = [], [], []
        for strand in sound.strands:
            shape = held(self._tape, line, strand.power)
            place = self._tape.enter(strand.take, strand.start)
            places.append((place, self._tape.enter(shape, self._frames)))
            strands.append((slot, channel, strand.power))
            left, right = levels[0] * strand.left, levels[1] * strand.right
            still = line.sustain**strand.power
            gains.append((left, right, still * left, still * right))
        where = np.array(places).T
        self._strands = _with(self._strands, np.array(strands).T)
        self._places = _with(self._places, where - offset)
        self._leave = _with(self._leave, self._tape.leave(where))
        self._steps = _with(self._steps, np.full_like(where, self._frames))
        self._moves = np.append(self._moves, np.ones(len(strands), np.bool_))
        self._levels = _with(self._levels, np.array(gains, np.float32).T.reshape(2, 2, -1))
        self._changed = True
        return slot

    def release(self, slot: int, frame: int, offset: int) -> None:
        """Close the gate of a note."""
        played = self._played[slot]
        played.closing = offset, played.line.at(frame - played.begin_frame)
        self._closing.append(slot)

    def fade(self, slot: int, offset: int) -> None:
        """Begin the quick end of a note."""
        self._played[slot].fading = self._frames - offset
        self._fading.append(slot)

    def end(self, slot: int) -> None:
        """Let go of a note after the next block: it is silent by then."""
        self._ended.append(slot)

    def cut(self, slot: int) -> None:
        """Let go of a note that shall not be heard any more, not even in the next block."""
        self._levels[:, :, self._strands[SLOT] == slot] = 0.0
        self._ended.append(slot)

    def shift(self, frames: int) -> None:
        """Follow the clock that has jumped by some frames."""
        for played in self._played.values():
            played.begin_frame += frames

    # blocks

    def render(self, outputs: Sequence[tuple[Samples, Samples]]) -> None:
        """Write the next block into the left and right of each channel."""
        if self._changed:
            self._arrange(outputs)
        if not self._spans:
            return
        self._tape.clock += 1
        rows = self._tape.windows[self._places[SOUND]]
        levels = self._shape(rows)
        for channel, first, after in self._spans:
            for side, output in enumerate(outputs[channel]):
                np.dot(levels[side, first:after], rows[first:after], out=output)
        self._places += self._steps
        if (self._places >= self._leave).any():
            self._go_on()
        if self._ended:
            self._drop()

    def _go_on(self) -> None:
        """Let strands and envelopes leave pieces of the tape for the next."""
        kinds, rows = np.nonzero(self._places >= self._leave)
        places = self._places[kinds, rows]
        still = (kinds == ENVELOPE) & self._tape.settled(places)
        if still.any():
            rested, going = rows[still], ~still
            self._moves[rested], self._steps[ENVELOPE, rested] = False, 0
            self._leave[ENVELOPE, rested] = NEVER
            kinds, rows, places = kinds[going], rows[going], places[going]
        places = self._tape.follow(places)
        self._places[kinds, rows], self._leave[kinds, rows] = places, self._tape.leave(places)

    def _shape(self, rows: Samples) -> Samples:
        """Put moving envelopes on the rows; returns the levels of all [shape=(2, strands)]."""
        closed = [
            self._close(row, slot, rows) for slot in self._closing for row in self._rows(slot)
        ]
        self._closing.clear()
        moving = np.flatnonzero(self._moves)
        rows[moving] *= self._tape.windows[self._places[ENVELOPE, moving]]
        levels: Samples = np.where(self._moves, self._levels[0], self._levels[1])
        for row, stands in closed:
            self._moves[row] = True
            self._levels[0, :, row] *= stands
            self._levels[1, :, row] = 0.0
        for slot in self._fading:
            played = self._played[slot]
            place = self._tape.enter(self._fade, played.fading)
            rows[self._rows(slot)] *= self._tape.windows[place]
            played.fading += self._frames
        return levels

    def _close(self, row: int, slot: int, rows: Samples) -> tuple[int, float]:
        """Let a strand go over from the envelope of an open gate to that of a closed one.

        Its samples of this block are shaped here; returns its row, and what the second envelope is
        to be multiplied by.
        """
        played, power = self._played[slot], int(self._strands[POWER, row])
        offset, line = played.closing
        shape: Samples | float = played.line.sustain**power
        if self._moves[row]:
            shape = self._tape.windows[self._places[ENVELOPE, row], :offset]
        rows[row, :offset] *= shape
        place = self._tape.enter(released(self._tape, played.line, power), self._frames)
        stands = line**power
        rows[row, offset:] *= stands * self._tape.windows[place - offset, offset:]
        self._places[ENVELOPE, row], self._steps[ENVELOPE, row] = place - offset, self._frames
        self._leave[ENVELOPE, row] = self._tape.leave(np.array(place))
        self._moves[row] = False
        self._levels[1, :, row] = self._levels[0, :, row]
        return row, stands

    def _rows(self, slot: int) -> list[int]:
        rows: list[int] = np.flatnonzero(self._strands[SLOT] == slot).tolist()
        return rows

    def _arrange(self, outputs: Sequence[tuple[Samples, Samples]]) -> None:
        """Put the strands into the order of their channels; those without are silent."""
        self._changed = False
        self._keep(np.argsort(self._strands[CHANNEL], kind="stable"))
        channels = self._strands[CHANNEL]
        firsts = np.flatnonzero(np.diff(channels, prepend=-1)).tolist()
        edges = [*firsts, len(channels)]
        spans = zip(channels[firsts].tolist(), edges[:-1], edges[1:], strict=True)
        before, self._spans = self._spans, list(spans)
        for channel in {span[0] for span in before} - {span[0] for span in self._spans}:
            for output in outputs[channel]:
                output[:] = 0.0

    def _keep(self, rows: NDArray[np.intp]) -> None:
        """Go on with some strands, in their order."""
        self._strands, self._moves = self._strands[:, rows], self._moves[rows]
        self._places, self._leave = self._places[:, rows], self._leave[:, rows]
        self._steps, self._levels = self._steps[:, rows], self._levels[:, :, rows]

    def _drop(self) -> None:
        """Let go of the notes that have ended."""
        gone = np.isin(self._strands[SLOT], self._ended)
        self._keep(np.flatnonzero(~gone))
        for slot in self._ended:
            del self._played[slot]
        self._fading = [slot for slot in self._fading if slot in self._played]
        self._closing = [slot for slot in self._closing if slot in self._played]
        self._ended.clear()
        self._changed = True


def _with(columns: NDArray[T], more: NDArray[T]) -> NDArray[T]:
    """Columns and some more, along the last axis."""
    return np.concatenate([columns, more], axis=-1)
