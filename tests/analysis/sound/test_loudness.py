"""Loudness over time on signals whose values the standards give."""

import numpy as np
import pytest

from segue.analysis.sound.audio import FLOOR_DB, integrated_loudness
from segue.analysis.sound.loudness import loudness_curve
from segue.music.errors import SegueError

RATE = 48000


def tone(seconds: float, level_db: float, rate: int = RATE) -> np.ndarray:
    """A sine of 1 kHz in both channels: EBU Tech 3341 has it at its level in LUFS."""
    wave = 10 ** (level_db / 20) * np.sin(2 * np.pi * 1000 * np.arange(int(seconds * rate)) / rate)
    return np.stack([wave, wave], axis=1)


@pytest.mark.parametrize("rate", [22050, 44100, 48000])
def test_a_steady_tone_has_its_level_in_every_window(rate: int) -> None:
    curve = loudness_curve(tone(5, -23.0, rate), rate)
    assert len(curve.momentary_lufs) == 47
    assert len(curve.short_term_lufs) == 21
    np.testing.assert_allclose(curve.momentary_lufs[1:], -23.0, atol=0.1)
    np.testing.assert_allclose(curve.short_term_lufs, -23.0, atol=0.1)
    assert curve.range_lu == pytest.approx(0.0, abs=0.05)


def test_windows_lie_where_the_sound_is() -> None:
    sound = np.concatenate([tone(4, -50.0), tone(4, -20.0)])
    curve = loudness_curve(sound, RATE)
    loud = curve.momentary_lufs > -21
    assert curve.momentary_seconds[loud].min() == pytest.approx(4.2, abs=0.11)
    assert curve.momentary_seconds[~loud].max() == pytest.approx(4.1, abs=0.11)
    assert curve.short_term_seconds[[0, -1]] == pytest.approx([1.5, 6.5])


@pytest.mark.parametrize(
    ("levels", "expected"),
    [((-20.0, -30.0), 10.0), ((-20.0, -15.0), 5.0), ((-40.0, -20.0), 20.0)],
)
def test_range_of_two_levels(levels: tuple[float, float], expected: float) -> None:
    # EBU Tech 3342, compliance tests 1 to 3
    sound = np.concatenate([tone(20, level) for level in levels])
    assert loudness_curve(sound, RATE).range_lu == pytest.approx(expected, abs=1.0)


def test_range_leaves_out_what_is_far_below() -> None:
    # EBU Tech 3342, compliance test 4
    sound = np.concatenate([tone(20, level) for level in (-50.0, -35.0, -20.0, -35.0, -50.0)])
    assert loudness_curve(sound, RATE).range_lu == pytest.approx(15.0, abs=1.0)


def test_the_loudest_second_of_music_is_above_the_whole() -> None:
    sound = np.concatenate([tone(5, -30.0), tone(2, -14.0), tone(5, -30.0)])
    assert loudness_curve(sound, RATE).momentary_lufs.max() == pytest.approx(-14.0, abs=0.1)
    assert integrated_loudness(sound, RATE) < -17


def test_silence_and_short_sound() -> None:
    silent = loudness_curve(np.zeros((RATE * 4, 2)), RATE)
    assert set(silent.momentary_lufs) == {FLOOR_DB}
    assert silent.range_lu == 0.0
    short = loudness_curve(tone(1, -20.0), RATE)
    assert len(short.momentary_lufs) == 7
    assert len(short.short_term_lufs) == 0
    assert short.range_lu == 0.0
    assert len(loudness_curve(np.ones(10), RATE).momentary_lufs) == 0


def test_surround_counts_more_and_six_channels_are_refused() -> None:
    wave = tone(2, -23.0)[:, :1]
    quiet = np.zeros_like(wave)
    front = loudness_curve(np.hstack([wave, quiet, quiet, quiet, quiet]), RATE)
    back = loudness_curve(np.hstack([quiet, quiet, quiet, wave, quiet]), RATE)
    np.testing.assert_allclose(back.momentary_lufs - front.momentary_lufs, 1.49, atol=0.01)
    with pytest.raises(SegueError, match="6 channels"):
        loudness_curve(np.zeros((RATE, 6)), RATE)
