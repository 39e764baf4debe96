import numpy as np
import pytest

from segue.analysis.pitch.f0 import F0Tracker, track_f0
from segue.analysis.pitch.pitch_spectrum import (
    BANDS,
    FLOOR,
    LOW_HZ,
    band_hz,
    frames_in,
    pitch_spectra,
    refined,
)
from segue.analysis.pitch.voice import join
from segue.analysis.spectra import RATE as EARS_RATE
from segue.music.errors import RangeError, SegueError, UnknownNameError

RATE = 44_100
BOTH = pytest.mark.parametrize("method", ["net", "yin"])


def tone(midi, seconds, rate=RATE, partials=8, decay=0.6):
    t = np.arange(round(seconds * rate)) / rate
    hz = 440.0 * 2.0 ** ((midi - 69) / 12)
    return 0.1 * sum(decay**k * np.sin(2 * np.pi * hz * (k + 1) * t + k) for k in range(partials))


def line(pitches, seconds, release, rate=RATE):
    """Notes of equal length that ring on for a while after the next has begun."""
    size = round((len(pitches) * seconds + release + 0.1) * rate)
    sound = np.zeros(size)
    for index, midi in enumerate(pitches):
        note = tone(midi, seconds + release, rate)
        t = np.arange(len(note)) / rate
        fade = np.where(t < seconds, 1.0, np.exp(-(t - seconds) * 3.0 / release))
        start = round(index * seconds * rate)
        sound[start : start + len(note)] += note * fade * np.minimum(t / 0.01, 1.0)
    return sound


def cents_off(track, midi):
    """Of the frames of a steady tone, without its ends."""
    inside = slice(10, len(track) - 10)
    assert track.voiced[inside].all()
    return 100.0 * (track.midi[inside] - midi)


@BOTH
@pytest.mark.parametrize("midi", [45.0, 57.2, 64.0, 76.3, 88.0])
def test_a_steady_tone(method, midi):
    track = track_f0(tone(midi, 0.8), RATE, method=method)
    assert np.abs(cents_off(track, midi)).max() < 4.0
    assert track.confidence[10:-10].min() > 0.5
    np.testing.assert_allclose(track.times_seconds, np.arange(len(track)) / 100)


@pytest.mark.parametrize("midi", [33.0, 40.0, 95.0])
def test_the_network_hears_low_and_high(midi):
    track = track_f0(tone(midi, 0.8, partials=12, decay=0.8), RATE)
    assert np.median(np.abs(cents_off(track, midi))) < 15.0


@BOTH
@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 48_000, 96_000])
def test_every_sample_rate(method, rate):
    track = track_f0(tone(60.0, 0.6, rate, partials=4), rate, method=method)
    assert np.abs(cents_off(track, 60.0)).max() < 4.0
    assert len(track) == pytest.approx(61, abs=1)


def accuracy(track, pitches, seconds):
    index = np.minimum((track.times_seconds / seconds).astype(int), len(pitches) - 1)
    inside = track.times_seconds < len(pitches) * seconds
    right = np.abs(np.nan_to_num(track.midi) - np.array(pitches)[index]) < 0.5
    return right[inside].mean()


def test_a_new_note_wins_over_one_that_rings_on():
    pitches = [67, 69, 71, 72, 74, 72, 71, 69, 67, 64, 62, 60, 64, 67, 72, 67] * 2
    sound = line(pitches, 0.12, 0.3)
    by_net = accuracy(track_f0(sound, RATE), pitches, 0.12)
    by_yin = accuracy(track_f0(sound, RATE, method="yin"), pitches, 0.12)
    assert by_net > 0.8
    assert by_net > by_yin + 0.1


@BOTH
def test_vibrato_and_glides_are_followed(sing, method):
    t = np.arange(2 * RATE) / RATE
    midi = 55.0 + 2.0 * t + 0.4 * np.sin(2 * np.pi * 5.5 * t)
    track = track_f0(sing(midi, RATE)[0], RATE, method=method)
    true = np.interp(track.times_seconds, t, midi)
    inside = track.voiced & (track.times_seconds > 0.1) & (track.times_seconds < 1.9)
    assert inside.sum() > 170
    assert np.median(np.abs(track.midi - true)[inside]) < 0.1


@BOTH
def test_silence_and_noise_have_hardly_a_pitch(method):
    noise = 0.1 * np.random.default_rng(0).standard_normal(RATE)
    assert not track_f0(np.zeros(RATE), RATE, method=method).voiced.any()
    assert track_f0(np.zeros(RATE), RATE, method=method).confidence.max() == 0.0
    assert track_f0(noise, RATE, method=method).voiced.mean() < 0.1


