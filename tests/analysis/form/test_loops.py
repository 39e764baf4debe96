"""Loops: whole bars that go round without a seam, cut before the attacks."""

import numpy as np
import pytest

from segue.analysis.form.loops import cut_before_attack, find_loops, loop_times, measure_seam
from segue.analysis.rhythm.beats import NO_BEATS, Beats
from segue.analysis.spectra import RATE
from segue.music.errors import RangeError

BAR = 1.6
BEAT = round(BAR / 4 * RATE)


def steady_beats(bars: int, late: float = 0.0) -> Beats:
    times = late + np.arange(4 * bars) * BAR / 4
    ones = np.ones(len(times))
    return Beats(times, np.arange(len(times)) % 4 + 1, ones, ones * 150, 4, 1.0, 150.0, 1.0, ())


def pluck(midi: float) -> np.ndarray:
    times = np.arange(BEAT) / RATE
    hz = 440.0 * 2 ** ((midi - 69) / 12)
    wave = np.sin(2 * np.pi * hz * times) + 0.5 * np.sin(4 * np.pi * hz * times)
    return 0.2 * wave * np.exp(-8.0 * times)


def bars_of(roots: list[int]) -> np.ndarray:
    """Four plucks a bar."""
    return np.concatenate([pluck(root + step) for root in roots for step in (0, 7, 12, 4)])


def test_the_phrase_that_comes_again_is_the_best_loop() -> None:
    rng = np.random.default_rng(3)
    phrase = [48, 53, 55, 50]
    strange = rng.integers(36, 70, 6).tolist()
    found = find_loops(bars_of([*strange, *phrase, *phrase, *phrase]), RATE, steady_beats(18))
    best = found.loops[0]
    assert best.start_bar >= 6 and best.bars in (4, 8)
    assert best.start_seconds == pytest.approx(best.start_bar * BAR, abs=0.005)
    assert best.end_seconds - best.start_seconds == pytest.approx(best.bars * BAR, abs=0.003)
    assert best.seam.level_step_db < 1.0 and best.seam.colour_step_db < 1.5
    assert best.confidence > 0.8
    assert [loop.confidence for loop in found.loops] == sorted(
        (loop.confidence for loop in found.loops), reverse=True
    )
    worse = [loop for loop in found.loops if loop.start_bar + loop.bars <= 6]
    assert all(loop.confidence < 0.6 for loop in worse)


def test_cuts_come_just_before_the_attack_that_was_heard_late_or_early() -> None:
    sound = np.zeros(4 * RATE, np.float32)
    sound[2 * RATE : 2 * RATE + BEAT] = pluck(60)
    for heard in (1.97, 2.0, 2.03):
        assert cut_before_attack(sound, heard) == pytest.approx(1.996, abs=0.0021)
    assert cut_before_attack(sound, 1.0) == 1.0
    first = bars_of([48] * 4).astype(np.float32)
    assert cut_before_attack(first, 0.0) == 0.0


def test_both_ends_are_moved_to_their_attacks() -> None:
    sound = bars_of([48, 53] * 4).astype(np.float32)
    start, end = loop_times(sound, 2 * BAR + 0.02, 4 * BAR - 0.015)
    assert (start, end) == (pytest.approx(2 * BAR, abs=0.006), pytest.approx(4 * BAR, abs=0.006))


def test_without_attacks_the_end_follows_the_envelope() -> None:
    times = np.arange(8 * RATE) / RATE
    swell = 0.5 + 0.4 * np.sin(2 * np.pi * times / 2.0)
    sound = (0.3 * swell * np.sin(2 * np.pi * 440 * times)).astype(np.float32)
    start, end = loop_times(sound, 1.0, 5.02)
    assert start == 1.0
    assert end == pytest.approx(5.0, abs=0.015)


def test_a_seam_that_jumps_is_told() -> None:
    sound = bars_of([48, 53, 48, 53]).astype(np.float32)
    smooth = measure_seam(sound, 0.0, 2 * BAR)
    assert smooth.smoothness > 0.9
    loud = sound.copy()
    loud[: round(BAR * RATE)] *= 10.0
    noise = np.random.default_rng(0).normal(0, 0.3, len(loud)).astype(np.float32)
    loud[round(1.9 * BAR * RATE) : round(2 * BAR * RATE)] = noise[: round(0.1 * BAR * RATE) + 1][
        : round(2 * BAR * RATE) - round(1.9 * BAR * RATE)
    ]
    assert measure_seam(loud, 0.5 * BAR, 2 * BAR).smoothness < 0.3


def test_nothing_goes_round_without_beats_or_sound() -> None:
    sound = bars_of([48] * 8)
    assert len(find_loops(sound, RATE, NO_BEATS)) == 0
    assert len(find_loops(np.zeros(8 * RATE), RATE, steady_beats(5))) == 0
    assert len(find_loops(np.zeros(0), RATE, NO_BEATS)) == 0


def test_lengths_and_number_are_the_callers() -> None:
    sound = bars_of([48, 53, 55, 50] * 3)
    found = find_loops(sound, RATE, steady_beats(12), lengths_bars=(3,), most=2)
    assert len(found) <= 2
    assert {loop.bars for loop in found.loops} == {3}
    with pytest.raises(RangeError, match="length of a loop"):
        find_loops(sound, RATE, steady_beats(12), lengths_bars=(0,))
