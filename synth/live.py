"""Live sinks: a clock or a sound card that pulls blocks from an engine.

`DeviceSink` boots a second, tiny pyo server on the device; its audio callback asks for the next
block and hands it on. Booting PortAudio without a device kills the process, so devices
are probed in a child process first.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..music.errors import MissingPartError, UnknownNameError
from .pyo_host import FlushToZero, Samples, load_pyo

Pull = Callable[[int], Samples]
"""Called with a number of frames n; returns float32 [shape=(n, 2)]."""

DRIVERS = ("jack", "portaudio")
LIVE_SINKS = ("silent", *DRIVERS, "auto")
PROBE_SECONDS = 20.0

_PROBE = """
import json, os, sys
os.environ["PYO_GUI_WX"] = "0"
import pyo
server = pyo.Server(
    sr=int(sys.argv[2]), buffersize=int(sys.argv[3]), audio=sys.argv[1], nchnls=2, duplex=0
)
server.setVerbosity(1)
server.boot()
report = {"booted": bool(server.getIsBooted())}
if report["booted"]:
    report["sample_rate"] = server.getSamplingRate()
    report["block_frames"] = server.getBufferSize()
if sys.argv[1] == "portaudio" and report["booted"]:
    names, indices = pyo.pa_get_output_devices()
    report["outputs"] = list(names)
print("PROBE " + json.dumps(report), flush=True)
os._exit(0)
"""


@dataclass(frozen=True)
class Device:
    """What a probe found out about one audio driver."""

    driver: str  # one of DRIVERS
    usable: bool
    detail: str  # why not, or the outputs' names
    sample_rate: int = 0  # Hz, 0 if not usable
    block_frames: int = 0


def probe(driver: str, sample_rate: int = 48_000, block_frames: int = 256) -> Device:
    """Boot an audio driver in a child process and report; never raises for a missing device."""
    if driver not in DRIVERS:
        raise UnknownNameError("audio driver", driver, DRIVERS)
    environment = os.environ | {"JACK_NO_START_SERVER": "1"}
    command = [sys.executable, "-c", _PROBE, driver, str(sample_rate), str(block_frames)]
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=PROBE_SECONDS
        )
    except subprocess.TimeoutExpired:
        return Device(driver, False, f"no answer within {PROBE_SECONDS:g} s")
    lines = [line for line in done.stdout.splitlines() if line.startswith("PROBE ")]
    if not lines:
        return Device(driver, False, f"booting it crashed (exit code {done.returncode})")
    report = json.loads(lines[-1].removeprefix("PROBE "))
    if not report["booted"]:
        return Device(driver, False, "no server or device answered")
    outputs = ", ".join(report.get("outputs", ())) or "a running server"
    return Device(driver, True, outputs, int(report["sample_rate"]), int(report["block_frames"]))


def devices() -> list[Device]:
    """A probe of every driver, for `segue doctor`."""
    return [probe(driver) for driver in DRIVERS]


class LiveSink(Protocol):
    """What pulls blocks in real time. Rate and block are the device's, known before `start`."""

    sample_rate: int
    block_frames: int
    failure: BaseException | None  # what `pull` raised, if it did; pulling has stopped then

    def start(self, pull: Pull) -> None:
        """Begin to call `pull` from the sink's own thread, once per block."""

    def close(self) -> None:
        """Stop pulling and free the device."""


class SilentSink:
    """Pulls at the pace of the machine's clock and plays nothing: for headless sessions.

    Deadlines are absolute, so that it does not drift; after a stall of over a second it does not
    catch up.
    """

    def __init__(self, sample_rate: int = 48_000, block_frames: int = 256) -> None:
        self.sample_rate, self.block_frames = sample_rate, block_frames
        self.failure: BaseException | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, pull: Pull) -> None:
        """Begin to pull."""
        self._thread = threading.Thread(target=self._run, args=(pull,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop pulling; returns once the last block is done."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self, pull: Pull) -> None:
        period = self.block_frames / self.sample_rate
        due = time.monotonic()
        while not self._stop.is_set():
            try:
                pull(self.block_frames)
            except BaseException as error:
                self.failure = error
                return
            due += period
            late = time.monotonic() - due
            if late > 1.0:
                due += late
            elif late < 0 and self._stop.wait(-late):
                break


class DeviceSink:
    """Pulls from the audio callback of a pyo server on a real driver.

    Raises MissingPartError when the driver has no server or device.

    :param driver: one of `DRIVERS`
    :param sample_rate: wanted, in Hz; the device may impose its own
    :param block_frames: wanted; the device may impose its own
    """

    def __init__(self, driver: str, sample_rate: int = 48_000, block_frames: int = 256) -> None:
        found = probe(driver, sample_rate, block_frames)
        if not found.usable:
            raise MissingPartError(_no_device([found]))
        if driver == "jack":
            os.environ["JACK_NO_START_SERVER"] = "1"
        pyo = load_pyo()
        self._server: Any = pyo.Server(
            sr=found.sample_rate,
            nchnls=2,
            ichnls=0,
            duplex=0,
            buffersize=found.block_frames,
            audio=driver,
            jackname="segue",
        )
        self._server.setVerbosity(1)
        self._server.boot()
        if not self._server.getIsBooted():
            raise MissingPartError(_no_device([Device(driver, False, "it went away again")]))
        self.sample_rate = int(self._server.getSamplingRate())
        self.block_frames = int(self._server.getBufferSize())
        self._server.setServer()
        tables = [pyo.DataTable(size=self.block_frames) for _ in range(2)]
        self._samples = [np.asarray(table.getBuffer()) for table in tables]
        self._graph = [pyo.TableScan(table).out(side) for side, table in enumerate(tables)]
        self._flush = FlushToZero()
        self.failure: BaseException | None = None  # what `pull` raised, if it did

    def start(self, pull: Pull) -> None:
        """Begin to pull."""

        def callback() -> None:
            if self.failure is not None:
                return
            try:
                block = pull(self.block_frames)
            except BaseException as error:
                self.failure = error
                block = np.zeros((self.block_frames, 2), np.float32)
            for side, samples in enumerate(self._samples):
                samples[:] = block[:, side]

        self._server.setCallback(callback)
        self._server.start()

    def close(self) -> None:
        """Stop pulling and leave the device."""
        if self._server is not None:
            self._server.stop()
            self._server.shutdown()
            self._server = None


def open_live(name: str, *, sample_rate: int = 48_000, block_frames: int = 256) -> LiveSink:
    """A live sink by name: silent, jack, portaudio, or auto (the first device that answers).

    Raises UnknownNameError, or MissingPartError when no device answers.
    """
    if name not in LIVE_SINKS:
        raise UnknownNameError("live sink", name, LIVE_SINKS)
    if name == "silent":
        return SilentSink(sample_rate, block_frames)
    if name != "auto":
        return DeviceSink(name, sample_rate, block_frames)
    tried = []
    for driver in DRIVERS:
        tried.append(probe(driver, sample_rate, block_frames))
        if tried[-1].usable:
            return DeviceSink(driver, sample_rate, block_frames)
    raise MissingPartError(_no_device(tried))


def _no_device(tried: list[Device]) -> str:
    facts = "; ".join(f"{device.driver}: {device.detail}" for device in tried)
    return (
        f"no audio device ({facts}); connect one or start a JACK server, "
        "or render to a file instead"
    )
