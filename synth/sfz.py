"""SFZ files as zones: the subset that sampled instruments commonly use.

`music.sfz_text` reads the files; known here are their opcodes: round robins by `seq_length` or
`lorand`; key switches and controllers at their defaults. Others are ignored, and named once in the
log.

Source: the SFZ format as sfzformat.com describes it (opcodes of version 1 and some of 2).
"""

import logging
import math
import re
from functools import partial
from pathlib import Path

from ..music.errors import FileFormatError, RangeError, SegueError, check_range
from ..music.sfz_text import Opcodes, Value, find_file, read_regions, recording_name
from .sample_folder import note_pitch
from .samples import Zone, probe_clip, read_clip

log = logging.getLogger(__name__)

NUMBERS: dict[str, tuple[float, float]] = {
    "lovel": (0, 127),
    "hivel": (0, 127),
    "volume": (-144, 48),
    "amplitude": (0, 1000),
    "pan": (-100, 100),
    "tune": (-9600, 9600),
    "transpose": (-127, 127),
    "pitch_keytrack": (-1200, 1200),
    "offset": (0, 2**32),
    "end": (-1, 2**32),
    "loop_start": (0, 2**32),
    "loop_end": (0, 2**32),
    "ampeg_attack": (0, 100),
    "ampeg_hold": (0, 100),
    "ampeg_decay": (0, 100),
    "ampeg_sustain": (0, 100),
    "ampeg_release": (0, 100),
    "seq_length": (1, 100),
    "seq_position": (1, 100),
    "lorand": (0, 1),
    "hirand": (0, 1),
    "group": (-(2**31), 2**32),
    "off_by": (-(2**31), 2**32),
    "note_offset": (-127, 127),
    "octave_offset": (-10, 10),
}
"""Opcodes whose values are numbers, with their ranges."""
PITCHES = ("lokey", "hikey", "pitch_keycenter", "key", "sw_last", "sw_default")
WORDS = {
    "loop_mode": ("no_loop", "one_shot", "loop_continuous", "loop_sustain"),
    "trigger": ("attack", "release", "first", "legato", "release_key"),
}
TEXTS = ("sample", "default_path")
OPCODES = (*NUMBERS, *PITCHES, *WORDS, *TEXTS)
CONTROLLER = re.compile(r"(set_|lo|hi)cc(\d+)")
SILENT_OPCODES = re.compile(r"region_label|group_label|master_label|global_label|label_.*|sw_.*")


def sfz_zones(path: Path) -> list[Zone]:
    """The zones of an SFZ file; SegueError that names file, line and opcode for what is wrong."""
    regions = read_regions(path)
    ignored: set[str] = set()
    switches = [_pitch(region, "sw_last", -1) for region in regions if "sw_last" in region]
    zones = []
    for region in regions:
        ignored |= {name for name in region if _unknown(name)}
        zone = _zone(path, region, min(switches, default=-1))
        if zone is not None:
            zones.append(zone)
    if ignored:
        log.warning("%s: ignored opcodes: %s", path, ", ".join(sorted(ignored)))
    if not zones:
        raise FileFormatError(
            f"{path} has no region with a sample that a key starts; an SFZ file needs at least "
            "<region> sample=NAME.wav"
        )
    return zones


def _zone(path: Path, region: Opcodes, switch: int) -> Zone | None:
    """One region as a zone; None for one that no key press at default controllers starts.

    `switch` is the key switch that is on where the file does not say.
    """
    sample = recording_name(region)
    if sample is None or not _sounds(region, switch):
        return None
    number = partial(_number, region)
    shift = round(number("note_offset", 0) + 12 * number("octave_offset", 0))
    low, high = _pitch(region, "lokey", 0), _pitch(region, "hikey", 127)
    if low < 0 or high < 0 or number("end", 0) == -1:
        return None
    low_velocity, high_velocity = round(number("lovel", 0)), round(number("hivel", 127))
    _check_order(region, "lokey", low, "hikey", high)
    _check_order(region, "lovel", low_velocity, "hivel", high_velocity)
    file = find_file(path.parent, sample.text)
    mode = _word(region, "loop_mode", "") or None
    turn, turns = _turn(region)
    amplitude = max(number("amplitude", 100.0), 0.01) / 100.0
    return Zone(
        place=sample.place,
        key=str(file),
        load=partial(read_clip, file, sample.place),
        probe=partial(probe_clip, file, sample.place),
        low_pitch=max(low + shift, 0),
        high_pitch=min(high + shift, 127),
        low_velocity=low_velocity,
        high_velocity=high_velocity,
        root_pitch=float(_pitch(region, "pitch_keycenter", 60) + shift),
        tune_semitones=number("transpose", 0) + number("tune", 0) / 100.0,
        tracking=number("pitch_keytrack", 100.0) / 100.0,
        start_frame=round(number("offset", 0)),
        end_frame=round(number("end", 0)) + 1 if "end" in region else None,
        loop=_loop(region),
        loops=None if mode is None else mode.startswith("loop"),
        one_shot=mode == "one_shot",
        gain_db=number("volume", 0.0) + 20.0 * math.log10(amplitude),
        pan=number("pan", 0.0) / 100.0,
        attack_seconds=number("ampeg_attack", 0.0),
        hold_seconds=number("ampeg_hold", 0.0),
        decay_seconds=number("ampeg_decay", 0.0),
        sustain=number("ampeg_sustain", 100.0) / 100.0,
        release_seconds=number("ampeg_release", 0.001),
        turn=turn,
        turns=turns,
        choke=_choke(region),
    )


