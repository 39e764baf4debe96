"""PCM blocks to a callback or a queue, numbered, and never holding up the audio.

Who reads too slowly loses the oldest blocks: the audio does not wait. A gap in the numbers tells
how many.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..music.errors import SegueError, UnknownNameError
from .live import BlockClock, LiveSink, Pull
from .pyo_host import Samples

SAMPLE_FORMATS: dict[str, "np.dtype[Any]"] = {
    "float32": np.dtype(np.float32),
    "int16": np.dtype(np.int16),
}
LIMIT_BLOCKS = 64

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PcmBlock:
    """Some frames of stereo sound."""

    sequence: int  # 0, 1, 2 ...; a gap is what was dropped
    frame: int  # of the first sample, counted from the start of the stream
    samples: NDArray[np.float32] | NDArray[np.int16]  # [shape=(frames, 2)], full scale 1 or 32767
    music_frame: int = 0  # of the music at the first sample, which stands while it is paused


OnBlock = Callable[[PcmBlock], object]
"""Called with each block, in order."""


@dataclass(frozen=True)
class Stream:
    """What a stream sink is to do.

    Live, `on_block` is called from a thread of its own and may take its time: the oldest blocks are
    dropped beyond `limit_blocks`. Offline it is called from the thread that renders, and nothing is
    dropped. `BlockQueue.put` is a fine `on_block`.
    """

    on_block: OnBlock
    sample_format: str = "float32"  # of SAMPLE_FORMATS
    realtime: bool = True  # keeps the machine's time; else it is written to, as fast as that comes
    limit_blocks: int = LIMIT_BLOCKS

    def __post_init__(self) -> None:
        if self.sample_format not in SAMPLE_FORMATS:
            raise UnknownNameError("sample format", self.sample_format, SAMPLE_FORMATS)
        if self.limit_blocks < 1:
            raise SegueError(f"limit_blocks is {self.limit_blocks}; give 1 or more")


class BlockQueue:
    """Holds the newest blocks, up to a limit, for whoever reads them.

    `dropped` counts what was thrown away unread. Iterating ends when the queue is closed and empty.
    """

    def __init__(self, limit_blocks: int = LIMIT_BLOCKS) -> None:
        self.dropped = 0
        self._blocks: deque[PcmBlock] = deque(maxlen=limit_blocks)
        self._changed = threading.Condition()
        self._closed = False

    def put(self, block: PcmBlock) -> None:
        """Add a block, in place of the oldest if the queue is full; never waits."""
        with self._changed:
            self.dropped += len(self._blocks) == self._blocks.maxlen
            self._blocks.append(block)
            self._changed.notify()

    def get(self, timeout_seconds: float | None = None) -> PcmBlock | None:
        """The oldest block; None when the queue is closed and empty, or the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._blocks or self._closed, timeout_seconds)
            return self._blocks.popleft() if self._blocks else None

    def close(self) -> None:
        """No more blocks come; those here can still be read."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def __len__(self) -> int:
        return len(self._blocks)

    def __iter__(self) -> Iterator[PcmBlock]:
        while (block := self.get()) is not None:
            yield block


class Delivery:
    """Hands blocks to a callback from a thread of its own, and counts those that were lost."""

    def __init__(self, on_block: OnBlock, limit_blocks: int) -> None:
        self.dropped = 0
        self.failure: Exception | None = None  # what the callback raised; nothing comes after it
        self._on_block, self._expected = on_block, 0
        self._queue = BlockQueue(limit_blocks)
        self._thread = threading.Thread(target=self._run, name="segue-stream", daemon=True)
        self._thread.start()

    def put(self, block: PcmBlock) -> None:
        """Have a block delivered; never waits."""
        self._queue.put(block)

    def close(self, timeout_seconds: float = 2.0) -> None:
        """Return when the last block is delivered, or the callback has taken too long for it."""
        self._queue.close()
        if self._thread is not threading.current_thread():
            self._thread.join(timeout_seconds)

    def _run(self) -> None:
        for block in self._queue:
            self.dropped += block.sequence - self._expected
            self._expected = block.sequence + 1
            try:
                self._on_block(block)
            except Exception as error:
                self.failure = error
                log.exception("what receives the stream failed; it gets no more blocks")
                return


class PcmWriter:
    """Numbers blocks, brings them into their format and hands them on at once."""

    def __init__(self, on_block: OnBlock, sample_format: str) -> None:
        self._on_block, self._format = on_block, sample_format
        self._sequence = self._frame = 0

    def write(self, block: Samples, music_frame: int | None = None) -> None:
        """Hand on a block: float32 [shape=(frames, 2)], full scale at 1.

        :param music_frame: of its first sample; None: that of the stream
        """
        first = self._frame if music_frame is None else music_frame
        samples = to_pcm(block, self._format)
        self._on_block(PcmBlock(self._sequence, self._frame, samples, first))
        self._sequence += 1
        self._frame += len(block)


class StreamSink(LiveSink):
    """Numbered PCM blocks for a callback.

    :param stream: whether to keep time (`start`) or be written to (`write`), and for whom
    """

    def __init__(self, stream: Stream, sample_rate: int = 48_000, block_frames: int = 256) -> None:
        super().__init__(sample_rate, block_frames)
        self.live = stream.realtime
        self._delivery = Delivery(stream.on_block, stream.limit_blocks) if stream.realtime else None
        on_block = self._delivery.put if self._delivery else stream.on_block
        self._writer = PcmWriter(on_block, stream.sample_format)

    @property
    def dropped(self) -> int:
        """Blocks that the callback was too slow for."""
        return self._delivery.dropped if self._delivery else 0

    def start(self, pull: Pull) -> None:
        """Begin to pull. Only in real time."""
        if not self.live:
            raise SegueError("an offline stream keeps no time; it is written to")
        super().start(pull)

    def write(self, block: Samples) -> None:
        """Hand on a block: float32 [shape=(frames, 2)], full scale at 1. Only when offline."""
        if self.live:
            raise SegueError("a real-time stream keeps its own time; start it with a pull")
        if self._stop.is_set():
            raise SegueError("the stream is closed; open a new one to write again")
        self._writer.write(block)
        self.frames += len(block)

    def close(self) -> None:
        """End the stream, when its last block is delivered. Twice is fine."""
        super().close()
        if self._delivery is not None:
            self._delivery.close()

    def _run(self, pull: Pull) -> None:
        clock = BlockClock(self.block_frames / self.sample_rate)
        while not self._stop.is_set():
            self._writer.write(pull(self.block_frames))
            clock.wait(self._stop)


def to_pcm(block: Samples, sample_format: str) -> NDArray[np.float32] | NDArray[np.int16]:
    """A copy of a block in a sample format; int16 is rounded, and clipped at full scale."""
    if sample_format == "int16":
        return np.rint(np.clip(block, -1.0, 1.0) * 32767).astype(np.int16)
    return np.array(block, np.float32)
