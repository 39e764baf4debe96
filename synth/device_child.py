"""The process that holds one audio device for `devices.DeviceProcess`.

It boots a tiny pyo server on the driver. The server's audio callback asks the engine for the next
block over a socket and waits for it, so that the sound is not a block late; what does not come in
time is a short fade instead of a click. When blocks are late again and again, one more is kept
under way, which costs a block of latency and ends the gaps.

Sound libraries can hang where no Python runs; `faulthandler`'s timer then ends the process.
"""

import faulthandler
import os
import signal
import socket
import struct
import sys
import threading
import time
from collections import deque
from typing import Any

import numpy as np

from .pipe import pack, receive
from .pyo_host import Samples, load_pyo

BOOT_SECONDS, LEAVE_SECONDS, WATCH_SECONDS = 15.0, 1.0, 0.1
WAIT_BLOCKS = 0.9  # how long the callback waits for its block, in blocks
FADE_FRAMES = 64
LATE_BLOCKS, LATE_SECONDS, MOST_AHEAD = 3, 5.0, 2

REQUEST = struct.Struct("<III")  # number of the request, frames, late blocks so far
REPLY = struct.Struct("<I")  # number of the request; float32 samples follow


class Feed:
    """Blocks from the engine, one for each call."""

    def __init__(self, link: socket.socket, block_frames: int, sample_rate: int) -> None:
        self._link, self._frames = link, block_frames
        self._wait_seconds = WAIT_BLOCKS * block_frames / sample_rate
        self._buffer = bytearray(REPLY.size + 8 * block_frames)
        self._filled = 0  # bytes of a reply that has come in part
        self._asked = 0
        self._ahead = 0  # blocks kept under way
        self._late = 0
        self._late_at: deque[float] = deque(maxlen=LATE_BLOCKS)
        self._last = np.zeros(2, np.float32)
        self._silent = True  # the next block has to fade in
        self._gone = False

    def next(self) -> Samples:
        """The next block [shape=(block_frames, 2)], or a fade where it is late."""
        if self._gone:
            return self._fade_out()
        self._asked += 1
        try:
            self._link.sendall(REQUEST.pack(self._asked, self._frames, self._late))
            deadline = time.monotonic() + self._wait_seconds
            while self._receive(deadline) < self._asked - self._ahead:
                pass  # one that was given up
        except TimeoutError:
            self._count_late()
            return self._fade_out()
        except OSError:
            self._gone = True
            return self._fade_out()
        block = np.frombuffer(self._buffer, np.float32, offset=REPLY.size).reshape(-1, 2).copy()
        if self._silent:
            fade = min(FADE_FRAMES, self._frames)
            block[:fade] *= np.linspace(0, 1, fade, dtype=np.float32)[:, None]
            self._silent = False
        self._last = block[-1]
        return block

    def _receive(self, deadline: float) -> int:
        """The number of the next reply, which is in the buffer."""
        self._filled %= len(self._buffer)
        view = memoryview(self._buffer)
        while self._filled < len(view):
            self._link.settimeout(max(deadline - time.monotonic(), 1e-4))
            got = self._link.recv_into(view[self._filled :])
            if not got:
                raise ConnectionError("the engine is gone")
            self._filled += got
        number: int = REPLY.unpack_from(self._buffer)[0]
        return number

    def _count_late(self) -> None:
        self._late += 1
        self._late_at.append(time.monotonic())
        if len(self._late_at) == LATE_BLOCKS and self._ahead < MOST_AHEAD:
            if self._late_at[-1] - self._late_at[0] < LATE_SECONDS:
                self._ahead += 1
                self._late_at.clear()

    def _fade_out(self) -> Samples:
        block = np.zeros((self._frames, 2), np.float32)
        fade = min(FADE_FRAMES, self._frames)
        block[:fade] = np.linspace(1, 0, fade, dtype=np.float32)[:, None] * self._last
        self._last = np.zeros(2, np.float32)
        self._silent = True
        return block


def boot(driver: str, sample_rate: int, block_frames: int) -> tuple[Any, dict[str, Any]]:
    """A pyo server on a driver, and what there is to report of it; the server may be unusable."""
    os.environ["JACK_NO_START_SERVER"] = "1"
    pyo = load_pyo()
    server = pyo.Server(
        sr=sample_rate,
        nchnls=2,
        ichnls=0,
        duplex=0,
        buffersize=block_frames,
        audio=driver,
        jackname="segue",
    )
    server.setVerbosity(1)
    server.boot()
    if not server.getIsBooted():
        return server, {"booted": False}
    names = list(pyo.pa_get_output_devices()[0]) if driver == "portaudio" else []
    return server, {
        "booted": True,
        "sample_rate": int(server.getSamplingRate()),
        "block_frames": int(server.getBufferSize()),
        "outputs": names,
    }


def play(server: Any, feed: Feed, block_frames: int) -> list[Any]:
    """Start the server on the feed; the result keeps its graph alive."""
    pyo = load_pyo()
    tables = [pyo.DataTable(size=block_frames) for _ in range(2)]
    sides = [np.asarray(table.getBuffer()) for table in tables]
    graph = [pyo.TableScan(table).out(side) for side, table in enumerate(tables)]

    def callback() -> None:
        block = feed.next()
        for side, samples in enumerate(sides):
            samples[:] = block[:, side]

    server.setCallback(callback)
    server.start()
    return [tables, graph, callback]


def main() -> int:
    """Hold a device until standard input ends."""
    for number in (signal.SIGINT, signal.SIGTERM):  # sent to a whole group: the engine's to handle
        signal.signal(number, signal.SIG_IGN)
    config = receive(sys.stdin.buffer)
    link = _borrow(config["socket"])
    faulthandler.dump_traceback_later(BOOT_SECONDS, exit=True)
    server, report = boot(config["driver"], config["sample_rate"], config["block_frames"])
    faulthandler.cancel_dump_traceback_later()
    link.sendall(pack(report))
    if report["booted"] and sys.stdin.buffer.read(1):  # the word to start
        feed = Feed(link, report["block_frames"], report["sample_rate"])
        kept = play(server, feed, report["block_frames"])
        if not _wait_for_end(server):
            os._exit(1)  # the driver has gone away, and the socket tells so
        faulthandler.dump_traceback_later(LEAVE_SECONDS, exit=True)
        server.stop()
        kept.clear()
        server.shutdown()
    os._exit(0)  # some drivers crash on the ordinary way out


def _wait_for_end(server: Any) -> bool:
    """True when standard input ends, False when the server has stopped by itself."""
    ended = threading.Event()

    def read() -> None:
        sys.stdin.buffer.read()
        ended.set()

    threading.Thread(target=read, daemon=True).start()
    while not ended.wait(WATCH_SECONDS):
        if not server.getIsStarted():
            return False
    return True


def _borrow(handle: Any) -> socket.socket:
    if sys.platform == "win32":
        return socket.fromshare(handle)
    return socket.socket(fileno=handle)


if __name__ == "__main__":
    main()
