"""Recipes: how the tables of an instrument are made, zone by zone, and kept for the next time.

Tables are made when an engine is built first, and kept in a folder of the user's cache
(`SEGUE_CACHE`, else `segue` in `XDG_CACHE_HOME` or `~/.cache`), under a name that changes with the
code that makes it; a folder that cannot be used costs time, nothing else.
"""

import hashlib
import io
import mmap
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..music.files import write_whole
from .pyo_host import Samples
from .tables import pitch_hz

MAKERS = ("tables", "struck", "players", "drum_sounds", "kit")
"""Modules whose code makes tables, besides the instruments' own."""
FULL_SCALE = 32767  # what is kept has 16 bits


@dataclass(frozen=True)
class Recipe:
    """Material of one instrument: a table for each zone of pitches, loudness layer and side.

    :param render: called with the root's frequency in Hz and the sample rate; returns float32
        [shape=(layers, frames)] or [shape=(layers, 2, frames)], layers from soft to loud
    :param lowest: root (MIDI pitch) of the lowest zone; a zone lies every `step` semitones
    """

    name: str
    render: Callable[[float, int], Samples]
    lowest: int
    highest: int
    step: int = 5

    @property
    def roots(self) -> tuple[int, ...]:
        """The zones' pitches."""
        return tuple(range(self.lowest, self.highest + self.step, self.step))


@dataclass(frozen=True)
class Baked:
    """Material as it is kept, in 16 bits: zones [shape=(layers, sides, frames)], at `scale`."""

    zones: tuple[NDArray[np.int16], ...]
    scale: float


@lru_cache(maxsize=64)
def bake(recipe: Recipe, sample_rate: int) -> Baked:
    """The material of a recipe, made now or fetched; what is fetched is read when it is used."""
    path = _kept_at(recipe, sample_rate)
    with suppress(OSError, ValueError):
        return _fetch(path)
    made = _make(recipe, sample_rate)
    with suppress(OSError):
        _keep(path, made)
    return made


def _make(recipe: Recipe, sample_rate: int) -> Baked:
    made = [recipe.render(pitch_hz(root), sample_rate) for root in recipe.roots]
    scale = max(1e-9, *(float(np.abs(zone).max()) for zone in made)) / FULL_SCALE
    whole = (np.rint(zone / np.float32(scale)).astype(np.int16) for zone in made)
    return Baked(tuple(zone[:, None] if zone.ndim == 2 else zone for zone in whole), scale)


def cache_folder() -> Path:
    """Where material is kept."""
    base = os.environ.get("SEGUE_CACHE")
    if base:
        return Path(base)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "segue"


def _kept_at(recipe: Recipe, sample_rate: int) -> Path:
    mark = hashlib.sha256(f"{_code()}{recipe.roots}{sample_rate}{np.__version__}".encode())
    return cache_folder() / f"{recipe.name}-{sample_rate}-{mark.hexdigest()[:16]}.pcm"


@lru_cache(maxsize=1)
def _code() -> str:
    """A mark of the code that makes the tables."""
    here = Path(__file__).parent
    sources = [*(here / f"{name}.py" for name in MAKERS), *sorted(here.glob("instruments/*.py"))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


def _keep(path: Path, baked: Baked) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    for older in path.parent.glob(f"{path.name.rsplit('-', 1)[0]}-*"):
        older.unlink(missing_ok=True)
    data = io.BytesIO()
    np.save(data, np.array([baked.scale]))
    np.save(data, np.array([zone.shape for zone in baked.zones]))
    data.write(b"".join(zone.tobytes() for zone in baked.zones))
    write_whole(path, data.getvalue())


def _fetch(path: Path) -> Baked:
    """Material as a view of its file; raises ValueError if that is not whole."""
    with path.open("rb") as file:
        (scale,), shapes = np.load(file), np.load(file)
        first, mapped = file.tell(), mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if hasattr(mmap, "MADV_WILLNEED"):
        mapped.madvise(mmap.MADV_WILLNEED)
    samples = np.frombuffer(mapped, np.int16, offset=first)
    sizes = shapes.prod(axis=1)
    if len(samples) != sizes.sum():
        raise ValueError(f"{path} is not whole")
    parts = np.split(samples, np.cumsum(sizes)[:-1])
    zones = (part.reshape(shape) for part, shape in zip(parts, shapes, strict=True))
    return Baked(tuple(zones), float(scale))
