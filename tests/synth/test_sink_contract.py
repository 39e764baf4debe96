"""One contract for all sinks: blocks in order, clear ends, nothing after them."""

import threading
import time

import numpy as np
import pytest

from segue.music.errors import SegueError, UnknownNameError
from segue.synth.sinks import SINKS, open_sink
from segue.synth.stream import Stream

CASES = [*SINKS, "stream offline", "file.flac", "file.ogg"]
SERVERS = {"jack": "jack", "auto": "jack", "portaudio": "pulse"}
BLOCKS = 20


class Music:
    """Blocks that are counted; `pull` may be called by one thread at a time."""

    def __init__(self, fail_at=None):
        self.asked, self.overlapping, self.fail_at = [], False, fail_at
        self._busy = threading.Lock()
        self._changed = threading.Condition()

    def pull(self, frames):
        self.overlapping |= not self._busy.acquire(blocking=False)
        try:
            with self._changed:
                self.asked.append(frames)
                self._changed.notify_all()
            if len(self.asked) == self.fail_at:
                raise ValueError("broken")
            return np.full((frames, 2), 0.001 * len(self.asked), np.float32)
        finally:
            self._busy.release()

    def reaches(self, blocks):
        with self._changed:
            return self._changed.wait_for(lambda: len(self.asked) >= blocks, 20)


@pytest.fixture(params=CASES)
def sink(request, tmp_path):
    name = request.param.split(" ")[0].split(".")[0]
    if name in SERVERS:
        request.getfixturevalue(SERVERS[name])
    kind = request.param.partition(".")[2] or "wav"
    stream = Stream(lambda block: None, realtime="offline" not in request.param)
    opened = open_sink(
        name,
        path=tmp_path / f"music.{kind}" if name == "file" else None,
        stream=stream if name == "stream" else None,
        block_frames=512,
    )
    yield opened
    opened.abort()


def play(sink, music, blocks=BLOCKS):
    """Have a sink take so many blocks, or more if it keeps its own time."""
    if sink.live:
        sink.start(music.pull)
        assert music.reaches(blocks)
    else:
        for _ in range(blocks):
            sink.write(music.pull(512))


def test_it_takes_block_after_block_and_none_after_close(sink):
    music = Music()
    play(sink, music)
    sink.close()
    taken = len(music.asked)
    assert sink.frames == sum(music.asked) >= BLOCKS * 64 and not music.overlapping
    if sink.live:
        with pytest.raises(SegueError, match="open a new one"):
            sink.start(music.pull)
        assert sink.failure is None
    else:
        with pytest.raises(SegueError, match="closed; open a new"):
            sink.write(np.zeros((512, 2), np.float32))
    assert len(music.asked) == taken


def test_it_can_end_at_any_time_in_any_order(sink):
    start = time.monotonic()
    sink.close()
    sink.close()
    sink.abort()
    assert time.monotonic() - start < 5


def test_a_music_that_fails_stops_it_and_is_kept(sink):
    music = Music(fail_at=3)
    if not sink.live:
        with pytest.raises(ValueError, match="broken"):
            play(sink, music)
        assert sink.frames == 2 * 512
        return
    sink.start(music.pull)
    assert music.reaches(3)
    sink.close()
    assert isinstance(sink.failure, ValueError) and len(music.asked) == 3


def test_unknown_names_and_options_that_do_not_belong():
    with pytest.raises(UnknownNameError, match=r"unknown sink 'jak'; did you mean 'jack'"):
        open_sink("jak")
    with pytest.raises(SegueError, match="give a path with sink 'file' only"):
        open_sink("null", path="music.wav")
    with pytest.raises(SegueError, match="give a path"):
        open_sink("file")
    with pytest.raises(SegueError, match="give a Stream"):
        open_sink("stream")
    assert all(SINKS.values())
