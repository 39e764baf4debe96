"""Patterns: motives that come again at other pitches, and bars that come again in sound."""

import numpy as np
import pytest

from segue.analysis.form.bar_features import Bars
from segue.analysis.form.patterns import bar_patterns, find_bar_patterns, find_patterns
from segue.analysis.rhythm.beats import NO_BEATS
from segue.analysis.spectra import RATE
from segue.music.errors import RangeError
from segue.music.score import Notes, make_notes

MOTIVE = ((0.0, 0), (0.5, 2), (1.0, 4), (2.0, 7), (2.5, 5), (3.0, 4))
"""Beats after its start and semitones above its first pitch."""


def line(rows: list[tuple[float, int]]) -> Notes:
    onsets = [onset for onset, _ in rows]
    lengths = [*np.diff(onsets).tolist(), 1.0]
    return make_notes(
        [(onset, length, pitch, 0.8) for (onset, pitch), length in zip(rows, lengths, strict=True)]
    )


def tune(seed: int, places: dict[int, int], bars: int = 12) -> Notes:
    """A motive at some bars, from some pitches, and chance between."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[float, int]] = []
    for bar in range(bars):
        if bar in places:
            rows += [(4.0 * bar + beat, places[bar] + step) for beat, step in MOTIVE]
        else:
            beats = np.sort(rng.choice(np.arange(1, 12), 5, replace=False)) / 3
            rows += [(4.0 * bar + float(beat), int(rng.integers(55, 80))) for beat in beats]
    return line(rows)


@pytest.mark.parametrize("seed", range(4))
def test_a_motive_is_found_at_every_pitch(seed: int) -> None:
    places = {1: 60, 4: 67, 9: 58}
    best = find_patterns(tune(seed, places))[0]
    assert best.notes >= len(MOTIVE)
    assert [place.transposed_semitones for place in best.occurrences] == [0, 7, -2]
    for place, bar in zip(best.occurrences, places, strict=True):
        assert place.start_beats <= 4.0 * bar
        assert place.start_beats > 4.0 * bar - 4.0
        assert place.end_beats >= 4.0 * bar + 3.0
    assert best.confidence > 0.8


def test_of_a_sequence_the_whole_is_told_and_not_its_parts() -> None:
    rows = [(4.0 * bar + beat, 60 + step) for bar in (0, 1, 2, 3) for beat, step in MOTIVE]
    found = find_patterns(line(rows))
    assert len(found) == 1
    assert found[0].notes * len(found[0].occurrences) >= 20


def test_chance_has_no_long_patterns() -> None:
    found = find_patterns(tune(3, {}, 20))
    assert all(pattern.notes < len(MOTIVE) for pattern in found)


def test_one_note_again_and_again_says_little() -> None:
    found = find_patterns(line([(float(beat), 60) for beat in range(40)]))
    assert all(pattern.confidence < 0.1 for pattern in found)


def test_few_notes_and_bad_numbers() -> None:
    assert find_patterns(make_notes([])) == ()
    assert find_patterns(line([(0.0, 60), (1.0, 62)])) == ()
    with pytest.raises(RangeError, match="least notes"):
        find_patterns(make_notes([]), least_notes=1)


def bars_like(letters: str, seed: int = 0) -> Bars:
    """Bars of which those with one letter are alike."""
    rng = np.random.default_rng(seed)
    kinds = {letter: rng.normal(0, 1, 96) for letter in sorted(set(letters))}
    rows = np.array([kinds[letter] + rng.normal(0, 0.3, 96) for letter in letters], np.float32)
    flat = np.zeros(len(letters))
    edges = np.arange(len(letters) + 1) * 2.0
    return Bars(edges, rows, 10.0 * rows, flat - 20.0, flat, flat, 1, True)


def test_bars_that_come_again_are_found() -> None:
    found = bar_patterns(bars_like("abcdwxabcdyzabcdqr"))
    assert found[0].bars == 4
    assert found[0].start_bars == (0, 6, 12)
    assert found[0].start_seconds == (0.0, 12.0, 24.0)
    assert found[0].end_seconds == (8.0, 20.0, 32.0)
    assert found[0].confidence > 0.7
    assert len(found) == 1


def test_the_longest_comes_first() -> None:
    found = bar_patterns(bars_like("abcdefxygabcdefzxy"))
    assert [(pattern.bars, pattern.start_bars) for pattern in found] == [(6, (0, 9)), (2, (6, 16))]


def test_sound_that_has_none() -> None:
    assert bar_patterns(bars_like("abcdefgh")) == ()
    assert find_bar_patterns(np.zeros(0), RATE, NO_BEATS) == ()
    assert find_bar_patterns(np.zeros(10 * RATE), RATE, NO_BEATS) == ()


def test_seconds_stand_for_bars_without_beats() -> None:
    times = np.arange(2 * RATE) / RATE
    rng = np.random.default_rng(2)
    kinds = [
        sum(np.sin(2 * np.pi * hz * times) for hz in 110 * 2 ** (rng.integers(0, 36, 4) / 12))
        for _ in range(6)
    ]
    order = [0, 1, 2, 3, 0, 1, 4, 5]
    sound = 0.1 * np.concatenate([np.asarray(kinds[number]) for number in order])
    found = find_bar_patterns(sound, RATE, NO_BEATS)
    assert (found[0].bars, found[0].start_bars) == (2, (0, 4))
