"""A session's sound from an engine in a process of its own."""

from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from ...music.cue import Cue
from ...music.events import Events
from ...music.world import Bar
from .clock import WallClock
from .stems import stem_segments

if TYPE_CHECKING:
    from ...synth.engine_process import EngineProcess

FILE_TAIL_SECONDS, LIVE_TAIL_SECONDS = 4.0, 2.0
"""How long the last notes may ring at most. Who quits live music does not want to wait."""


class EngineSound:
    """An engine in its own process: rendered up to where the session is, or playing live.

    :param process: with an offline sink (null, file) or a live one
    :param realtime: an offline sink keeps the machine's time, instead of time moved by hand
    """

    def __init__(
        self, process: "EngineProcess", cue: Cue, *, realtime: bool, file: str = ""
    ) -> None:
        self.sample_rate = process.sample_rate
        self._process, self._cue, self._file = process, cue, file
        self._rendered = 0
        self._clock = WallClock(self.sample_rate) if realtime and not process.live else None

    @property
    def alive(self) -> bool:
        """Whether the engine is there."""
        return self._process.alive

    @property
    def process_id(self) -> int:
        """Of the engine."""
        return self._process.process_id

    @property
    def frame(self) -> int:
        if self._process.live:
            return self._process.frame
        return self._rendered if self._clock is None else self._clock.frame

    def schedule(self, events: Events) -> None:
        self._process.schedule(events)

    def bar(self, bar: Bar, start_frame: int, end_frame: int) -> None:
        """A bar lies between two frames: what the stems play in it."""
        if self._cue.stems:
            segments = stem_segments(self._cue, bar, start_frame, end_frame)
            self._process.schedule_stems(segments)

    def cancel(self, from_frame: int) -> None:
        self._process.cancel(from_frame)

    def control(self, name: str, value: float, ramp_seconds: float) -> None:
        self._process.control(name, value, ramp_seconds)

    def ask_levels(self) -> "Future[dict[str, Any]]":
        """`synth.meters.Levels` as a map, once the engine has come so far."""
        return self._process.ask_levels()

    def pause(self) -> None:
        if self._clock is None:
            self._process.pause()
        else:
            self._clock.pause()

    def resume(self) -> None:
        if self._clock is None:
            self._process.resume()
        else:
            self._clock.resume()

    def release_all(self) -> None:
        self._process.release_all()

    def settle(self) -> None:
        self._process.settle()

    def advance_to(self, frame: int) -> None:
        if not self._process.live and frame > self._rendered:
            self._process.advance(frame - self._rendered)
            self._rendered = frame

    def take_notices(self) -> list[str]:
        return []

    def close(self) -> list[str]:
        """Let the last notes ring out, and complete the file."""
        self._process.close(LIVE_TAIL_SECONDS if self._process.live else FILE_TAIL_SECONDS)
        return [self._file] if self._file else []

    def discard(self) -> None:
        self._process.abort()
