"""SFZ files as zones: the subset that sampled instruments commonly use.

Read are the headers control, global, master, group and region with their inheritance, `#include`,
`#define`, comments, and the opcodes named here; round robins by `seq_length` or `lorand`; key
switches and controllers at their defaults. Others are ignored, and named once in the log.

Source: the SFZ format as sfzformat.com describes it (opcodes of version 1 and some of 2).
"""

import logging
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ..music.errors import FileFormatError, RangeError, SegueError, check_range
from ..music.files import read_whole
from .sample_folder import note_pitch
from .samples import Zone, read_clip

log = logging.getLogger(__name__)

LEVELS = ("control", "global", "master", "group", "region")  # each inherits from those before it
MAX_FILES = 256  # that one instrument may include, so that a circle ends
MAX_REGIONS = 20_000

TOKEN = re.compile(r"<(\w+)>|([\w$]+)=(.*?)(?=\s+[\w$]+=|\s*<\w+>|\s*$)")
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
DIRECTIVE = re.compile(r'^\s*#(include\s+"([^"]+)"|define\s+(\$\w+)\s+(\S+))')

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
OLD_NAMES = {
    "loopmode": "loop_mode",
    "loopstart": "loop_start",
    "loopend": "loop_end",
    "pitch": "tune",
    "gain": "volume",
    "polyphony_group": "group",
}
CONTROLLER = re.compile(r"(set_|lo|hi)cc(\d+)")
SILENT_OPCODES = re.compile(r"region_label|group_label|master_label|global_label|label_.*|sw_.*")


@dataclass(frozen=True)
class Value:
    """The text of an opcode and where it stands."""

    text: str
    place: str  # file and line


Opcodes = dict[str, Value]


@dataclass
class Reader:
    """One file with all that it includes, as headers and opcodes in their order."""

    root: Path
    files: int = 0
    defines: dict[str, str] = field(default_factory=dict)

    def tokens(self, path: Path) -> Iterator[tuple[str, Value | None, str]]:
        """Header names with None, opcode names with their values, and the place of each."""
        self.files += 1
        if self.files > MAX_FILES:
            raise FileFormatError(
                f"{self.root} includes more than {MAX_FILES} files; does one include itself?"
            )
        text = _decode(path)
        text = COMMENT.sub(lambda found: "\n" * found[0].count("\n"), text)
        for number, line in enumerate(text.splitlines(), 1):
            place = f"{path.name} line {number}"
            line = line.split("//", 1)[0]
            directive = DIRECTIVE.match(line)
            if directive is None:
                yield from self._line(line, place)
            elif directive[2]:
                included = find_file(self.root.parent, directive[2])
                if not included.is_file():
                    raise SegueError(f"{place}: there is no file {directive[2]!r} to include")
                yield from self.tokens(included)
            else:
                self.defines[directive[3]] = directive[4]

    def _line(self, line: str, place: str) -> Iterator[tuple[str, Value | None, str]]:
        for name in sorted(self.defines, key=len, reverse=True):
            line = line.replace(name, self.defines[name])
        for header, name, value in TOKEN.findall(line):
            if header:
                yield header, None, place
            else:
                yield name.lower(), Value(value.strip(), place), place


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


def read_regions(path: Path) -> list[Opcodes]:
    """The opcodes of each region, with all that it inherits."""
    levels: list[Opcodes] = [{} for _ in LEVELS]
    regions: list[Opcodes] = []
    current: int | None = None
    for name, value, place in Reader(path).tokens(path):
        if value is None:
            current = LEVELS.index(name) if name in LEVELS else None
            if current:  # a header ends those below it; <control> ends nothing
                levels[current:] = [{} for _ in LEVELS[current:]]
                if name == "region":
                    regions.append(_merged(levels))
                    if len(regions) > MAX_REGIONS:
                        raise FileFormatError(f"{place}: more than {MAX_REGIONS} regions")
            continue
        if current is None:
            continue
        target = levels[current]
        if name == "key":
            target |= {known: value for known in ("lokey", "hikey", "pitch_keycenter")}
        else:
            target[OLD_NAMES.get(name, name)] = value
        if LEVELS[current] == "region":
            regions[-1] = _merged(levels)
    return regions


def _merged(levels: list[Opcodes]) -> Opcodes:
    return {name: value for level in levels for name, value in level.items()}


def _zone(path: Path, region: Opcodes, switch: int) -> Zone | None:
    """One region as a zone; None for one that no key press at default controllers starts.

    `switch` is the key switch that is on where the file does not say.
    """
    if "sample" not in region or not _sounds(region, switch):
        return None
    sample = region["sample"]
    number = partial(_number, region)
    shift = round(number("note_offset", 0) + 12 * number("octave_offset", 0))
    low, high = _pitch(region, "lokey", 0), _pitch(region, "hikey", 127)
    if low < 0 or high < 0 or number("end", 0) == -1:
        return None
    low_velocity, high_velocity = round(number("lovel", 0)), round(number("hivel", 127))
    _check_order(region, "lokey", low, "hikey", high)
    _check_order(region, "lovel", low_velocity, "hivel", high_velocity)
    prefix = region["default_path"].text if "default_path" in region else ""
    file = find_file(path.parent, prefix + sample.text)
    mode = _word(region, "loop_mode", "") or None
    turn, turns = _turn(region)
    amplitude = max(number("amplitude", 100.0), 0.01) / 100.0
    return Zone(
        place=sample.place,
        key=str(file),
        load=partial(read_clip, file, sample.place),
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
    if region["sample"].text.startswith("*"):  # generators: *silence, *sine, ...
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


def find_file(folder: Path, name: str) -> Path:
    """The file of a name that may have backslashes and other capitals, as on other systems."""
    path = folder / name.replace("\\", "/")
    if path.exists():
        return path
    found = folder
    for part in Path(name.replace("\\", "/")).parts:
        step = found / part
        if not step.exists() and found.is_dir():
            step = next((p for p in found.iterdir() if p.name.lower() == part.lower()), step)
        found = step
    return found


def _decode(path: Path) -> str:
    data = read_whole(path)
    if b"\0" in data:
        raise FileFormatError(f"{path} is not text, so no SFZ file; give the .sfz itself")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


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
