"""Cue folders: loading, checking and writing `cue.toml` with its theme file.

`docs/cues.md` describes the format and lists the codes of faults.
"""

import json
from importlib import resources
from pathlib import Path
from typing import Any

from .cue import Cue, Section
from .cue_check import SampleCheck, read_cue
from .cue_copy import plan_copy
from .cue_schema import Fault
from .errors import CueError, UnknownNameError
from .events import PROGRAMS
from .files import copy_whole, fill_folder, write_whole
from .midi import DRUM_CHANNEL, write_midi
from .score import Score, Track
from .tempo import TempoMap

__all__ = ["Fault", "check_cue", "load_cue", "shipped_cues", "write_cue"]

THEME_FILE = "theme.mid"


def shipped_cues() -> list[str]:
    """Names of the cues that come with Segue."""
    return sorted(path.name for path in _shipped_root().iterdir() if (path / "cue.toml").is_file())


def load_cue(name_or_folder: str | Path) -> Cue:
    """A shipped cue by its name, or the cue of a folder.

    Raises UnknownNameError if it is neither, CueError if the cue has faults.
    """
    folder = _folder(name_or_folder)
    cue, faults = read_cue(folder)
    if cue is None:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise CueError(
            f"cue {folder.name!r} cannot be played: {faults[0]}{more}; "
            f"`segue cue check {name_or_folder}` lists every fault"
        )
    return cue


def check_cue(folder: str | Path, samples: SampleCheck | None = None) -> list[Fault]:
    """Every fault of a cue folder, or of a shipped cue by its name; empty if it can be played.

    Stems are decoded to their ends, so it takes longer than `load_cue`.

    :param samples: opens sampled instruments: `synth.sample_check.sample_faults`; without it, only
        their names are checked
    """
    path = Path(folder)
    if not path.is_dir() and str(folder) in shipped_cues():
        path = _shipped_root() / str(folder)
    return read_cue(path, decode=True, samples=samples)[1]


def write_cue(cue: Cue, folder: str | Path) -> None:
    """Write a cue with its theme, stems and samples into a folder, which is made if need be.

    The cue takes the folder's name when it is loaded again. Recordings keep their places in the
    cue's folder; those from elsewhere go to `stems` and `samples`. Raises SegueError for a
    recording that is not there or cannot be copied, and for a folder that cannot be written; then
    the folder is what it was.
    """
    written, files = plan_copy(cue)
    target = Path(folder).resolve()
    with fill_folder(folder) as made:
        if cue.tracks:
            write_midi(_theme(cue), made / THEME_FILE)
        for place, source in files.items():
            if source.resolve() != (target / place).resolve():
                (made / place).parent.mkdir(parents=True, exist_ok=True)
                copy_whole(source, made / place)
        write_whole(made / "cue.toml", _toml(written).encode("utf-8"))


def _shipped_root() -> Path:
    with resources.as_file(resources.files(__package__) / "cues") as root:
        return root


def _folder(name_or_folder: str | Path) -> Path:
    path = Path(name_or_folder)
    if isinstance(name_or_folder, str) and name_or_folder in shipped_cues():
        return _shipped_root() / name_or_folder
    if path.is_dir():
        return path
    raise UnknownNameError("cue or cue folder", str(name_or_folder), shipped_cues())


def _theme(cue: Cue) -> Score:
    """The theme file of a cue, with programs and channels that any player understands."""
    free = [channel for channel in range(16) if channel != DRUM_CHANNEL]
    instruments = {layer.track: layer.instrument for layer in reversed(cue.layers) if layer.track}
    tracks = []
    for index, (name, notes) in enumerate(cue.tracks.items()):
        instrument = instruments.get(name, "piano")
        channel = DRUM_CHANNEL if name in cue.kit_tracks else free[index % len(free)]
        tracks.append(Track(name, notes, PROGRAMS.get(instrument, 0), channel))
    bpm = round(sum(cue.tempo_bpm) / 2, 3)
    return Score(tuple(tracks), TempoMap(bpm), cue.meter, cue.title)


def _toml(cue: Cue) -> str:
    head = {
        "title": cue.title,
        "key": str(cue.key),
        "meter": str(cue.meter),
        "tempo_bpm": cue.tempo_bpm,
        "modes": cue.modes,
        "theme": THEME_FILE if cue.tracks else "",
        "gain_db": cue.gain_db,
        "origin": cue.origin,
    }
    blocks = [_block("[cue]", head)]
    if mix := {k: v for k, v in _changed(cue.mix).items() if k != "sidechains"}:
        blocks.append(_block("[mix]", mix))
    blocks += [_block("[[sidechains]]", _changed(chain)) for chain in cue.mix.sidechains]
    blocks += [_block("[[layers]]", _changed(layer)) for layer in cue.layers]
    blocks += [_block("[[sections]]", _section(section)) for section in cue.sections]
    for way in cue.transitions:
        names = {"from": way.source, "to": way.target}
        rest = {k: v for k, v in _changed(way).items() if k not in ("source", "target")}
        blocks.append(_block("[[transitions]]", names | rest))
    blocks += [_block("[[markers]]", _changed(marker)) for marker in cue.markers]
    blocks += [_block("[[stingers]]", _changed(stinger)) for stinger in cue.stingers]
    blocks += [_block("[[parameters]]", _changed(parameter)) for parameter in cue.parameters]
    blocks += [_block("[[bindings]]", _changed(binding)) for binding in cue.bindings]
    return "\n".join(blocks)


def _changed(item: Any) -> dict[str, Any]:
    """The fields of a dataclass that differ from their defaults."""
    fields = type(item).__dataclass_fields__
    return {k: getattr(item, k) for k, f in fields.items() if getattr(item, k) != f.default}


def _section(section: Section) -> dict[str, Any]:
    bars = [" ".join(map(str, bar)) for bar in section.chords]
    return _changed(section) | {"chords": " | ".join(bars)}


def _block(heading: str, values: dict[str, Any]) -> str:
    return "\n".join([heading, *(f"{key} = {_value(value)}" for key, value in values.items()), ""])


def _value(value: Any) -> str:
    """A TOML value; JSON's texts are TOML's, apart from the delete character."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
    if isinstance(value, int | float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return f"[{', '.join(map(_value, value))}]"
