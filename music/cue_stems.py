"""Finds the faults of the layers that are stems, and what only their files can tell."""

from pathlib import Path
from typing import Any

from .cue_schema import FaultList
from .errors import FileFormatError, SegueError
from .stems import SHORT_BEATS, STRETCH_RANGE, read_audio_info, scan_audio, whole_beats

STEM_KEYS = ("file", "bpm", "beats", "sections", "anchor", "fade_beats")
"""Keys of a layer that only a stem has."""

_NEEDED = ("file", "bpm")
_NOT_OF_STEMS = ("instrument", "octave")


def check_keys(row: dict[str, Any], place: str, faults: FaultList) -> None:
    """Report the keys of a layer that its role needs or has no use for."""
    role = row.get("role")
    if role is None:
        return
    needed = _NEEDED if role == "stem" else ("instrument",)
    faulty = {fault.place for fault in faults}
    for key in needed:
        if not row.get(key) and f"{place}.{key}" not in faulty:
            faults.report("missing-key", place, f"role {role} has no {key}", f"add {key} = ...")
    for key in _NOT_OF_STEMS if role == "stem" else STEM_KEYS:
        if key in row:
            message = f"role {role} has no use for {key}"
            faults.report("unused-key", f"{place}.{key}", message, f"leave {key} out")


def check_stem(
    row: dict[str, Any],
    place: str,
    faults: FaultList,
    *,
    folder: Path,
    sections: list[str],
    tempo_bpm: tuple[float, float] | None,
    decode: bool = False,
) -> None:
    """Report what is wrong with a stem's values and file; fill in `beats`.

    :param tempo_bpm: slowest and fastest of the cue, if they are known
    :param decode: read the file to its end
    """
    for at, name in enumerate(row.get("sections", ())):
        if name not in sections:
            faults.report_unknown("section", name, sections, f"{place}.sections[{at}]")
    bpm = row.get("bpm")
    if bpm is not None and tempo_bpm is not None:
        _check_tempo(bpm, tempo_bpm, place, faults)
    if row.get("file"):
        held = _file_beats(folder, row["file"], bpm, f"{place}.file", faults, decode)
        if held is not None:
            _check_length(row, held, place, faults)


def _check_tempo(bpm: float, tempo_bpm: tuple[float, float], place: str, faults: FaultList) -> None:
    slowest, fastest = tempo_bpm[0] / bpm, tempo_bpm[1] / bpm
    if slowest < STRETCH_RANGE[0] or fastest > STRETCH_RANGE[1]:
        message = (
            f"the cue goes from {tempo_bpm[0]:g} to {tempo_bpm[1]:g} bpm, and a stem at {bpm:g} "
            f"can follow from {bpm * STRETCH_RANGE[0]:g} to {bpm * STRETCH_RANGE[1]:g}"
        )
        remedy = "count twice or half as many beats to it, or narrow cue.tempo_bpm"
        faults.report("stem-tempo", f"{place}.bpm", message, remedy)


def _file_beats(
    folder: Path, name: str, bpm: float | None, place: str, faults: FaultList, decode: bool
) -> float | None:
    """How many beats a file holds; None if it cannot be used."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
        message = f"{name!r} is no file of the cue's folder"
        faults.report("missing-file", place, message, "put the audio file there")
        return None
    try:
        info = read_audio_info(path)
        if decode:
            scan_audio(path)
    except FileFormatError as error:
        faults.report("bad-audio", place, str(error), "replace the file")
        return None
    except SegueError as error:
        faults.report("missing-file", place, str(error), "put the audio file there")
        return None
    return None if bpm is None else info.beats(bpm)


def _check_length(row: dict[str, Any], held: float, place: str, faults: FaultList) -> None:
    wanted = row.setdefault("beats", float(max(whole_beats(held), 1)))
    if wanted > held + SHORT_BEATS:
        message = (
            f"{row['file']} holds {held:.2f} beats at {row['bpm']:g} bpm, {wanted:g} are needed"
        )
        remedy = "correct bpm or beats, or take a longer file"
        faults.report("stem-length", f"{place}.file", message, remedy)
