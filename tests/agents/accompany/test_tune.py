"""Chords to the melody of a score."""

import numpy as np
import pytest

from segue.agents.accompany.tune import accompany, on_grid
from segue.envs.accompany.chords import NONE, TRIADS
from segue.music.errors import SegueError
from segue.music.score import Score, Track, make_notes
from segue.music.tempo import Meter, TempoMap
from segue.music.themes import MELODY, compose_theme


def theme(seed: int = 2003) -> Score:
    cue = compose_theme(seed)
    return Score((Track("tune", cue.tracks[MELODY]),), TempoMap(96.0), cue.meter, "a theme")


def test_a_melody_gets_chords_that_fit_it() -> None:
    score, chords = accompany(theme(), seed=3)
    tune, harmony = score.tracks
    assert np.array_equal(tune.notes, theme().tracks[0].notes)
    assert harmony.end_beats == pytest.approx(len(chords) / 2)
    pitches, _ = on_grid(tune)
    sounds = pitches > 0
    assert TRIADS[chords[sounds], pitches[sounds] % 12].mean() > 0.45
    assert (chords != NONE).mean() > 0.9
    assert 2 <= len(set(chords)) <= 16


def test_what_comes_later_changes_no_earlier_chord() -> None:
    whole = theme()
    notes = whole.tracks[0].notes
    part = Score((Track("tune", notes[: len(notes) // 2]),), whole.tempo, whole.meter)
    _, chords = accompany(whole, seed=1)
    _, first = accompany(part, seed=1)
    assert np.array_equal(chords[: len(first)], first)


def test_the_highest_note_of_an_eighth_is_the_melody() -> None:
    rows = [(0.0, 1.0, 60, 0.8), (0.0, 0.5, 72, 0.8), (1.0, 0.1, 64, 0.8), (2.0, 1.0, 50, 0.8)]
    pitches, onsets = on_grid(Track("tune", make_notes(rows)))
    assert list(pitches) == [72, 60, 64, 0, 50, 50]
    assert list(onsets) == [True, False, True, False, True, False]


def test_what_cannot_be_accompanied_is_told() -> None:
    empty = Track("tune", make_notes([]))
    with pytest.raises(SegueError, match="no notes"):
        accompany(Score((empty,)))
    with pytest.raises(SegueError, match="'tune' has no notes"):
        accompany(Score((empty,)), track="tune")
    with pytest.raises(SegueError, match=r"no track .violin."):
        accompany(theme(), track="violin")
    endless = Track("tune", make_notes([(0.0, 20_000.0, 60, 0.5)]))
    with pytest.raises(SegueError, match="20000 beats"):
        accompany(Score((endless,), meter=Meter(6, 8)))
