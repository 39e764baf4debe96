"""The presets that a SoundFont 2 file names, read without its sound: which of them are kits."""

import mmap
import struct
from pathlib import Path
from typing import NamedTuple

from .riff import chunks
from .sample_names import SampleName

DRUM_BANK = 128
"""Where General MIDI SoundFonts keep their kits."""

_HEADER = struct.Struct("<20sHHH12x")  # of a preset: name, program, bank, first zone


class PresetHeader(NamedTuple):
    """One sound of a file, in the order by which it is found."""

    bank: int
    program: int
    name: str


def read_presets(path: Path) -> list[PresetHeader]:
    """The presets of a file by bank and program; none if it cannot be read as a SoundFont."""
    try:
        with path.open("rb") as file:
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError):  # an empty file cannot be mapped
        return []
    lists = {bytes(body[:4]): body[4:] for name, body in chunks(data[12:]) if name == "LIST"}
    rows = dict(chunks(lists.get(b"pdta", data[:0]))).get("phdr", b"")
    headers = _HEADER.iter_unpack(rows[: len(rows) // _HEADER.size * _HEADER.size])
    found = [PresetHeader(bank, program, _text(name)) for name, program, bank, _ in headers]
    return sorted(found[:-1], key=lambda preset: (preset.bank, preset.program))  # the last ends it


def is_kit_preset(name: SampleName) -> bool:
    """Whether a sampled instrument is a preset of the bank of drum kits."""
    if name.kind != ".sf2":
        return False
    bank, _, program = name.preset.partition(":")
    if bank.isdecimal() and program.isdecimal():
        return int(bank) == DRUM_BANK
    presets = read_presets(name.path)
    if name.preset:
        presets = [p for p in presets if p.name.lower() == name.preset.lower()][:1]
    return len(presets) == 1 and presets[0].bank == DRUM_BANK


def _text(name: bytes) -> str:
    return name.split(b"\0")[0].decode("latin-1").strip()
