"""SoundFont 2 files as zones: the presets of a `.sf2` file.

Read are presets, instruments and their zones with global zones, key and velocity ranges, root key
and tuning, loops, attenuation, pan, the volume envelope, exclusive classes, the filter's cut-off,
stereo pairs, and samples of 16 or 24 bits. Modulators, vibrato and effect sends are left out.

Source: Creative Technology, SoundFont Technical Specification 2.04 (2006). Attenuation counts 0.4
of what is written, as the hardware that most files were made for has it.
"""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..music.errors import FileFormatError, SegueError, suggestion
from ..music.riff import chunks
from .samples import Clip, Extent, Zone, low_pass

RECORDS: dict[str, Any] = {
    "phdr": [("name", "S20"), ("program", "<u2"), ("bank", "<u2"), ("bag", "<u2"), ("x", "<u4", 3)],
    "pbag": [("generator", "<u2"), ("modulator", "<u2")],
    "pgen": [("kind", "<u2"), ("amount", "<i2")],
    "inst": [("name", "S20"), ("bag", "<u2")],
    "ibag": [("generator", "<u2"), ("modulator", "<u2")],
    "igen": [("kind", "<u2"), ("amount", "<i2")],
    "shdr": [
        ("name", "S20"),
        ("start", "<u4"),
        ("end", "<u4"),
        ("loop_start", "<u4"),
        ("loop_end", "<u4"),
        ("rate", "<u4"),
        ("pitch", "u1"),
        ("correction", "i1"),
        ("link", "<u2"),
        ("type", "<u2"),
    ],
}
"""The tables of the file; the last record of all but generators only marks the end."""

GENERATORS = {
    0: "start",
    1: "end",
    2: "loop_start",
    3: "loop_end",
    4: "start_coarse",
    8: "cutoff",
    12: "end_coarse",
    17: "pan",
    34: "attack",
    35: "hold",
    36: "decay",
    37: "sustain",
    38: "release",
    41: "instrument",
    43: "keys",
    44: "velocities",
    45: "loop_start_coarse",
    46: "fixed_key",
    48: "attenuation",
    50: "loop_end_coarse",
    51: "coarse_tune",
    52: "fine_tune",
    53: "sample",
    54: "loop_mode",
    56: "tracking",
    57: "exclusive",
    58: "root",
}
DEFAULTS = {"cutoff": 13500, "tracking": 100, "root": -1, "fixed_key": -1} | dict.fromkeys(
    ("attack", "hold", "decay", "release"), -12000
)
"""Values of generators that are not 0 where a file does not say."""
ADDED = (
    *("cutoff", "pan", "attack", "hold", "decay", "sustain", "release"),
    *("attenuation", "coarse_tune", "fine_tune", "tracking"),
)
"""Generators of a preset, which add to those of its instruments."""
ATTENUATION_SHARE = 0.4
OPEN_CUTOFF_CENTS = 13_000  # above this the filter does not matter
MAX_ZONES = 4096
RIGHT, LEFT, ROM = 2, 4, 0x8000  # sample types

Ranges = tuple[tuple[int, int], tuple[int, int]]  # keys, velocities
Settings = dict[str, int]


@dataclass(frozen=True)
class Preset:
    """One sound of the file."""

    name: str
    bank: int
    program: int
    index: int


