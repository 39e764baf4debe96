"""Recipes: how the tables of an instrument are made, zone by zone, and kept for the next time.

Tables are made when an engine is built. What takes long is kept in a folder of the user's cache
(`SEGUE_CACHE`, else `segue` in `XDG_CACHE_HOME` or `~/.cache`), under a name that changes with the
code that makes it; a folder that cannot be used costs time, nothing else.
"""

import hashlib
import io
import os
import zipfile
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
    :param keep: keep the result on disk, for what takes more than some 50 ms
    """

    name: str
    render: Callable[[float, int], Samples]
    lowest: int
    highest: int
    step: int = 5
    keep: bool = False

    @property
    def roots(self) -> tuple[int, ...]:
        """The zones' pitches."""
        return tuple(range(self.lowest, self.highest + self.step, self.step))


@lru_cache(maxsize=24)
def bake(recipe: Recipe, sample_rate: int) -> tuple[Samples, ...]:
    """The material of each zone [shape=(layers, sides, frames)], made now or fetched."""
    if not recipe.keep:
        return _make(recipe, sample_rate)
    path = _kept_at(recipe, sample_rate)
    with suppress(OSError, ValueError, KeyError, zipfile.BadZipFile):
        with path.open("rb") as file, np.load(file) as kept:
            return tuple(_samples(kept[str(root)], kept["peaks"]) for root in recipe.roots)
    made = _make(recipe, sample_rate)
    peak = np.array([max(float(np.abs(zone).max()) for zone in made), FULL_SCALE])
    whole = [np.rint(zone * (FULL_SCALE / max(peak[0], 1e-9))).astype(np.int16) for zone in made]
    with suppress(OSError):
        _keep(path, {str(r): zone for r, zone in zip(recipe.roots, whole, strict=True)}, peak)
    return tuple(_samples(zone, peak) for zone in whole)  # the same as when it is fetched


def _samples(whole: NDArray[np.int16], peaks: NDArray[np.float64]) -> Samples:
    """What was kept in 16 bits."""
    return whole * np.float32(peaks[0] / peaks[1])


def _make(recipe: Recipe, sample_rate: int) -> tuple[Samples, ...]:
    zones = []
    for root in recipe.roots:
        made = recipe.render(pitch_hz(root), sample_rate)
        zones.append(np.ascontiguousarray(made[:, None] if made.ndim == 2 else made))
    return tuple(zones)


def cache_folder() -> Path:
    """Where material is kept."""
    base = os.environ.get("SEGUE_CACHE")
    if base:
        return Path(base)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "segue"


def _kept_at(recipe: Recipe, sample_rate: int) -> Path:
    mark = hashlib.sha256(f"{_code()}{recipe.roots}{sample_rate}{np.__version__}".encode())
    return cache_folder() / f"{recipe.name}-{sample_rate}-{mark.hexdigest()[:16]}.npz"


@lru_cache(maxsize=1)
def _code() -> str:
    """A mark of the code that makes the tables."""
    here = Path(__file__).parent
    sources = [*(here / f"{name}.py" for name in MAKERS), *sorted(here.glob("instruments/*.py"))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


def _keep(path: Path, zones: dict[str, NDArray[np.int16]], peaks: NDArray[np.float64]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    for older in path.parent.glob(f"{path.name.rsplit('-', 1)[0]}-*.npz"):
        older.unlink(missing_ok=True)
    data = io.BytesIO()
    np.savez(data, allow_pickle=False, peaks=peaks, **zones)
    write_whole(path, data.getvalue())
