import numpy as np
import pytest

from segue.analysis.sound import harmonic_percussive as module
from segue.analysis.sound.harmonic_percussive import separate_harmonic
from segue.analysis.spectra import RATE
from segue.music.errors import RangeError, SegueError


def held(seconds=2.0):
    t = np.arange(round(seconds * RATE)) / RATE
    return (0.2 * np.sin(2 * np.pi * 440 * t) + 0.1 * np.sin(2 * np.pi * 1320 * t)).astype(
        np.float32
    )


def struck(seconds=2.0):
    rng = np.random.default_rng(0)
    sound = np.zeros(round(seconds * RATE), np.float32)
    for at in range(2000, len(sound) - 2000, RATE // 3):
        sound[at : at + 300] += 0.5 * rng.standard_normal(300) * np.exp(-np.arange(300) / 60)
    return sound


def test_what_is_held_and_what_is_struck():
    assert separate_harmonic(held(), RATE).percussive_share < 0.05
    assert separate_harmonic(struck(), RATE).percussive_share > 0.8
    both = separate_harmonic(held() + struck(), RATE).percussive_share
    assert 0.02 < both < 0.8


@pytest.mark.parametrize("hop", [256, 512, 1024])
def test_the_signals_add_up(hop):
    sound = held() + struck()
    found = separate_harmonic(sound, RATE, signals=True, hop=hop)
    assert found.harmonic is not None and found.percussive is not None
    assert found.harmonic.shape == sound.shape
    np.testing.assert_allclose(found.harmonic + found.percussive, sound, atol=1e-4)
    error = found.harmonic - held()
    assert np.square(error[4000:-4000]).mean() < 0.1 * np.square(struck()).mean() + 1e-4


def test_pieces_do_not_matter(monkeypatch):
    sound = held() + struck()
    whole = separate_harmonic(sound, RATE, signals=True)
    monkeypatch.setattr(module, "_PIECE_FRAMES", 20)
    parts = separate_harmonic(sound, RATE, signals=True)
    np.testing.assert_allclose(parts.harmonic_power, whole.harmonic_power, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(parts.percussive, whole.percussive, atol=1e-5)


def test_silence_and_nothing():
    assert separate_harmonic(np.zeros(RATE), RATE).percussive_share == 0.0
    nothing = separate_harmonic(np.zeros(0), RATE, signals=True)
    assert len(nothing) == 0 and nothing.percussive_share == 0.0
    assert nothing.harmonic is not None and len(nothing.harmonic) == 0


def test_bad_input_is_told():
    with pytest.raises(RangeError, match="hop"):
        separate_harmonic(np.zeros(9), RATE, hop=10)
    with pytest.raises(SegueError, match="finite"):
        separate_harmonic(np.array([np.nan]), RATE)
