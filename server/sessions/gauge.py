"""How loud a session sounds: asked of its engine, and told as `meter` events."""

from concurrent.futures import Future
from typing import Any

from ...client import protocol as p
from ...music.cue import Cue
from ...music.errors import SegueError
from ..sounding.sound import HasLevels, Sound
from .announce import Announcer

MAX_METER_HZ = 50.0


class Gauge:
    """Asks a sound how loud it is.

    :param hertz: so many `meter` events a second; 0: none
    """

    def __init__(self, sound: Sound, cue: Cue, announcer: Announcer, hertz: float) -> None:
        self._sound, self._announcer = sound, announcer
        self._layers = [layer.name for layer in cue.layers]
        self._step_frames = round(sound.sample_rate / hertz) if hertz else 0
        if hertz and not isinstance(sound, HasLevels):
            raise _no_engine()
        self.next_frame = sound.frame + self._step_frames if hertz else None
        self._asked: Future[p.Meters] | None = None
        self.voices = self.late_blocks = 0  # as was told last

    def ask(self) -> "Future[p.Meters]":
        """How loud it is, once the engine has come so far."""
        if not isinstance(self._sound, HasLevels):
            raise _no_engine()
        asked: Future[p.Meters] = Future()
        self._sound.ask_levels().add_done_callback(lambda levels: self._pass_on(levels, asked))
        return asked

    def _pass_on(self, levels: "Future[dict[str, Any]]", asked: "Future[p.Meters]") -> None:
        try:
            told = levels.result()
            told["layers"] = {name: told["layers"][name] for name in self._layers}
            self.voices, self.late_blocks = told["voices"], told["late_blocks"]
            asked.set_result(p.Meters(**told))
        except Exception as error:  # an engine that has died
            asked.set_exception(error)

    def tell(self, frame: int, *, wait: bool) -> None:
        """Tell what the engine has answered, and ask again when it is time.

        :param wait: for the answer, as time stands until then
        """
        if self.next_frame is None:
            return
        if frame >= self.next_frame and self._asked is None:
            self.next_frame += (frame - self.next_frame) // self._step_frames * self._step_frames
            self.next_frame += self._step_frames
            try:
                self._asked = self.ask()
            except SegueError:  # the engine is being made again
                return
        if self._asked is not None and (wait or self._asked.done()):
            asked, self._asked = self._asked, None
            try:
                self._announcer.meter(asked.result(), frame)
            except SegueError:
                if wait:
                    raise


def _no_engine() -> SegueError:
    return SegueError(
        "this session has no engine, so nobody knows how loud it is; open it with output null, "
        "stream, a file or a device"
    )
