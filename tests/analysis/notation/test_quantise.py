from fractions import Fraction

import numpy as np
import pytest

from segue.analysis.notation.note_values import written_values
from segue.analysis.notation.quantise import (
    IN_THIRDS,
    beat_positions,
    is_written,
    one_line,
    quantise,
    settle_lengths,
    tempo_map,
)
from segue.analysis.notation.steady_beats import steady_beats
from segue.music.score import make_notes
from segue.music.tempo import Meter

RNG = np.random.default_rng(0)


def played(lengths, gate=0.9, jitter=0.012, seed=0):
    """Notes of these lengths one after another, as a person plays them."""
    rng = np.random.default_rng(seed)
    onsets = np.concatenate([[0.0], np.cumsum(lengths[:-1])])
    rows = [
        (max(onset + rng.normal(0, jitter), 0.0), length * gate, 60 + index % 12, 0.7)
        for index, (onset, length) in enumerate(zip(onsets, lengths, strict=True))
    ]
    return make_notes(rows), onsets


TUNES = {
    "quarters and eighths": [1, 1, 0.5, 0.5, 1, 2, 0.5, 0.5, 1, 2],
    "dotted": [1.5, 0.5, 1, 1, 0.75, 0.25, 1, 2],
    "sixteenths": [0.25] * 8 + [0.5, 0.25, 0.25, 1],
    "triplets": [1 / 3] * 6 + [1, 1],
    "triplets among eighths": [0.5, 0.5, 1 / 3, 1 / 3, 1 / 3, 1, 0.5, 0.5],
    "syncopation": [0.5, 1, 0.5, 0.5, 1, 0.5, 2],
}


@pytest.mark.parametrize("name", TUNES)
@pytest.mark.parametrize("seed", range(5))
def test_what_was_played_is_what_is_written(name, seed):
    lengths = TUNES[name]
    notes, onsets = played(lengths, seed=seed)
    written = one_line(quantise(notes).notes)
    np.testing.assert_allclose(written["onset_beats"], onsets, atol=1e-9)
    np.testing.assert_allclose(written["duration_beats"], lengths, atol=1e-9)


def test_thirds_are_counted():
    assert quantise(played(TUNES["triplets"])[0]).in_thirds == 1.0
    assert quantise(played(TUNES["sixteenths"])[0]).in_thirds == 0.0


def test_a_chord_that_is_rolled_a_little_is_one():
    notes = make_notes([(1.0 + 0.02 * k, 0.9, 60 + 4 * k, 0.7) for k in range(3)])
    written = settle_lengths(quantise(notes).notes)
    assert set(written["onset_beats"]) == {1.0}
    assert len(set(written["duration_beats"])) == 1


def test_no_pitch_overlaps_itself():
    notes = make_notes([(0.0, 3.0, 60, 0.7), (1.02, 1.0, 60, 0.7), (1.04, 0.5, 60, 0.7)])
    written = quantise(notes).notes
    assert written["onset_beats"].tolist() == [0.0, 1.0]
    assert written["duration_beats"].tolist() == [1.0, 1.0]


def test_halves_and_thirds_do_not_mix_in_a_beat():
    rng = np.random.default_rng(1)
    rows = [(t, rng.uniform(0.1, 2.0), 60, 0.5) for t in np.cumsum(rng.uniform(0.1, 0.9, 200))]
    found = quantise(make_notes(rows))
    for note in found.notes:
        for at in (note["onset_beats"], note["onset_beats"] + note["duration_beats"]):
            beat = min(int(at + 1e-9), len(found.divisions) - 1)
            share = Fraction(float(at)).limit_denominator(96) % 1
            thirds = found.divisions[beat] in (3, 6)
            if found.divisions[beat] > 1 and share:
                assert (share.denominator % 3 == 0) <= thirds


def test_compound_meters_have_thirds_only():
    notes, _ = played([0.5, 0.5, 1 / 3, 1 / 3, 1 / 3, 1])
    found = quantise(notes, IN_THIRDS)
    assert set(found.divisions.tolist()) <= {1, 3, 6}
    for column in ("onset_beats", "duration_beats"):
        np.testing.assert_allclose(found.notes[column] * 6, np.rint(found.notes[column] * 6))


