"""Measures of notes on scores whose values can be counted by hand."""

import numpy as np
import pytest

from segue.analysis.scores.writing import ChordSpan, measure_writing
from segue.music.score import Score, Track, make_notes
from segue.music.tempo import TempoMap

C_MAJOR, G_SEVENTH = frozenset({0, 4, 7}), frozenset({7, 11, 2, 5})
Row = tuple[float, float, int, float]


def score(*tracks: list[Row], bpm: float = 60.0, drums: list[Row] | None = None) -> Score:
    parts = [Track(f"part {n}", make_notes(rows), 0, n) for n, rows in enumerate(tracks)]
    if drums is not None:
        parts.append(Track("drums", make_notes(drums), 0, 9))
    return Score(tuple(parts), TempoMap(bpm))


def chord(onset: float, duration: float, *pitches: int) -> list[Row]:
    return [(onset, duration, pitch, 0.5) for pitch in pitches]


def test_density_and_voices() -> None:
    found = measure_writing(
        score(chord(0, 4, 60, 64, 67), drums=[(n, 0.1, 36, 1) for n in range(4)])
    )
    assert found.bars == 1
    assert found.notes_per_second == pytest.approx(7 / 4)
    assert found.voices == pytest.approx(3.0)
    assert found.velocity_sd == pytest.approx(np.std([0.5] * 3 + [1.0] * 4))


def test_two_tracks_that_play_the_same_are_one_voice() -> None:
    found = measure_writing(score(chord(0, 4, 60, 64), chord(0, 4, 60, 67), drums=[(0, 4, 64, 1)]))
    assert found.voices == pytest.approx(3.0)
    assert found.doubled_share == pytest.approx(0.5)
    assert measure_writing(score(chord(0, 4, 60, 60))).doubled_share == 0


@pytest.mark.parametrize(
    ("interval", "rough"),
    [(1, 1), (2, 0), (3, 0), (6, 1), (7, 0), (10, 0), (11, 1), (12, 0), (13, 1), (18, 1), (0, 0)],
)
def test_rough_intervals(interval: int, rough: int) -> None:
    assert measure_writing(score(chord(0, 2, 60, 60 + interval))).rough_share == rough


def test_a_share_is_of_the_time_in_which_notes_sound() -> None:
    notes = [*chord(0, 1, 60, 61), *chord(1, 2, 60, 64), *chord(7, 1, 60, 67)]
    assert measure_writing(score(notes)).rough_share == pytest.approx(1 / 4)
    twice = measure_writing(score(notes, chord(0, 1, 72, 73)))
    assert twice.rough_share == pytest.approx(1 / 4)  # not more for sounding twice at a time


def test_passing_notes_that_touch_do_not_count() -> None:
    touching = [(0.0, 1.1, 60, 0.5), (1.0, 1.0, 61, 0.5)]
    assert measure_writing(score(touching)).rough_share == 0
    held = [(0.0, 1.5, 60, 0.5), (1.0, 1.0, 61, 0.5)]
    assert measure_writing(score(held)).rough_share == pytest.approx(0.25)
    assert measure_writing(score(held, bpm=240.0)).rough_share == 0  # 0.125 s at that tempo


def test_only_notes_outside_the_chord_clash() -> None:
    notes = [*chord(0, 4, 65, 71), *chord(4, 4, 65, 71)]
    chords = [ChordSpan(0.0, G_SEVENTH), ChordSpan(4.0, C_MAJOR)]
    found = measure_writing(score(notes), chords)
    assert found.rough_share == 1
    assert found.clash_share == pytest.approx(0.5)
    assert measure_writing(score(notes)).clash_share == 0


def test_drums_have_no_pitch() -> None:
    found = measure_writing(score(chord(0, 4, 60), drums=[(0, 4, 61, 1), (0, 4, 35, 1)]))
    assert found.rough_share == found.crowded_low_share == 0
    assert found.tracks["drums"].notes == 2


@pytest.mark.parametrize(
    ("pitches", "crowded"),
    [((36, 40), 1), ((36, 43), 0), ((36, 48), 0), ((48, 52), 0), ((36, 36), 0)],
)
def test_narrow_intervals_in_the_bass_are_mud(pitches: tuple[int, int], crowded: int) -> None:
    assert measure_writing(score(chord(0, 1, *pitches))).crowded_low_share == crowded


def test_repetition_of_bars() -> None:
    riff = [(bar * 4 + beat, 1, 60 + beat, 0.5) for bar in range(4) for beat in range(4)]
    same = measure_writing(score(riff))
    assert same.bars == 4
    assert same.repeated_bar_share == same.bar_similarity == 1
    changing = [(onset, 1, pitch + int(onset // 4), 0.5) for onset, _, pitch, _ in riff]
    other = measure_writing(score(riff, changing))
    assert other.repeated_bar_share == 0
    assert other.bar_similarity == pytest.approx(4 / 12)  # 4 of 12 different notes are shared
    assert other.tracks["part 0"].repeated_bar_share == 1
    assert other.tracks["part 1"].repeated_bar_share == 0


def test_a_bar_that_comes_again_later_is_alike_but_not_repeated() -> None:
    a, b = chord(0, 1, 60), chord(4, 1, 67)
    found = measure_writing(score([*a, *b, *chord(8, 1, 60), *chord(12, 1, 67)]))
    assert found.repeated_bar_share == 0
    assert found.bar_similarity == pytest.approx(2 / 3)  # bar 2 is new, bars 3 and 4 are known


def test_tracks() -> None:
    found = measure_writing(score([*chord(0, 1, 60, 72), *chord(8, 1, 50)], []))
    assert set(found.tracks) == {"part 0"}
    track = found.tracks["part 0"]
    assert (track.notes, track.pitch_low, track.pitch_high) == (3, 50, 72)
    assert track.bars_share == pytest.approx(2 / 3)


def test_an_empty_score() -> None:
    found = measure_writing(score([]), [ChordSpan(0.0, C_MAJOR)])
    assert found.bars == 0
    assert found.notes_per_second == found.voices == found.rough_share == found.bar_similarity == 0
