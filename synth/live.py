"""Sinks that keep their own time: a clock, or a sound card.

A live sink pulls blocks from an engine, from a thread of its own. When its device goes away, a
`DeviceSink` pulls on by the machine's clock, so that the music keeps its place, and returns to the
device when it is back.
"""

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ..music.errors import MissingPartError, SegueError
from .devices import DRIVERS, DeviceLostError, DeviceProcess
from .pyo_host import Samples

Pull = Callable[[int], Samples]
"""Called with a number of frames n; returns float32 [shape=(n, 2)]."""

STALL_SECONDS = 0.5  # when a device asks for nothing for so long, the clock takes over
LOST_SECONDS, START_SECONDS = 3.0, 10.0  # after so long it is lost; at the start it may take longer
RETURN_SECONDS = 2.0  # how often a lost device is looked for
NAP_SECONDS = 0.1  # after which it is looked whether to stop
CATCH_UP_SECONDS = 2.0  # a clock that is later than this lets the lost time go

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SinkState:
    """How a live sink fares."""

    device: str = ""  # the driver that plays now; "" where none does
    losses: int = 0  # times that a device went away
    late_blocks: int = 0  # blocks that a device had to do without


class BlockClock:
    """Absolute deadlines, one block apart, so that nothing drifts."""

    def __init__(self, period_seconds: float) -> None:
        self._period = period_seconds
        self.restart()

    def restart(self) -> None:
        """A block begins now, whenever it was due."""
        self._due = time.monotonic() + self._period

    def step(self) -> None:
        """The block that was due has begun."""
        self._due += self._period

    def early(self) -> float:
        """Seconds until the next block is due; below zero if it is late."""
        early = self._due - time.monotonic()
        if early < -CATCH_UP_SECONDS:
            self._due -= early
            return 0.0
        return early

    def wait(self, stop: threading.Event) -> None:
        """Return when the next block is due, or `stop` is set."""
        while not stop.is_set() and (early := self.early()) > 0:
            time.sleep(min(early, NAP_SECONDS))  # a waiting event costs four times as much
        self.step()