def test_nothing_gives_nothing():
    empty = make_notes([])
    assert len(quantise(empty).notes) == len(settle_lengths(empty)) == 0
    assert is_written(empty)


def test_what_is_written_already():
    assert is_written(make_notes([(0.25, 1 / 3, 60, 0.5), (2.0, 0.125, 61, 0.5)]))
    assert not is_written(make_notes([(0.27, 1.0, 60, 0.5)]))


def test_positions_among_beats():
    beats = np.array([1.0, 1.5, 2.0, 3.0])
    found = beat_positions([0.5, 1.25, 2.5, 4.0], beats)
    np.testing.assert_allclose(found, [-1.0, 0.5, 2.5, 5.0])
    np.testing.assert_allclose(beat_positions([1.0], np.array([0.0])), [2.0])


def test_a_steady_tempo_is_one_step_and_a_change_two():
    beats = np.arange(17.0)
    steady = tempo_map(0.5 * beats + RNG.normal(0, 0.005, 17), beats)
    assert len(steady.steps) == 1
    assert steady.bpm == pytest.approx(120.0, rel=0.01)
    times = np.concatenate([0.5 * np.arange(9), 4.0 + 0.75 * np.arange(1, 9)])
    changed = tempo_map(times, beats)
    assert [round(bpm) for _, bpm in changed.steps] == [120, 80]
    for beat, second in enumerate(times):
        assert changed.seconds(beat) == pytest.approx(second, abs=0.03)


@pytest.mark.parametrize("bpm", [66.0, 92.0, 120.0])
def test_the_beats_of_a_steady_performance(bpm):
    lengths = [1, 1, 2, 0.5, 0.5, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 2] * 2
    _, onsets = played(lengths)
    seconds = 0.7 + onsets * 60 / bpm + np.random.default_rng(2).normal(0, 0.006, len(onsets))
    beats = steady_beats(seconds, seconds[-1] + 1)
    assert 60 / np.diff(beats).mean() == pytest.approx(bpm, rel=0.01)
    assert beats[0] == pytest.approx(0.7, abs=0.03)


def test_beats_of_hardly_any_notes():
    assert len(steady_beats(np.zeros(0), 5.0)) == 0
    assert steady_beats(np.array([1.0]), 3.0)[0] == 1.0


F = Fraction


@pytest.mark.parametrize(
    ("start", "end", "meter", "lengths"),
    [
        (0, 4, "4/4", [4]),
        (0, F(5, 4), "4/4", [1, F(1, 4)]),
        (F(3, 2), F(5, 2), "4/4", [F(1, 2), F(1, 2)]),  # the middle of the bar is shown
        (F(1, 2), F(3, 2), "4/4", [1]),
        (1, 4, "4/4", [3]),
        (F(2, 3), F(4, 3), "4/4", [F(1, 3), F(1, 3)]),
        (F(1, 3), F(2, 3), "4/4", [F(1, 3)]),
        (0, 3, "6/8", [3]),
        (1, 2, "6/8", [F(1, 2), F(1, 2)]),
        (0, 3, "3/4", [3]),
    ],
)
def test_lengths_show_the_beats_of_the_bar(start, end, meter, lengths):
    found = written_values(F(start), F(end), Meter.parse(meter))
    assert [length for _, length in found] == lengths
    assert found[0][0] == start


@pytest.mark.parametrize("meter", ["4/4", "3/4", "6/8", "5/4"])
@pytest.mark.parametrize("rest", [False, True])
def test_values_fill_every_gap_exactly(meter, rest):
    bar = Meter.parse(meter)
    for grid in (4, 6):
        count = int(bar.bar_beats * grid)
        for start in range(count):
            for end in range(start + 1, count + 1):
                found = written_values(F(start, grid), F(end, grid), bar, rest=rest)
                assert sum(length for _, length in found) == F(end - start, grid)
                at = F(start, grid)
                for begin, length in found:
                    assert begin == at
                    at += length
