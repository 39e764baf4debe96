"""Stream sinks and their queue."""

import threading
import time

import numpy as np
import pytest

from segue.music.errors import SegueError, UnknownNameError
from segue.synth.stream import BlockQueue, Delivery, PcmBlock, Stream, StreamSink

SILENCE = np.zeros((4, 2), np.float32)


def blocks(numbers):
    return [PcmBlock(number, 4 * number, SILENCE) for number in numbers]


def test_a_full_queue_drops_the_oldest_and_counts():
    queue = BlockQueue(limit_blocks=3)
    for block in blocks(range(5)):
        queue.put(block)
    assert queue.dropped == 2 and len(queue) == 3
    assert queue.get().sequence == 2
    queue.close()
    assert [block.sequence for block in queue] == [3, 4]
    assert queue.get() is None and BlockQueue().get(timeout_seconds=0.01) is None


def test_a_waiting_reader_gets_the_block():
    queue, got = BlockQueue(), []
    reader = threading.Thread(target=lambda: got.extend(queue))
    reader.start()
    for block in blocks(range(3)):
        queue.put(block)
    queue.close()
    reader.join(20)
    assert [block.sequence for block in got] == [0, 1, 2]


def test_written_blocks_are_numbered_and_none_is_lost():
    got = []
    sink = StreamSink(Stream(got.append, realtime=False, limit_blocks=1))
    for length in (256, 100, 256):
        sink.write(np.full((length, 2), 0.25, np.float32))
    assert [(block.sequence, block.frame) for block in got] == [(0, 0), (1, 256), (2, 356)]
    assert got[1].samples.dtype == np.float32 and got[1].samples.shape == (100, 2)
    assert sink.dropped == 0 and sink.frames == 612


def test_int16_is_rounded_and_clipped():
    got = []
    sink = StreamSink(Stream(got.append, sample_format="int16", realtime=False))
    sink.write(np.array([[0.0, 1.0], [2.0, -2.0], [0.5, -1.0]], np.float32))
    assert got[0].samples.dtype == np.int16
    assert got[0].samples.tolist() == [[0, 32767], [32767, -32767], [16384, -32767]]


def test_a_slow_receiver_loses_the_oldest_and_never_holds_up_the_audio():
    release, pulled, got = threading.Event(), threading.Semaphore(0), []

    def receive(block):
        assert release.wait(20)
        got.append(block)

    def pull(frames):
        pulled.release()
        return np.zeros((frames, 2), np.float32)

    sink = StreamSink(Stream(receive, limit_blocks=4), 48_000, 240)
    start = time.monotonic()
    sink.start(pull)
    for _ in range(60):
        assert pulled.acquire(timeout=20)
    assert time.monotonic() - start < 10  # 0.3 s of sound, though nobody took a block
    release.set()
    sink.close()
    numbers = [block.sequence for block in got]
    assert numbers == sorted(set(numbers))
    assert sink.dropped == numbers[-1] + 1 - len(numbers) > 40
    assert [block.frame for block in got] == [240 * number for number in numbers]


def test_a_receiver_that_fails_is_told_once_and_gets_no_more(caplog):
    calls = []

    def receive(block):
        calls.append(block)
        raise ValueError("full")

    delivery = Delivery(receive, 8)
    for block in blocks(range(3)):
        delivery.put(block)
    delivery.close()
    assert len(calls) == 1 and isinstance(delivery.failure, ValueError)
    assert [record.message for record in caplog.records] == [
        "what receives the stream failed; it gets no more blocks"
    ]


def test_bad_options():
    with pytest.raises(UnknownNameError, match="did you mean 'int16'"):
        Stream(print, sample_format="int61")
    with pytest.raises(SegueError, match="limit_blocks is 0"):
        Stream(print, limit_blocks=0)
    live, offline = StreamSink(Stream(print)), StreamSink(Stream(print, realtime=False))
    with pytest.raises(SegueError, match="own time"):
        live.write(SILENCE)
    with pytest.raises(SegueError, match="written to"):
        offline.start(lambda frames: SILENCE)
    live.close()
