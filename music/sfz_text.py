"""SFZ files as text: regions with all the opcodes that they inherit, and the files they name.

Read are the headers control, global, master, group and region with their inheritance, `#include`,
`#define` and comments. What the opcodes mean is known in `synth.sfz`.

Source: the SFZ format as sfzformat.com describes it.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .errors import FileFormatError, SegueError
from .files import read_whole

LEVELS = ("control", "global", "master", "group", "region")  # each inherits from those before it
MAX_FILES = 256  # that one instrument may include, so that a circle ends
MAX_REGIONS = 20_000

TOKEN = re.compile(r"<(\w+)>|([\w$]+)=(.*?)(?=\s+[\w$]+=|\s*<\w+>|\s*$)")
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
DIRECTIVE = re.compile(r'^\s*#(include\s+"([^"]+)"|define\s+(\$\w+)\s+(\S+))')

OLD_NAMES = {
    "loopmode": "loop_mode",
    "loopstart": "loop_start",
    "loopend": "loop_end",
    "pitch": "tune",
    "gain": "volume",
    "polyphony_group": "group",
}


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
    included: list[Value] = field(default_factory=list)  # names of files
    defines: dict[str, str] = field(default_factory=dict)

    def tokens(self, path: Path) -> Iterator[tuple[str, Value | None, str]]:
        """Header names with None, opcode names with their values, and the place of each."""
        if len(self.included) >= MAX_FILES:
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
                self.included.append(Value(directive[2], place))
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


def read_regions(path: Path) -> list[Opcodes]:
    """The opcodes of each region of a file, with all that it inherits.

    Raises SegueError for a file that is missing, that is no text, or that includes such a file.
    """
    return _regions(Reader(path))


def read_names(path: Path) -> list[Value]:
    """The files that an SFZ file includes and the recordings that it names, as seen from it.

    Raises as `read_regions`.
    """
    reader = Reader(path)
    regions = _regions(reader)
    named = [name for region in regions if (name := recording_name(region)) is not None]
    return list({name.text: name for name in [*reader.included, *named]}.values())


def recording_name(region: Opcodes) -> Value | None:
    """The file of a region's recording; None for one without, or with a generator's sound."""
    if "sample" not in region or region["sample"].text.startswith("*"):  # *silence, *sine, ...
        return None
    prefix = region["default_path"].text if "default_path" in region else ""
    return Value(prefix + region["sample"].text, region["sample"].place)


def _regions(reader: Reader) -> list[Opcodes]:
    levels: list[Opcodes] = [{} for _ in LEVELS]
    regions: list[Opcodes] = []
    current: int | None = None
    for name, value, place in reader.tokens(reader.root):
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


def find_file(folder: Path, name: str) -> Path:
    """The file of a name that may have backslashes and other capitals, as on other systems."""
    path = folder / name.replace("\\", "/")
    if path.exists():
        return path
    found = folder
    for part in Path(os.path.normpath(name.replace("\\", "/"))).parts:
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
