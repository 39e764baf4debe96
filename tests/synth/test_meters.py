"""Meters of the engine, beside pyloudnorm and the definitions."""

import numpy as np
import pytest

from segue.synth.meters import SILENT_DB, Meter, decibels

RATE = 48_000


def heard(sound: np.ndarray, block: int) -> Meter:
    meter = Meter(RATE)
    for start in range(0, len(sound), block):
        meter.hear(sound[start : start + block])
    return meter


def tone(hz: float, amplitude: float, seconds: float = 1.0) -> np.ndarray:
    wave = amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)
    return np.stack([wave, wave], axis=1).astype(np.float32)


def test_the_calibration_tone_of_the_standard_reads_as_it_says() -> None:
    """997 Hz at full scale in one channel is -3.01 LUFS (BS.1770-4); in both 3.01 more."""
    sound = tone(997.0, 1.0)
    assert heard(sound, 512).lufs() == pytest.approx(0.0, abs=0.02)
    sound[:, 1] = 0.0
    assert heard(sound, 512).lufs() == pytest.approx(-3.01, abs=0.02)


@pytest.mark.parametrize("block", [64, 512, 8192, 48_000])
def test_blocks_of_any_size_read_the_same_as_pyloudnorm(block: int) -> None:
    import pyloudnorm

    rng = np.random.default_rng(3)
    sound = (0.1 * rng.standard_normal((100_000, 2))).astype(np.float32)
    sound[:, 1] *= 0.5
    sound[:-19_200] *= 0.01  # what came before the 400 ms does not count
    expected = pyloudnorm.Meter(RATE, block_size=0.4).integrated_loudness(sound[-19_200:])
    assert heard(sound, block).lufs() == pytest.approx(expected, abs=0.1)


def test_peak_and_power_are_those_of_the_last_block_alone() -> None:
    meter = heard(tone(1000.0, 0.5), 480)
    assert meter.peaks_db() == pytest.approx([-6.02, -6.02], abs=0.01)
    assert meter.rms_db() == pytest.approx([-9.03, -9.03], abs=0.01)
    meter.hear(np.zeros((480, 2), np.float32))
    assert meter.peaks_db() == meter.rms_db() == [SILENT_DB, SILENT_DB]
    assert meter.lufs() > -20.0  # most of the 400 ms still sound


def test_silence_has_a_floor() -> None:
    assert Meter(RATE).lufs() == decibels(0.0) == SILENT_DB
