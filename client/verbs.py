"""The verbs that change a session: the same whether it lives in this process or in a server.

All take `at` (when: now, beat, bar, phrase, section, bars:N, beat:N or frame:N), `expires_seconds`
(given up, with a `dropped` event, if not begun by then) and `id` (a second command with the same id
changes nothing and gets the first one's answer). All return `Accepted`: the frame and beat at which
it will be done.
"""

import itertools
import os
from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

from .protocol import (
    Accepted,
    Command,
    Control,
    Direct,
    Duck,
    Feedback,
    Game,
    Go,
    Learning,
    Level,
    Release,
    Set,
    SetMood,
    Stinger,
    Switch,
    Unlearn,
)

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


class Verbs:
    """Mixin: turns each verb into its message and hands that to `command`."""

    def command(self, content: Command, id: str | None = None) -> Accepted:
        """Do one command of the protocol."""
        raise NotImplementedError

    def set(
        self,
        parameters: Mapping[str, float] | None = None,
        /,
        *,
        ramp_seconds: float | None = None,
        at: str = "now",
        expires_seconds: float | None = None,
        id: str | None = None,
        **named: float,
    ) -> Accepted:
        """Set parameters of the cue; they move there in `ramp_seconds`, the cue's own if None."""
        values = {**(parameters or {}), **named}
        content = Set(
            parameters=values, ramp_seconds=ramp_seconds, at=at, expires_seconds=expires_seconds
        )
        return self.command(content, id)

    def mood(
        self,
        valence: float | None = None,
        arousal: float | None = None,
        tension: float | None = None,
        *,
        ramp_seconds: float = 0.5,
        **when: Unpack[When],
    ) -> Accepted:
        """Ask for a mood, each axis in [-1, 1]; axes left out stay as they are.

        With no axis at all, the mood is handed back to the cue's parameters.
        """
        axes = {"valence": valence, "arousal": arousal, "tension": tension}
        return self._send(SetMood, when, **axes, ramp_seconds=ramp_seconds)

    def go(self, section: str, **when: Unpack[When]) -> Accepted:
        """Go to a section, at the next point that both the cue and `at` (default: bar) allow."""
        return self._send(Go, when, section=section)

    def stinger(self, name: str, **when: Unpack[When]) -> Accepted:
        """Play a stinger over the music, in its key and tempo, at the next beat unless told."""
        return self._send(Stinger, when, name=name)

    def feedback(
        self,
        value: float | None = None,
        *,
        valence: float | None = None,
        arousal: float | None = None,
        **when: Unpack[When],
    ) -> Accepted:
        """Say how the music is liked (-1..1) and what it expresses to the listener (-1..1).

        Both teach the director how this listener hears: what it expresses at once, likes and
        dislikes little by little. A dislike (below 0) also moves the music on to another section
        at the next phrase.
        """
        return self._send(Feedback, when, value=value, valence=valence, arousal=arousal)

    def game(self, features: Mapping[str, float], **when: Unpack[When]) -> Accepted:
        """Report what happened in the game since the last report, so that what comes is foreseen.

        :param features: by the names that docs/protocol.md lists, e.g. `health`, `monsters`,
            `damage_taken`; those left out count as 0, health as 1
        """
        return self._send(Game, when, features=dict(features))

    def unlearn(self, **when: Unpack[When]) -> Accepted:
        """Take back what the last feedback taught."""
        return self._send(Unlearn, when)

    def learning(self, on: bool, **when: Unpack[When]) -> Accepted:
        """Whether feedback teaches the director; what it has learned so far stays."""
        return self._send(Learning, when, on=on)

    def direct(
        self,
        *,
        at: str = "now",
        expires_seconds: float | None = None,
        id: str | None = None,
        **changes: float | bool,
    ) -> Accepted:
        """Take parts of the direction in hand until `release`: knobs 0..1.

        `fill=True` asks for a drum fill in the next bar that is decided.
        """
        content = Direct(changes=changes, at=at, expires_seconds=expires_seconds)
        return self.command(content, id)

    def release(self, *names: str, **when: Unpack[When]) -> Accepted:
        """Give parts of the direction back to the director; all of them if none is named."""
        return self._send(Release, when, names=list(names))

    def level(
        self, layer: str, value: float, *, ramp_seconds: float = 0.05, **when: Unpack[When]
    ) -> Accepted:
        """Gain of a layer, 0 (silent) to 1."""
        return self._send(Level, when, layer=layer, value=value, ramp_seconds=ramp_seconds)

    def control(
        self, name: str, value: float, *, ramp_seconds: float = 0.05, **when: Unpack[When]
    ) -> Accepted:
        """Move a control of the mixer, heard within one block.

        :param name: `layer.LAYER.pan` [-1, 1], `.reverb` or `.delay` [0, 1], `.filter` [40, 20000
            Hz]; `master.gain` [0, 1], `master.filter` [40, 20000 Hz]
        """
        return self._send(Control, when, name=name, value=value, ramp_seconds=ramp_seconds)

    def duck(
        self, depth_db: float = 9.0, *, seconds: float = 1.0, **when: Unpack[When]
    ) -> Accepted:
        """Let the music step back for some time, as under a line of speech."""
        return self._send(Duck, when, depth_db=depth_db, seconds=seconds)

    def switch(self, director: str, **when: Unpack[When]) -> Accepted:
        """Let another director decide from the next undecided bar on."""
        return self._send(Switch, when, director=director)

    def _send(self, kind: type[Command], when: When, **fields: Any) -> Accepted:
        timing: dict[str, Any] = {name: value for name, value in when.items() if name != "id"}
        return self.command(kind(**fields, **timing), when.get("id"))
