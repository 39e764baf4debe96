"""Measures of sound on signals whose values are known."""

import numpy as np
import pytest

from segue.analysis.sound.audio import (
    check_audio,
    decibels,
    find_clicks,
    integrated_loudness,
    level_curve,
    log_spectrogram,
    measure_audio,
    true_peak,
)
from segue.music.errors import RangeError, SegueError

RATE = 48000
SECONDS = 3
TIME = np.arange(RATE * SECONDS) / RATE
FADE = np.minimum(1.0, np.minimum(TIME / 0.02, (SECONDS - TIME) / 0.05))


def sine(hz: float = 440.0, amplitude: float = 0.5) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * hz * TIME) * FADE


def test_loudness_of_the_reference_tone() -> None:
    # BS.1770: a full-scale sine of 997 Hz in one of two channels has -3.01 LUFS
    tone = np.sin(2 * np.pi * 997 * TIME)
    stereo = np.stack([tone, np.zeros_like(tone)], axis=1)
    assert integrated_loudness(stereo, RATE) == pytest.approx(-3.01, abs=0.05)
    assert integrated_loudness(0.1 * stereo, RATE) == pytest.approx(-23.01, abs=0.05)


def test_loudness_of_silence_and_of_a_moment() -> None:
    assert integrated_loudness(np.zeros(RATE), RATE) == -np.inf
    with pytest.raises(SegueError, match="too short to have a loudness"):
        integrated_loudness(np.zeros(1000), RATE)


def test_true_peak_lies_between_the_samples() -> None:
    wave = 0.9 * np.sin(2 * np.pi * RATE / 4 * TIME + np.pi / 4) * FADE
    assert decibels(float(np.abs(wave).max())) < -3.5
    assert true_peak(wave, RATE) == pytest.approx(decibels(0.9), abs=0.1)
    assert true_peak(sine(100.0), RATE) == pytest.approx(decibels(0.5), abs=0.02)


@pytest.mark.parametrize("rate", [22050, 44100, 48000])
def test_clicks_are_found_where_they_are(rate: int) -> None:
    time = np.arange(rate * 2) / rate
    wave = 0.5 * np.sin(2 * np.pi * 330 * time) * np.minimum(1, np.minimum(time, 2 - time) / 0.05)
    spike, cut, jump = wave.copy(), wave.copy(), wave.copy()
    spike[rate // 2] += 0.1
    cut[rate + 11 :] = 0.0
    jump[rate // 3 :] = wave[: len(wave) - rate // 3]
    assert find_clicks(wave, rate).size == 0
    for bad, frame in ((spike, rate // 2), (cut, rate + 11), (jump, rate // 3)):
        found = find_clicks(bad, rate)
        assert any(abs(found - frame) <= 2), (found, frame)
        assert len(found) <= 2  # the jump also cuts off the end


def test_a_click_in_one_channel_is_found() -> None:
    stereo = np.stack([sine(), sine(550.0)], axis=1)
    stereo[70000, 1] -= 0.08
    assert find_clicks(stereo, RATE).tolist() == [70000]


def test_a_file_that_stops_abruptly_clicks_at_its_end() -> None:
    assert find_clicks(sine()[: RATE + 100], RATE).tolist() == [RATE + 99]


def test_waves_with_corners_and_attacks_are_no_clicks() -> None:
    rng = np.random.default_rng(0)
    phase = TIME % 0.5
    saw = 0.3 * (2 * ((110 * TIME) % 1) - 1)
    square = 0.3 * np.sign(np.sin(2 * np.pi * 55 * TIME))
    snare = 0.2 * rng.standard_normal(len(TIME)) * np.exp(-phase / 0.05)
    pluck = (
        0.5 * np.sin(2 * np.pi * 220 * TIME) * np.exp(-phase * 12) * np.minimum(1, phase / 0.004)
    )
    for wave in (saw, square, snare, pluck):
        assert find_clicks(wave * FADE, RATE).size == 0


def test_level_curve() -> None:
    wave = np.concatenate([np.full(RATE, 0.1), np.zeros(RATE), np.full(RATE // 2, 1.0)])
    np.testing.assert_allclose(level_curve(wave, RATE, window_seconds=1.0), [-20, -120, 0])


def test_spectrogram_shows_tones_at_their_place_and_time() -> None:
    wave = np.where(TIME < 1.5, sine(220.0), sine(3520.0))
    spectrogram = log_spectrogram(wave, RATE)
    assert spectrogram.level_db.shape == (len(spectrogram.hz), len(spectrogram.seconds))
    strongest = spectrogram.hz[spectrogram.level_db.argmax(axis=0)]
    early = (spectrogram.seconds > 0.1) & (spectrogram.seconds < 1.4)
    late = (spectrogram.seconds > 1.6) & (spectrogram.seconds < 2.9)
    assert np.all(np.abs(np.log2(strongest[early] / 220.0)) < 0.1)
    assert np.all(np.abs(np.log2(strongest[late] / 3520.0)) < 0.1)
    for part in (early, late):
        assert spectrogram.level_db[:, part].max() == pytest.approx(decibels(0.5), abs=2.0)


def test_all_measures() -> None:
    stereo = np.stack([sine() + 0.01, sine()], axis=1)
    stereo[: RATE // 2] = 0.0
    found = measure_audio(stereo, RATE)
    assert found.duration_seconds == SECONDS
    assert found.peak_db == pytest.approx(decibels(0.51), abs=0.01)
    assert found.true_peak_db >= found.peak_db > found.rms_db
    assert -12.0 < found.loudness_lufs < -5.0
    assert found.offset == pytest.approx(0.01 * 5 / 6, abs=1e-4)
    assert found.silence_share == pytest.approx(1 / 6, abs=0.02)
    assert found.clicks  # it starts within a wave


def test_bad_sound_is_refused() -> None:
    broken = sine()
    broken[77] = np.nan
    with pytest.raises(SegueError, match="first at frame 77"):
        measure_audio(broken, RATE)
    with pytest.raises(SegueError, match="shape"):
        check_audio(np.zeros((2, 48000)), RATE)
    with pytest.raises(SegueError, match="shape"):
        check_audio(np.zeros(0), RATE)
    with pytest.raises(RangeError, match="sample rate"):
        check_audio(sine(), 10)
    with pytest.raises(RangeError, match="high_hz"):
        log_spectrogram(sine(), RATE, high_hz=30000.0)
