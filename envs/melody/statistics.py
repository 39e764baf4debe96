"""The eleven statistics of RL Tuner (Jaques et al. 2016, Table 1), and what guards against gaming.

Every one of the eleven can be driven to its bound by two notes that bounce; the others show it.
"""

import numpy as np

from .events import IS_NOTE, IS_TONIC, IntArray
from .listening import LAGS, MOTIF_NOTES, FloatArray, Heard, Listening


class Statistics:
    """Counts what is heard of n pieces; `of` gives the statistics, each [shape=(n,)]."""

    SHARES = ("repeats", "not_in_key", "motif", "repeated_motif")
    COUNTS = ("leaps", "resolved", "doubled", "answered", "unanswered")

    def __init__(self, n: int) -> None:
        self._sums = {name: np.zeros(n) for name in (*self.SHARES, *self.COUNTS)}

    def count(self, heard: Heard) -> None:
        """Add what a step brought."""
        sums = self._sums
        sums["repeats"] += heard.repeated
        sums["not_in_key"] += ~heard.in_key
        sums["motif"] += heard.motif_notes >= MOTIF_NOTES
        sums["repeated_motif"] += heard.repeated_motif
        sums["leaps"] += heard.is_leap
        for name in ("resolved", "doubled", "answered", "unanswered"):
            sums[name] += getattr(heard, name)

    def of(self, listening: Listening) -> dict[str, FloatArray]:
        """The statistics of the pieces so far; NaN where a piece has no leap to speak of.

        * repeats, not_in_key, motif, repeated_motif: shares of steps
        * autocorrelation_1, _2, _3
        * starts_on_tonic, unique_max, unique_min: 1 or 0
        * leaps_resolved: share of leaps that are resolved, not doubled

        and beside RL Tuner's:

        * leaps, and of these resolved, doubled: how many
        * leaps_answered: the share of leaps that is followed by a step back
        * bounces: the share of steps that go from a note back to the one before it
        * ends_on_tonic: 1 or 0
        """
        sums = self._sums
        found = {name: sums[name] / listening.step for name in self.SHARES}
        correlated = listening.autocorrelation().T
        found |= {f"autocorrelation_{lag}": at for lag, at in zip(LAGS, correlated, strict=True)}
        found["starts_on_tonic"] = IS_TONIC[listening.events[:, 0]].astype(float)
        highest, lowest = listening.unique_extremes()
        found |= {"unique_max": highest.astype(float), "unique_min": lowest.astype(float)}
        found["leaps_resolved"] = _share(sums["resolved"], sums["doubled"])
        found |= {name: sums[name].copy() for name in ("leaps", "resolved", "doubled")}
        found["leaps_answered"] = _share(sums["answered"], sums["unanswered"])
        events = listening.events[:, : listening.step]
        notes = IS_NOTE[events]
        back = (events[:, 2:] == events[:, :-2]) & (events[:, 2:] != events[:, 1:-1])
        found["bounces"] = (back & notes[:, 2:] & notes[:, 1:-1]).sum(axis=1) / listening.step
        found["ends_on_tonic"] = IS_TONIC[listening.last].astype(float)
        return found


def _share(kept: FloatArray, broken: FloatArray) -> FloatArray:
    """kept / (kept + broken), NaN where there is neither."""
    total = kept + broken
    return np.where(total > 0, kept / np.maximum(total, 1.0), np.nan)


def statistics_of(pieces: IntArray) -> dict[str, FloatArray]:
    """The statistics of whole pieces [shape=(n, steps)], each [n]."""
    listening, statistics = Listening(*pieces.shape), Statistics(len(pieces))
    for events in pieces.T:
        statistics.count(listening.hear(events))
    return statistics.of(listening)
