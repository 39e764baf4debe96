import numpy as np
import pytest

from segue.analysis.notes.note_decoder import AHEAD, NoteDecoder, Thresholds, as_rows, decode
from segue.analysis.notes.note_spectrum import FRAME_SECONDS, LOWEST_MIDI, PITCHES

FRAMES = 120


def heard_of(*notes, frames=FRAMES):
    """What a perfect network would hear of notes (onset, offset in frames, MIDI, velocity)."""
    heard = np.zeros((4, frames, PITCHES), np.float32)
    at = np.arange(frames)
    for onset, offset, midi, velocity in notes:
        column = midi - LOWEST_MIDI
        tent = np.clip(1.0 - np.abs(at - onset) / 2.0, 0.0, None)
        heard[0, :, column] = np.maximum(heard[0, :, column], tent)
        held = np.clip(offset - at + 0.5, 0.0, 1.0) * (at >= round(onset))
        heard[1, :, column] = np.maximum(heard[1, :, column], held)
        heard[3, (at > onset - 2) & (at < onset + 2), column] = velocity
    return heard


@pytest.mark.parametrize("onset", [20.0, 20.3, 20.5, 20.8])
def test_times_lie_between_frames(onset):
    (row,) = decode(heard_of((onset, 50.25, 60, 0.7)), Thresholds(onset=0.5, held=0.5))
    assert row[0] / FRAME_SECONDS == pytest.approx(onset, abs=0.01)
    assert row[1] / FRAME_SECONDS == pytest.approx(50.25, abs=0.3)
    assert row[2] == 60
    assert row[3] == pytest.approx(0.7)
    assert 0.7 < row[4] <= 1.0


def test_every_pitch_and_chords():
    notes = [(10.0 + midi % 3, 40.0, midi, 0.5) for midi in range(21, 109)]
    rows = decode(heard_of(*notes))
    assert sorted(rows[:, 2]) == list(range(21, 109))
    assert (np.diff(rows[:, 0]) >= 0).all()


def test_a_note_struck_again_ends_the_one_before():
    rows = decode(heard_of((10.0, 30.0, 60, 0.5), (30.0, 60.0, 60, 0.9)))
    assert len(rows) == 2
    assert rows[0, 1] == pytest.approx(rows[1, 0])
    assert rows[:, 3] == pytest.approx([0.5, 0.9])


def test_an_onset_that_nothing_follows_is_no_note():
    heard = heard_of((10.0, 30.0, 60, 0.5))
    heard[1] = 0.0
    assert len(decode(heard)) == 0


def test_a_weak_onset_is_no_note():
    heard = heard_of((10.0, 30.0, 60, 0.5))
    heard[0] *= 0.2
    assert len(decode(heard, Thresholds(onset=0.3))) == 0


def test_a_note_at_the_very_start_and_one_that_never_ends():
    rows = decode(heard_of((0.0, 30.0, 60, 0.5), (100.0, 500.0, 64, 0.5)))
    assert rows[0, 0] == pytest.approx(0.0, abs=0.3 * FRAME_SECONDS)
    assert rows[1, 1] == pytest.approx(FRAMES * FRAME_SECONDS)


def test_silence_and_nothing():
    assert decode(np.zeros((4, 50, PITCHES), np.float32)).shape == (0, 5)
    assert decode(np.zeros((4, 0, PITCHES), np.float32)).shape == (0, 5)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_how_the_frames_are_cut_changes_nothing(size):
    rng = np.random.default_rng(0)
    notes = [
        (onset, onset + rng.uniform(2, 30), int(rng.integers(50, 60)), rng.random())
        for onset in rng.uniform(0, FRAMES, 60)
    ]
    heard = heard_of(*notes) * rng.uniform(0.5, 1.0, (4, FRAMES, PITCHES)).astype(np.float32)
    whole, decoder, events = decode(heard), NoteDecoder(), []
    for start in range(0, FRAMES, size):
        events += decoder.push(heard[:, start : start + size])
    assert len(whole) > 20
    np.testing.assert_allclose(as_rows(events + decoder.finish()), whole)


def test_a_begin_is_told_soon_and_before_its_end():
    heard, decoder = heard_of((20.0, 50.0, 60, 0.5)), NoteDecoder()
    told = [(at, event) for at in range(FRAMES) for event in decoder.push(heard[:, at : at + 1])]
    assert [event.offset_seconds is None for _, event in told] == [True, False]
    assert told[0][0] <= 20 + AHEAD
    assert told[1][0] <= 51 + AHEAD
    assert decoder.finish() == []
