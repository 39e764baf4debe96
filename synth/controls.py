"""The controls of an engine: their names, ranges and the errors of those who get them wrong."""

from collections.abc import Sequence
from functools import lru_cache

from ..music.errors import UnknownNameError, check_range
from ..music.events import Channel

FILTER_HZ = (40.0, 20_000.0)
TEMPO_BPM = (20.0, 400.0)
LAYER_KNOBS = {
    "gain": (0.0, 1.0),
    "pan": (-1.0, 1.0),
    "reverb": (0.0, 1.0),
    "delay": (0.0, 1.0),
    "filter": FILTER_HZ,
    "brightness": (0.0, 1.0),
    "attack": (0.0, 1.0),
    "density": (0.0, 1.0),
}
"""Range of each knob of a layer. The last three shape the notes that begin from then on."""

GROUP_KNOBS = {"gain": (0.0, 1.0)}
MASTER_KNOBS = {"gain": (0.0, 1.0), "filter": FILTER_HZ, "tempo": TEMPO_BPM}


def control_ranges(channels: Sequence[Channel]) -> dict[str, tuple[float, float]]:
    """All controls of an engine with these channels, with their lowest and highest value."""
    return _ranges(tuple(channels))


@lru_cache(maxsize=16)
def _ranges(channels: tuple[Channel, ...]) -> dict[str, tuple[float, float]]:
    groups = dict.fromkeys(channel.group for channel in channels)
    return {
        **{f"layer.{c.name}.{knob}": r for c in channels for knob, r in LAYER_KNOBS.items()},
        **{f"group.{group}.{knob}": r for group in groups for knob, r in GROUP_KNOBS.items()},
        **{f"master.{knob}": r for knob, r in MASTER_KNOBS.items()},
    }


def check_control(
    channels: Sequence[Channel], name: str, value: float, ramp_seconds: float
) -> tuple[float, float]:
    """Value and ramp as floats if `Engine.control` can take them, else an error."""
    seconds = check_range("ramp in seconds", ramp_seconds, 0.0, 600.0)
    ranges = control_ranges(channels)
    if name not in ranges:
        raise UnknownNameError("control", name, ranges)
    return check_range(name, value, *ranges[name]), seconds
