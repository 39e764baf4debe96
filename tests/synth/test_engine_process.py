"""The engine in its own process: the same music, and clear ends."""

import os
import select
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
import soundfile

from segue.music.errors import RangeError, SegueError, UnknownNameError
from segue.music.events import Channel
from segue.synth.engine import Engine
from segue.synth.engine_process import EngineProcess

BAND = [
    Channel(name, instrument)
    for name, instrument in zip("abcde", ("piano", "pad", "bass", "pluck", "drums"), strict=True)
]


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
    with pytest.raises(KeyboardInterrupt), EngineProcess(BAND, sink="file", path=path) as engine:
        engine.advance(1_000)
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_errors_come_back_as_they_are(events, tmp_path):
    with pytest.raises(UnknownNameError, match="did you mean 'piano'"):
        EngineProcess([Channel("a", "paino")])
    with pytest.raises(RangeError, match="block"):
        EngineProcess(BAND, block_frames=1)
    with pytest.raises(UnknownNameError, match="sink"):
        EngineProcess(BAND, sink="speaker")
    with pytest.raises(SegueError, match="give a path"):
        EngineProcess(BAND, sink="file")
    with pytest.raises(SegueError, match="cannot write"):
        EngineProcess(BAND, sink="file", path=tmp_path / "nowhere" / "a.wav")
    with EngineProcess(BAND) as engine:
        with pytest.raises(UnknownNameError, match="did you mean"):
            engine.control("layer.a.gian", 1.0)
        with pytest.raises(RangeError, match="channel of event 0"):
            engine.schedule(events((0, 100, 60, 0.5, 9)))
        engine.advance(256)  # still well
    with pytest.raises(SegueError, match="closed"):
        engine.advance(256)


def test_a_crash_is_told_at_once_and_leaves_no_part(tmp_path):
    engine = EngineProcess(BAND, sink="file", path=tmp_path / "music.wav")
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
    with EngineProcess(BAND, sink="silent") as engine:
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
