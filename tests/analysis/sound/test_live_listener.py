import numpy as np
import pytest

from segue.analysis.rhythm import beat_follower
from segue.analysis.rhythm.beat_follower import BeatEvent
from segue.analysis.sound.audio import FLOOR_DB
from segue.analysis.sound.features import extract_features, join_features
from segue.analysis.sound.live_listener import LiveListener
from segue.music.errors import RangeError, SegueError

RATE = 22_050


def clicks(times, seconds, rate=RATE):
    rng = np.random.default_rng(0)
    sound = 0.001 * rng.standard_normal(round(seconds * rate))
    for at in times:
        stroke = 0.4 * rng.standard_normal(round(0.08 * rate))
        stroke *= np.exp(-np.arange(len(stroke)) / (0.02 * rate))
        start = round(at * rate)
        part = sound[start : start + len(stroke)]
        part += stroke[: len(part)]
    return sound.astype(np.float32)


def heard(listener, sound, size):
    found = [listener.push(sound[at : at + size]) for at in range(0, len(sound), size)]
    return [*found, listener.finish()]


def gathered(told, name):
    return [event for one in told for event in getattr(one, name)]


BEATS = [(0.5 + 0.5 * number, number % 4 + 1) for number in range(12)]


def test_what_is_heard_does_not_depend_on_blocks():
    sound = clicks([time for time, _ in BEATS], 6.0)
    stereo = np.stack([sound, sound], axis=1)
    runs = []
    for size in (64, 512, 20_000, len(stereo)):
        listener = LiveListener(RATE)
        listener.know_beats(BEATS)
        runs.append(heard(listener, stereo, size))
    onsets = [gathered(run, "onsets") for run in runs]
    spans = [gathered(run, "beat_spans") for run in runs]
    bars = [gathered(run, "bar_spans") for run in runs]
    for number in range(1, len(runs)):
        assert [one.time_seconds for one in onsets[number]] == [
            one.time_seconds for one in onsets[0]
        ]
        assert [one.number for one in spans[number]] == [one.number for one in spans[0]]
        for one, other in zip(spans[number] + bars[number], spans[0] + bars[0], strict=True):
            np.testing.assert_allclose(one.features.mfcc, other.features.mfcc, atol=5e-3)
        assert runs[number][-1].momentary_lufs == pytest.approx(runs[0][-1].momentary_lufs)
        assert runs[number][-1].seconds == 6.0


def test_features_are_those_of_the_whole():
    sound = clicks([1.0], 2.0)
    told = heard(LiveListener(RATE), sound, 700)
    found = join_features([one.features for one in told])
    whole = extract_features(sound, RATE, mel_bands=64, mfccs=13)
    np.testing.assert_allclose(found.log_mel_db, whole.log_mel_db, atol=2e-3)


def test_attacks_are_found_where_they_are():
    times = [0.6, 1.1, 1.35, 2.2, 2.9]
    told = gathered(heard(LiveListener(RATE), clicks(times, 3.5), 512), "onsets")
    strong = [one for one in told if one.confidence > 0.8]
    assert len(strong) == len(times)
    np.testing.assert_allclose([one.time_seconds for one in strong], times, atol=0.012)
    assert all(one.strength_db > 5.0 for one in strong)


def test_beats_and_bars_of_a_known_clock():
    sound = clicks([time for time, _ in BEATS], 6.5)
    listener = LiveListener(RATE)
    listener.know_beats(BEATS[:6])
    told = [listener.push(sound[: 2 * RATE])]
    listener.know_beats(BEATS[6:])
    told += [listener.push(sound[2 * RATE :]), listener.finish()]
    spans, bars = gathered(told, "beat_spans"), gathered(told, "bar_spans")
    assert [(one.start_seconds, one.number) for one in spans] == BEATS[:-1]
    assert all(one.end_seconds - one.start_seconds == 0.5 for one in spans)
    assert [(one.start_seconds, one.end_seconds) for one in bars] == [(0.5, 2.5), (2.5, 4.5)]
    whole = extract_features(sound, RATE, mel_bands=64, mfccs=13)
    wanted = whole.per_beat([0.5, 1.0]).rms
    np.testing.assert_allclose(spans[0].features.rms, wanted, rtol=1e-4)
    np.testing.assert_allclose(bars[0].features.rms, whole.per_beat([0.5, 2.5]).rms, rtol=1e-4)


