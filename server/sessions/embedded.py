"""A session in this process, for Python games, rendering and tests."""

import atexit
import sys
import threading
import weakref
from contextlib import suppress
from pathlib import Path

from ...music.cue import Cue
from ...music.errors import SegueError
from ...synth.stream import Stream
from .session import PUMP_SECONDS, Session


def open_session(
    cue: str | Path | Cue,
    *,
    director: str = "agent",
    output: str | Stream = "none",
    seed: int = 0,
    clock: str = "",
    parameters: dict[str, float] | None = None,
    look_ahead_bars: int = 1,
    midi: str | Path | None = None,
    log: str | Path | None = None,
    voices: int = 0,
    grid_beats: float = 0.0,
    meter_hz: float = 0.0,
) -> Session:
    """Open a session here; `Session.open` says what each option is.

    Without `clock`, output none, null or a file has a manual one (`session.advance(seconds)`), and
    MIDI or a device runs in real time: a thread keeps the music ahead of the sound until `close`.
    """
    live = (
        output not in ("none", "null") and not output.startswith("file:")
        if isinstance(output, str)
        else output.realtime
    )
    session = Session.open(
        cue,
        director=director,
        output=output,
        seed=seed,
        clock=clock or ("realtime" if live else "manual"),
        parameters=parameters,
        look_ahead_bars=look_ahead_bars,
        midi=midi,
        log=log,
        voices=voices,
        grid_beats=grid_beats,
        meter_hz=meter_hz,
    )
    _OPEN.add(session)
    if session.realtime:
        threading.Thread(target=_pump, args=(session,), name="segue-pump", daemon=True).start()
    return session


_OPEN: "weakref.WeakSet[Session]" = weakref.WeakSet()


def _pump(session: Session) -> None:
    pause = threading.Event()
    while not session.closed:
        try:
            session.pump()
        except SegueError as error:  # the engine died: whoever uses the session next is told
            with suppress(SegueError):
                session.close(str(error))
        pause.wait(PUMP_SECONDS)


@atexit.register
def _close_all() -> None:
    for session in list(_OPEN):
        try:
            session.close("the program ended")
        except SegueError as error:  # the others are closed all the same
            print(f"segue: {error}", file=sys.stderr)
