"""Descriptors of moments of sound: their units, and that sounds side by side do not mix."""

import numpy as np
import pytest

from segue.analysis.sound.descriptors import (
    BRIGHTNESS,
    CHROMA,
    DESCRIPTORS,
    HEARD_FRAMES,
    LOUDNESS,
    MFCC,
    NOISINESS,
    PITCH,
    SILENCE_DB,
    VOICING,
    Describer,
)
from segue.analysis.sound.features import extract_features
from segue.analysis.spectra import RATE
from segue.music.errors import SegueError

TIMES = np.arange(HEARD_FRAMES) / RATE


def harmonic(hz: float) -> np.ndarray:
    return sum(0.2 / k * np.sin(2 * np.pi * k * hz * TIMES) for k in range(1, 8))


def describe(*sounds: np.ndarray) -> np.ndarray:
    return Describer().describe(np.stack(sounds))


def test_a_sine_has_its_level_pitch_and_brightness() -> None:
    row = describe(np.sin(2 * np.pi * 1000.0 * TIMES))[0]
    assert row[LOUDNESS] == pytest.approx(-3.0, abs=0.05)
    assert row[BRIGHTNESS] == pytest.approx(0.0, abs=0.05)
    assert row[PITCH] == pytest.approx(83.21, abs=0.05)
    assert row[VOICING] > 0.98
    assert len(row) == len(DESCRIPTORS)


@pytest.mark.parametrize("midi", [33, 45, 57, 69, 81])
def test_harmonic_tones_have_their_pitch_and_class(midi: int) -> None:
    row = describe(harmonic(440.0 * 2.0 ** ((midi - 69) / 12)))[0]
    assert row[PITCH] == pytest.approx(midi, abs=0.1)
    if midi > 33:  # the windows are short for the lowest classes
        assert row[CHROMA].argmax() == 9


def test_noise_is_noisy_without_pitch() -> None:
    rng = np.random.default_rng(0)
    noise, tone = describe(0.2 * rng.standard_normal(HEARD_FRAMES), harmonic(220.0))
    assert noise[NOISINESS] > -5.0 > -25.0 > tone[NOISINESS]
    assert noise[VOICING] < 0.5 < tone[VOICING]


def test_silence_is_told_and_has_no_shape() -> None:
    row = describe(np.zeros(HEARD_FRAMES))[0]
    assert row[LOUDNESS] == SILENCE_DB
    assert not row[BRIGHTNESS:].any()


def test_many_sounds_are_described_as_each_alone_and_as_the_features_say() -> None:
    rng = np.random.default_rng(1)
    sounds = [harmonic(hz) + 0.05 * rng.standard_normal(HEARD_FRAMES) for hz in range(90, 890, 20)]
    together = describe(*sounds)
    assert np.allclose(together[17], describe(sounds[17])[0], atol=1e-4)
    # windows of `extract_features` are centred: two of them lie where these are
    offset = HEARD_FRAMES // 4
    frames = extract_features(
        np.pad(sounds[17], (offset, offset)), RATE, hop=HEARD_FRAMES // 4, mel_bands=64, mfccs=13
    )
    at = [2, 4]
    assert np.allclose(together[17][MFCC], frames.mfcc[at, 1:].mean(axis=0), atol=1e-2)


def test_too_little_sound_is_told() -> None:
    with pytest.raises(SegueError, match="4096"):
        Describer().describe(np.zeros((1, 100)))
