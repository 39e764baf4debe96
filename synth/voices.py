"""All voices of an engine, computed together: what they read, its envelopes, the sum by channel.

Each note reads some strands off the tape, and an envelope for each. A block takes a few steps of
numpy however many notes there are: one copies what all strands and envelopes read, one multiplies
them, and a product of levels and strands for each channel gives its two sides.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .envelopes import FADE_SECONDS, Line, faded, held, line_of, released
from .instrument import Sound
from .pyo_host import Samples
from .tape import Tape

SOUND, ENVELOPE = range(2)  # what a strand reads
SLOT, CHANNEL, POWER = range(3)  # of a strand
ENVELOPES = slice(4, 9, 2)  # place, where to leave and step of its envelope
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
        self._take_over(np.zeros((9, 0), np.int64), np.zeros((2, 0), np.float32))
        tape.places_in_use = lambda: self._places
        self._ones = held(tape, line_of(Sound(()), tape.sample_rate), 0)

    def _take_over(self, numbers: NDArray[np.int64], levels: Samples) -> None:
        """Let these be the strands, in the order of channels."""
        self._numbers, self._levels = numbers, levels
        # what it is; the places where it and its envelope read, up to where the tape is laid there,
        # and the steps they go
        self._strands = numbers[:3]
        self._places, self._leave, self._steps = numbers[3:5], numbers[5:7], numbers[7:]
        self._reading, self._leaving = self._places.reshape(-1), self._leave.reshape(-1)  # views

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
        left, right = levels
        envelopes: dict[int, int] = {}
        for strand in sound.strands:
            power, place = strand.power, tape.enter(strand.take, strand.start)
            if power not in envelopes:
                envelopes[power] = tape.enter(held(tape, line, power), self._frames)
            gains = left * strand.left, right * strand.right
            self._begun.append((slot, channel, power, place, envelopes[power], offset, *gains))
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
        windows = self._tape.windows
        rows = windows[self._places[SOUND]]
        shapes = windows[self._places[ENVELOPE]]
        closed = [strand for slot in self._closing for strand in self._close(slot, shapes)]
        rows *= shapes
        for slot in self._fading:
            self._fade_out(slot, rows)
        for channel, first, after in self._spans:
            sides = sound[2 * channel : 2 * channel + 2]
            np.dot(self._levels[:, first:after], rows[first:after], out=sides)
        for row, stands in closed:
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

    def _close(self, slot: int, shapes: Samples) -> list[tuple[int, float]]:
        """Let a note go over from the envelopes of an open gate to those of a closed one.

        Returns the rows of its strands, and what their levels have to be multiplied by after this
        block.

        :param shapes: the envelopes in this block, which are written here
        """
        tape, played, closed = self._tape, self._played[slot], []
        offset, line = played.closing
        by_power: dict[int, tuple[int, int, float, Samples]] = {}
        for row in self._rows(slot):
            power = int(self._strands[POWER, row])
            if not self._steps[ENVELOPE, row]:  # what it stands at is a part of the levels
                stood = max(played.line.sustain**power, LEAST)
                shapes[row] = stood
                self._levels[:, row] /= stood
            if power not in by_power:
                place, stands = (
                    tape.enter(released(tape, played.line, power), self._frames),
                    line**power,
                )
                shape = stands * tape.windows[place - offset, offset:]
                by_power[power] = place - offset, tape.leave_one(place), stands, shape
            place, leave, stands, shapes[row, offset:] = by_power[power]
            self._numbers[ENVELOPES, row] = place, leave, self._frames
            closed.append((row, stands))
        return closed

    def _fade_out(self, slot: int, rows: Samples) -> None:
        """Put the quick end of a note on its strands."""
        played = self._played[slot]
        rows[self._rows(slot)] *= self._tape.windows[self._tape.enter(self._fade, played.fading)]
        played.fading += self._frames

    def _go_on(self) -> None:
        """Let strands and envelopes read on behind what was laid so far."""
        at = np.flatnonzero(self._reading >= self._leaving)
        if not len(at):
            return
        places, ends = self._tape.follow(self._reading[at])
        self._reading[at] = places
        count = self._levels.shape[1]
        first = int(at.searchsorted(count))  # of the envelopes
        if first < len(at):
            still = np.flatnonzero(self._tape.settled(places[first:]))
            if len(still):  # the same from here on: a part of the levels
                still += first
                rested, rings = at[still] - count, self._tape.ring(places[still])
                self._steps[ENVELOPE, rested], ends[still] = 0, NEVER
                self._places[ENVELOPE, rested] = self._tape.enter(self._ones, self._frames)
                self._levels[:, rested] *= np.maximum(self._tape.samples[rings], LEAST)
        self._leaving[at] = ends

    # which strands there are

    def _take_in(self) -> None:
        """Take the strands of the notes that begin in this block to those that sound."""
        begun = np.array(self._begun).T
        self._begun.clear()
        whole = begun[:6].astype(np.int64)
        places = whole[3:5]
        ends, steps = self._tape.leave(places), np.full_like(places, self._frames)
        places -= whole[5]
        self._arrange(np.concatenate([whole[:5], ends, steps]), np.asarray(begun[6:], np.float32))

    def _arrange(self, *begun: NDArray[Any]) -> None:
        """Put the strands into the order of their channels, without those of notes at rest.

        :param begun: numbers and levels of new ones
        """
        numbers, levels = self._numbers, self._levels
        if begun:
            numbers = np.concatenate([numbers, begun[0]], axis=1)
            levels = np.concatenate([levels, begun[1]], axis=1)
        order = np.argsort(numbers[CHANNEL], kind="stable")
        order = order[numbers[SLOT, order] != AT_REST]
        self._take_over(numbers.take(order, axis=1), levels.take(order, axis=1))
        channels = self._strands[CHANNEL]
        firsts = (np.flatnonzero(channels[1:] != channels[:-1]) + 1).tolist()
        firsts = [0, *firsts] if len(channels) else []
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