def _sounds(region: Opcodes, switch: int) -> bool:
    """Whether a key press starts the region, with controllers and key switches at default."""
    if _word(region, "trigger", "attack") not in ("attack", "first"):
        return False
    if "sw_last" in region and region["sw_last"].text:
        if _pitch(region, "sw_last", -1) != _pitch(region, "sw_default", switch):
            return False
    for name, value in region.items():
        found = CONTROLLER.fullmatch(name)
        if found is None or found[1] == "set_":
            continue
        now = _as_number(region.get(f"set_cc{found[2]}", Value("0", value.place)), "set_cc", 0, 127)
        bound = _as_number(value, name, -1, 127)
        if (found[1] == "lo" and now < bound) or (found[1] == "hi" and now > bound):
            return False
    return True


def _turn(region: Opcodes) -> tuple[int, int]:
    """Turn and number of turns of a round robin; a random share 1/3 .. 2/3 is turn 1 of 3."""
    if "hirand" in region or "lorand" in region:
        low, high = _number(region, "lorand", 0.0), _number(region, "hirand", 1.0)
        _check_order(region, "lorand", low, "hirand", high)
        turns = max(1, round(1.0 / max(high - low, 0.01)))
        return min(round(low * turns), turns - 1), turns
    length = round(_number(region, "seq_length", 1))
    position = round(_number(region, "seq_position", 1))
    if position > length:
        raise RangeError(
            f"{region['seq_position'].place}: seq_position", float(position), 1, length
        )
    return position - 1, length


def _loop(region: Opcodes) -> tuple[int, int] | None:
    """The loop that the region itself names; both ends of it have to be given."""
    if "loop_start" not in region or "loop_end" not in region:
        return None
    first, last = round(_number(region, "loop_start", 0)), round(_number(region, "loop_end", 0))
    _check_order(region, "loop_start", first, "loop_end", last)
    return first, last + 1


def _choke(region: Opcodes) -> int:
    """The group of a region that its own group cuts short; 0 where none does."""
    group, off_by = round(_number(region, "group", 0)), round(_number(region, "off_by", 0))
    return group if group == off_by else 0


def _unknown(name: str) -> bool:
    return not (name in OPCODES or CONTROLLER.fullmatch(name) or SILENT_OPCODES.fullmatch(name))


def _number(region: Opcodes, name: str, default: float) -> float:
    if name not in region:
        return default
    return _as_number(region[name], name, *NUMBERS[name])


def _as_number(value: Value, name: str, low: float, high: float) -> float:
    return check_range(f"{value.place}: {name}", value.text, low, high)  # type: ignore[arg-type]


def _pitch(region: Opcodes, name: str, default: int) -> int:
    """A key by number or note name; -1 for no key."""
    if name not in region:
        return default
    value = region[name]
    pitch = note_pitch(value.text)
    if pitch is not None:
        return pitch
    if value.text == "sample" and name == "pitch_keycenter":
        return default
    try:
        return round(_as_number(value, name, -1, 127))
    except RangeError as error:
        raise SegueError(f"{error}, or a note such as c4") from None


def _word(region: Opcodes, name: str, default: str) -> str:
    if name not in region:
        return default
    value = region[name]
    if value.text not in WORDS[name]:
        raise SegueError(
            f"{value.place}: {name} is {value.text!r}; give one of {', '.join(WORDS[name])}"
        )
    return value.text


def _check_order(region: Opcodes, low: str, first: float, high: str, last: float) -> None:
    if first > last:
        place = region[low].place if low in region else region[high].place
        raise SegueError(
            f"{place}: {low} {first:g} is above {high} {last:g}; exchange them, or correct one"
        )