def test_loudness_is_of_the_last_moment():
    listener = LiveListener(RATE)
    assert listener.push(np.zeros(512, np.float32)).momentary_lufs == FLOOR_DB
    loud = listener.push(0.3 * np.random.default_rng(0).standard_normal(RATE)).momentary_lufs
    assert loud > -15.0
    assert listener.push(np.zeros(RATE)).momentary_lufs < -60.0


def test_memory_does_not_grow():
    listener = LiveListener(RATE)
    listener.know_beats([(0.5, 1)])
    for _ in range(80):
        listener.push(np.zeros(RATE // 2, np.float32))
    held = sum(len(part) for part in listener._spans._frames)
    assert held < 35 * RATE / 512


def test_chords_are_followed():
    pytest.importorskip("onnxruntime")
    t = np.arange(4 * RATE) / RATE
    chord = sum(np.sin(2 * np.pi * hz * t) / k for hz in (261.6, 329.6, 392.0) for k in (1, 2))
    stereo = np.stack([0.1 * chord] * 2, axis=1).astype(np.float32)
    runs = [
        gathered(heard(LiveListener(RATE, follow_chords=True), stereo, size), "harmony")
        for size in (700, 30_000)
    ]
    assert [one.seconds for one in runs[0]] == [one.seconds for one in runs[1]]
    assert runs[0][len(runs[0]) // 2].chord is not None
    assert runs[0][len(runs[0]) // 2].chord.root == 0


class Follower:
    """Tells a beat each half second, 0.1 seconds before its time."""

    pulse = None

    def __init__(self, sample_rate):
        self.rate, self.taken, self.told = sample_rate, 0, 0

    def push(self, block):
        self.taken += len(block)
        found = []
        while 0.5 * self.told < self.taken / self.rate + 0.1:
            found.append(BeatEvent(0.5 * self.told, self.told % 4 + 1, 4, 120.0, 1.0))
            self.told += 1
        return found


def test_beats_that_are_followed_make_spans(monkeypatch):
    monkeypatch.setattr(beat_follower, "BeatFollower", Follower)
    sound = clicks([0.5, 1.0], 3.2)
    told = heard(LiveListener(RATE, follow_beats=True), sound, 300)
    assert [one.time_seconds for one in gathered(told, "beats")][:4] == [0.0, 0.5, 1.0, 1.5]
    spans = gathered(told, "beat_spans")
    assert [one.start_seconds for one in spans] == [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]
    assert [one.end_seconds for one in gathered(told, "bar_spans")] == [2.0]
    listener = LiveListener(RATE, follow_beats=True)
    listener.know_beats([(0.25, 1), (0.75, 1)])  # a clock is believed more
    spans = gathered(heard(listener, sound, 300), "beat_spans")
    assert [one.start_seconds for one in spans] == [0.25]


def test_silence_has_no_attacks():
    told = heard(LiveListener(48_000), np.zeros(48_000), 480)
    assert not gathered(told, "onsets")
    assert told[-1].tempo_bpm == 0.0


def test_bad_input_is_told():
    with pytest.raises(RangeError, match="sample rate"):
        LiveListener(4_000)
    listener = LiveListener(RATE)
    with pytest.raises(SegueError, match="NaN"):
        listener.push(np.array([np.nan]))
    with pytest.raises(SegueError, match="in order"):
        listener.know_beats([(1.0, 1), (0.5, 2)])
    with pytest.raises(SegueError, match="nearer"):
        listener.know_beats((2.0 + at, 1) for at in range(10_000))
