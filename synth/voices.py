"""All voices of an engine, computed together: what they read, its envelopes, the sum by channel.

Each note reads some strands off the tape, and an envelope for each. A block takes a few steps of
numpy however many notes there are: one copies what all strands and envelopes read, one multiplies
them, and a product of levels and strands for each channel gives its two sides.
"""

from dataclasses import dataclass

import numpy as np

from .envelopes import FADE_SECONDS, Line, faded, held, line_of, released
from .instrument import Sound
from .pyo_host import Samples
from .tape import Tape

SOUND, ENVELOPE = range(2)  # what a strand reads
SLOT, CHANNEL, POWER = range(3)  # of a strand
AT_REST = -1
NEVER = 1 << 62
LEAST = 1e-6  # of an envelope that stands still, so that its level can be told from it again


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
        self._begun: list[tuple[float, ...]] = []  # strands of notes that begin in the next block
        self._closing: list[int] = []
        self._fading: list[int] = []
        self._ended: list[int] = []
        self._slots = 0  # so far
        self._spans: list[tuple[int, int, int]] = []  # channel, its first strand and the one after
        self._left: list[int] = []  # channels whose last note has just ended
        # by strand, in the order of channels: what it is; the places where it and its envelope
        # read, up to where the tape is laid there, and the steps they go; its levels
        self._strands = np.zeros((3, 0), np.int64)
        self._places, self._leave, self._steps = np.zeros((3, 2, 0), np.int64)
        self._levels = np.zeros((2, 0), np.float32)
        tape.places_in_use = lambda: self._places

    # notes

    def begin(
        self, channel: int, sound: Sound, levels: tuple[float, float], frame: int, offset: int
    ) -> int:
        """Begin a note; returns its slot.

        :param levels: factors left and right
        :param frame: at which it begins
        :param offset: of that frame in the next block
        """
        tape, line = self._tape, line_of(sound, self._tape.sample_rate)
        slot = self._slots = self._slots + 1
        self._played[slot] = Played(line, frame)
        for strand in sound.strands:
            place = tape.enter(strand.take, strand.start)
            envelope = tape.enter(held(tape, line, strand.power), self._frames)
            gains = levels[0] * strand.left, levels[1] * strand.right
            self._begun.append((slot, channel, strand.power, place, envelope, offset, *gains))
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
        self._begun = [row for row in self._begun if row[SLOT] != slot]
        self._levels[:, self._strands[SLOT] == slot] = 0.0
        self._ended.append(slot)

    def shift(self, frames: int) -> None:
        """Follow the clock that has jumped by some frames."""
        for played in self._played.values():
            played.begin_frame += frames

    # blocks

    def render(self, sound: Samples) -> None:
        """Write the next block into the left and right of each channel [shape=(2 n, frames)]."""
        if self._begun:
            self._take_in()
        for channel in self._left:
            sound[2 * channel : 2 * channel + 2] = 0.0
        self._left.clear()
        if not self._spans:
            return
        rows = self._tape.windows[self._places[SOUND]]
        closed = [self._close(row, slot) for slot in self._closing for row in self._rows(slot)]
        moving = np.flatnonzero(self._steps[ENVELOPE])
        shapes = self._tape.windows[self._places[ENVELOPE, moving]]
        for row, _, shape in closed:
            shapes[np.searchsorted(moving, row)] = shape
        rows[moving] *= shapes
        for slot in self._fading:
            self._fade_out(slot, rows)
        for channel, first, after in self._spans:
            sides = sound[2 * channel : 2 * channel + 2]
            np.dot(self._levels[:, first:after], rows[first:after], out=sides)
        for row, stands, _ in closed:
            self._levels[:, row] *= stands
        self._closing.clear()
        self._places += self._steps
        if self._tape.clock % self._tape.patience == 0:
            self._go_on()
        self._tape.clock += 1
        if self._ended:
            self._drop()

    def _rows(self, slot: int) -> list[int]:
        rows: list[int] = np.flatnonzero(self._strands[SLOT] == slot).tolist()
        return rows

    def _close(self, row: int, slot: int) -> tuple[int, float, Samples]:
        """Let a strand go over from the envelope of an open gate to that of a closed one.

        Returns its row, what its levels have to be multiplied by after this block, and the envelope
        in this block.
        """
        played, power = self._played[slot], int(self._strands[POWER, row])
        offset, line = played.closing
        before = self._places[ENVELOPE, row]
        shape = self._tape.windows[before].copy()
        if not self._steps[ENVELOPE, row]:
            self._levels[:, row] /= max(self._tape.samples[before], LEAST)
        place = self._tape.enter(released(self._tape, played.line, power), self._frames)
        stands = line**power
        shape[offset:] = stands * self._tape.windows[place - offset, offset:]
        self._places[ENVELOPE, row], self._steps[ENVELOPE, row] = place - offset, self._frames
        self._leave[ENVELOPE, row] = self._tape.leave(np.array(place))
        return row, stands, shape

    def _fade_out(self, slot: int, rows: Samples) -> None:
        """Put the quick end of a note on its strands."""
        played = self._played[slot]
        rows[self._rows(slot)] *= self._tape.windows[self._tape.enter(self._fade, played.fading)]
        played.fading += self._frames

    def _go_on(self) -> None:
        """Let strands and envelopes read on behind what was laid so far."""
        kinds, rows = np.nonzero(self._places >= self._leave)
        if not len(rows):
            return
        places, ends = self._tape.follow(self._places[kinds, rows])
        self._places[kinds, rows] = places
        still = (kinds == ENVELOPE) & self._tape.settled(places)
        if still.any():  # the same from here on: a part of the levels
            rested, rings = rows[still], self._tape.ring(places[still])
            self._steps[ENVELOPE, rested], ends[still] = 0, NEVER
            self._places[ENVELOPE, rested] = rings
            self._levels[:, rested] *= np.maximum(self._tape.samples[rings], LEAST)
        self._leave[kinds, rows] = ends

    # which strands there are

    def _take_in(self) -> None:
        """Take the strands of the notes that begin in this block to those that sound."""
        begun = np.array(self._begun).T
        self._begun.clear()
        places = begun[3:5].astype(np.int64)
        ends, steps = self._tape.leave(places), np.full_like(places, self._frames)
        places -= begun[5].astype(np.int64)
        self._strands = np.append(self._strands, begun[:3].astype(np.int64), axis=1)
        self._places = np.append(self._places, places, axis=1)
        self._leave = np.append(self._leave, ends, axis=1)
        self._steps = np.append(self._steps, steps, axis=1)
        self._levels = np.append(self._levels, begun[6:].astype(np.float32), axis=1)
        self._arrange()

    def _arrange(self) -> None:
        """Put the strands into the order of their channels, without those of notes at rest."""
        order = np.argsort(self._strands[CHANNEL], kind="stable")
        order = order[self._strands[SLOT, order] != AT_REST]
        self._strands, self._levels = self._strands[:, order], self._levels[:, order]
        self._places, self._leave = self._places[:, order], self._leave[:, order]
        self._steps = self._steps[:, order]
        channels = self._strands[CHANNEL]
        firsts = np.flatnonzero(np.diff(channels, prepend=-1)).tolist()
        edges = [*firsts, len(channels)]
        before = {channel for channel, _, _ in self._spans}
        self._spans = list(zip(channels[firsts].tolist(), edges[:-1], edges[1:], strict=True))
        self._left += before - {channel for channel, _, _ in self._spans}

    def _drop(self) -> None:
        """Let go of the notes that have ended; their strands go when the next note begins."""
        for slot in self._ended:
            rows = self._rows(slot)
            self._strands[SLOT, rows], self._levels[:, rows] = AT_REST, 0.0
            self._steps[:, rows], self._leave[:, rows] = 0, NEVER
            del self._played[slot]
        self._fading = [slot for slot in self._fading if slot in self._played]
        self._ended.clear()
        if not self._played:
            self._arrange()
