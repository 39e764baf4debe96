"""MIDI into a session: controllers and keys, a player to accompany, another machine's clock.

Everything is done by the session's own commands, so that it is logged, told and can be mixed with
what a game says. `MidiControl` is stepped by hand, or runs by itself beside a session in real time.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Self

from ...client.protocol import Direct, Position, SetMood
from ...music.errors import SegueError
from ...synth.midi_clock import ClockFollower
from ...synth.midi_in import Arrival, MidiIn
from ..performing.tempo_follow import LOOK_SECONDS, SLIGHT_TEMPO, TempoFollower
from ..sessions.session import Session
from .accompany import FOLLOWED, Accompanist
from .midi_map import TRIGGERS, Route, moved, parse_map

log = logging.getLogger(__name__)

STEP_SECONDS = 0.005
HAND_SECONDS = 0.03  # a controller's movements are handed on no more often
RAMP_SECONDS = 0.05
SLIGHT = 0.01  # smaller changes of a knob wait


class MidiControl:
    """Lets MIDI steer a session.

    :param source: name of an input port ('' for the first), or a `MidiIn`; one that is made of
        messages with their own times is heard on the session's clock
    :param routes: see `midi_map`
    :param follow_clock: the tempo follows the other machine's clock within the cue's range, bar
        lines move under its bar lines, stop and continue hold the music (real time)
    :param accompany: keys that no route takes are a player, whom the music follows

    Raises UnknownNameError for a port, or for what a route names.
    """

    def __init__(
        self,
        session: Session,
        source: str | MidiIn = "",
        *,
        routes: Iterable[str] = (),
        follow_clock: bool = False,
        accompany: bool = False,
    ) -> None:
        self.session = session
        self._routes: dict[str, list[Route]] = {}
        for route in parse_map(routes, session.cue):
            self._routes.setdefault(route.source, []).append(route)
        self._input = source if isinstance(source, MidiIn) else MidiIn(source)
        self._hand = _Hand(session)
        self._clock = ClockFollower() if follow_clock else None
        self._tempo = TempoFollower(session.cue, self._clock) if self._clock else None
        self._accompanist = Accompanist(session.cue) if accompany else None
        self._high: dict[str, bool] = {}  # sources whose value is above one half
        self._directed: dict[str, float] = {}  # knobs in hand
        self._bars = -1  # decided when the player was last followed
        self._looked_seconds = -math.inf  # when the tempo was
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="segue-midi-in", daemon=True)

    def start(self) -> Self:
        """Step by itself from now on, until `close` or the end of the session."""
        self._thread.start()
        return self

    def step(self) -> None:
        """Do what has come in since the last step."""
        here = self.session.position()
        for arrival in self._input.take(here.seconds):
            self._take(arrival)
        self._hand.give(here.seconds)
        if here.decided_bars != self._bars:
            self._bars = here.decided_bars
            self._follow_player(here)
        self._follow_clock(here)

    def close(self) -> None:
        """End, close the input and give the knobs back to the director. Twice is allowed."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._input.close()
        if self._directed and not self.session.closed:
            self.session.release(*self._directed)
        self._directed = {}

    def _take(self, arrival: Arrival) -> None:
        seconds, message = arrival
        if self._clock is not None:
            self._clock.take(seconds, message)
            self._hold(message.type)
        change = moved(message)
        if change is None:
            return
        source, share = change
        for route in self._routes.get(source, ()):
            if route.kind in TRIGGERS:
                self._trigger(route, share)
            else:
                self._hand.move(route, share)
        self._high[source] = share > (0.0 if source.startswith("note") else 0.5)
        if self._accompanist is not None and source not in self._routes:
            if message.type == "note_on" and message.velocity:
                self._accompanist.hear(seconds, message.note, message.velocity)

    def _trigger(self, route: Route, share: float) -> None:
        """Ask for a section or a stinger when a key is hit or a controller rises past one half."""
        key = route.source.startswith("note")
        if share > (0.0 if key else 0.5) and (key or not self._high.get(route.source)):
            verb = self.session.stinger if route.kind == "stinger" else self.session.go
            _try(lambda: verb(route.name))

    def _hold(self, kind: str) -> None:
        """Stop and go with the other machine; a clock that is moved by hand is held by hand."""
        if self.session.realtime:
            if kind == "stop":
                _try(self.session.pause)
            elif kind in ("start", "continue"):
                _try(self.session.resume)

    def _follow_player(self, here: Position) -> None:
        """A bar has been decided: say where the knobs are to be in the next one."""
        if self._accompanist is None:
            return
        wishes = self._accompanist.wishes(time.monotonic() if self._input.live else here.seconds)
        if wishes:
            self._direct(wishes, SLIGHT)
        elif any(name in FOLLOWED for name in self._directed):
            self._directed = {k: v for k, v in self._directed.items() if k not in FOLLOWED}
            _try(lambda: self.session.release(*FOLLOWED))

    def _follow_clock(self, here: Position) -> None:
        """Say how fast the next bar is to be."""
        if self._tempo is None or 0.0 <= here.seconds - self._looked_seconds < LOOK_SECONDS:
            return
        self._looked_seconds = here.seconds
        frame, beat = self.session.decided_until()
        ahead = (frame - here.frame) / self.session.sample_rate
        since = here.ts_ns / 1e9 if self._input.live else here.seconds
        knob = self._tempo.knob(since + ahead, beat)
        if knob is not None:
            self._direct({"tempo": knob}, SLIGHT_TEMPO)

    def _direct(self, wanted: dict[str, float], slight: float) -> None:
        """Take knobs in hand; those that would move by less than `slight` stay."""
        changed = {
            name: value
            for name, value in wanted.items()
            if abs(value - self._directed.get(name, math.inf)) > slight
        }
        if changed:
            self._directed |= changed
            _try(lambda: self.session.command(Direct(changes=dict(changed))))

    def _run(self) -> None:
        while not self._stop.wait(STEP_SECONDS) and not self.session.closed:
            _try(self.step)

    def __enter__(self) -> Self:
        return self.start() if self.session.realtime else self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Hand:
    """Movements of controllers, the last of each, handed to a session at a bearable rate."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._moves: dict[tuple[str, str], float] = {}
        self._given_seconds = -math.inf

    def move(self, route: Route, share: float) -> None:
        """A controller stands at a share of its way."""
        self._moves[route.kind, route.name] = route.value(share)

    def give(self, seconds: float) -> None:
        """Hand on what has moved, if the last time is long enough ago."""
        if not self._moves or 0.0 <= seconds - self._given_seconds < HAND_SECONDS:
            return
        self._given_seconds = seconds
        moves, self._moves = self._moves, {}
        for kind in dict.fromkeys(kind for kind, _ in moves):
            values = {name: value for (other, name), value in moves.items() if other == kind}
            _try(lambda kind=kind, values=values: self._command(kind, values))  # type: ignore[misc]

    def _command(self, kind: str, values: dict[str, float]) -> None:
        session = self._session
        match kind:
            case "parameter":
                session.set(values, ramp_seconds=RAMP_SECONDS)
            case "mood":
                axes: dict[str, Any] = dict(values)
                session.command(SetMood(**axes, ramp_seconds=RAMP_SECONDS))
            case "knob":
                session.command(Direct(changes=dict(values)))
            case "level":
                for layer, value in values.items():
                    session.level(layer, value, ramp_seconds=RAMP_SECONDS)


def _try(act: Callable[[], Any]) -> None:
    """Do something; what the session refuses is logged, and the playing goes on."""
    try:
        act()
    except SegueError as error:
        log.warning("MIDI input: %s", error)
