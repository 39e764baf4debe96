import numpy as np
import pytest

from segue.analysis.rhythm.beat_follower import BeatFollower, Pulse
from segue.music.errors import RangeError, SegueError

RATE = 22_050


def clicks(times, seconds):
    """Short clicks, the first of four higher."""
    sound = np.zeros(round(seconds * RATE), np.float32)
    at = np.arange(round(0.05 * RATE)) / RATE
    for index, time in enumerate(times):
        click = 0.6 * np.sin(2 * np.pi * (1500 if index % 4 else 2200) * at) * np.exp(-80 * at)
        start = round(time * RATE)
        sound[start : start + len(at)] += click[: len(sound) - start].astype(np.float32)
    return sound


def ramp(first_bpm, last_bpm, begin, end, seconds):
    """Clicks that speed up between two times."""
    times = [0.5]
    while True:
        bpm = float(np.interp(times[-1], [begin, end], [first_bpm, last_bpm]))
        if times[-1] + 60.0 / bpm > seconds - 0.1:
            return np.array(times)
        times.append(times[-1] + 60.0 / bpm)


def follow(sound, size=512, **options):
    follower = BeatFollower(RATE, **options)
    told = []
    for start in range(0, len(sound), size):
        told += [
            ((start + size) / RATE, event) for event in follower.push(sound[start : start + size])
        ]
    return follower, told


def test_follows_a_click_that_speeds_up():
    times = ramp(100, 120, 4.0, 12.0, 14.5)
    _, told = follow(clicks(times, 14.5))
    beats = np.array([event.time_seconds for _, event in told])
    late = beats[(beats > 2.5) & (beats < times[-1] + 0.1)]
    errors = np.abs(late[:, None] - times).min(axis=1)
    assert np.mean(errors < 0.05) > 0.95
    inside = times[(times > 3.0) & (times < 13.0)]
    assert np.mean(np.abs(beats[:, None] - inside).min(axis=0) < 0.05) > 0.95
    assert told[-1][1].tempo_bpm == pytest.approx(120, rel=0.03)


def test_beats_are_told_ahead_of_their_time():
    _, told = follow(clicks(ramp(110, 110, 0, 1, 7.0), 7.0), lead_seconds=0.1)
    ahead = [event.time_seconds - heard for heard, event in told if event.time_seconds > 2.5]
    assert len(ahead) > 6
    assert np.mean(np.array(ahead) > 0.0) > 0.9


def test_blocks_do_not_matter():
    sound = clicks(ramp(96, 96, 0, 1, 6.0), 6.0)
    runs = [[event for _, event in follow(sound, size)[1]] for size in (64, 1000, len(sound))]
    assert len(runs[0]) > 4
    assert runs[0] == runs[1] == runs[2]


def test_a_tempo_that_is_known_is_kept():
    sound = clicks(ramp(70, 70, 0, 1, 8.0), 8.0)
    follower = BeatFollower(RATE)
    follower.set_tempo(140.0)
    told = [
        event
        for start in range(0, len(sound), 441)
        for event in follower.push(sound[start : start + 441])
    ]
    assert follower.pulse.tempo_bpm == pytest.approx(140.0, rel=0.05)
    assert told[-1].time_seconds - told[-2].time_seconds == pytest.approx(60 / 140, abs=0.05)
    follower.set_tempo(None)
    with pytest.raises(RangeError, match="tempo"):
        follower.set_tempo(1000.0)


def test_a_pulse_goes_on():
    pulse = Pulse(10.0, 4, 4, 120.0, 0.9)
    assert pulse.phase(10.125) == pytest.approx(0.25)
    events = pulse.beats_after(10.1, 3)
    assert [event.number for event in events] == [1, 2, 3]
    assert [event.time_seconds for event in events] == pytest.approx([10.5, 11.0, 11.5])


def test_silence_tells_nothing():
    follower, told = follow(np.zeros(3 * RATE, np.float32))
    assert told == []
    assert follower.heard_seconds == pytest.approx(3.0, abs=0.1)


def test_bad_input_is_told():
    with pytest.raises(RangeError, match="sample rate"):
        BeatFollower(10)
    with pytest.raises(RangeError, match="lead"):
        BeatFollower(RATE, lead_seconds=3.0)
    with pytest.raises(SegueError, match="shape"):
        BeatFollower(RATE).push(np.zeros((2, 2, 2)))
    with pytest.raises(SegueError, match="NaN"):
        BeatFollower(RATE).push(np.array([np.nan]))
