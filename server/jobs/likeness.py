"""What in the library is like what: by features that were measured, and by nothing else.

Each number of `Measures.vector` is standardised over the library (mean 0, standard deviation 1,
held within 3), and two items are as far apart as the root of the mean squared difference. Sound is
compared with sound, notes with notes. Nothing is drawn: the same library gives the same answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...client.errors import RequestError
from ...music.errors import SegueError, check_range
from . import options as o
from .audio_features import Features, features_of
from .given import Given, Tell
from .library import Library
from .measures import Measures, measure_file, measure_given

FloatArray = NDArray[np.float64]

HELD_SD = 3.0
TOLD = 3  # features that an explanation names
_BOUNDS = tuple(
    (bound, name, f"{bound}_{name}") for bound in ("min", "max", "target") for name in o.TUNABLE
)


@dataclass(frozen=True)
class Shelf:
    """Measured items of one kind."""

    ids: list[str]
    measures: list[Measures]
    names: tuple[str, ...]  # of the features
    table: FloatArray  # [shape=(items, features)] standardised
    mean: FloatArray
    sd: FloatArray

    def standardised(self, measures: Measures) -> FloatArray:
        """The features of an item [shape=(features,)] in this library's units."""
        row = np.array([measures.vector[name] for name in self.names])
        return np.asarray(np.clip((row - self.mean) / self.sd, -HELD_SD, HELD_SD))


def make_shelf(library: Library, kind: str, tell: Tell) -> Shelf:
    """Measure what was not measured before; items that cannot be read are left out."""
    ids, measures = [], []
    known = list(library.ids())
    for number, id in enumerate(known):
        tell(number / len(known), f"{number + 1} of {len(known)}: {id}")
        try:
            found = measure_file(library.find(id))
        except (SegueError, RequestError, OSError):
            continue
        if found.kind == kind:
            ids.append(id)
            measures.append(found)
    if not ids:
        raise SegueError(
            f"the library has no {kind} that could be compared; start the server with --library"
        )
    names = tuple(measures[0].vector)
    rows = np.array([[one.vector[name] for name in names] for one in measures])
    mean, sd = rows.mean(axis=0), rows.std(axis=0)
    sd = np.where(sd > 1e-9, sd, 1.0)
    return Shelf(ids, measures, names, np.clip((rows - mean) / sd, -HELD_SD, HELD_SD), mean, sd)


def similar(given: Given, options: o.Similar, tell: Tell) -> dict[str, Any]:
    """The nearest items, and by which features they are near."""
    wanted = measure_given(given)
    shelf = make_shelf(given.library, wanted.kind, tell)
    point = shelf.standardised(wanted)
    apart = _distances(shelf.table, point)
    order = [at for at in _ranked(apart, shelf.ids) if shelf.ids[at] != given.title]
    found = [
        {"id": shelf.ids[at], "distance": float(apart[at]), "near": _near(shelf, at, point)}
        for at in order[: options.limit]
    ]
    return {"items": found, "compared": len(shelf.ids)}


def recommendations(given: Given, options: Any, tell: Tell) -> dict[str, Any]:
    """Items near the seeds and targets, in the shape of Spotify's withdrawn recommendations.

    The distance is the mean of that to the nearest seed, in standard deviations, and those to the
    targets, in standard deviations of the library; a track whose bounded feature is null is left
    out. `near` says which features are nearest to those of the nearest seed.
    """
    bounds = _bounds(options)
    seeds = [measure_file(given.library.find(id)) for id in options.seeds]
    if len({seed.kind for seed in seeds}) > 1:
        raise SegueError("seeds are of sound and of notes; give seeds of one kind")
    if not seeds and not bounds:
        raise SegueError("there are no seeds, bounds or targets; give one at least")
    shelf = make_shelf(given.library, seeds[0].kind if seeds else "sound", tell)
    told = [features_of(one, id) for one, id in zip(shelf.measures, shelf.ids, strict=True)]
    pool = [at for at in range(len(shelf.ids)) if shelf.ids[at] not in options.seeds]
    kept = [at for at in pool if _within(told[at], bounds)]
    points = [shelf.standardised(seed) for seed in seeds]
    to_seeds = np.array([_distances(shelf.table, point) for point in points])
    parts = [*_target_distances(told, bounds)]
    if seeds:
        parts.append(to_seeds.min(axis=0))
    apart = np.mean(parts, axis=0) if parts else np.zeros(len(shelf.ids))
    order = [at for at in _ranked(apart, shelf.ids) if at in set(kept)][: options.limit]
    tracks = []
    for at in order:
        nearest = int(to_seeds[:, at].argmin()) if seeds else None
        tracks.append(
            {
                "id": shelf.ids[at],
                "name": shelf.ids[at].rpartition("/")[2],
                "type": "track",
                "uri": told[at]["uri"],
                "duration_ms": told[at]["duration_ms"],
                "distance": float(apart[at]),
                "nearest_seed": options.seeds[nearest] if nearest is not None else None,
                "near": _near(shelf, at, points[nearest]) if nearest is not None else [],
                "targets": _target_differences(told[at], bounds),
                "audio_features": told[at],
            }
        )
    sizes = {"initialPoolSize": len(pool), "afterFilteringSize": len(kept)}
    listed = [{"id": id, "type": "TRACK", **sizes} for id in options.seeds]
    return {"seeds": listed, "tracks": tracks}


