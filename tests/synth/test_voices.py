"""Voices as numbers: takes that stand at 1 show the envelopes, levels and sums by themselves."""

import numpy as np
import pytest

from segue.synth.envelopes import FADE_SECONDS, line_of
from segue.synth.instrument import Sound, Strand
from segue.synth.tape import Reading, Tape
from segue.synth.voices import Voices

RATE = 48_000


class Stage:
    """Voices of two channels, driven by hand."""

    def __init__(self, block_frames=256):
        self.tape = Tape(RATE, block_frames)
        self.voices = Voices(self.tape)
        self.sound = np.zeros((4, block_frames), np.float32)
        self.head = 0

    def take(self, value=1.0):
        def read(first, count):
            return np.full(count, value, np.float32)

        return self.tape.take(value, lambda: Reading(read, 0, 20_000))

    def begin(self, frame, channel=0, levels=(1.0, 1.0), power=2, **envelope):
        sound = Sound([Strand(self.take(), power=power)], **envelope)
        return self.voices.begin(channel, sound, levels, frame, frame - self.head)

    def render(self, frames, calls=()):
        """Blocks of all outputs; `calls` are (frame, what to do at its offset)."""
        blocks, calls = [], sorted(calls, key=lambda call: call[0])
        for _ in range(-(-frames // self.sound.shape[1])):
            end = self.head + self.sound.shape[1]
            while calls and calls[0][0] < end:
                at, call = calls.pop(0)
                call(at, at - self.head)
            self.voices.render(self.sound)
            blocks.append(self.sound.copy())
            self.head = end
        return np.concatenate(blocks, axis=1)[:, :frames]


def expected(frames, begin, close, *, attack, decay, sustain, release, power):
    """The envelope by its definition, one frame at a time."""
    steps = 2.0 ** (round(6 * np.log2(attack * RATE)) / 6)
    time = np.arange(frames) - begin + 1.0
    root = sustain**0.5
    line = np.minimum(time / steps, 1 - (1 - root) * np.clip((time - steps) / (decay * RATE), 0, 1))
    at_close = line[close]
    fall = at_close * (1 - (np.arange(frames) - close) / (release * RATE))
    line = np.where(np.arange(frames) < close, line, fall)
    return np.maximum(line, 0.0) ** power


@pytest.mark.parametrize("block_frames", [64, 256, 1_024, 8_192])
@pytest.mark.parametrize("close", [1_500, 3_001, 30_000])
@pytest.mark.parametrize("power", [2, 4, 8])
def test_the_envelope_is_drawn_from_frame_to_frame(block_frames, close, power):
    shape = {"attack": 0.03, "decay": 0.2, "sustain": 0.6, "release": 0.15}
    stage = Stage(block_frames)
    slots = []
    heard = stage.render(
        45_000,
        [
            (1_000, lambda at, offset: slots.append(stage.begin(at, power=power, **shape))),
            (close, lambda at, offset: stage.voices.release(slots[0], at, offset)),
        ],
    )
    wanted = expected(45_000, 1_000, close, power=power, **shape)
    assert heard[0] == pytest.approx(wanted, abs=2e-6)
    assert np.array_equal(heard[0], heard[1]) and not heard[2:].any()


def test_what_stands_outside_of_the_envelope_begins_at_its_frame_and_stays():
    stage = Stage()
    heard = stage.render(5_000, [(700, lambda at, _: stage.begin(at, power=0, attack=1.0))])
    assert not heard[0, :700].any() and np.all(heard[0, 700:] == 1.0)


def test_channels_are_summed_by_themselves_at_the_levels_of_their_notes():
    stage = Stage()
    for channel, levels in ((1, (0.5, 0.25)), (0, (1.0, 0.0)), (1, (0.125, 0.5))):
        stage.begin(0, channel, levels, power=0)
    heard = stage.render(1_024)
    assert heard[:, 1] == pytest.approx([1.0, 0.0, 0.625, 0.75])


def test_a_note_that_gives_way_fades_from_its_frame_and_a_channel_without_notes_is_silent():
    stage = Stage()
    slot = stage.begin(0, power=0)
    fade = round(FADE_SECONDS * RATE)
    heard = stage.render(
        2_560,
        [
            (300, lambda at, offset: stage.voices.fade(slot, offset)),
            (300 + fade, lambda at, offset: stage.voices.end(slot)),
        ],
    )
    phase = np.clip((np.arange(2_560) - 300) / fade, 0, 1)
    assert heard[0] == pytest.approx(0.5 + 0.5 * np.cos(np.pi * phase), abs=1e-6)
    assert not heard[0, 1_100:].any()


def test_a_note_that_is_cut_is_not_heard_in_the_next_block():
    stage = Stage()
    slot = stage.begin(0, power=0)
    stage.render(512)
    stage.voices.cut(slot)
    other = stage.begin(600, power=0)
    heard = stage.render(512)
    assert not heard[0, :88].any() and np.all(heard[0, 88:] == 1.0)
    stage.voices.cut(other)
    assert not stage.render(512).any()


def test_a_line_says_where_it_stands():
    line = line_of(Sound((), attack=0.01, decay=0.1, sustain=0.25), RATE)
    assert line.at(0) == pytest.approx(1 / line.attack)
    assert line.at(line.attack - 1) == pytest.approx(1.0)
    assert line.at(10**6) == pytest.approx(0.5)
    assert line.at(line.attack - 1 + line.decay / 2) == pytest.approx(0.75)


def test_a_held_note_stands_still_however_much_else_has_gone_over_a_short_tape():
    stage = Stage()
    stage.tape = Tape(RATE, 256, pieces=6)
    stage.voices = Voices(stage.tape)
    for value in range(2, 30):  # each note lays its own sound where others lay
        sound = Sound([Strand(stage.take(float(value)), power=2)], sustain=1.0)
        slot = stage.voices.begin(0, sound, (0.0, 0.0), stage.head, 0)
        stage.render(2_048)
        stage.voices.end(slot)
        stage.render(256)
    first = stage.head
    stage.begin(first, attack=0.001, decay=0.001, sustain=0.25, release=0.1)
    heard = stage.render(60_000)[0]
    assert heard[1_000:] == pytest.approx(0.25, abs=1e-5)
