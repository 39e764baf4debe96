"""The room: decay, level, sides, silence, and the same sound whatever the block."""

import numpy as np
import pytest
from scipy.signal import butter, lfilter, sosfiltfilt

from segue.music.events import MixSettings
from segue.synth.recursion import Recursion, low_cut, one_pole
from segue.synth.room import Room

RATE = 48_000


def played(sent, block=256, rate=RATE, mix=None):
    """What comes back of a sound [shape=(2, frames)]."""
    room = Room(rate, block, mix or MixSettings(reverb_seconds=1.9, reverb_hz=5_200.0))
    starts = range(0, sent.shape[1] - block + 1, block)
    parts = [room.process(sent[:, at : at + block].copy()).copy() for at in starts]
    return np.concatenate(parts, axis=1)


def clap(left, right, seconds, rate=RATE):
    sent = np.zeros((2, round(seconds * rate)), np.float32)
    sent[:, 0] = left, right
    return sent


def decay_seconds(sound, hz):
    """Time that a band of an octave takes to fall by 60 dB, from its fall between -5 and -35."""
    band = butter(3, [hz / 2**0.5, hz * 2**0.5], "bandpass", fs=RATE, output="sos")
    energy = np.cumsum(np.square(sosfiltfilt(band, sound.astype(float)))[::-1])[::-1]
    fallen = 10 * np.log10(energy / energy[0] + 1e-15)
    return 2.0 * float(np.argmax(fallen < -35) - np.argmax(fallen < -5)) / RATE


@pytest.mark.parametrize("seconds", [0.8, 1.9, 4.0])
def test_it_dies_away_in_its_time_and_highs_before_lows(seconds):
    sound = played(clap(1, 1, 2 * seconds), mix=MixSettings(reverb_seconds=seconds))
    for side in sound:
        assert decay_seconds(side, 500.0) == pytest.approx(seconds, rel=0.1)
        assert decay_seconds(side, 8_000.0) < 0.6 * seconds


def test_its_level_is_that_of_both_sides_and_nothing_comes_before_the_first_reflection():
    for left, right in ((1, 1), (1, 0), (0, 1)):
        sound = played(clap(left, right, 4.0))
        energy_db = 10 * np.log10(np.square(sound).sum() / (left + right))
        assert energy_db == pytest.approx(-6.5, abs=1.0)
        first = np.flatnonzero(np.abs(sound).max(axis=0) > 1e-9)[0]
        assert first == round((0.011 if left else 0.013) * RATE)
        heard = np.square(sound).sum(axis=1)
        assert (heard[0] - heard[1]) * (left - right) >= 0.0  # more on its own side


def test_the_tail_is_dense_wide_and_even():
    sound = played(clap(1, 1, 4.0))
    for at in (9_600, 24_000, 48_000):
        left, right = sound[:, at : at + 9_600].astype(float)
        assert abs(np.corrcoef(left, right)[0, 1]) < 0.25
        for side in (left, right):
            beyond = np.mean(np.abs(side) > side.std())  # 0.32 of noise
            assert 0.15 < beyond < 0.4
            even = np.fft.irfft(np.abs(np.fft.rfft(side, 32_768)) ** 2)
            assert np.abs(even[480:5_760]).max() < 0.4 * even[0]  # no flutter


@pytest.mark.parametrize("block", [64, 100, 1_024, 1_500, 4_096, 8_191])
def test_it_is_the_same_in_blocks_of_any_size(block):
    rng = np.random.default_rng(3)
    sent = clap(0, 0, 1.0)
    sent[:, :12_000] = 0.1 * rng.standard_normal((2, 12_000))
    sound, other = played(sent), played(sent, block)
    shared = min(sound.shape[1], other.shape[1])
    np.testing.assert_allclose(sound[:, :shared], other[:, :shared], atol=2e-5)


@pytest.mark.parametrize("rate", [8_000, 44_100, 192_000])
def test_it_runs_at_any_rate(rate):
    sound = played(clap(1, 1, 2.0, rate), 512, rate, MixSettings(0.5, reverb_hz=16_000.0))
    assert np.isfinite(sound).all() and np.abs(sound).max() > 0.01
    assert np.abs(sound[:, -1_000:]).max() < 1e-4


def test_it_is_silent_in_the_end_and_can_be_heard_again():
    mix = MixSettings(reverb_seconds=0.3, reverb_hz=5_200.0)
    sent = np.concatenate([clap(1, 0, 2.0), clap(1, 0, 2.0)], axis=1)
    sound = played(sent, mix=mix)
    first, second = sound[:, : 2 * RATE], sound[:, 2 * RATE :]
    assert not np.any(first[:, -RATE // 2 :])
    np.testing.assert_allclose(second[:, :RATE], first[:, : second.shape[1]][:, :RATE], atol=1e-6)
    last = np.abs(first[first != 0.0])
    assert last.min() > 1e-30  # never near what makes processors slow


@pytest.mark.parametrize("filtered", [one_pole(500.0, RATE), low_cut(170.0, RATE)])
@pytest.mark.parametrize("frames", [96, 100, 1_024])
def test_a_recursion_is_the_filter_it_was_made_of(filtered, frames):
    sound = np.random.default_rng(0).standard_normal((3, 8 * frames)).astype(np.float32)
    recursion = Recursion(*filtered, 3, frames)
    blocks = sound.reshape(3, 8, frames).transpose(1, 0, 2)
    parts = [recursion.process(np.ascontiguousarray(block)).copy() for block in blocks]
    short = recursion.process(np.zeros((3, 7), np.float32))  # of another length
    whole = lfilter(*filtered, np.concatenate([sound, np.zeros((3, 7))], axis=1))
    np.testing.assert_allclose(np.concatenate([*parts, short], axis=1), whole, atol=1e-3)
