"""What a command may ask: names and ranges, checked before it is promised."""

from collections.abc import Collection
from typing import Any

import msgspec

from ...client import protocol as p
from ...envs.games.game import feature_list
from ...music.cue import Cue
from ...music.direction import KNOBS
from ...music.errors import SegueError, UnknownNameError, check_range
from ...music.parameters import MAX_RAMP_SECONDS, Parameters, check_ramp
from ...synth.controls import LAYER_KNOBS, MASTER_KNOBS
from ..performing.loops import MAX_LOOP_BARS

ENTRIES = ("start", "same")
MAX_FADE_BEATS = 64.0
DIRECTABLE = (*KNOBS, "fill")
MAX_EXPIRES_SECONDS = 86_400.0


COMMANDS = {name: kind for name, kind in p.REQUESTS.items() if issubclass(kind, p.Command)}


def read_command(verb: str, content: dict[str, Any]) -> p.Command:
    """A command from plain values. UnknownNameError for another verb, SegueError for its fields."""
    if verb not in COMMANDS:
        raise UnknownNameError("command", verb, COMMANDS)
    try:
        return msgspec.convert(content, COMMANDS[verb])
    except msgspec.ValidationError as error:
        raise SegueError(f"no command {verb!r}: {error}; docs/protocol.md has an example") from None


def check_command(
    content: p.Command, cue: Cue, parameters: Parameters, directors: Collection[str]
) -> None:
    """Raise UnknownNameError, RangeError or SegueError unless the command can be done.

    :param directors: those that can be switched to
    """
    if content.expires_seconds is not None:
        check_range("expires_seconds", content.expires_seconds, 0.0, MAX_EXPIRES_SECONDS)
    match content:
        case p.Set():
            if not content.parameters:
                raise SegueError("set names no parameter; give at least one, e.g. danger=0.5")
            for name, value in content.parameters.items():
                parameters.check(name, value, content.ramp_seconds)
            check_ramp(content.ramp_seconds or 0.0, content.curve)
        case p.SetMood():
            parameters.check_mood(mood_axes(content), content.ramp_seconds)
            check_ramp(content.ramp_seconds, content.curve)
        case p.Go():
            cue.section_index(content.section)
            if content.entry not in ENTRIES:
                raise UnknownNameError("entry", content.entry, ENTRIES)
            check_range("fade_beats", content.fade_beats, 0.0, MAX_FADE_BEATS)
        case p.Stinger():
            cue.stinger(content.name)
            check_range("duck_db", content.duck_db or 0.0, 0.0, 60.0)
        case p.Tempo():
            if content.bpm is not None:
                check_range(f"tempo in bpm of cue {cue.name!r}", content.bpm, *cue.tempo_bpm)
        case p.Loop():
            check_range("bars of the loop", content.bars, 0, MAX_LOOP_BARS)
        case p.Feedback():
            _check_feedback(content)
        case p.Game():
            feature_list(content.features)
        case p.Direct():
            _check_direct(content)
        case p.Release():
            for name in content.names:
                if name not in KNOBS:
                    raise UnknownNameError("knob", name, KNOBS)
        case p.Level():
            cue.layer_index(content.layer)
            check_range(f"level of layer {content.layer!r}", content.value, 0.0, 1.0)
            check_ramp(content.ramp_seconds, content.curve)
        case p.Control():
            ranges = _steerable(cue)
            if content.name not in ranges:
                raise UnknownNameError("control", content.name, ranges)
            check_range(content.name, content.value, *ranges[content.name])
            check_range("ramp_seconds", content.ramp_seconds, 0.0, MAX_RAMP_SECONDS)
        case p.Duck():
            check_range("depth_db", content.depth_db, 0.0, 60.0)
            check_range("seconds to duck", content.seconds, 0.0, MAX_RAMP_SECONDS)
        case p.Switch():
            if content.director not in directors:
                raise UnknownNameError("director", content.director, directors)


def _steerable(cue: Cue) -> dict[str, tuple[float, float]]:
    """The mixer's controls that a session does not move by itself, with their ranges."""
    knobs = ("pan", "reverb", "delay", "filter")
    layers = {f"layer.{y.name}.{knob}": LAYER_KNOBS[knob] for y in cue.layers for knob in knobs}
    return layers | {f"master.{knob}": MASTER_KNOBS[knob] for knob in ("gain", "filter")}


def mood_axes(content: p.SetMood) -> dict[str, float | None]:
    """The axes that a mood command moves; all handed back (None) if it names none."""
    axes = {"valence": content.valence, "arousal": content.arousal, "tension": content.tension}
    named: dict[str, float | None] = {k: v for k, v in axes.items() if v is not None}
    return named or dict.fromkeys(axes)


def _check_feedback(content: p.Feedback) -> None:
    if content.value is None and content.valence is None and content.arousal is None:
        raise SegueError("feedback says nothing; give a value, or valence and arousal")
    if (content.valence is None) != (content.arousal is None):
        raise SegueError("feedback has one of valence and arousal; give both or neither")
    for name in ("value", "valence", "arousal"):
        number = getattr(content, name)
        if number is not None:
            check_range(f"feedback {name}", number, -1.0, 1.0)


def _check_direct(content: p.Direct) -> None:
    if not content.changes:
        raise SegueError(f"direct changes nothing; name at least one of {', '.join(DIRECTABLE)}")
    for name, value in content.changes.items():
        if name not in DIRECTABLE:
            raise UnknownNameError("part of a direction", name, DIRECTABLE)
        if name == "fill":
            if not isinstance(value, bool):
                raise SegueError(f"fill is {value!r}; give true or false")
        else:
            check_range(name, value, 0.0, 1.0)
