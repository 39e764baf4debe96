import numpy as np
import pytest

from segue.analysis.rhythm.onsets import FLUX_RATE, find_onsets, onset_strength
from segue.music.errors import SegueError

RATE = 22_050


def plucks(times, seconds, rate=RATE, hz=440.0, decay=9.0):
    """Tones that ring out, each at another pitch."""
    sound = np.zeros(round(seconds * rate), np.float32)
    for index, time in enumerate(times):
        start = round(time * rate)
        at = np.arange(len(sound) - start) / rate
        pitch = hz * 2.0 ** ((index * 5 % 12) / 12)
        tone = np.exp(-decay * at) * sum(np.sin(2 * np.pi * pitch * n * at) / n for n in (1, 2, 3))
        sound[start:] += 0.3 * tone.astype(np.float32)
    return sound


@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000])
def test_plucked_notes_are_found_to_some_milliseconds(rate):
    times = np.array([0.5, 0.8, 1.25, 1.4, 2.0, 2.31, 2.9])
    onsets = find_onsets(plucks(times, 3.5, rate), rate)
    assert len(onsets) == len(times)
    np.testing.assert_allclose(onsets.times_seconds, times, atol=0.012)
    assert (onsets.confidence > 0.4).all()


def test_a_louder_attack_is_stronger():
    times = np.arange(0.3, 5.0, 0.5)
    sound = plucks(times, 5.5)
    sound[: 2 * RATE] *= 0.1
    onsets = find_onsets(sound, RATE)
    assert onsets.strengths[-3:].mean() > 1.5 * onsets.strengths[:3].mean()


def test_vibrato_is_no_attack():
    at = np.arange(3 * RATE) / RATE
    pitch = 440.0 * 2.0 ** (0.4 / 12 * np.sin(2 * np.pi * 5.5 * at))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    voice = 0.3 * sum(np.sin(n * phase) / n for n in range(1, 6)) * np.minimum(1.0, 20 * at)
    assert len(find_onsets(voice.astype(np.float32), RATE)) <= 1


def test_strength_peaks_at_attacks():
    strength = onset_strength(plucks([1.0], 2.0), RATE)
    assert strength.argmax() / FLUX_RATE == pytest.approx(1.01, abs=0.02)


@pytest.mark.parametrize("sound", [np.zeros(0, np.float32), np.zeros(RATE, np.float32)])
def test_silence_has_no_onsets(sound):
    assert len(find_onsets(sound, RATE)) == 0


def test_bad_input_is_told():
    with pytest.raises(SegueError, match="not finite"):
        find_onsets(np.array([0.0, np.nan], np.float32), RATE)
