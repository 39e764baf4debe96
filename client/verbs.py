"""The verbs that change a session: the same whether it lives in this process or in a server.

All take `at` (when: now, beat, bar, phrase, section, grid:B, bars:N, marker:NAME, section:NAME,
beat:N or frame:N), `expires_seconds`
(given up, with a `dropped` event, if not begun by then) and `id` (a second command with the same id
changes nothing and gets the first one's answer). All return `Accepted`: the frame and beat at which
it will be done.
"""

import itertools
import os
from collections.abc import Mapping
from typing import Any, Generic, TypedDict, TypeVar, Unpack

from .protocol import (
    Command,
    Control,
    Direct,
    Duck,
    Feedback,
    Game,
    Go,
    Learning,
    Level,
    Loop,
    Release,
    Set,
    SetMood,
    Stinger,
    Switch,
    Tempo,
    Unlearn,
)

A = TypeVar("A")

_PREFIX = os.urandom(4).hex()
_NUMBERS = itertools.count(1)


def new_id() -> str:
    """An id that no other message has."""
    return f"{_PREFIX}-{os.getpid()}-{next(_NUMBERS)}"


class When(TypedDict, total=False):
    """When a command is done."""

    at: str
    expires_seconds: float | None
    id: str | None


class Verbs(Generic[A]):
    """Mixin: turns each verb into its message and hands that to `command`.

    What comes of it is `Accepted`, or for asyncio something to be awaited that is.
    """

    def command(self, content: Command, id: str | None = None) -> A:
        """Do one command of the protocol."""
        raise NotImplementedError

    def set(
        self,
        parameters: Mapping[str, float] | None = None,
        /,
        *,
        ramp_seconds: float | None = None,
        curve: str = "linear",
        at: str = "now",
        expires_seconds: float | None = None,
        id: str | None = None,
        **named: float,
    ) -> A:
        """Set parameters of the cue; they move there in `ramp_seconds`, the cue's own if None.

        :param curve: how they move: linear, smooth, early or late
        """
        content = Set(
            parameters={**(parameters or {}), **named},
            ramp_seconds=ramp_seconds,
            curve=curve,
            at=at,
            expires_seconds=expires_seconds,
        )
        return self.command(content, id)

    def mood(
        self,
        valence: float | None = None,
        arousal: float | None = None,
        tension: float | None = None,
        *,
        ramp_seconds: float = 0.5,
        curve: str = "linear",
        **when: Unpack[When],
    ) -> A:
        """Ask for a mood, each axis in [-1, 1]; axes left out stay as they are.

        With no axis at all, the mood is handed back to the cue's parameters.
        """
        axes = {"valence": valence, "arousal": arousal, "tension": tension}
        return self._send(SetMood, when, **axes, ramp_seconds=ramp_seconds, curve=curve)

    def go(
        self,
        section: str,
        *,
        fill: bool | None = None,
        entry: str = "start",
        fade_beats: float = 0.0,
        **when: Unpack[When],
    ) -> A:
        """Go to a section, at the next point that both the cue and `at` (default: bar) allow.

        :param fill: whether a filler bar leads into it; None: as the cue says
        :param entry: start, or same: at the bar at which the old section is left
        :param fade_beats: the layers fade in over so many beats, up to 64
        """
        return self._send(Go, when, section=section, fill=fill, entry=entry, fade_beats=fade_beats)

    def stinger(self, name: str, *, duck_db: float | None = None, **when: Unpack[When]) -> A:
        """Play a stinger over the music, in its key and tempo, at the next beat unless told.

        :param duck_db: how far the layers step back, 0 to 60; None: as the cue says
        """
        return self._send(Stinger, when, name=name, duck_db=duck_db)

    def feedback(
        self,
        value: float | None = None,
        *,
        valence: float | None = None,
        arousal: float | None = None,
        **when: Unpack[When],
    ) -> A:
        """Say how the music is liked (-1..1) and what it expresses to the listener (-1..1).

        Both teach the director how this listener hears: what it expresses at once, likes and
        dislikes little by little. A dislike (below 0) also moves the music on to another section
        at the next phrase.
        """
        return self._send(Feedback, when, value=value, valence=valence, arousal=arousal)

    def game(self, features: Mapping[str, float], **when: Unpack[When]) -> A:
        """Report what happened in the game since the last report, so that what comes is foreseen.

        :param features: by the names that docs/protocol.md lists, e.g. `health`, `monsters`,
            `damage_taken`; those left out count as 0, health as 1
        """
        return self._send(Game, when, features=dict(features))

    def unlearn(self, **when: Unpack[When]) -> A:
        """Take back what the last feedback taught."""
        return self._send(Unlearn, when)

    def learning(self, on: bool, **when: Unpack[When]) -> A:
        """Whether feedback teaches the director; what it has learned so far stays."""
        return self._send(Learning, when, on=on)

    def direct(
        self,
        *,
        at: str = "now",
        expires_seconds: float | None = None,
        id: str | None = None,
        **changes: float | bool,
    ) -> A:
        """Take parts of the direction in hand until `release`: knobs 0..1.

        `fill=True` asks for a drum fill in the next bar that is decided.
        """
        content = Direct(changes=changes, at=at, expires_seconds=expires_seconds)
        return self.command(content, id)

    def release(self, *names: str, **when: Unpack[When]) -> A:
        """Give parts of the direction back to the director; all of them if none is named."""
        return self._send(Release, when, names=list(names))

    def level(
        self,
        layer: str,
        value: float,
        *,
        ramp_seconds: float = 0.05,
        curve: str = "linear",
        **when: Unpack[When],
    ) -> A:
        """Gain of a layer, 0 (silent) to 1."""
        fields = {"layer": layer, "value": value, "ramp_seconds": ramp_seconds, "curve": curve}
        return self._send(Level, when, **fields)

    def control(
        self, name: str, value: float, *, ramp_seconds: float = 0.05, **when: Unpack[When]
    ) -> A:
        """Move a control of the mixer, heard within one block.

        :param name: `layer.LAYER.pan` [-1, 1], `.reverb` or `.delay` [0, 1], `.filter` [40, 20000
            Hz]; `master.gain` [0, 1], `master.filter` [40, 20000 Hz]
        """
        return self._send(Control, when, name=name, value=value, ramp_seconds=ramp_seconds)

    def duck(self, depth_db: float = 9.0, *, seconds: float = 1.0, **when: Unpack[When]) -> A:
        """Let the music step back for some time, as under a line of speech."""
        return self._send(Duck, when, depth_db=depth_db, seconds=seconds)

    def switch(self, director: str, **when: Unpack[When]) -> A:
        """Let another director decide from the next undecided bar on."""
        return self._send(Switch, when, director=director)

    def tempo(self, bpm: float | None, **when: Unpack[When]) -> A:
        """Hold the tempo, within the cue's range; None hands it back to the director."""
        return self._send(Tempo, when, bpm=bpm)

    def loop(self, bars: int, **when: Unpack[When]) -> A:
        """Play so many bars (1 to 64) from the next bar line on again and again; 0 ends it."""
        return self._send(Loop, when, bars=bars)

    def _send(self, kind: type[Command], when: When, **fields: Any) -> A:
        timing: dict[str, Any] = {name: value for name, value in when.items() if name != "id"}
        return self.command(kind(**fields, **timing), when.get("id"))
