"""The pyo server behind an engine: loading, booting, buses, and flush-to-zero.

pyo runs in `manual` mode: the host asks for one block at a time and reads it from memory that pyo
owns. Nothing here touches an audio device.
"""

import contextlib
import ctypes
import io
import os
import platform
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..music.errors import MissingPartError, SegueError

Samples = NDArray[np.float32]


def load_pyo() -> ModuleType:
    """The pyo module, imported on first use and without its banner."""
    os.environ.setdefault("PYO_GUI_WX", "0")
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            import pyo
    except ImportError as error:
        raise MissingPartError(
            f"pyo cannot be loaded ({error}); install it with: pip install pyo"
        ) from error
    module: ModuleType = pyo
    return module


class FlushToZero:
    """Context in which this thread's SSE unit treats denormal numbers as zero.

    Decaying filters would otherwise cost ten times as much once silent. The thread's own state is
    restored on leaving, because numpy warns about a changed one. `active` is False where the
    processor or C library is not known; the engine then feeds its reverb inaudible noise instead.
    """

    _FLUSH_BITS = 0x8040  # MXCSR: flush results to zero, treat inputs as zero
    _MXCSR_WORD = 7  # of glibc's fenv_t on x86-64

    def __init__(self) -> None:
        self.active = sys.platform == "linux" and platform.machine() == "x86_64"
        if self.active:
            try:
                self._libm = ctypes.PyDLL("libm.so.6")  # PyDLL: no lock juggling twice per block
            except OSError:
                self.active = False
        self._saved = (ctypes.c_uint32 * 8)()
        self._flushed = (ctypes.c_uint32 * 8)()

    def __enter__(self) -> None:
        if self.active:
            self._libm.fegetenv(self._saved)
            ctypes.memmove(self._flushed, self._saved, 32)
            self._flushed[self._MXCSR_WORD] |= self._FLUSH_BITS
            self._libm.fesetenv(self._flushed)

    def __exit__(self, *_: object) -> None:
        if self.active:
            self._libm.fesetenv(self._saved)


class Bus:
    """One block of samples that the host writes and the graph reads, at audio rate."""

    def __init__(self, pyo: ModuleType, block_frames: int) -> None:
        self.table = pyo.DataTable(size=block_frames)
        self.samples: Samples = np.asarray(self.table.getBuffer())
        self.stream = pyo.TableScan(self.table)


class PyoHost:
    """One booted pyo server in manual mode.

    :param sample_rate: in Hz
    :param block_frames: what one `process` call computes
    :param seed: of every pyo noise generator: same seed, same samples
    :param outputs: channels that it computes
    """

    def __init__(self, sample_rate: int, block_frames: int, seed: int, outputs: int = 2) -> None:
        self.pyo = load_pyo()
        self.block_frames = block_frames
        self.flush = FlushToZero()
        self._server: Any = self.pyo.Server(
            sr=sample_rate,
            nchnls=outputs,
            ichnls=0,
            duplex=0,
            buffersize=block_frames,
            audio="manual",
        )
        self._server.setVerbosity(1)
        # 0 would mean "seed from the clock" to pyo
        self._server.setGlobalSeed(1 + abs(int(seed)) % 2_000_000_000)
        self._server.boot()
        self._server.start()
        address = int(self._server.getOutputAddr(), 16)
        self._block: Samples = np.ctypeslib.as_array(
            ctypes.cast(address, ctypes.POINTER(ctypes.c_float)), (block_frames, outputs)
        )

    @contextlib.contextmanager
    def building(self) -> Iterator[ModuleType]:
        """Make this server the one that new pyo objects belong to."""
        if self._server is None:
            raise SegueError("this engine is closed; make a new one")
        self._server.setServer()
        yield self.pyo

    def process(self) -> Samples:
        """Compute one block: a float32 view [shape=(block_frames, outputs)] until the next call."""
        if self._server is None:
            raise SegueError("this engine is closed; make a new one")
        with self.flush:
            self._server.process()
        return self._block

    def close(self) -> None:
        """Stop and free the server; further calls raise."""
        if self._server is not None:
            self._server.stop()
            self._server.shutdown()
            self._server = None
