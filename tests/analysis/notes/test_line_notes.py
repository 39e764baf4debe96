import numpy as np
import pytest

from segue.analysis.notes.line_notes import along, covered, frame_levels, line_notes
from segue.analysis.notes.polyphonic import HeardNotes
from segue.analysis.pitch.voice import PitchTrack, midi_to_hz
from segue.analysis.spectra import RATE


def track_of(midi):
    midi = np.asarray(midi, float)
    hz = np.where(midi > 0, midi_to_hz(midi), 0.0)
    return PitchTrack(np.arange(len(midi)) / 100, hz, np.where(hz > 0, 0.9, 0.1))


def sound_of(levels):
    """Noise of a level in each frame of 10 ms."""
    rng = np.random.default_rng(0)
    gains = np.repeat(np.asarray(levels, float), RATE // 100 + 1)[: len(levels) * RATE // 100]
    return (0.3 * gains * rng.standard_normal(len(gains))).astype(np.float32)


def heard(*rows):
    onset, offset, pitch = np.array(rows, float).T
    ones = np.ones(len(onset))
    return HeardNotes(onset, offset, pitch.astype(np.int64), 0.5 * ones, 0.9 * ones)


def rows_of(notes):
    columns = (notes.onset_seconds.round(2), notes.offset_seconds.round(2), notes.pitch)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def test_steps_of_a_track_are_notes():
    midi = [60.0] * 50 + [0.0] * 20 + [62.1] * 40 + [64.0] * 30
    found = line_notes(track_of(midi), sound_of(np.asarray(midi) > 0))
    assert rows_of(found) == [(0.0, 0.5, 60), (0.7, 1.1, 62), (1.1, 1.4, 64)]
    assert found.confidence.min() > 0.8
    assert (found.velocity > 0.5).all()


def test_vibrato_and_short_slips_are_no_notes():
    midi = 60.0 + 0.5 * np.sin(2 * np.pi * 5.5 * np.arange(150) / 100)
    midi[70:72] = 72.0
    midi[100] = 0.0
    assert rows_of(line_notes(track_of(midi), sound_of(np.ones(150)))) == [(0.0, 1.5, 60)]


def test_a_note_is_struck_again_where_the_level_rises():
    level = np.concatenate([np.exp(-np.arange(50) / 20.0), np.exp(-np.arange(50) / 20.0)])
    found = line_notes(track_of([60.0] * 100), sound_of(level))
    assert [pitch for _, _, pitch in rows_of(found)] == [60, 60]
    assert found.onset_seconds[1] == pytest.approx(0.5, abs=0.03)


def test_tuning_moves_the_semitones():
    found = line_notes(track_of([60.45] * 50), sound_of(np.ones(50)), tuning_cents=-40.0)
    assert found.pitch.tolist() == [61]


def test_nothing_gives_nothing():
    assert len(line_notes(track_of([]), np.zeros(0, np.float32))) == 0
    assert len(line_notes(track_of([0.0] * 30), np.zeros(6_615, np.float32))) == 0


def test_notes_that_the_track_does_not_follow_are_dropped():
    track = track_of([60.0] * 50 + [64.0] * 50)
    notes = heard((0.0, 0.5, 60), (0.02, 0.6, 72), (0.5, 1.0, 64), (0.7, 1.0, 60))
    kept = along(notes, track)
    assert rows_of(kept) == [(0.0, 0.5, 60), (0.5, 1.0, 64)]
    assert covered(kept, track) == 1.0
    assert covered(heard((0.0, 0.5, 60)), track) == pytest.approx(0.5)
    assert covered(kept, track_of([0.0] * 10)) == 1.0
    assert len(along(heard((9.0, 9.5, 60)), track)) == 0


def test_levels_of_frames():
    level = frame_levels(sound_of([0.0] * 20 + [1.0] * 20), 40)
    assert level[5] == -60.0
    assert level[30] == pytest.approx(20 * np.log10(0.3), abs=2.0)