class LiveSink(ABC):
    """What pulls blocks in real time. Rate and block are the device's, known before `start`."""

    live = True

    def __init__(self, sample_rate: int, block_frames: int) -> None:
        self.sample_rate, self.block_frames = sample_rate, block_frames
        self.frames = 0  # taken so far
        self.failure: BaseException | None = None  # what `pull` raised; pulling has stopped then
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, pull: Pull) -> None:
        """Begin to call `pull` from the sink's own thread, once per block."""
        if self._thread is not None or self._stop.is_set():
            raise SegueError("this sink was started before; open a new one")
        self._thread = threading.Thread(target=self._play, args=(pull,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop pulling, and free the device; returns once the last block is done. Twice is fine."""
        self._stop.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def abort(self) -> None:
        """The same as `close`: a live sink leaves nothing behind."""
        self.close()

    @property
    def state(self) -> SinkState:
        """How it fares."""
        return SinkState()

    def _play(self, pull: Pull) -> None:
        def counted(frames: int) -> Samples:
            block = pull(frames)
            self.frames += frames
            return block

        try:
            self._run(counted)
        except BaseException as error:
            self.failure = error

    @abstractmethod
    def _run(self, pull: Pull) -> None:
        """Pull until `_stop` is set."""


class SilentSink(LiveSink):
    """Pulls at the pace of the machine's clock and plays nothing: for headless sessions.

    After a stall of over two seconds it does not catch up.
    """

    def __init__(self, sample_rate: int = 48_000, block_frames: int = 256) -> None:
        super().__init__(sample_rate, block_frames)

    def _run(self, pull: Pull) -> None:
        clock = BlockClock(self.block_frames / self.sample_rate)
        while not self._stop.is_set():
            pull(self.block_frames)
            clock.wait(self._stop)


class DeviceSink(LiveSink):
    """Plays on the first of some drivers that answers, and outlives the device.

    A device that goes away is told in one line of the log, and looked for every few seconds.
    Meanwhile the blocks are pulled by the machine's clock and not heard. Raises MissingPartError
    when no driver has a device.

    :param drivers: of `DRIVERS`, in order of preference
    :param sample_rate: wanted, in Hz; the first device may impose its own
    :param block_frames: wanted; the first device may impose its own
    """

    def __init__(
        self, drivers: Sequence[str], sample_rate: int = 48_000, block_frames: int = 256
    ) -> None:
        self._drivers = tuple(drivers)
        self._device: DeviceProcess | None = _open_first(self._drivers, sample_rate, block_frames)
        super().__init__(self._device.sample_rate, self._device.block_frames)
        self._losses = self._late_before = 0
        self._found: DeviceProcess | None = None  # back again, not yet in use
        self._lock = threading.Lock()  # of `_found`

    @property
    def state(self) -> SinkState:
        """How it fares."""
        device = self._device
        late = self._late_before + (device.late_blocks if device else 0)
        return SinkState(device.driver if device else "", self._losses, late)

    def close(self) -> None:
        """Stop pulling and leave the device; takes seconds at most, even if the device hangs."""
        super().close()
        with self._lock:
            left = [device for device in (self._device, self._found) if device is not None]
            self._device = self._found = None
        for device in left:
            device.close()

    def _run(self, pull: Pull) -> None:
        self._clock = BlockClock(self.block_frames / self.sample_rate)
        if self._device is not None:
            self._begin(self._device)
        while not self._stop.is_set():
            if self._device is None:
                pull(self.block_frames)
                self._clock.wait(self._stop)
                self._take_found()
            else:
                try:
                    self._serve(self._device, pull)
                except DeviceLostError as lost:
                    self._lose(str(lost))

    def _begin(self, device: DeviceProcess) -> None:
        self._heard = time.monotonic()
        device.start()

    def _serve(self, device: DeviceProcess, pull: Pull) -> None:
        """Give the device its next block, or play one to nobody if it asks for none in time."""
        stall = self._heard + STALL_SECONDS - time.monotonic() if device.asked else 0.0
        frames = device.wait(max(stall, self._clock.early()))
        now = time.monotonic()
        if frames:
            self._heard = now
            self._clock.restart()
            device.give(pull(frames))
        elif now - self._heard > (LOST_SECONDS if device.asked else START_SECONDS):
            raise DeviceLostError(f"{device.driver} has stopped")
        else:
            pull(self.block_frames)
            self._clock.step()

    def _lose(self, reason: str) -> None:
        log.warning("%s; the music goes on in silence until it is back", reason)
        if self._device is not None:
            self._late_before += self._device.late_blocks
            self._device.kill()
        self._device = None
        self._losses += 1
        threading.Thread(target=self._look, name="segue-look", daemon=True).start()

    def _look(self) -> None:
        """Look for the device until it is there."""
        told = ""
        while not self._stop.wait(RETURN_SECONDS):
            with suppress(MissingPartError):
                device = _open_first(self._drivers, self.sample_rate, self.block_frames)
                if device.sample_rate == self.sample_rate and self._keep(device):
                    return
                if device.sample_rate != self.sample_rate and not told:
                    told = (
                        f"{device.driver} is back at {device.sample_rate} Hz, and the music runs "
                        f"at {self.sample_rate} Hz; set it to that rate to hear it again"
                    )
                    log.warning("%s", told)
                device.close()

    def _keep(self, device: DeviceProcess) -> bool:
        with self._lock:
            if self._stop.is_set():
                return False
            self._found = device
            return True

    def _take_found(self) -> None:
        with self._lock:
            if self._found is None:
                return
            self._device, self._found = self._found, None
        log.warning("%s is back; the music is heard again", self._device.driver)
        self._begin(self._device)


def _open_first(drivers: Sequence[str], sample_rate: int, block_frames: int) -> DeviceProcess:
    reasons = []
    for driver in drivers:
        try:
            return DeviceProcess(driver, sample_rate, block_frames)
        except MissingPartError as error:
            reasons.append(f"{driver}: {error}")
    raise MissingPartError(f"no audio device. {'. '.join(reasons)}")


def open_device(name: str, sample_rate: int, block_frames: int) -> DeviceSink:
    """The sink on a driver, or for "auto" on the first that answers."""
    return DeviceSink(DRIVERS if name == "auto" else (name,), sample_rate, block_frames)
