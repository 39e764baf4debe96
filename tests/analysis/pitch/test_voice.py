import time

import numpy as np
import pytest

from segue.analysis.pitch.voice import (
    PitchTracker,
    hz_at,
    hz_to_midi,
    join,
    midi_to_hz,
    track_pitch,
)
from segue.music.errors import RangeError, SegueError

RATE = 48_000


def seconds(length, rate=RATE):
    return np.arange(round(length * rate)) / rate


def errors_cents(track, midi, rate=RATE):
    """Errors where voiced, without the first and last 60 ms."""
    true = np.interp(track.times_seconds, np.arange(len(midi)) / rate, midi)
    inside = (track.times_seconds > 0.06) & (track.times_seconds < len(midi) / rate - 0.06)
    kept = track.voiced & inside
    return 100.0 * np.abs(track.midi[kept] - true[kept])


@pytest.mark.parametrize("midi", [41.0, 50.3, 57.0, 64.7, 72.0, 81.2])
def test_a_steady_note(sing, midi):
    track = track_pitch(sing(np.full(RATE, midi))[0], RATE)
    assert track.voiced.mean() > 0.97
    assert errors_cents(track, np.full(RATE, midi)).max() < 5.0


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 96_000])
def test_every_sample_rate(sing, rate):
    midi = np.full(rate, 60.2)
    track = track_pitch(sing(midi, rate)[0], rate)
    assert errors_cents(track, midi, rate).max() < 8.0
    assert track.times_seconds[1] == pytest.approx(0.005, rel=0.02)
    assert track.times_seconds[-1] == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("centre", [50.0, 62.0, 76.0])
def test_vibrato_and_glide_are_followed(sing, centre):
    t = seconds(2)
    midi = centre + t + 0.5 * np.sin(2 * np.pi * 5.5 * t)
    found = errors_cents(track_pitch(sing(midi)[0], RATE), midi)
    assert found.mean() < 5.0
    assert np.percentile(found, 95) < 12.0


def test_silence_and_noise_have_no_pitch():
    noise = 0.1 * np.random.default_rng(0).standard_normal(RATE)
    assert not track_pitch(np.zeros(RATE), RATE).voiced.any()
    assert track_pitch(noise, RATE).voiced.mean() < 0.02


def test_rests_are_found_to_a_few_hops(sing):
    midi = np.full(2 * RATE, 57.0)
    midi[round(0.8 * RATE) : round(1.2 * RATE)] = np.nan
    track = track_pitch(sing(midi)[0], RATE)
    silent = track.times_seconds[~track.voiced & (track.times_seconds < 1.9)]
    silent = silent[silent > 0.1]
    assert silent.min() == pytest.approx(0.8, abs=0.03)
    assert silent.max() == pytest.approx(1.2, abs=0.03)


def test_a_voice_in_noise(sing):
    midi = 57.0 + 0.3 * np.sin(2 * np.pi * 5 * seconds(2))
    voice = sing(midi)[0]
    noise = np.random.default_rng(0).standard_normal(len(voice))
    track = track_pitch(voice + noise * np.std(voice) * 10 ** (-10 / 20), RATE)
    assert track.voiced.mean() > 0.9
    assert np.mean(errors_cents(track, midi) > 50.0) < 0.01


def test_blocks_do_not_matter(sing):
    midi = 57.0 + 2.0 * np.sin(2 * np.pi * 2 * seconds(1))
    voice = sing(midi)[0]
    tracks = []
    for size in (64, 1000, len(voice)):
        tracker = PitchTracker(RATE)
        pieces = [tracker.push(voice[at : at + size]) for at in range(0, len(voice), size)]
        tracks.append(join(*pieces, tracker.finish()))
    for track in tracks[1:]:
        np.testing.assert_allclose(track.hz, tracks[0].hz, rtol=1e-9)
        np.testing.assert_array_equal(track.times_seconds, tracks[0].times_seconds)
    whole = track_pitch(voice, RATE)
    assert len(whole) == len(tracks[0])
    assert np.mean(whole.voiced == tracks[0].voiced) > 0.98
    assert errors_cents(tracks[0], midi).max() < 25.0


def test_a_hop_is_told_within_the_latency(sing):
    voice = sing(np.full(RATE, 57.0))[0]
    tracker = PitchTracker(RATE, low_hz=80.0, look_ahead_seconds=0.02)
    assert tracker.latency_seconds < 0.06
    heard = 0
    for at in range(0, len(voice), 64):
        track = tracker.push(voice[at : at + 64])
        heard += len(track)
        # every hop so long ago has been told
        due = int(((at + 64) / RATE - tracker.latency_seconds) / 0.005)
        assert heard >= due


def test_no_slower_than_twenty_times_real_time(sing):
    voice = sing(np.full(4 * RATE, 57.0))[0]
    start = time.process_time()
    track_pitch(voice, RATE)
    assert time.process_time() - start < 4.0 / 20.0 * 2.0  # measured 60 to 130 times; slack for CI


def test_hz_between_hops(sing):
    midi = np.full(RATE, 57.0)
    midi[RATE // 2 :] = np.nan
    track = track_pitch(sing(midi)[0], RATE)
    hz = hz_at(track, np.array([0.2, 0.2013, 0.8]))
    np.testing.assert_allclose(hz, [220.0, 220.0, 0.0], rtol=2e-3)
    assert not hz_at(track_pitch(np.zeros(1000), RATE), np.zeros(3)).any()


def test_midi_and_hz():
    np.testing.assert_allclose(midi_to_hz(np.array([69.0, 57.0])), [440.0, 220.0])
    np.testing.assert_allclose(hz_to_midi(np.array([440.0, 0.0])), [69.0, np.nan])


def test_bad_input_is_told():
    with pytest.raises(SegueError, match="mono"):
        track_pitch(np.zeros((10, 2)), RATE)
    with pytest.raises(SegueError, match="NaN"):
        track_pitch(np.array([0.0, np.nan]), RATE)
    with pytest.raises(RangeError, match="sample rate"):
        track_pitch(np.zeros(10), 100)
    with pytest.raises(RangeError, match="low_hz"):
        PitchTracker(RATE, low_hz=5.0)
    with pytest.raises(RangeError, match="high_hz"):
        PitchTracker(RATE, low_hz=400.0, high_hz=300.0)


def test_nothing_gives_nothing():
    track = track_pitch(np.zeros(0), RATE)
    assert not track.voiced.any()