class SoundFont:
    """An open `.sf2` file.

    Raises FileFormatError for a file that is no SoundFont 2 or is cut short.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise SegueError(f"cannot read {path}: {error}; check the path") from error
        data = memoryview(self._map)
        if bytes(data[:4]) != b"RIFF" or bytes(data[8:12]) != b"sfbk":
            raise FileFormatError(f"{path} is no SoundFont 2 file; give a .sf2")
        self._check_size(int.from_bytes(data[4:8], "little") + 8, len(data))
        parts: dict[str, memoryview] = {}
        for name, body in chunks(data[12:]):
            if name == "LIST":
                parts |= dict(chunks(body[4:]))
        self._tables = {name: self._table(parts, name) for name in RECORDS}
        if "smpl" not in parts:
            raise FileFormatError(f"{path} has no samples; give a complete SoundFont")
        self._samples = np.frombuffer(parts["smpl"][: len(parts["smpl"]) // 2 * 2], "<i2")
        fine = parts.get("sm24")
        whole = fine is not None and len(fine) >= len(self._samples)
        self._fine = np.frombuffer(fine, "u1") if fine is not None and whole else None

    def _check_size(self, told: int, held: int) -> None:
        if told > held:
            raise FileFormatError(
                f"{self.path} is cut short: {held} of {told} bytes; fetch the file again"
            )

    def _table(self, parts: dict[str, memoryview], name: str) -> NDArray[np.void]:
        kind = np.dtype(RECORDS[name])
        body = parts.get(name, memoryview(b""))
        if len(body) < kind.itemsize or len(body) % kind.itemsize:
            raise FileFormatError(
                f"{self.path}: its table {name} has {len(body)} bytes, not a multiple of "
                f"{kind.itemsize}; the file is broken, fetch it again"
            )
        return np.frombuffer(body, kind)

    @cached_property
    def presets(self) -> list[Preset]:
        """All presets, by bank and program."""
        rows = self._tables["phdr"][:-1]
        found = [
            Preset(_text(row["name"]), int(row["bank"]), int(row["program"]), index)
            for index, row in enumerate(rows)
        ]
        return sorted(found, key=lambda preset: (preset.bank, preset.program))

    def find(self, wanted: str) -> Preset:
        """The preset of `bank:program` or of a name; SegueError that lists what there is.

        The empty text means the only preset of a file that has just one.
        """
        bank, _, program = wanted.partition(":")
        if bank.isdecimal() and program.isdecimal():
            same = [p for p in self.presets if (p.bank, p.program) == (int(bank), int(program))]
        elif not wanted and len(self.presets) == 1:
            same = self.presets
        else:
            same = [p for p in self.presets if p.name.lower() == wanted.strip().lower()]
        if same:
            return same[0]
        names = [p.name for p in self.presets]
        listed = ", ".join(f"{p.bank}:{p.program} {p.name}" for p in self.presets)
        close = suggestion(wanted, names).partition(" known:")[0] if wanted else ""
        raise SegueError(
            f"{self.path.name} has no preset {wanted!r}{close or ';'} name one as "
            f"{self.path.name}#BANK:PROGRAM or #NAME, of: {listed or 'none'}"
        )

    def zones(self, preset: Preset) -> list[Zone]:
        """The zones of a preset, stereo pairs as one."""
        found: list[tuple[Zone, int]] = []
        for outer, ranges in self._bags("p", preset.index, "instrument"):
            for inner, inner_ranges in self._bags("i", outer["instrument"], "sample"):
                joint = _overlap(ranges, inner_ranges)
                if joint is None:
                    continue
                settings = DEFAULTS | inner
                for name in set(ADDED) & set(outer):
                    settings[name] = settings.get(name, 0) + outer[name]
                if len(found) == MAX_ZONES:
                    raise FileFormatError(
                        f"{self.path.name}: the preset {preset.name!r} has more than {MAX_ZONES} "
                        "zones; the file is broken, fetch it again"
                    )
                zone = self._zone(preset, settings, joint)
                if zone is not None:
                    found.append((zone, settings["sample"]))
        zones = self._paired(found)
        if not zones:
            raise SegueError(
                f"{self.path.name}: the preset {preset.name!r} has no sample; choose another"
            )
        return zones

    def _bags(self, level: str, index: int, end: str) -> Iterator[tuple[Settings, Ranges]]:
        """Settings and ranges of the zones of a preset (`p`) or instrument (`i`).

        A first zone without the generator `end` is global: the others start from it.
        """
        headers = self._tables["phdr" if level == "p" else "inst"]
        bags, generators = self._tables[f"{level}bag"], self._tables[f"{level}gen"]
        self._check_index(index, len(headers) - 1, f"{level} header")
        first, after = int(headers["bag"][index]), int(headers["bag"][index + 1])
        self._check_index(after, len(bags), f"{level}bag")
        shared: Settings = {}
        for bag in range(first, after):
            begin, close = (int(bags["generator"][bag + side]) for side in (0, 1))
            self._check_index(close, len(generators) + 1, f"{level}gen")
            settings = dict(shared)
            for row in generators[begin:close]:
                if (name := GENERATORS.get(int(row["kind"]))) is not None:
                    settings[name] = int(row["amount"]) & (0xFFFF if name == end else -1)
            if end in settings:
                keys, velocities = (_range(settings.get(n)) for n in ("keys", "velocities"))
                yield settings, (keys, velocities)
            elif bag == first:
                shared = settings

    def _check_index(self, index: int, length: int, what: str) -> None:
        if not 0 <= index < length:
            raise FileFormatError(
                f"{self.path}: an entry points to {what} {index} of {length}; the file is broken, "
                "fetch it again"
            )

    def _zone(self, preset: Preset, settings: Settings, ranges: Ranges) -> Zone | None:
        """One zone of an instrument; None for a sample in a ROM that only hardware has."""
        number = settings["sample"]
        self._check_index(number, len(self._tables["shdr"]) - 1, "sample")
        row = self._tables["shdr"][number]
        if int(row["type"]) & ROM:
            return None
        get = settings.get
        start = int(row["start"]) + get("start", 0) + 32768 * get("start_coarse", 0)
        end = int(row["end"]) + get("end", 0) + 32768 * get("end_coarse", 0)
        loop = (
            int(row["loop_start"]) + get("loop_start", 0) + 32768 * get("loop_start_coarse", 0),
            int(row["loop_end"]) + get("loop_end", 0) + 32768 * get("loop_end_coarse", 0),
        )
        loops = get("loop_mode", 0) & 1 == 1 and start <= loop[0] < loop[1] <= end
        inside = (loop[0] - start, loop[1] - start) if loops else None
        root = settings["root"] if settings["root"] >= 0 else int(row["pitch"])
        root = root if root <= 127 else 60
        tune = get("coarse_tune", 0) + (get("fine_tune", 0) + int(row["correction"])) / 100.0
        tracking = settings["tracking"] / 100.0
        if settings["fixed_key"] >= 0:
            tune, tracking = tune + tracking * (settings["fixed_key"] - root), 0.0
        sustain_db = min(max(get("sustain", 0), 0) / 10.0, 100.0)
        (low, high), (low_velocity, high_velocity) = ranges
        cutoff = min(max(settings["cutoff"], 1500), OPEN_CUTOFF_CENTS)
        return Zone(
            place=f"{self.path.name} {preset.name!r} sample {_text(row['name'])!r}",
            key=f"{number} {start} {end} {cutoff} {inside}",
            load=lambda: self._clip(row, start, end, cutoff, inside),
            probe=lambda: self._extent(row, start, end),
            low_pitch=low,
            high_pitch=high,
            low_velocity=low_velocity,
            high_velocity=high_velocity,
            root_pitch=float(root),
            tune_semitones=tune,
            tracking=tracking,
            end_frame=end - start,
            loop=inside,
            loops=loops,
            gain_db=-ATTENUATION_SHARE * max(get("attenuation", 0), 0) / 10.0,
            pan=min(max(get("pan", 0) / 500.0, -1.0), 1.0),
            attack_seconds=_seconds(settings["attack"]),
            hold_seconds=_seconds(settings["hold"]),
            decay_seconds=_seconds(settings["decay"]) * sustain_db / 100.0,
            sustain=10.0 ** (-sustain_db / 20.0) if sustain_db < 100.0 else 0.0,
            release_seconds=_seconds(settings["release"]),
            choke=get("exclusive", 0),
        )

    def _extent(self, row: Any, start: int, end: int) -> Extent:
        """Of a sample, which is not read."""
        if not (0 <= start < end <= len(self._samples)) or not 400 <= row["rate"] <= 400_000:
            raise FileFormatError(
                f"{self.path.name}: sample {_text(row['name'])!r} lies outside of its sound; "
                "fetch the file again, or choose another preset"
            )
        return Extent(end - start, int(row["rate"]), 1)

    def _clip(
        self, row: Any, start: int, end: int, cutoff: int, loop: tuple[int, int] | None
    ) -> Clip:
        """The sound of a sample, through its zone's filter."""
        self._extent(row, start, end)
        frames = self._samples[start:end].astype(np.float32) / 32768.0
        if self._fine is not None:
            frames += self._fine[start:end].astype(np.float32) / 8388608.0
        clip = Clip(frames[:, None], int(row["rate"]), None)
        if cutoff >= OPEN_CUTOFF_CENTS:
            return clip
        return low_pass(clip, 8.176 * 2.0 ** (cutoff / 1200.0), loop)

    def _paired(self, found: list[tuple[Zone, int]]) -> list[Zone]:
        """The zones, with left and right samples that name each other as one stereo zone."""
        headers = self._tables["shdr"]
        zones: list[Zone] = []
        waiting: dict[tuple[object, ...], tuple[int, Zone]] = {}
        for zone, number in found:
            row = headers[number]
            kind, link = int(row["type"]), int(row["link"])
            match = (zone.low_pitch, zone.high_pitch, zone.low_velocity, zone.high_velocity)
            place, other = waiting.pop((link, number, match), (-1, zone))
            if place >= 0 and _alike(zone, other):
                left, right = (other, zone) if kind == RIGHT else (zone, other)
                zones[place] = _stereo(left, right)
                continue
            if kind in (LEFT, RIGHT):
                waiting[number, link, match] = (len(zones), zone)
            zones.append(zone)
        return zones