def _bounds(options: Any) -> list[tuple[str, str, float]]:
    """The bounds and targets that were given: which, of what, the value."""
    given = [(bound, name, getattr(options, field)) for bound, name, field in _BOUNDS]
    return [
        (bound, name, check_range(f"{bound}_{name}", value, *o.TUNABLE[name]))
        for bound, name, value in given
        if value is not None
    ]


def _within(features: Features, bounds: Sequence[tuple[str, str, float]]) -> bool:
    for bound, name, limit in bounds:
        value = features[name]
        if value is None:
            return False
        if (bound == "min" and value < limit) or (bound == "max" and value > limit):
            return False
    return True


def _target_distances(
    told: Sequence[Features], bounds: Sequence[tuple[str, str, float]]
) -> list[FloatArray]:
    """Of each target, how far each item is from it; items without the feature are left out."""
    found = []
    for bound, name, target in bounds:
        if bound != "target":
            continue
        values = np.array([np.nan if one[name] is None else float(one[name]) for one in told])
        known = values[np.isfinite(values)]
        sd = float(known.std()) if len(known) else 0.0
        apart = np.abs(values - target)
        if name == "key":  # pitch classes go round
            apart = np.minimum(apart, 12.0 - apart)
        found.append(np.nan_to_num(apart / (sd if sd > 1e-9 else 1.0), nan=HELD_SD))
    return found


def _target_differences(
    features: Features, bounds: Sequence[tuple[str, str, float]]
) -> dict[str, float]:
    """How far above the targets an item is."""
    return {name: features[name] - goal for bound, name, goal in bounds if bound == "target"}


def _distances(table: FloatArray, point: FloatArray) -> FloatArray:
    return np.asarray(np.sqrt(np.mean(np.square(table - point), axis=1)))


def _ranked(apart: FloatArray, ids: Sequence[str]) -> list[int]:
    """Items from near to far; equal ones by their ids."""
    return sorted(range(len(ids)), key=lambda at: (float(apart[at]), ids[at]))


def _near(shelf: Shelf, at: int, point: FloatArray) -> list[dict[str, Any]]:
    """In what an item is nearest to a point, and how far above it, in deviations.

    What is far from the library's mean tells more than what all items share. Coefficients of
    timbre count together: their difference is the root of the mean square.
    """
    apart = shelf.table[at] - point
    told = []
    for name, columns in _groups(shelf.names).items():
        several = len(columns) > 1
        size = float(np.sqrt(np.mean(apart[columns] ** 2)))
        special = float(np.sqrt(np.mean(point[columns] ** 2)))
        told.append((special / (0.5 + size), name, size if several else float(apart[columns[0]])))
    told.sort(key=lambda one: (-one[0], one[1]))
    return [{"feature": name, "difference_sd": round(value, 3)} for _, name, value in told[:TOLD]]


def _groups(names: Sequence[str]) -> dict[str, list[int]]:
    """Columns by what is told of them: each by its name, those of timbre together."""
    groups: dict[str, list[int]] = {}
    for column, name in enumerate(names):
        moves = "timbre_movement" if name.endswith("_sd") else "timbre"
        groups.setdefault(moves if name.startswith("mfcc_") else name, []).append(column)
    return groups
