"""Where the recordings of a cue lie in a copy of it: its stems and its sampled instruments."""

import os
from dataclasses import replace
from itertools import chain, count
from pathlib import Path

from .cue import Cue, Layer
from .sample_files import sample_files
from .sample_names import is_sample_name, sample_name

Files = dict[Path, Path]
"""Files by their places in a folder, with where they come from."""


def plan_copy(cue: Cue) -> tuple[Cue, Files]:
    """The cue with the names that its recordings have in a copy, and all files of these.

    What lies in the cue's folder keeps its name there. What lies elsewhere goes to `samples` or
    `stems`. Raises SegueError for samples that are missing or not to be copied, see `sample_files`.
    """
    home = Path(os.path.abspath(cue.folder))
    files: Files = {}
    layers = list(cue.layers)
    needs = {at: need for at, layer in enumerate(layers) if (need := _needs(cue, layer, home))}
    inside = {at: all(path.is_relative_to(home) for path in need) for at, need in needs.items()}
    outside: dict[Path, Path] = {}  # places of sets that several layers may name
    for at in sorted(needs, key=lambda at: not inside[at]):  # those first whose place is set
        layer, (main, *need) = layers[at], needs[at]
        if inside[at]:
            place = main.relative_to(home)
            files |= {path.relative_to(home): path for path in need}
        elif main in outside:
            place = outside[main]
        else:
            root = main if main.is_dir() else Path(os.path.commonpath([p.parent for p in need]))
            below = _free_folder(
                Path("stems" if layer.role == "stem" else "samples", main.stem), files
            )
            place = outside[main] = below / main.relative_to(root)
            files |= {below / path.relative_to(root): path for path in need}
        layers[at] = _renamed(layer, place)
    return replace(cue, layers=tuple(layers)), files


def _needs(cue: Cue, layer: Layer, home: Path) -> list[Path]:
    """Absolute paths: the file or folder that a layer names, then each file that it needs."""
    if layer.role == "stem":
        stem = cue.stem_path(layer)
        found = [stem, stem]
    elif is_sample_name(layer.instrument):
        name = sample_name(layer.instrument, home)
        found = [name.path, *sample_files(name)]
    else:
        return []
    return [Path(os.path.abspath(path)) for path in found]


def _free_folder(wanted: Path, files: Files) -> Path:
    """A folder that holds none of the files so far."""
    names = chain([wanted], (wanted.with_name(f"{wanted.name}{n}") for n in count(2)))
    return next(name for name in names if not any(f.is_relative_to(name) for f in files))


def _renamed(layer: Layer, place: Path) -> Layer:
    if layer.role == "stem":
        return replace(layer, file=place.as_posix())
    text, mark, preset = layer.instrument.partition("#")
    if Path(text) == place:
        return layer
    name = f"{place.as_posix()}{mark}{preset}"
    return replace(layer, instrument=name if is_sample_name(name) else f"{name}/")
