"""Offline rendering to arrays and files."""

import numpy as np
import pytest
import soundfile

from segue.music.errors import RangeError, SegueError
from segue.music.events import EVENT, Channel
from segue.synth.render import end_frame, render_array, render_events

BAND = [
    Channel(name, instrument)
    for name, instrument in zip("abcde", ("piano", "pad", "bass", "pluck", "drums"), strict=True)
]


def test_file_and_array_hold_the_same_music(tmp_path, band):
    path = tmp_path / "music.wav"
    shares = []
    report = render_events(band(2.0), BAND, path, seed=3, progress=shares.append)
    samples, rate = soundfile.read(path, dtype="float32")
    array = render_array(band(2.0), BAND, seed=3)
    assert rate == report.sample_rate == 48_000
    assert len(samples) == report.frames == len(array)
    assert np.allclose(samples, array, atol=2**-22)
    assert shares == sorted(shares) and shares[-1] == 1.0 and len(shares) > 20
    assert report.metrics.events_played == len(band(2.0))


def test_the_tail_rings_until_it_is_quiet(events):
    sound = render_array(events((0, 24_000, 60, 0.8, 0)), [Channel("a", "pad", reverb=0.6)])
    assert len(sound) > 24_000 + 48_000
    assert np.abs(sound[24_000 + 24_000 :]).max() > 1e-3
    assert np.abs(sound[-9_600:]).max() < 1e-4
    short = render_array(
        events((0, 24_000, 60, 0.8, 0)), [Channel("a", "pad", reverb=0.6)], tail_seconds=0.5
    )
    assert len(short) == 48_000


def test_the_report_says_how_long_and_how_fast(tmp_path, band):
    report = render_events(band(2.0), BAND, tmp_path / "music.flac")
    assert report.times_real_time == pytest.approx(report.audio_seconds / report.wall_seconds)
    assert report.audio_seconds == report.frames / 48_000


def test_no_events_make_a_short_silence(tmp_path):
    nothing = np.zeros(0, dtype=EVENT)
    assert end_frame(nothing) == 0
    assert not np.any(render_array(nothing, BAND))


def test_errors_and_interrupts_leave_no_file(tmp_path, band, events):
    path = tmp_path / "music.wav"
    with pytest.raises(RangeError):
        render_events(events((0, 100, 60, 0.5, 9)), BAND, path)
    with pytest.raises(SegueError):
        render_events(band(0.5), BAND, tmp_path / "nowhere" / "music.wav")

    def interrupt(share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render_events(band(0.5), BAND, path, progress=interrupt)
    assert list(tmp_path.iterdir()) == []
