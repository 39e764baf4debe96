"""`segue play`: a person steers a cue from the keyboard, and sees what the director makes of it."""

import os
import select
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ...client.protocol import BarEvent, Position
from ...music.errors import SegueError
from ..sessions.embedded import open_session
from ..sessions.session import Session
from .midi_control import MidiControl
from .player_follow import PlayerFollower

STEP = 0.1
REFRESH_SECONDS = 0.1
DIRECTORS_IN_TURN = ("agent", "stems", "table", "stems-table", "adaptive", "stems-adaptive")
HELP = (
    "arrows: mood   1-9: section   s: stinger   + -: like, dislike   d: director   "
    "f: fill   q: quit"
)
_ESCAPES = {"\x1b[A": "up", "\x1b[B": "down", "\x1b[C": "right", "\x1b[D": "left"}


class Steering:
    """What each key does to a session."""

    def __init__(self, session: Session, director: str) -> None:
        self.session = session
        self.valence = self.arousal = 0.0
        others = [name for name in DIRECTORS_IN_TURN if name in session.directors]
        self._directors = deque([director, *(name for name in others if name != director)])
        self.message = ""
        self._stinger = 0

    def press(self, key: str) -> bool:
        """Do what a key says; False to quit."""
        moves = {"up": (0, STEP), "down": (0, -STEP), "right": (STEP, 0), "left": (-STEP, 0)}
        cue = self.session.cue
        try:
            if key in moves:
                self._move(*moves[key])
            elif key.isdigit() and 0 < int(key) <= len(cue.sections):
                self._tell("section", self.session.go(cue.sections[int(key) - 1].name))
            elif key == "s" and cue.stingers:
                stinger = cue.stingers[self._stinger % len(cue.stingers)].name
                self._stinger += 1
                self._tell(f"stinger {stinger}", self.session.stinger(stinger))
            elif key in "+-" and key:
                self._tell("feedback", self.session.feedback(1.0 if key == "+" else -1.0))
            elif key == "d":
                self._directors.rotate(-1)
                self._tell(self._directors[0], self.session.switch(self._directors[0]))
            elif key == "f":
                self._tell("fill", self.session.direct(fill=True))
        except SegueError as error:
            self.message = str(error)
        return key not in ("q", "\x03")

    def _move(self, valence: float, arousal: float) -> None:
        self.valence = round(min(max(self.valence + valence, -1.0), 1.0), 2)
        self.arousal = round(min(max(self.arousal + arousal, -1.0), 1.0), 2)
        answer = self.session.mood(valence=self.valence, arousal=self.arousal)
        self._tell(f"mood {self.valence:+.1f} {self.arousal:+.1f}", answer)

    def _tell(self, what: str, answer: object) -> None:
        seconds = getattr(answer, "eta_seconds", 0.0)
        self.message = f"{what}, in {seconds:.1f} s" if seconds > 0.05 else what


def play(
    cue: str,
    *,
    director: str = "agent",
    output: str = "auto",
    seed: int = 0,
    seconds: float | None = None,
    console: Console | None = None,
    midi_in: str | None = None,
    routes: Sequence[str] = (),
    follow_clock: bool = False,
    accompany: bool = False,
    follow_player: str | None = None,
) -> None:
    """Play a cue in real time until q, Ctrl-C or the end of `seconds`.

    :param midi_in: name of a MIDI input, '' for the first one; the rest says what it steers, see
        `midi_control.MidiControl`
    :param follow_player: `jack` or a sound file, whose beat sets the tempo, see `player_follow`
    """
    if midi_in is None and (routes or follow_clock or accompany):
        raise SegueError("--map, --follow-clock and --accompany need --midi-in; name an input")
    if follow_clock and follow_player is not None:
        raise SegueError("--follow-clock and --follow-player both set the tempo; give one of them")
    with ExitStack() as stack:
        with (console or Console()).status("tuning the instruments"):
            session = stack.enter_context(
                open_session(cue, director=director, output=output, seed=seed, clock="realtime")
            )
        if midi_in is not None:
            control = MidiControl(
                session, midi_in, routes=routes, follow_clock=follow_clock, accompany=accompany
            )
            stack.enter_context(control)
        if follow_player is not None:
            stack.enter_context(PlayerFollower(session, follow_player))
        steering = Steering(session, director)
        end = None if seconds is None else time.monotonic() + seconds
        bar: BarEvent | None = None
        with _keys() as next_key, Live(console=console, refresh_per_second=10) as live:
            while end is None or time.monotonic() < end:
                key = next_key(REFRESH_SECONDS)
                if key and not steering.press(key):
                    return
                for event in session.events():
                    if isinstance(event, BarEvent):
                        bar = event
                live.update(_view(session.position(), steering, bar))


def _view(position: Position, steering: Steering, bar: BarEvent | None) -> Group:
    cue = steering.session.cue
    head = Text(
        f"{cue.title}   {position.section} {position.bar_in_section + 1}   "
        f"{position.bpm:.0f} bpm   {position.key}   {position.director}"
    )
    grid = Table.grid(padding=(0, 2))
    for axis in ("valence", "arousal"):
        grid.add_row(
            axis,
            f"wanted {getattr(position.wanted, axis):+.2f}",
            f"heard {getattr(position.heard, axis):+.2f}",
            _slider(getattr(position.wanted, axis), getattr(position.heard, axis)),
        )
    if bar is not None:
        for name, level in bar.activity.items():
            grid.add_row(name, "█" * level, "", "")
    sections = "   ".join(f"{n + 1} {s.name}" for n, s in enumerate(cue.sections))
    return Group(head, grid, Text(sections), Text(HELP, style="dim"), Text(steering.message))


def _slider(wanted: float, heard: float, width: int = 41) -> str:
    cells = ["·"] * width
    cells[width // 2] = "|"
    cells[round((heard + 1) / 2 * (width - 1))] = "o"
    cells[round((wanted + 1) / 2 * (width - 1))] = "X"
    return "".join(cells)


@contextmanager
def _keys() -> Iterator[Callable[[float], str]]:
    """A function that waits up to some seconds for a key; '' if none came."""
    if not sys.stdin.isatty():

        def no_key(seconds: float) -> str:
            time.sleep(seconds)
            return ""

        yield no_key
        return
    import termios
    import tty

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    tty.setcbreak(terminal)
    typed = ""

    def next_key(seconds: float) -> str:
        nonlocal typed
        if not typed and select.select([terminal], [], [], seconds)[0]:
            # from the terminal itself: what a text stream has read ahead, select cannot see
            typed = os.read(terminal, 64).decode(errors="replace") or "q"
        key, typed = split_key(typed)
        return key

    try:
        yield next_key
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def split_key(typed: str) -> tuple[str, str]:
    """The first key of what was typed, and the rest."""
    for escape, key in _ESCAPES.items():
        if typed.startswith(escape):
            return key, typed[len(escape) :]
    return typed[:1], typed[1:]
