from itertools import pairwise

import numpy as np
import pytest

from segue.analysis.notes.sung_notes import NoteFollower, find_notes
from segue.analysis.pitch.voice import PitchTrack, midi_to_hz

HOP = 0.005


def track(*pieces):
    """A track from (seconds, pitch or None, vibrato in semitones)."""
    midi = []
    for length, pitch, vibrato in pieces:
        t = np.arange(round(length / HOP)) * HOP
        wave = vibrato * np.sin(2 * np.pi * 5.5 * t)
        midi.append(np.full(len(t), np.nan) if pitch is None else pitch + wave)
    joined = np.concatenate(midi)
    hz = np.nan_to_num(midi_to_hz(joined), nan=0.0)
    return PitchTrack(np.arange(len(hz)) * HOP, hz, (hz > 0).astype(float))


def test_notes_with_their_times_and_pitches():
    notes = find_notes(
        track((0.3, None, 0), (0.5, 60.2, 0), (0.2, None, 0), (0.4, 62.0, 0), (0.4, 63.0, 0))
    )
    assert [round(note.pitch, 1) for note in notes] == [60.2, 62.0, 63.0]
    assert [note.onset_seconds for note in notes] == pytest.approx([0.3, 1.0, 1.4], abs=0.011)
    assert [note.duration_seconds for note in notes] == pytest.approx([0.5, 0.4, 0.4], abs=0.011)


@pytest.mark.parametrize("vibrato", [0.3, 0.6, 1.0])
def test_vibrato_stays_one_note(vibrato):
    notes = find_notes(track((0.1, None, 0), (1.5, 64.0, vibrato), (0.1, None, 0)))
    assert len(notes) == 1
    assert notes[0].pitch == pytest.approx(64.0, abs=0.15)


def test_a_slide_into_a_note_is_part_of_it():
    glide = [(HOP, 58.0 + 2.0 * step / 12, 0) for step in range(12)]  # 60 ms
    notes = find_notes(track((0.2, None, 0), *glide, (0.6, 60.0, 0.2)))
    assert len(notes) == 1
    assert notes[0].pitch == pytest.approx(60.0, abs=0.1)


def test_a_step_of_a_semitone_is_a_new_note():
    notes = find_notes(track((0.4, 60.0, 0.2), (0.4, 61.0, 0.2), (0.4, 60.0, 0.2)))
    assert [round(note.pitch) for note in notes] == [60, 61, 60]


def test_gaps_divide_notes_only_when_they_last():
    assert len(find_notes(track((0.4, 60.0, 0), (0.02, None, 0), (0.4, 60.0, 0)))) == 1
    assert len(find_notes(track((0.4, 60.0, 0), (0.12, None, 0), (0.4, 60.0, 0)))) == 2


def test_specks_and_silence_are_no_notes():
    assert find_notes(track((1.0, None, 0))) == []
    assert find_notes(track((0.3, None, 0), (0.03, 70.0, 0), (0.3, None, 0))) == []


def test_notes_do_not_overlap():
    rng = np.random.default_rng(3)
    pieces = [(rng.uniform(0.05, 0.5), rng.choice([None, 55, 57, 60, 64]), 0.3) for _ in range(60)]
    notes = find_notes(track(*pieces))
    assert len(notes) > 15
    for before, after in pairwise(notes):
        assert before.end_seconds <= after.onset_seconds + 1e-9


def follow(sung, follower):
    """(time at which it was told, pitch or None) of each change, hop by hop."""
    told = []
    for at in range(len(sung)):
        hop = slice(at, at + 1)
        piece = PitchTrack(sung.times_seconds[hop], sung.hz[hop], sung.confidence[hop])
        told += [(at * HOP, held and held.pitch) for held in follower.push(piece)]
    return told


def test_a_follower_tells_notes_as_they_come():
    follower = NoteFollower()
    sung = track((0.3, None, 0), (0.5, 60.2, 0.3), (0.5, 64.1, 0.3), (0.4, None, 0))
    told = follow(sung, follower)
    assert [pitch and round(pitch) for _, pitch in told] == [60, 64, None]
    slow = follower.latency_seconds + 2 * HOP
    for (at, _), true in zip(told, (0.3, 0.8, 1.3), strict=True):
        assert true < at < true + slow


def test_a_follower_takes_wrong_guesses_back():
    scoop = [(HOP, 58.3 + 0.02 * step, 0) for step in range(8)]
    told = follow(track((0.3, None, 0), *scoop, (0.6, 60.0, 0)), NoteFollower())
    assert len(told) >= 2  # first the scoop, then the note
    assert told[-1][1] == pytest.approx(60.0, abs=0.3)
