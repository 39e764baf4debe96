"""Which part of a piece of the corpus is its melody, and how well one was found."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..pitch.melody import Melody

FloatArray = NDArray[np.float64]

FAMILIES = ("pop", "band")
_FRAMES_PER_SECOND = 100
_LEAST_NOTES = 12
_SINGLE = 0.1  # share of its notes that may overlap
_LOW, _HIGH = 52.0, 88.0  # of the median pitch
_COVER = 0.25  # of the piece at least


def melody_hz(about: dict[str, Any]) -> FloatArray | None:
    """The melody each 10 ms, 0 for none; None where it is not clear which part that is.

    It is the part of one program that plays one note at a time, neither low nor rarely, and most
    of the time; without a part that stands out, none.
    """
    if about["family"] not in FAMILIES:
        return None
    parts: dict[int, list[list[float]]] = {}
    for note in about["notes"]:
        parts.setdefault(int(note[4]), []).append(note)
    ranked = sorted(
        ((_likeness(rows, about["seconds"]), program) for program, rows in parts.items()),
        reverse=True,
    )
    if not ranked or ranked[0][0] <= 0.0:
        return None
    if len(ranked) > 1 and ranked[1][0] > 0.8 * ranked[0][0]:
        return None
    hz = np.zeros(round(about["seconds"] * _FRAMES_PER_SECOND))
    detune = 2.0 ** (float(about.get("detune_cents") or 0.0) / 1200.0)
    for onset, offset, midi, *_ in parts[ranked[0][1]]:
        first, last = (round(at * _FRAMES_PER_SECOND) for at in (onset, offset))
        hz[first:last] = 440.0 * 2.0 ** ((midi - 69) / 12) * detune
    return hz


def _likeness(rows: list[list[float]], seconds: float) -> float:
    """How much a part is like a melody, 0 if it cannot be one."""
    onset, offset, pitch = (np.array([row[k] for row in rows]) for k in range(3))
    order = np.argsort(onset)
    onset, offset, pitch = onset[order], offset[order], pitch[order]
    cover = float((offset - onset).sum()) / seconds
    together = float((offset[:-1] - onset[1:] > 0.05).mean()) if len(rows) > 1 else 1.0
    if len(rows) < _LEAST_NOTES or together > _SINGLE or cover < _COVER:
        return 0.0
    if not _LOW <= float(np.median(pitch)) <= _HIGH:
        return 0.0
    return cover * min(len(rows) / seconds, 3.0)


def scores(hz: FloatArray, found: Melody) -> tuple[float, float, float]:
    """Raw pitch, raw chroma and overall accuracy by mir_eval; the last frames are not scored."""
    import mir_eval

    last = int(np.flatnonzero(hz)[-1])
    guess = np.where(found.hz > 0, found.hz, -found.guess_hz)
    times = np.arange(last) / _FRAMES_PER_SECOND
    told = mir_eval.melody.evaluate(times, hz[:last], found.times_seconds, guess)
    return (
        float(told["Raw Pitch Accuracy"]),
        float(told["Raw Chroma Accuracy"]),
        float(told["Overall Accuracy"]),
    )