def _alike(zone: Zone, other: Zone) -> bool:
    """Whether two zones can be read as one."""
    inside = zone.loop is None or zone.loop[1] <= min(zone.end_frame or 0, other.end_frame or 0)
    return inside and all(
        getattr(zone, name) == getattr(other, name)
        for name in ("loop", "loops", "root_pitch", "tune_semitones", "tracking")
    )


def _stereo(left: Zone, right: Zone) -> Zone:
    """Two mono zones as one of two channels."""

    def load() -> Clip:
        sides = [left.load(), right.load()]
        if sides[0].sample_rate != sides[1].sample_rate:
            return sides[0]
        length = min(len(side.frames) for side in sides)
        frames = np.concatenate([side.frames[:length] for side in sides], axis=1)
        return Clip(frames, sides[0].sample_rate)

    def probe() -> Extent:
        sides = [left.extent(), right.extent()]
        if sides[0].sample_rate != sides[1].sample_rate:
            return sides[0]
        return replace(sides[0], frames=min(side.frames for side in sides), channels=2)

    length = min(left.end_frame or 0, right.end_frame or 0)
    key = f"{left.key} + {right.key}"
    return replace(left, key=key, load=load, probe=probe, pan=0.0, end_frame=length)


def _overlap(outer: Ranges, inner: Ranges) -> Ranges | None:
    """The keys and velocities in both; None if there are none."""
    both = [(max(a[0], b[0]), min(a[1], b[1])) for a, b in zip(outer, inner, strict=True)]
    if any(low > high for low, high in both):
        return None
    return both[0], both[1]


def _range(amount: int | None) -> tuple[int, int]:
    """Lowest and highest of a range, which share one number."""
    if amount is None:
        return 0, 127
    return amount & 0x7F, amount >> 8 & 0x7F


def _seconds(timecents: int) -> float:
    return 0.0 if timecents <= -12000 else min(float(2.0 ** (timecents / 1200.0)), 100.0)


def _text(name: bytes) -> str:
    return bytes(name).split(b"\0")[0].decode("latin-1").strip()
