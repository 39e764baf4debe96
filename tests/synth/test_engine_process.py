"""The engine in its own process: the same music, and clear ends."""

import os
import select
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest
import soundfile

from segue.music.errors import RangeError, SegueError, UnknownNameError
from segue.music.events import Channel
from segue.synth.ending import QUIET
from segue.synth.engine import Engine
from segue.synth.engine_process import EngineProcess
from segue.synth.stream import BlockQueue, Stream

BAND = [
    Channel(name, instrument)
    for name, instrument in zip("abcde", ("piano", "pad", "bass", "pluck", "drums"), strict=True)
]
SOLO = [Channel("a", "organ", reverb=0.0)]


def ends(process_id, seconds=20.0):
    """Whether a process of this machine ends in time; works for those that are not our children."""
    try:
        handle = os.pidfd_open(process_id)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], seconds)[0])
    finally:
        os.close(handle)


def play_until(engine, frame):
    """Wait till a live engine has rendered a frame; each call waits for a block."""
    deadline = time.monotonic() + 20
    while engine.metrics().frames < frame and time.monotonic() < deadline:
        pass


def test_offline_it_makes_the_same_samples_as_an_engine_here(tmp_path, band):
    path = tmp_path / "music.wav"
    with EngineProcess(BAND, sink="file", path=path, seed=5) as remote, Engine(BAND, seed=5) as own:
        for engine in (remote, own):
            engine.schedule(band(1.5))
            engine.control("layer.b.gain", 0.5, ramp_seconds=0.2)
        first = remote.render(20_000)
        assert np.array_equal(first, own.render(20_000))
        assert remote.frame == 20_000
        assert remote.cancel(40_000) == own.cancel(40_000) > 0
        remote.release_all()
        own.release_all()
        remote.advance(12_345)
        rest = own.render(12_345)
        assert remote.metrics() == own.metrics()
        assert not path.exists()
    samples, rate = soundfile.read(path, dtype="float32")
    assert rate == 48_000
    assert np.allclose(samples, np.concatenate([first, rest]), atol=2**-22)
    assert [entry.name for entry in tmp_path.iterdir()] == ["music.wav"]


def test_leaving_by_an_error_leaves_no_file(tmp_path):
    path = tmp_path / "music.wav"
    with pytest.raises(KeyboardInterrupt), EngineProcess(SOLO, sink="file", path=path) as engine:
        engine.advance(1_000)
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_errors_come_back_as_they_are(events, tmp_path):
    with pytest.raises(UnknownNameError, match="did you mean 'piano'"):
        EngineProcess([Channel("a", "paino")])
    with pytest.raises(RangeError, match="block"):
        EngineProcess(SOLO, block_frames=1)
    with pytest.raises(UnknownNameError, match="sink"):
        EngineProcess(SOLO, sink="speaker")
    with pytest.raises(SegueError, match="give a path"):
        EngineProcess(SOLO, sink="file")
    with pytest.raises(SegueError, match="cannot write"):
        EngineProcess(SOLO, sink="file", path=tmp_path / "nowhere" / "a.wav")
    with EngineProcess(SOLO) as engine:
        with pytest.raises(UnknownNameError, match="did you mean"):
            engine.control("layer.a.gian", 1.0)
        with pytest.raises(RangeError, match="channel of event 0"):
            engine.schedule(events((0, 100, 60, 0.5, 9)))
        engine.advance(256)  # still well
    with pytest.raises(SegueError, match="closed"):
        engine.advance(256)


def test_a_crash_is_told_at_once_and_leaves_no_part(tmp_path):
    engine = EngineProcess(SOLO, sink="file", path=tmp_path / "music.wav")
    engine.advance(1_000)
    os.kill(engine.process_id, signal.SIGSEGV)
    with pytest.raises(SegueError, match="ended with code -11"):
        engine.advance(10**7)
    with pytest.raises(SegueError, match="ended with code -11"):
        engine.metrics()
    with pytest.raises(SegueError, match="ended with code -11"):
        engine.close()  # an unfinished file must not pass for a finished one
    engine.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="looks into the child through /proc")
