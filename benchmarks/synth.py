"""The voice in numbers: exactness, speed beside the peers, cleanliness, a while of live playing.

`run` measures all parts, or those named; each is a module of this package. `docs/results.md` says
what the results mean and which are wanted.
"""

from collections.abc import Sequence
from importlib import import_module

from ..music.errors import MissingPartError
from . import synth_cleanliness, synth_exactness, synth_live, synth_peers, synth_speed
from .findings import Found, Part, Rows, Tell, measure_parts, silent

JITTER_SECONDS, LATENCY_EVENTS = 10.0, 100


def _event_to_sound(tell: Tell, long: bool) -> Found:
    """`event_to_sound_ms_p50` and `_p99` through a JACK graph."""
    tell("from an event to sound", 0.0)
    return _measured_elsewhere(
        "live_latency", "measure_event_to_sound", LATENCY_EVENTS, "event_to_sound_ms"
    )


def _midi_clock(tell: Tell, long: bool) -> Found:
    """`midi_clock_jitter_ms_p50` and `_p99`."""
    tell("jitter of the MIDI clock", 0.0)
    return _measured_elsewhere(
        "midi_clock", "measure_clock_jitter", JITTER_SECONDS, "midi_clock_jitter_ms"
    )


def _measured_elsewhere(module: str, function: str, amount: float, key: str) -> Found:
    """What a measurement returns: milliseconds as results `KEY_NAME`, all of it as a table."""
    found = Found()
    try:
        measured: dict[str, float] = getattr(import_module(f".{module}", __package__), function)(
            amount
        )
    except (MissingPartError, ModuleNotFoundError) as error:
        found.skip(f"{key}_p99", str(error))
        return found
    row = {}
    for name, value in measured.items():
        plain = name.removeprefix(key).strip("_").removesuffix("_ms")
        row[plain] = value
        if plain != name:
            found.results[f"{key}_{plain}"] = float(value)
    found.tables[key] = [row]
    return found


PARTS: dict[str, Part] = {
    "events": lambda tell, long: synth_exactness.measure(tell),
    "controls": lambda tell, long: synth_exactness.measure_controls(tell),
    "latency": _event_to_sound,
    "live": lambda tell, long: synth_live.measure(tell, long=long),
    "mixes": lambda tell, long: synth_speed.measure_mixes(tell),
    "render": lambda tell, long: synth_speed.measure_render(tell),
    "voices": lambda tell, long: synth_speed.measure_voices(tell),
    "peers": lambda tell, long: synth_peers.measure(tell),
    "midi": _midi_clock,
    "clicks": lambda tell, long: synth_cleanliness.measure_clicks(tell, every_way=long),
    "silence": lambda tell, long: synth_cleanliness.measure_silence(tell),
}
"""What can be measured, in this order."""


def run(
    only: Sequence[str] = (), *, long: bool = False, tell: Tell = silent
) -> tuple[dict[str, float], dict[str, Rows]]:
    """Results by key and tables by title.

    Raises UnknownNameError for a part that does not exist. What a part needs and this machine lacks
    stands in the table "not measured".

    :param only: names of `PARTS`; none means all
    :param long: ten minutes of live playing, and every way from section to section
    :param tell: called with what is being measured and the share of the whole that is done
    """
    return measure_parts(PARTS, only, long=long, tell=tell)
