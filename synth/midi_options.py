"""What a MIDI port is to get beside notes and controllers, as a value and as text."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..music.errors import SegueError, UnknownNameError


@dataclass(frozen=True)
class MidiOptions:
    """What else a port is to get."""

    clock: bool = False  # MIDI clock along the bars
    mpe: tuple[str, ...] = ()  # layers that play in MPE zones: of the lower, of the upper one
    programs: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """By layer, program (0..127) and bank (0..16383) in place of the instrument's own."""


def parse_options(text: str) -> tuple[str, MidiOptions]:
    """Port and options of `PORT?clock&mpe=LAYER,LAYER&program.LAYER=PROGRAM/BANK`.

    Everything after the port may be left out. Raises SegueError for what is not of that form.
    """
    port, _, query = text.partition("?")
    clock = False
    mpe: tuple[str, ...] = ()
    programs: dict[str, tuple[int, int]] = {}
    for item in filter(None, query.split("&")):
        name, _, value = item.partition("=")
        if name == "clock" and not value:
            clock = True
        elif name == "mpe" and value:
            mpe = tuple(value.split(","))
        elif name.startswith("program.") and value:
            programs[name.removeprefix("program.")] = _program(item, value)
        else:
            raise UnknownNameError("MIDI option", item, ("clock", "mpe=LAYER", "program.LAYER=N"))
    return port, MidiOptions(clock, mpe, programs)


def format_options(port: str, options: MidiOptions) -> str:
    """The text that `parse_options` reads."""
    items = ["clock"] * options.clock + [f"mpe={','.join(options.mpe)}"] * bool(options.mpe)
    items += [f"program.{name}={p}/{bank}" for name, (p, bank) in options.programs.items()]
    return f"{port}?{'&'.join(items)}" if items else port


def _program(item: str, value: str) -> tuple[int, int]:
    program, _, bank = value.partition("/")
    if not (program.isdigit() and (bank or "0").isdigit()):
        raise SegueError(f"MIDI option {item!r} is not of the form program.LAYER=PROGRAM/BANK")
    return int(program), int(bank or 0)