def test_the_child_loads_no_torch_and_dies_with_its_parent():
    program = """
        import os, sys
        from segue.music.events import Channel
        from segue.synth.engine_process import EngineProcess
        if __name__ == "__main__":
            engine = EngineProcess([Channel("a", "piano")], sink="silent")
            with open(f"/proc/{engine.process_id}/maps") as maps:
                print(engine.process_id, "torch" in maps.read(), flush=True)
            os._exit(1)  # no clean-up of any kind
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    process_id, torch = done.stdout.split()
    assert torch == "False"
    assert ends(int(process_id))


def test_live_it_keeps_real_time_and_takes_calls_meanwhile(events):
    with EngineProcess(SOLO, sink="silent") as engine:
        assert engine.live
        play_until(engine, 4_800)
        engine.schedule(events((engine.frame + 9_600, 4_800, 60, 0.6, 0)))
        assert engine.metrics().events_pending == 1
        first = engine.frame_and_time()
        play_until(engine, first[0] + 24_000)
        last = engine.frame_and_time()
        assert (last[0] - first[0]) / (last[1] - first[1]) == pytest.approx(48_000, rel=0.1)
        assert engine.metrics().events_played == 1 and engine.metrics().events_late == 0
        assert abs(engine.frame - (last[0] + (time.monotonic() - last[1]) * 48_000)) < 9_600
        with pytest.raises(SegueError, match="own time"):
            engine.advance(100)


def test_the_transport_and_snapshots_are_those_of_the_engine(band):
    with EngineProcess(BAND, seed=3) as remote, Engine(BAND, seed=3) as own:
        for engine in (remote, own):
            engine.schedule(band(1.0))
            engine.control("layer.a.pan", -0.5)
            engine.render(9_000)
            engine.pause()
        assert remote.paused and np.array_equal(remote.render(3_000), own.render(3_000))
        assert remote.frame == own.frame < 12_000
        assert remote.snapshot() == own.snapshot() and remote.controls() == own.controls()
        kept = remote.snapshot()
        for engine in (remote, own):
            engine.resume()
            engine.seek(40_000)
            engine.restore(kept)
        assert remote.frame == own.frame == kept["frame"]
        assert np.array_equal(remote.render(9_000), own.render(9_000))
        with pytest.raises(RangeError, match="frame to seek"):
            remote.seek(-1)
        with pytest.raises(SegueError, match="not whole"):
            remote.restore({})


def test_live_the_clock_stands_while_paused_and_follows_a_seek():
    with EngineProcess(SOLO, sink="silent") as engine:
        play_until(engine, 4_800)
        engine.pause()
        play_until(engine, engine.frame)
        stands = engine.metrics().frames
        start = time.monotonic()
        while time.monotonic() - start < 0.2:
            assert engine.frame - stands < 1_000
        assert engine.paused
        engine.resume()
        engine.seek(1_000_000)
        assert 1_000_000 <= engine.frame < 1_048_000 and not engine.paused


def test_an_offline_stream_brings_what_is_rendered_in_blocks(events):
    got = []
    stream = Stream(got.append, realtime=False)
    with EngineProcess(SOLO, sink="stream", stream=stream) as engine:
        assert not engine.live
        engine.schedule(events((0, 4_800, 69, 0.8, 0)))
        first = engine.render(1_000)
        engine.advance(2_000)
        assert [len(block.samples) for block in got[:4]] == [256, 256, 256, 232]
        assert sum(len(block.samples) for block in got) == 3_000
    assert np.array_equal(np.concatenate([block.samples for block in got])[:1_000], first)
    assert [block.sequence for block in got] == list(range(len(got)))
    assert np.abs(first).max() > 0.01


def test_a_live_stream_brings_every_block_and_ends_without_a_click(events):
    queue = BlockQueue(limit_blocks=10_000)
    stream = Stream(queue.put, sample_format="int16", limit_blocks=1_000)
    with EngineProcess(SOLO, sink="stream", stream=stream) as engine:
        engine.schedule(events((engine.frame + 1_000, 10**7, 57, 0.8, 0)))
        play_until(engine, 24_000)
    queue.close()
    got = list(queue)
    assert [block.sequence for block in got] == list(range(len(got)))
    assert [block.frame for block in got] == [256 * number for number in range(len(got))]
    assert engine.blocks_dropped == 0
    sound = np.concatenate([block.samples for block in got])[:, 0] / 32767
    assert sound.dtype == np.float64 and np.abs(sound).max() > 0.02
    assert np.abs(sound[-480:]).max() == 0.0
    steps = np.abs(np.diff(sound, 2))
    assert steps[-9_600:].max() < 1.5 * steps[12_000:20_000].max()  # the end is as smooth as a note


def test_a_slow_receiver_of_a_live_stream_does_not_slow_the_music():
    release = threading.Event()
    stream = Stream(lambda block: release.wait(20), limit_blocks=8)
    with EngineProcess(SOLO, sink="stream", stream=stream) as engine:
        first = engine.frame_and_time()
        play_until(engine, first[0] + 48_000)
        last = engine.frame_and_time()
        assert (last[0] - first[0]) / (last[1] - first[1]) == pytest.approx(48_000, rel=0.1)
        release.set()
        play_until(engine, engine.frame + 4_800)
        assert engine.blocks_dropped > 100


@pytest.mark.parametrize("tail_seconds", [0.0, 5.0])
def test_notes_ring_out_into_the_file(tmp_path, events, tail_seconds):
    path = tmp_path / "music.wav"
    engine = EngineProcess([Channel("a", "piano", reverb=0.0)], sink="file", path=path)
    engine.schedule(events((0, 10**7, 60, 0.8, 0), (10**6, 4_800, 60, 0.8, 0)))
    engine.advance(24_000)
    engine.close(tail_seconds)
    sound, _ = soundfile.read(path)
    if tail_seconds:
        assert 24_000 < len(sound) < 24_000 + 5.2 * 48_000
        assert np.abs(sound[24_000:24_480]).max() > 0.01 and np.abs(sound[-480:]).max() < QUIET
    else:
        assert len(sound) == 24_000


def test_a_live_engine_rings_out_when_it_is_closed(events):
    queue = BlockQueue(limit_blocks=10_000)
    stream = Stream(queue.put, limit_blocks=1_000)
    engine = EngineProcess([Channel("a", "piano", reverb=0.0)], sink="stream", stream=stream)
    engine.schedule(events((engine.frame + 4_800, 10**7, 72, 0.8, 0)))
    play_until(engine, engine.frame + 9_600)
    at = engine.metrics().frames
    with pytest.raises(RangeError, match="tail in seconds"):
        engine.close(tail_seconds=31)
    engine.close(tail_seconds=3.0)
    queue.close()
    sound = np.concatenate([block.samples for block in queue])[:, 0]
    assert np.abs(sound[at + 2_400 :]).max() > 0.01  # not cut at once
    assert np.abs(sound[-480:]).max() == 0.0 and len(sound) < at + 3.5 * 48_000
