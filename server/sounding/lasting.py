"""A live sound that outlasts its engine: when the process dies, another takes up the music.

What is still to be played is kept here: notes, bars of stems, and where every control stands. Time
goes on while the new engine is made, so that the music is where it would have been.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...music.errors import SegueError
from ...music.events import EVENT, Events
from ...music.world import Bar
from .clock import WallClock
from .engine_sound import EngineSound

if TYPE_CHECKING:
    from ...synth.stream import OnBlock, PcmBlock

log = logging.getLogger(__name__)

MOST_RESTARTS = 20  # of one session; an engine that dies so often will die again


class LastingSound:
    """An `EngineSound` in real time, made again by `make` whenever its process has ended.

    :param make: a new sound, whose frames count from 0
    """

    def __init__(self, make: Callable[[], EngineSound]) -> None:
        self._make = make
        self._inner = make()
        self.sample_rate = self._inner.sample_rate
        self.restarts = 0
        self._notices: list[str] = []
        self._zero = 0  # frame of the session at which the engine's frames begin
        self._gone: WallClock | None = None  # time goes on by it while there is no engine
        self._gone_frame = 0  # where the session was when the engine was missed
        self._coming: Future[EngineSound] | None = None
        self._events: Events = np.zeros(0, EVENT)  # that have not ended
        self._bars: list[tuple[Bar, int, int]] = []
        self._controls: dict[str, float] = {}
        self._paused = False

    @property
    def zero_frame(self) -> int:
        """The session's frame at which the frames of the engine begin."""
        return self._zero

    @property
    def engine(self) -> EngineSound:
        """The sound that plays now."""
        return self._inner

    @property
    def frame(self) -> int:
        if self._gone is not None:
            return self._gone_frame + self._gone.frame
        return self._inner.frame + self._zero

    def schedule(self, events: Events) -> None:
        ends = self._events["at_frame"] + self._events["duration_frames"]
        self._events = np.concatenate([self._events[ends > self.frame], events])
        self._tell(lambda sound: sound.schedule(self._shifted(events)))

    def bar(self, bar: Bar, start_frame: int, end_frame: int) -> None:
        """A bar lies between two frames: what the stems play in it."""
        self._bars = [known for known in self._bars if known[2] > self.frame]
        self._bars.append((bar, start_frame, end_frame))
        zero = self._zero
        self._tell(lambda sound: sound.bar(bar, start_frame - zero, end_frame - zero))

    def cancel(self, from_frame: int) -> None:
        self._events = self._events[self._events["at_frame"] < from_frame]
        self._bars = [known for known in self._bars if known[1] < from_frame]
        self._tell(lambda sound: sound.cancel(from_frame - self._zero))

    def control(self, name: str, value: float, ramp_seconds: float) -> None:
        self._controls[name] = value
        self._tell(lambda sound: sound.control(name, value, ramp_seconds))

    def ask_levels(self) -> "Future[dict[str, Any]]":
        """`synth.meters.Levels` as a map; SegueError while there is no engine."""
        if self._gone is not None or not self._inner.alive:
            raise SegueError("the engine is being started again; ask in a moment")
        return self._inner.ask_levels()

    def pause(self) -> None:
        self._paused = True
        if self._gone is not None:
            self._gone.pause()
        self._tell(lambda sound: sound.pause())

    def resume(self) -> None:
        self._paused = False
        if self._gone is not None:
            self._gone.resume()
        self._tell(lambda sound: sound.resume())

    def release_all(self) -> None:
        self._tell(lambda sound: sound.release_all())

    def settle(self) -> None:
        self._tell(lambda sound: sound.settle())

    def advance_to(self, frame: int) -> None:
        """Called every few milliseconds: where a dead engine is missed, and a new one taken up."""
        if self._gone is None and not self._inner.alive:
            self._miss()
        if self._coming is not None and self._coming.done():
            self._take_up(self._coming)
        self._tell(lambda sound: sound.advance_to(frame - self._zero))

    def take_notices(self) -> list[str]:
        """What has happened since the last call, in words."""
        notices, self._notices = self._notices, []
        return notices

    def close(self) -> list[str]:
        self._await_engine()
        return self._inner.close()

    def discard(self) -> None:
        self._await_engine()
        self._inner.discard()

    @property
    def playing(self) -> bool:
        """Whether there is an engine now."""
        return self._gone is None

    def _tell(self, say: Callable[[EngineSound], object]) -> None:
        """Say something to the engine; nothing is lost if there is none, for all is kept here."""
        if self._gone is not None:
            return
        try:
            say(self._inner)
        except SegueError:
            if self._inner.alive:
                raise
            self._miss()

    def _miss(self) -> None:
        """The engine is gone: begin to make another."""
        self._gone_frame, self._gone = self.frame, WallClock(self.sample_rate)
        if self._paused:
            self._gone.pause()
        try:
            self._inner.discard()
        except SegueError as error:
            log.warning("%s", error)
        self._begin()

    def _begin(self) -> None:
        if self.restarts >= MOST_RESTARTS:
            raise SegueError(f"the engine has died {self.restarts} times; open the session anew")
        self.restarts += 1
        coming: Future[EngineSound] = Future()
        self._coming = coming

        def run() -> None:
            try:
                coming.set_result(self._make())
            except BaseException as error:
                coming.set_exception(error)

        threading.Thread(target=run, name="segue-engine", daemon=True).start()

    def _take_up(self, coming: Future[EngineSound]) -> None:
        """Go on with a new engine at the frame where the music is by now."""
        self._coming = None
        try:
            self._inner = coming.result()
        except SegueError as error:
            log.warning("%s", error)
            self._begin()
            return
        here = self.frame
        self._zero, self._gone = here - self._inner.frame, None
        if self._paused:
            self._inner.pause()
        for name, value in self._controls.items():
            self._inner.control(name, value, 0.0)
        for bar, start, end in self._bars:
            if start >= here:  # recorded parts begin with a bar
                self._inner.bar(bar, start - self._zero, end - self._zero)
        self._inner.schedule(self._shifted(self._events[self._events["at_frame"] >= here]))
        silent_seconds = (here - self._gone_frame) / self.sample_rate
        self._notices.append(
            f"the engine had ended and was started again; {silent_seconds:.1f} s were silent"
        )

    def _shifted(self, events: Events) -> Events:
        if not self._zero:
            return events
        moved = events.copy()
        moved["at_frame"] = np.maximum(moved["at_frame"] - self._zero, 0)
        return moved

    def _await_engine(self) -> None:
        """An engine that is being made has to be there before it can be ended."""
        if self._coming is not None:
            try:
                self._inner = self._coming.result()
            except SegueError as error:
                log.warning("%s", error)
            self._coming = None


class Relay:
    """Passes the blocks of one engine after another on as those of one stream.

    :param on_block: called with each block, numbered and placed on the session's clock
    """

    def __init__(self, on_block: "OnBlock") -> None:
        self.sound: LastingSound | None = None
        self._on_block = on_block
        self._first = self._next = 0  # number of this engine's first block, and of the next one

    def __call__(self, block: "PcmBlock") -> None:
        sound = self.sound
        if sound is not None and not sound.playing:
            return  # not taken up yet: nobody knows where it belongs
        if block.sequence + self._first < self._next:  # another engine counts from 0 again
            self._first = self._next - block.sequence
        self._next = self._first + block.sequence + 1
        zero = 0 if sound is None else sound.zero_frame
        frame, music_frame = block.frame + zero, block.music_frame + zero
        number = self._next - 1
        self._on_block(replace(block, sequence=number, frame=frame, music_frame=music_frame))
