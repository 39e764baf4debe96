import numpy as np
import pytest

from segue.music.errors import RangeError, SegueError
from segue.music.score import NOTE, Score, Track, check_notes, make_notes, sort_notes


def test_make_notes_sorts_by_onset_then_pitch():
    notes = make_notes([(1, 1, 60, 0.5), (0, 1, 67, 0.5), (0, 1, 60, 0.5)])
    assert notes["pitch"].tolist() == [60, 67, 60]
    assert notes["onset_beats"].tolist() == [0, 0, 1]
    assert notes.dtype == NOTE


def test_sort_is_stable():
    notes = np.array([(0, 2, 60, 0.5), (0, 1, 60, 0.5)], NOTE)
    assert sort_notes(notes)["duration_beats"].tolist() == [2, 1]


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ((-1.0, 1.0, 60, 0.5), "onset_beats"),
        ((np.nan, 1.0, 60, 0.5), "onset_beats"),
        ((np.inf, 1.0, 60, 0.5), "onset_beats"),
        ((0.0, 0.0, 60, 0.5), "duration_beats"),
        ((0.0, np.inf, 60, 0.5), "duration_beats"),
        ((0.0, 1.0, 128, 0.5), "pitch"),
        ((0.0, 1.0, 60, 0.0), "velocity"),
        ((0.0, 1.0, 60, 1.5), "velocity"),
    ],
)
def test_bad_notes_name_the_column_and_the_note(row, column):
    notes = np.array([(0, 1, 60, 0.5), row], NOTE)
    with pytest.raises(RangeError, match=f"{column} of note 1"):
        check_notes(notes)
    with pytest.raises(RangeError):
        Track("part", notes)


def test_ends():
    track = Track("part", make_notes([(0, 8, 60, 0.5), (4, 1, 62, 0.5)]))
    empty = Track("empty", make_notes([]))
    assert track.end_beats == 8
    assert empty.end_beats == 0
    assert Score((empty, track)).end_beats == 8
    assert Score(()).end_beats == 0


def test_track_by_name():
    score = Score((Track("one", make_notes([])),))
    assert score.track("one") is score.tracks[0]
    with pytest.raises(SegueError, match=r"'two'.*'one'"):
        score.track("two")
