"""The OSC addresses: what can be said to the server, and what it tells.

`docs/protocol.md` has the same table; a test compares the two.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ...client import protocol as p
from ...client.errors import RequestError
from ...music.direction import KNOBS
from .osc_codec import Argument

OPEN_TIMEOUT_SECONDS = 600.0
"""A session that was opened by OSC lives so long without a word: nobody can say there that he is
still present."""

TEXTS = frozenset("cue director output id name at section layer knob host".split())
"""Names of arguments that are texts; the others are numbers."""

Arguments = dict[str, Any]


@dataclass(frozen=True)
class Verb:
    """What an address does.

    :param arguments: their names; those in brackets may be left out, `...` repeats the last
    :param content: the request that is made of them; None for what the gateway does itself
    """

    arguments: str
    does: str
    content: Callable[[Arguments], p.Request] | None = None

    def read(self, given: Sequence[object]) -> Arguments:
        """The arguments by name; RequestError if there are too few, too many, or wrong ones."""
        needed = len(self.arguments.partition("[")[0].replace("...", "").split())
        names = [word.strip("[]") for word in self.arguments.split() if not word.startswith("...")]
        many = "..." in self.arguments
        if len(given) < needed or (len(given) > len(names) and not many):
            fact = f"{len(given)} arguments"
            raise RequestError("invalid", fact, "", f"send: {self.arguments or 'none'}")
        read: Arguments = {
            name: _value(name, value) for name, value in zip(names, given, strict=False)
        }
        if many:
            first = len(names) - 1
            read[names[-1]] = [_value(names[-1], value) for value in given[first:]]
        return read


def _value(name: str, value: object) -> str | float:
    if name in TEXTS:
        if not isinstance(value, str):
            raise RequestError("invalid", f"{name} is no text", "", "send it as a string")
        return value
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise RequestError("invalid", f"{name} is no finite number", "", "send it as a float")
    return value


def _given(arguments: Arguments, *names: str) -> Arguments:
    return {name: arguments[name] for name in names if name in arguments}


def _mood(a: Arguments) -> p.Request:
    return p.SetMood(**_given(a, "valence", "arousal", "tension", "ramp_seconds"))


VERBS: dict[str, Verb] = {
    "/segue/open": Verb(
        "cue [director [output]]",
        "opens a session",
        lambda a: p.Open(timeout_seconds=OPEN_TIMEOUT_SECONDS, **a),
    ),
    "/segue/session": Verb("id", "the one that this peer steers"),
    "/segue/set": Verb(
        "name value [ramp_seconds [at]]",
        "a parameter",
        lambda a: p.Set(parameters={a["name"]: a["value"]}, **_given(a, "ramp_seconds", "at")),
    ),
    "/segue/mood": Verb("valence arousal [tension [ramp_seconds]]", "the mood wanted", _mood),
    "/segue/go": Verb("section [at]", "a section", lambda a: p.Go(**a)),
    "/segue/stinger": Verb("name [at]", "a stinger", lambda a: p.Stinger(**a)),
    "/segue/level": Verb("layer value [ramp_seconds]", "gain of a layer", lambda a: p.Level(**a)),
    "/segue/control": Verb(
        "name value [ramp_seconds]", "a control of the mixer", lambda a: p.Control(**a)
    ),
    "/segue/direct": Verb(
        "knob value",
        "takes a knob in hand",
        lambda a: p.Direct(changes={a["knob"]: a["value"]}),
    ),
    "/segue/release": Verb("[knob ...]", "gives knobs back", lambda a: p.Release(names=a["knob"])),
    "/segue/feedback": Verb("value", "-1 to 1", lambda a: p.Feedback(**a)),
    "/segue/tempo": Verb("bpm", "0: the director's again", lambda a: p.Tempo(bpm=a["bpm"] or None)),
    "/segue/loop": Verb("bars", "0: ends it", lambda a: p.Loop(bars=int(a["bars"]))),
    "/segue/duck": Verb("depth_db seconds", "steps back", lambda a: p.Duck(**a)),
    "/segue/switch": Verb("director", "who decides", lambda a: p.Switch(**a)),
    "/segue/pause": Verb("", "", lambda a: p.Pause()),
    "/segue/resume": Verb("", "", lambda a: p.Resume()),
    "/segue/close": Verb("", "", lambda a: p.Close()),
    "/segue/listen": Verb("port [host]", "events are sent there from now on; again every 60 s"),
    "/segue/wek/map": Verb(
        "[name ...]", "the parameters that `/wek/inputs` sets; none: the mood wanted"
    ),
    "/wek/inputs": Verb("value ...", "Wekinator's inputs, as they come from it"),
}


def wekinator_request(inputs: Sequence[float], parameters: Sequence[str]) -> p.Request:
    """What Wekinator's inputs ask: parameters in the order of their names, or else the mood."""
    if parameters:
        pairs = zip(parameters, inputs, strict=False)
        return p.Set(parameters=dict(pairs), ramp_seconds=0.05)
    if len(inputs) < 2:
        way = "send valence and arousal, or name parameters by /segue/wek/map"
        raise RequestError("invalid", f"{len(inputs)} inputs", "", way)
    return _mood(dict(zip(("valence", "arousal", "tension"), inputs, strict=False)))


@dataclass(frozen=True)
class Telling:
    """A message to listeners; with a frame it is sent when that sounds."""

    address: str
    arguments: list[Argument]
    frame: int | None = None


def tellings(event: p.Event, sample_rate: int) -> list[Telling]:
    """What listeners are told of an event."""
    frame = event.at_frame
    match event:
        case p.BeatEvent():
            numbers: list[Argument] = [event.bar, event.beat_in_bar, event.beat, event.bpm]
            return [Telling("/segue/beat", numbers, frame)]
        case p.BarEvent():
            return [Telling("/segue/bar", [event.bar, event.section, event.key, event.bpm])]
        case p.SectionEvent():
            return [Telling("/segue/section", [event.name, event.previous], frame)]
        case p.MarkerEvent():
            return [Telling("/segue/marker", [event.name], frame)]
        case p.NotesEvent():
            return [
                Telling("/segue/notes", [layer, pitch, frames / sample_rate, loudness], start)
                for layer, pitch, start, frames, loudness in event.notes
            ]
        case p.DirectionEvent():
            wanted, heard = event.wanted, event.heard
            moods = [m for mood in (wanted, heard) for m in mood_numbers(mood)]
            knobs = [event.knobs[name] for name in KNOBS if name in event.knobs]
            return [Telling("/segue/mood", [*moods]), Telling("/wek/outputs", [*knobs])]
        case p.StingerEvent():
            return [Telling("/segue/stinger", [event.name])]
        case p.ExecutedEvent():
            return [Telling("/segue/executed", [event.command])]
        case p.DroppedEvent():
            return [Telling("/segue/dropped", [event.command, event.reason])]
        case p.WarningEvent():
            return [Telling("/segue/error", [event.message])]
    return []


def mood_numbers(mood: p.Mood) -> tuple[float, float, float]:
    """Valence, arousal, tension."""
    return mood.valence, mood.arousal, mood.tension