@BOTH
def test_a_rest_is_found(method):
    sound = np.concatenate([tone(62, 0.5), np.zeros(RATE // 2), tone(62, 0.5)])
    track = track_f0(sound, RATE, method=method)
    assert not track.voiced[58:92].any()
    assert track.voiced[5:44].all() and track.voiced[106:144].all()


@BOTH
@pytest.mark.parametrize("size", [441, 7000])
def test_blocks_do_not_matter(method, size):
    sound = line([60, 64, 67, 72], 0.2, 0.1).astype(np.float32)
    tracker = F0Tracker(RATE, method=method)
    pieces = [tracker.push(sound[at : at + size]) for at in range(0, len(sound), size)]
    streamed = join(*pieces, tracker.finish())
    other = F0Tracker(RATE, method=method)
    at_once = join(other.push(sound), other.finish())
    np.testing.assert_array_equal(streamed.times_seconds, at_once.times_seconds)
    np.testing.assert_allclose(streamed.hz, at_once.hz, rtol=1e-6)
    whole = track_f0(sound, RATE, method=method)
    same = np.abs(whole.hz[: len(streamed)] - streamed.hz[: len(whole)]) < 0.2
    assert abs(len(whole) - len(streamed)) <= 1
    assert same.mean() > 0.97


@BOTH
def test_a_frame_is_told_within_the_latency(method):
    sound = tone(60, 1.0)
    tracker = F0Tracker(RATE, method=method)
    told = 0
    for at in range(0, len(sound), 512):
        told += len(tracker.push(sound[at : at + 512]))
        due = int(((at + 512) / RATE - tracker.latency_seconds) * 100)
        assert told >= due
    assert tracker.latency_seconds < 0.45


def test_the_range_of_pitch_is_kept():
    sound = tone(45, 0.5) + tone(69, 0.5)
    found = track_f0(sound, RATE, low_hz=300.0).hz[10:-10]
    assert (found[found > 0] > 290.0).all()


def test_levels_are_those_of_the_sound():
    t = np.arange(EARS_RATE) / EARS_RATE
    sine = (0.5 * np.sin(2 * np.pi * 440.0 * t)).astype(np.float32)
    levels, magnitudes = pitch_spectra(sine, 20, 40)
    assert levels.shape == (2, 20, BANDS)
    assert levels[0].max() == pytest.approx(np.log10(0.5), abs=0.1)
    peak = band_hz(levels[0, 5].argmax() * np.ones(1))[0]
    assert peak == pytest.approx(440.0, rel=0.02)
    assert pitch_spectra(np.zeros(10, np.float32), 0, 5)[0].max() == pytest.approx(FLOOR)
    near = np.full(20, 450.0, np.float32)
    np.testing.assert_allclose(refined(near, magnitudes), 440.0, rtol=5e-4)
    assert not refined(np.zeros(20, np.float32), magnitudes).any()
    part, _ = pitch_spectra(sine[3000:], 20, 40, 3000)
    np.testing.assert_allclose(part, levels, atol=1e-5)


def test_frames_are_ten_milliseconds():
    assert frames_in(0) == 0
    assert frames_in(1) == 1
    assert frames_in(EARS_RATE) == 101
    assert LOW_HZ == band_hz(np.zeros(1))[0]


@BOTH
def test_nothing_gives_nothing(method):
    assert len(track_f0(np.zeros(0), RATE, method=method)) == 0
    assert len(track_f0(np.zeros(3), RATE, method=method)) == 1
    tracker = F0Tracker(RATE, method=method)
    assert len(tracker.push(np.zeros(0))) == len(tracker.finish()) == 0


def test_bad_input_is_told():
    with pytest.raises(SegueError, match="finite"):
        track_f0(np.array([0.0, np.nan]), RATE)
    with pytest.raises(UnknownNameError, match="method"):
        track_f0(np.zeros(10), RATE, method="praat")
    with pytest.raises(RangeError, match="low_hz"):
        track_f0(np.zeros(10), RATE, low_hz=1.0)
    with pytest.raises(RangeError, match="high_hz"):
        track_f0(np.zeros(10), RATE, low_hz=400.0, high_hz=500.0)
    with pytest.raises(RangeError, match="sample rate"):
        F0Tracker(100)
