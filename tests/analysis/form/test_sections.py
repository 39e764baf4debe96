"""Form: sections and letters of bands that were put together from known parts."""

from functools import lru_cache

import numpy as np
import pytest

from segue.analysis.form.bar_features import UNIT_SECONDS, bar_edges, hear_bars
from segue.analysis.form.sections import find_form, novelty, section_edges
from segue.analysis.rhythm.beats import NO_BEATS, Beats
from segue.analysis.spectra import RATE
from segue.music.errors import SegueError

BAR_SECONDS = 1.6  # 150 beats a minute
CHORDS = {"A": (0, 5, 7, 0), "B": (9, 2, 4, 9), "C": (8, 10, 8, 3)}  # roots from C, a bar each


def steady_beats(bars: int, bar_seconds: float = BAR_SECONDS, first: float = 0.0) -> Beats:
    times = first + np.arange(4 * bars) * bar_seconds / 4
    ones = np.ones(len(times))
    numbers = np.arange(len(times)) % 4 + 1
    bpm = 240.0 / bar_seconds
    return Beats(times, numbers, ones, ones * bpm, 4, 1.0, bpm, 1.0, ())


@lru_cache(maxsize=256)
def tone(midi: float, seconds: float, overtones: int) -> np.ndarray:
    times = np.arange(round(seconds * RATE)) / RATE
    hz = 440.0 * 2 ** ((midi - 69) / 12)
    waves = [np.sin(2 * np.pi * k * hz * times) / k for k in range(1, overtones + 1)]
    return np.sum(waves, axis=0) * np.exp(-2.0 * times / seconds) * np.minimum(times / 0.005, 1)


def part(letter: str, bars: int, rng: np.random.Generator) -> np.ndarray:
    """Some bars of a part: its chords, its colour, its figure; played a little differently."""
    quarter = round(BAR_SECONDS / 4 * RATE)
    sound = np.zeros(4 * bars * quarter)
    overtones = {"A": 3, "B": 9, "C": 2}[letter]
    for bar in range(bars):
        root = 48 + CHORDS[letter][bar % 4]
        for beat in range(4):
            at = (4 * bar + beat) * quarter
            for step in (0, 4 if letter != "B" else 3, 7):
                level = 0.1 * rng.uniform(0.8, 1.2)
                sound[at : at + quarter] += level * tone(root + step, BAR_SECONDS / 4, overtones)
            if letter != "C" and beat % 2:
                sound[at : at + 800] += 0.2 * rng.standard_normal(800) * np.linspace(1, 0, 800)
    return sound + 0.001 * rng.standard_normal(len(sound))


def band(pattern: str, bars: int = 8, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.concatenate([part(letter, bars, rng) for letter in pattern]).astype(np.float32)


@pytest.mark.parametrize("pattern", ["AABA", "ABAB", "ABACAB", "AB", "ABC"])
def test_the_form_of_a_band_is_found(pattern: str) -> None:
    sound = band(pattern)
    form = find_form(sound, RATE, steady_beats(8 * len(pattern)))
    assert form.pattern == pattern
    edges = [section.start_seconds for section in form.sections]
    assert edges == pytest.approx(np.arange(len(pattern)) * 8 * BAR_SECONDS, abs=0.01)
    assert [section.bars for section in form.sections] == [8] * len(pattern)
    assert form.sections[-1].end_seconds == pytest.approx(len(sound) / RATE)
    assert all(0.0 <= section.confidence <= 1.0 for section in form.sections)
    pairs = {(repeat.first, repeat.second) for repeat in form.repeats}
    assert pairs == {
        (i, j)
        for i in range(len(pattern))
        for j in range(i + 1, len(pattern))
        if pattern[i] == pattern[j]
    }


def test_sections_of_different_lengths() -> None:
    rng = np.random.default_rng(5)
    sizes = [("A", 4), ("B", 8), ("A", 4), ("C", 12)]
    sound = np.concatenate([part(letter, bars, rng) for letter, bars in sizes]).astype(np.float32)
    form = find_form(sound, RATE, steady_beats(28))
    starts = {section.start_bar for section in form.sections}
    assert {0, 4, 12, 16} <= starts
    labels = {section.start_bar: section.label for section in form.sections}
    assert labels[0] == labels[12] != labels[4]
    assert labels[16] not in (labels[0], labels[4])


def test_without_beats_it_goes_by_seconds() -> None:
    form = find_form(band("AABA"), RATE, NO_BEATS)
    edges = np.array([section.start_seconds for section in form.sections])
    for change in (2 * 8 * BAR_SECONDS, 3 * 8 * BAR_SECONDS):
        assert np.abs(edges - change).min() <= UNIT_SECONDS
    assert all(edge % UNIT_SECONDS == pytest.approx(0.0) for edge in edges)


@pytest.mark.parametrize("seconds", [0.0, 0.1, 1.0, 30.0])
def test_silence_and_short_sounds_are_well_formed(seconds: float) -> None:
    silent = find_form(np.zeros(round(seconds * RATE)), RATE, NO_BEATS)
    assert (silent.sections, silent.repeats, silent.pattern) == ((), (), "")


def test_one_thing_throughout_has_one_letter() -> None:
    times = np.arange(40 * RATE) / RATE
    form = find_form(0.3 * np.sin(2 * np.pi * 220 * times), RATE, NO_BEATS)
    assert set(form.pattern) == {"A"}
    assert form.sections[0].start_seconds == 0.0
    assert form.sections[-1].end_seconds == pytest.approx(40.0)
    short = find_form(0.3 * np.sin(2 * np.pi * 220 * times[:2000]), RATE, NO_BEATS)
    assert short.pattern == "A"


def test_bad_sound_is_refused() -> None:
    with pytest.raises(SegueError, match="finite"):
        find_form(np.full(RATE, np.nan), RATE, NO_BEATS)


def test_bar_lines_reach_the_ends() -> None:
    edges = bar_edges(steady_beats(4, 2.0, first=3.1), 13.0)
    assert edges == pytest.approx([0.0, 1.1, 3.1, 5.1, 7.1, 9.1, 11.1, 13.0])
    upbeat = bar_edges(steady_beats(4, 2.0, first=0.5), 9.0)
    assert upbeat == pytest.approx([0.0, 2.5, 4.5, 6.5, 9.0])
    assert bar_edges(NO_BEATS, 5.0) == pytest.approx([0.0, 2.0, 5.0])
    assert bar_edges(NO_BEATS, 0.0).tolist() == [0.0]


def test_novelty_peaks_where_blocks_change() -> None:
    blocks = np.kron(np.eye(3), np.ones((8, 8)))
    found = novelty(blocks)
    assert found[8] == found[16] == found.max() == pytest.approx(1.0, abs=0.05)
    assert found[[0, 4, 20, 24]] == pytest.approx(0.0, abs=0.01)
    assert section_edges(blocks, metric=False) == [0, 8, 16, 24]


def test_tempo_and_level_do_not_change_the_form() -> None:
    sound = band("AABA")
    beats = steady_beats(32)
    for gain in (0.1, 1.0):
        assert find_form(gain * sound, RATE, beats).pattern == "AABA"
    bars = hear_bars(sound, beats)
    assert len(bars) == 32 and bars.metric
    assert bars.likeness().max() <= 1.0 + 1e-5
