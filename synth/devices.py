"""Audio devices, each held by a process of its own.

PortAudio crashes on a machine without a card and aborts when its sound server goes away; JACK's
client hangs when its server is frozen. A process beside the engine may die of that: the engine
sees its socket close, or stay silent, and plays on. It costs about a tenth of a millisecond for
each block.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec

from ..music.errors import MissingPartError, SegueError, UnknownNameError
from .device_child import BOOT_SECONDS, LEAVE_SECONDS, REPLY, REQUEST
from .pipe import send
from .pyo_host import Samples

DRIVERS = ("jack", "portaudio")
START_SECONDS = BOOT_SECONDS + 5.0


class DeviceLostError(SegueError):
    """An audio device has gone away, or asks for blocks no more."""


@dataclass(frozen=True)
class Device:
    """What a probe found out about one audio driver."""

    driver: str  # one of DRIVERS
    usable: bool
    detail: str  # why not and the way out, or the outputs' names
    sample_rate: int = 0  # Hz, 0 if not usable
    block_frames: int = 0


class DeviceProcess:
    """A booted audio device, which asks for blocks once started.

    Raises UnknownNameError for another driver than `DRIVERS`, MissingPartError when the driver has
    no server or device, or does not answer.

    :param sample_rate: wanted, in Hz; the device may impose its own
    :param block_frames: wanted; the device may impose its own
    """

    def __init__(self, driver: str, sample_rate: int = 48_000, block_frames: int = 256) -> None:
        if driver not in DRIVERS:
            raise UnknownNameError("audio driver", driver, DRIVERS)
        self.driver = driver
        self.late_blocks = 0  # what the device had to do without
        self._number = 0
        self._link, theirs = socket.socketpair()
        try:
            self._process = _spawn(theirs, driver, sample_rate, block_frames)
        except BaseException:
            self._link.close()
            raise
        finally:
            theirs.close()
        try:
            report = self._report()
        except BaseException:
            self.kill()
            raise
        self.sample_rate, self.block_frames = report["sample_rate"], report["block_frames"]
        self.outputs: list[str] = report["outputs"]

    def start(self) -> None:
        """Let the device ask for blocks."""
        assert self._process.stdin is not None
        with suppress(OSError):  # gone already: `wait` tells
            self._process.stdin.write(b"1")
            self._process.stdin.flush()

    @property
    def asked(self) -> bool:
        """Whether it has asked for a block yet."""
        return self._number > 0

    def wait(self, seconds: float) -> int:
        """The number of frames that the device asks for next; 0 if it asks for none in that time.

        Raises DeviceLostError when it is gone.
        """
        try:
            request = self._receive(REQUEST.size, seconds)
        except TimeoutError:
            return 0
        except OSError:
            raise DeviceLostError(f"{self.driver} went away") from None
        self._number, frames, self.late_blocks = REQUEST.unpack(request)
        return int(frames)

    def give(self, block: Samples) -> None:
        """Hand over what was asked for: float32 [shape=(frames, 2)]."""
        try:
            self._link.settimeout(1.0)
            self._link.sendall(REPLY.pack(self._number) + block.tobytes())
        except OSError:
            raise DeviceLostError(f"{self.driver} went away") from None

    def close(self) -> None:
        """Leave the device; takes a second at most, whatever state it is in. Twice is allowed."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(LEAVE_SECONDS)
        self.kill()

    def kill(self) -> None:
        """End the device's process at once."""
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()
        self._link.close()

    def _report(self) -> dict[str, Any]:
        try:
            length = int.from_bytes(self._receive(4, START_SECONDS), "little")
            report: dict[str, Any] = msgspec.msgpack.decode(self._receive(length, 1.0))
        except TimeoutError:
            raise MissingPartError(f"no answer within {START_SECONDS:g} s") from None
        except OSError:
            raise MissingPartError(missing(self.driver)) from None
        if not report["booted"]:
            raise MissingPartError(missing(self.driver))
        return report

    def _receive(self, size: int, seconds: float) -> bytes:
        deadline = time.monotonic() + seconds
        data = b""
        while len(data) < size:
            self._link.settimeout(max(deadline - time.monotonic(), 1e-4))
            piece = self._link.recv(size - len(data))
            if not piece:
                raise ConnectionError("the other process is gone")
            data += piece
        return data


def _spawn(
    theirs: socket.socket, driver: str, sample_rate: int, block_frames: int
) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", f"{__package__}.device_child"]
    handle: int | bytes = theirs.fileno()
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=() if sys.platform == "win32" else (theirs.fileno(),),
    )
    assert process.stdin is not None
    if sys.platform == "win32":
        handle = theirs.share(process.pid)
    config = {
        "driver": driver,
        "socket": handle,
        "sample_rate": sample_rate,
        "block_frames": block_frames,
    }
    with suppress(OSError):  # ended at once: there will be no report
        send(process.stdin, config)
    return process


def missing(driver: str) -> str:
    """Why a driver has nothing to play on, as far as can be seen, and what helps."""
    if driver == "jack":
        if shutil.which("jackd") is None and shutil.which("pw-jack") is None:
            return "JACK is not installed; install jackd2 or PipeWire's JACK if you want it"
        name = os.environ.get("JACK_DEFAULT_SERVER", "default")
        return f"no JACK server {name!r} runs; start one, for example: jackd -d alsa"
    if sys.platform == "linux" and not os.path.isdir("/dev/snd"):
        return (
            "this machine has no sound card that PortAudio could open; plug one in, run a sound "
            "server with an ALSA device, or use JACK, a stream or a file"
        )
    return "no sound card answers; plug one in and make it the system's output"


def probe(driver: str, sample_rate: int = 48_000, block_frames: int = 256) -> Device:
    """Boot an audio driver and report; never raises for a missing device."""
    try:
        device = DeviceProcess(driver, sample_rate, block_frames)
    except MissingPartError as error:
        return Device(driver, False, str(error))
    device.close()
    outputs = ", ".join(device.outputs) or "a running server"
    return Device(driver, True, outputs, device.sample_rate, device.block_frames)


def devices() -> list[Device]:
    """A probe of every driver, for `segue doctor`."""
    return [probe(driver) for driver in DRIVERS]
