"""The tape gives every reader what its take sounds like, whatever else lies on it."""

import numpy as np
import pytest

from segue.synth.tape import PIECE_FRAMES, Reading, Tape

RATE = 48_000


def expected(reading, start, frames):
    """What is to be heard from a frame on."""
    at = np.arange(start, start + frames)
    return np.where(at < reading.head, at, reading.head + (at - reading.head) % reading.ring)


def count(head, ring):
    """A reading whose samples are the numbers of their frames."""

    def read(first, count):
        frames = np.arange(first, first + count)
        over = reading.head + (frames - reading.head) % reading.ring
        return np.where(frames < reading.head, frames, over).astype(np.float32)

    reading = Reading(read, head, ring)
    return reading


def play(tape, readers, blocks):
    """What some readers (take, first frame) hear, side by side [shape=(readers, frames)]."""
    places = np.array([tape.enter(take, start) for take, start in readers])
    ends = tape.leave(places)
    heard = []
    tape.places_in_use = lambda: places
    for _ in range(blocks):
        tape.clock += 1
        heard.append(tape.windows[places].copy())
        places += tape.block_frames
        if tape.clock % tape.patience == 0:
            leaving = places >= ends
            if leaving.any():
                places[leaving], ends[leaving] = tape.follow(places[leaving])
    return np.concatenate(heard, axis=1)


@pytest.mark.parametrize("block_frames", [64, 256, 1_000, 1_024, 8_192])
@pytest.mark.parametrize(
    ("head", "ring"), [(0, 20_000), (40_000, 9_000), (100, 70_001), (PIECE_FRAMES, PIECE_FRAMES)]
)
def test_every_frame_is_read_once_and_in_order(block_frames, head, ring):
    tape = Tape(RATE, block_frames)
    reading = count(head, ring)
    take = tape.take("a", lambda: reading)
    starts = [0, 777, 5_000, 16_000, 30_000]
    heard = play(tape, [(take, start) for start in starts], 200_000 // block_frames)
    for row, start in zip(heard, starts, strict=True):
        assert np.array_equal(row, expected(reading, start, len(row)))


def test_a_full_tape_gives_up_what_was_entered_longest_ago_and_is_not_read():
    tape = Tape(RATE, 256, pieces=4)
    takes = [tape.take(n, lambda n=n: count(0, 30_000 + n)) for n in range(12)]
    held, start = takes[0], 3_000
    for other in takes[1:]:
        heard = play(tape, [(held, start), (other, 0)], 300)
        assert np.array_equal(heard[0], expected(held.reading, start, heard.shape[1]))
        assert np.array_equal(heard[1], expected(other.reading, 0, heard.shape[1]))
    assert len(tape.samples) < 5 * (PIECE_FRAMES + 4_096)


def test_more_readers_than_pieces_make_the_tape_longer():
    tape = Tape(RATE, 256, pieces=2)
    takes = [tape.take(n, lambda n=n: count(n, 30_000)) for n in range(9)]
    heard = play(tape, [(take, 100 * n) for n, take in enumerate(takes)], 40)
    for n, (row, take) in enumerate(zip(heard, takes, strict=True)):
        assert np.array_equal(row, expected(take.reading, 100 * n, len(row)))


def test_what_is_known_is_not_asked_for_again():
    tape, asked = Tape(RATE, 256), []

    def make():
        asked.append(1)
        return count(0, 20_000)

    assert tape.take("a", make) is tape.take("a", make) and len(asked) == 1


def test_takes_of_which_nothing_is_left_are_forgotten():
    tape = Tape(RATE, 256, 8)
    for number in range(100):
        tape.clock += 1
        tape.enter(tape.take(number, lambda: count(0, PIECE_FRAMES)), 0)
    assert len(tape._made) <= 8
    again = tape.take(0, lambda: count(0, PIECE_FRAMES))
    place = tape.enter(again, 300)
    assert np.array_equal(tape.windows[place], np.arange(300, 556))
