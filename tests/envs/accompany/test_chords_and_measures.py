"""Chords as numbers, and measures that see through the known ways to be paid for nothing."""

import numpy as np
import pytest

from segue.envs.accompany.chords import (
    CHORDS,
    IS_SEVENTH,
    NONE,
    TONES,
    TRIADS,
    chord_number,
    chord_of,
    transpose_chords,
)
from segue.envs.accompany.clips import Clips, fixed_clips
from segue.envs.accompany.corpus import load_songs
from segue.envs.accompany.measures import (
    adaptation,
    chord_lengths,
    distinct_chords,
    length_entropy,
    mean_length,
    note_in_chord,
    onset_interval_distance,
    seventh_share,
    vendi,
)
from segue.music.theory import Chord

C, A_MINOR, E_MINOR_7 = chord_number(0, ""), chord_number(9, "m"), chord_number(4, "m7")


@pytest.fixture(scope="module")
def clips() -> Clips:
    return fixed_clips(load_songs("themes", "validation"))


def test_every_number_is_a_chord_and_back() -> None:
    for number in range(NONE):
        chord = chord_of(number)
        assert chord is not None
        assert chord_number(chord.root, chord.quality) == number
        assert set(np.flatnonzero(TONES[number])) == set(chord.pitch_classes)
    assert chord_of(NONE) is None
    assert not TONES[NONE].any()


def test_other_qualities_are_read_as_the_nearest() -> None:
    assert chord_of(chord_number(2, "sus4(b7)")) == Chord(2, "sus4")
    assert chord_of(chord_number(11, "hdim7")) == Chord(11, "dim")
    with pytest.raises(KeyError):
        chord_number(0, "nonsense")


def test_transposing_moves_every_tone_and_leaves_silence() -> None:
    moved = transpose_chords(np.arange(CHORDS), 5)
    assert (TONES[moved] == np.roll(TONES, 5, 1)).all()
    assert moved[NONE] == NONE
    assert sorted(moved) == list(range(CHORDS))


def test_note_in_chord_counts_sounding_frames() -> None:
    melody = np.array([[60, 0, 71, 62]])
    chords = np.array([[C, C, chord_number(0, "maj7"), NONE]])
    assert note_in_chord(melody, chords) == pytest.approx(2 / 3)
    assert note_in_chord(melody, chords, triads=True) == pytest.approx(1 / 3)


def test_lengths_are_of_runs_within_a_clip() -> None:
    chords = np.array([[C, C, C, A_MINOR], [A_MINOR, C, C, C]])
    assert sorted(chord_lengths(chords)) == [1, 1, 3, 3]
    assert mean_length(chords) == pytest.approx([1.0, 1.0])
    assert length_entropy(chords) == pytest.approx(np.log(2))
    assert list(distinct_chords(chords)) == [2, 2]


def test_onset_intervals_of_the_true_chords_are_at_no_distance(clips: Clips) -> None:
    assert onset_interval_distance(clips.onset, clips.chords, clips.chords) == 0.0
    late = np.roll(clips.chords, 1, 1)
    assert onset_interval_distance(clips.onset, clips.chords, late) > 0.2


def test_adaptation_is_told_for_windows_of_beats() -> None:
    melody = np.full((1, 128), 60)
    chords = np.full((1, 128), C)
    chords[:, 64:80] = chord_number(2, "")
    assert adaptation(melody, chords, ((0, 32), (32, 40), (40, 64))) == [1.0, 0.0, 1.0]


def test_sevenths_everywhere_gain_notes_but_not_triads(clips: Clips) -> None:
    true = clips.chords
    sevenths = np.where(true < 12, true + 12 * 7, true)  # major to major seventh
    sevenths = np.where((true >= 12) & (true < 24), true + 12 * 7, sevenths)
    assert note_in_chord(clips.melody, sevenths).mean() > note_in_chord(clips.melody, true).mean()
    triads = note_in_chord(clips.melody, sevenths, triads=True)
    assert (triads <= note_in_chord(clips.melody, true, triads=True)).all()
    assert seventh_share(sevenths).mean() > 0.9 > 0.25 > seventh_share(true).mean()


def test_one_chord_for_all_is_told_by_diversity_length_and_count(clips: Clips) -> None:
    constant = np.full(clips.chords.shape, E_MINOR_7)
    assert vendi(constant) == pytest.approx(1.0)
    assert vendi(constant) < 0.85 * vendi(clips.chords)
    assert distinct_chords(constant).max() == 1 < 5
    assert length_entropy(constant) == 0.0
    assert mean_length(constant).min() == 64.0
    assert note_in_chord(clips.melody, constant).mean() > 0.25  # which alone looks like a player


def test_few_absolute_chords_for_every_key_are_told_by_diversity(clips: Clips) -> None:
    """Of four chords, always the one that fits the next notes best: harmony is fine."""
    few = np.array([C, A_MINOR, chord_number(2, "m"), chord_number(7, "")])
    fits = TRIADS[few][:, clips.melody % 12].transpose(1, 2, 0)
    windows = fits.reshape(len(clips.melody), -1, 4, 4).sum(2).argmax(-1)
    played = few[np.repeat(windows, 4, 1)]
    assert note_in_chord(clips.melody, played, triads=True).mean() > 0.45
    assert vendi(played) < 0.7 * vendi(clips.chords)
    assert distinct_chords(played).max() <= 4 < 5


def test_vendi_counts_what_is_truly_different() -> None:
    kinds = np.repeat(np.arange(4), 3)[:, None] + np.zeros(8, int)
    assert vendi(kinds) == pytest.approx(4.0)


def test_sevenths_are_the_last_three_qualities() -> None:
    assert [chord_of(n) for n in np.flatnonzero(IS_SEVENTH)[::12]] == [
        Chord(0, "7"),
        Chord(0, "maj7"),
        Chord(0, "m7"),
    ]
