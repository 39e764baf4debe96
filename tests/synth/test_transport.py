"""Pausing, seeking, and going on from a snapshot, on real pyo."""

import json

import numpy as np
import pytest

from segue.analysis.sound.audio import find_clicks
from segue.music.errors import RangeError, SegueError
from segue.music.events import Channel
from segue.synth.engine import Engine

RATE = 48_000
BAND = [
    Channel("melody", "piano", reverb=0.25),
    Channel("pad", "pad", reverb=0.35),
    Channel("bass", "bass", reverb=0.05),
    Channel("arp", "pluck", pan=0.2, reverb=0.3),
    Channel("drums", "drums", reverb=0.1),
]
HELD = [Channel("a", "strings", reverb=0.0)]


@pytest.mark.parametrize("frames", [256, 100, 5_000])
def test_a_pause_holds_the_music_and_leaves_nothing_out(band, frames):
    with Engine(BAND, seed=1) as engine:
        engine.schedule(band(3.0))
        whole = engine.render(2 * RATE)
    with Engine(BAND, seed=1) as engine:
        engine.schedule(band(3.0))
        first = engine.render(RATE // 2)
        engine.pause()
        engine.pause()
        rest = [engine.render(frames) for _ in range(30)]
        stood = engine.frame
        assert engine.paused and not np.any(rest[-1])
        assert np.array_equal(engine.render(frames), np.zeros((frames, 2)))
        assert engine.frame == stood == RATE // 2 + 480
        engine.resume()
        after = engine.render(2 * RATE - stood)
        assert engine.frame == 2 * RATE and not engine.paused
    heard = np.concatenate(rest)[:480]
    assert np.array_equal(first, whole[: RATE // 2])
    assert np.abs(heard).max() <= np.abs(whole[RATE // 2 : stood]).max()
    assert np.array_equal(after[480:], whole[stood + 480 :])
    # in the silent stretch there is nothing for the click to hide behind
    assert not len(find_clicks(np.concatenate([first, *rest]), RATE))


def test_resuming_within_the_fade_out_goes_on_smoothly(band):
    with Engine(BAND, seed=1) as engine:
        engine.schedule(band(2.0))
        parts = [engine.render(RATE)]
        engine.pause()
        parts.append(engine.render(200))
        engine.resume()
        parts.append(engine.render(RATE // 2))
    assert np.any(parts[2][-1000:])
    assert not len(find_clicks(np.concatenate(parts), RATE))


def test_seeking_drops_what_was_to_come_and_lets_what_sounds_fade(events):
    with Engine(HELD) as engine:
        engine.schedule(events((0, 10**6, 60, 0.6, 0), (60_000, 9_000, 64, 0.6, 0)))
        before = engine.render(24_000)
        engine.seek(1_000_000)
        assert engine.frame == 1_000_000
        assert engine.metrics().events_pending == 0
        engine.schedule(events((1_002_000, 20_000, 67, 0.6, 0)))
        after = engine.render(12_000)
        assert engine.frame == 1_012_000
        onset = np.flatnonzero(np.abs(after[1_500:, 0]))[0] + 1_500
        assert 2_000 <= onset <= 2_001
        back = engine.metrics()
        engine.seek(0)
        engine.render(RATE)
        assert back.events_late == 0 and engine.metrics().voices_active == 0
    assert np.abs(after[:700]).max() > 0.001 and not np.any(after[1_000:1_990])
    assert not len(find_clicks(np.concatenate([before, after]), RATE)[:-1])  # the last: it is cut


def test_a_note_that_begins_with_a_seek_is_not_stolen_by_timers_of_the_past(events):
    with Engine(HELD) as engine:
        engine.schedule(events((0, 30_000, 60, 0.6, 0)))
        engine.render(20_000)
        engine.seek(500)
        engine.schedule(events((600, 40_000, 60, 0.6, 0)))
        sound = engine.render(40_000)
    assert np.abs(sound[30_000:]).max() > 0.01  # not cut off at the old note's end


def test_a_snapshot_goes_on_in_another_engine(events):
    notes = [(0, 60_000, 48, 0.6, 0), (30_000, 9_000, 72, 0.6, 0), (9_000, 99, 55, 0.6, 0)]
    with Engine(HELD, seed=1) as engine:
        engine.schedule(events(*notes))
        engine.control("layer.a.filter", 900.0)
        engine.control("master.gain", 0.5)
        engine.render(24_000)
        state = json.loads(json.dumps(engine.snapshot()))
    with Engine(HELD, seed=1) as engine:
        engine.render(777)
        engine.restore(state)
        assert engine.frame == 24_000
        assert engine.controls()["layer.a.filter"] == pytest.approx(900.0)
        assert engine.controls()["master.gain"] == 0.5
        sound = engine.render(120_000)
        assert np.abs(sound[3_000:6_000]).max() > 0.005  # the held note has begun again
        assert engine.metrics().events_played == 2 and engine.metrics().events_late == 0
        assert not np.any(sound[-1_000:])


@pytest.mark.parametrize("instrument", ["strings", "violin", "drums"])
def test_turns_go_on_from_a_snapshot(events, instrument):
    notes = [(4_800 * n, 4_000, 60, 0.6, 0) for n in range(4)]
    later = (240_000, 9_000, 60, 0.6, 0)
    channels = [Channel("a", instrument)]
    sounds = []
    with Engine(channels) as engine:
        engine.schedule(events(*notes, later))
        engine.render(200_000)
        state = json.loads(json.dumps(engine.snapshot()))
        assert sum(state["turns"].values()) >= 4
        sounds.append(engine.render(60_000))
    for turns in (state["turns"], {}):
        with Engine(channels) as engine:
            engine.restore(state | {"turns": turns})
            sounds.append(engine.render(60_000))
    told, kept, lost = (sound[39_000:] for sound in sounds)
    level = np.abs(told).max()
    alike = [np.corrcoef(told[:, 0], sound[:, 0])[0, 1] for sound in (kept, lost)]
    assert level > 0.005 and alike[0] > 0.9999 and alike[1] < 0.9999


def test_a_snapshot_that_is_not_whole_changes_nothing(events):
    with Engine(HELD) as engine:
        engine.schedule(events((10_000, 9_000, 60, 0.6, 0)))
        state = engine.snapshot()
        broken = [
            {},
            state | {"format": 0},
            state | {"channels": ["b"]},
            state | {"frame": -1},
            state | {"held": [[1, 2]]},
            state | {"pending": [[0, 1, 7, 60.0, 0.5]]},
            state | {"controls": {"layer.a.filter": 1e9}},
            state | {"controls": {"layer.b.gain": 1.0}},
        ]
        for bad in broken:
            with pytest.raises(SegueError):
                engine.restore(bad)
        assert engine.frame == 0 and engine.metrics().events_pending == 1
        with pytest.raises(RangeError):
            engine.seek(-1)
