"""Features of a bar of notes, built on additive statistics.

A bar is described in two steps. `note_statistics` turns notes into sums [shape=(S,)]; the
statistics of layers that sound together add up. `features_from_statistics` turns sums into features
[shape=(..., F)], vectorised over leading axes. So the features of an arrangement follow either from
its notes or from the precomputed statistics of its layers, with the same result.

Conventions: a note belongs to the bar of its onset, with its whole duration, also where it rings
on into the next bar. Durations are counted in bars, so that features need only the length of the
bar in seconds. Pitch classes are relative to the tonic (0 = tonic, 7 = dominant). Unpitched
(percussive) notes count only as onsets. Logarithms are natural.

References: major and minor profiles from Krumhansl and Kessler, "Tracing the dynamic changes in
perceived tonal organization in a spatial representation of musical keys", Psychological Review 89,
1982.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...music.errors import check_range
from ...music.score import Notes
from ...music.score_analysis import MAJOR_PROFILE, MINOR_PROFILE

SLOTS = 16
"""Slots of the onset grid of a bar."""

STATISTICS = (
    "notes",  # pitched notes
    "pitch",  # sum, MIDI note numbers
    "velocity",  # sum, (0, 1]
    "log_duration",  # sum, ln bars
    "pitch_square",
    "velocity_square",
    "percussion",  # unpitched notes
    "offbeat",  # onsets that lie on no beat, pitched or not
    *(
        f"degree_{degree}" for degree in range(12)
    ),  # duration in bars, by pitch class above the tonic
    *(f"slot_{slot}" for slot in range(SLOTS)),  # onsets in each sixteenth of the bar
)
"""The sums that `note_statistics` returns, in order."""

FEATURES = (
    "onset_density",  # ln(1 + occupied slots per second)
    "note_density",  # ln(1 + pitched notes per second)
    "percussion_density",  # ln(1 + unpitched notes per second)
    "polyphony",  # ln(1 + notes that sound at a time, on average)
    "pitch_mean",  # MIDI note number
    "velocity_mean",  # (0, 1]
    "log_duration",  # mean of ln seconds
    "pitch_sd",  # semitones
    "velocity_sd",
    "major_fit",  # correlation of the degree profile with the major profile, -1..1
    "minor_fit",  # the same with the minor profile
    "second",  # share of degree 2 less share of degree b2, -1..1
    "third",  # 3 less b3
    "sixth",  # 6 less b6
    "seventh",  # 7 less b7
    *(f"interval_{interval}" for interval in range(1, 7)),  # chance of that interval class, 0..1
    "degree_entropy",  # of the degree profile, nats
    "rhythm_entropy",  # of the onset grid, nats
    "offbeat_share",  # of onsets, 0..1
    "silence",  # share of empty slots, 0..1
)
"""The features that `features_from_statistics` returns, in order."""

OFFBEAT_TOLERANCE_BEATS = 0.0625
"""An onset nearer than this to a beat is on the beat."""

_NOTES, _PERCUSSION, _OFFBEAT = map(STATISTICS.index, ("notes", "percussion", "offbeat"))
_DEGREES = slice(STATISTICS.index("degree_0"), STATISTICS.index("degree_11") + 1)
_GRID = slice(STATISTICS.index("slot_0"), STATISTICS.index(f"slot_{SLOTS - 1}") + 1)
_NEUTRAL_MEANS = np.array([60.0, 0.5, np.log(0.125), 3600.0, 0.25])  # of a bar without notes
_TINY = 1e-12


def _profile_maps() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Linear maps: degree profile to (fits, contrasts, spectrum), and power to intervals."""
    fits = np.stack(
        [MAJOR_PROFILE - MAJOR_PROFILE.mean(), MINOR_PROFILE - MINOR_PROFILE.mean()], axis=1
    )
    fits /= np.linalg.norm(fits, axis=0)
    contrasts = np.zeros((12, 4))
    for column, degree in enumerate((2, 4, 9, 11)):
        contrasts[degree, column], contrasts[degree - 1, column] = 1.0, -1.0
    turns = 2 * np.pi * np.outer(np.arange(12), np.arange(7)) / 12
    spectrum = np.concatenate([np.cos(turns), np.sin(turns)], axis=1)
    # The autocorrelation of the profile at lag k is the inverse transform of its power spectrum.
    weight = np.array([1, 2, 2, 2, 2, 2, 1]) / 12
    lags = np.cos(2 * np.pi * np.outer(np.arange(7), np.arange(7)) / 12) * weight[:, None]
    lags[:, 1:6] *= 2.0  # an interval upwards or downwards
    return np.concatenate([fits, contrasts, spectrum], axis=1), np.concatenate([lags, lags])


_FROM_PROFILE, _FROM_POWER = _profile_maps()
_TOTALS = np.zeros((12 + SLOTS, 2))
_TOTALS[:12, 0] = _TOTALS[12:, 1] = 1.0


def note_statistics(
    notes: Notes,
    bar_beats: float,
    *,
    tonic: int = 0,
    start_beats: float = 0.0,
    percussive: bool = False,
) -> NDArray[np.float64]:
    """The sums [shape=(S,)] of the notes of one bar, in the order of `STATISTICS`.

    Onsets lie in [start_beats, start_beats + bar_beats); others count in the nearest slot.
    `tonic` is a pitch class (0 = C). Notes of a `percussive` layer have no pitch: they only fill
    the onset grid and the count of percussion.
    """
    group = np.zeros(len(notes), np.intp)
    unpitched = np.full(1, percussive)
    statistics: NDArray[np.float64] = grouped_statistics(
        notes, group, unpitched, bar_beats, tonic=tonic, start_beats=start_beats
    )[0]
    return statistics


def grouped_statistics(
    notes: Notes,
    group: NDArray[np.intp],
    percussive: NDArray[np.bool_],
    bar_beats: float,
    *,
    tonic: int = 0,
    start_beats: float = 0.0,
) -> NDArray[np.float64]:
    """`note_statistics` of many groups of notes at once [shape=(groups, S)].

    `group` [notes] is the group of each note, `percussive` [groups] whether a group is unpitched.
    The other arguments are those of `note_statistics`.
    """
    groups = len(percussive)
    statistics = np.zeros((groups, len(STATISTICS)))
    onsets = notes["onset_beats"] - start_beats
    slots = np.clip(np.floor(onsets / bar_beats * SLOTS + 0.5), 0, SLOTS - 1).astype(np.intp)
    grid = np.bincount(group * SLOTS + slots, minlength=groups * SLOTS)
    statistics[:, _GRID] = grid.reshape(groups, SLOTS)
    off = np.abs(onsets - np.round(onsets)) >= OFFBEAT_TOLERANCE_BEATS
    statistics[:, _OFFBEAT] = np.bincount(group, off, minlength=groups)
    statistics[:, _PERCUSSION] = np.bincount(group, minlength=groups) * percussive
    pitched = ~percussive[group]
    group, notes = group[pitched], notes[pitched]
    pitch = notes["pitch"].astype(np.float64)
    velocity = notes["velocity"].astype(np.float64)
    duration = notes["duration_beats"] / bar_beats
    sums = (None, pitch, velocity, np.log(duration), pitch * pitch, velocity * velocity)
    for column, values in enumerate(sums):
        statistics[:, column] = np.bincount(group, values, minlength=groups)
    degrees = (notes["pitch"].astype(np.intp) - tonic) % 12
    profile = np.bincount(group * 12 + degrees, duration, minlength=groups * 12)
    statistics[:, _DEGREES] = profile.reshape(groups, 12)
    return statistics


def features_from_statistics(
    statistics: NDArray[np.float64], bar_seconds: ArrayLike
) -> NDArray[np.float64]:
    """Features [shape=(..., F)] of bars from their statistics [shape=(..., S)], as in `FEATURES`.

    `bar_seconds` [broadcast to (...)] is the length of each bar, > 0. A bar without notes has
    densities, fits, contrasts and entropies of 0 and a neutral pitch, velocity and duration.
    """
    seconds = np.asarray(bar_seconds, dtype=np.float64)
    features = np.empty((*statistics.shape[:-1], len(FEATURES)))  # filled in the order of FEATURES
    notes = statistics[..., _NOTES : _NOTES + 1]
    counts = statistics[..., _DEGREES.start : _GRID.stop]
    totals = np.maximum(counts @ _TOTALS, _TINY)
    occupied = (statistics[..., _GRID] > 0.0).sum(axis=-1)

    features[..., 0] = occupied / seconds
    features[..., 1] = notes[..., 0] / seconds
    features[..., 2] = statistics[..., _PERCUSSION] / seconds
    features[..., 3] = totals[..., 0]
    np.log1p(features[..., :4], out=features[..., :4])

    means = statistics[..., 1:6] / np.maximum(notes, 1.0) + (notes == 0.0) * _NEUTRAL_MEANS
    features[..., 4:7] = means[..., :3]
    features[..., 6] += np.log(seconds)
    variance = means[..., 3:] - np.square(means[..., :2])
    features[..., 7:9] = np.sqrt(np.maximum(variance, 0.0))

    profile = statistics[..., _DEGREES] / totals[..., :1]
    mapped = profile @ _FROM_PROFILE
    lags = np.square(mapped[..., 6:]) @ _FROM_POWER
    spread = np.sqrt(np.maximum(lags[..., :1] - 1.0 / 12.0, _TINY))
    features[..., 9:11] = mapped[..., :2] / spread
    features[..., 11:15] = mapped[..., 2:6]
    features[..., 15:21] = lags[..., 1:]

    entropy = np.log(totals) - (counts * np.log(np.maximum(counts, _TINY))) @ _TOTALS / totals
    features[..., 21:23] = np.maximum(entropy, 0.0)
    features[..., 23] = statistics[..., _OFFBEAT] / totals[..., 1]
    features[..., 24] = 1.0 - occupied / SLOTS
    return features


def bar_features(
    notes: Notes,
    *,
    tonic: int,
    bar_beats: float,
    bar_seconds: float,
    percussive: Notes | None = None,
    start_beats: float = 0.0,
) -> NDArray[np.float64]:
    """Features [shape=(F,)] of one bar of pitched `notes` and, beside them, `percussive` notes.

    `tonic` is a pitch class (0 = C); onsets lie in [start_beats, start_beats + bar_beats).
    Raises RangeError for a bar that has no length.
    """
    check_range("bar length in beats", bar_beats, 1e-6, 1e6)
    check_range("bar length in seconds", bar_seconds, 1e-6, 1e6)
    statistics = note_statistics(notes, bar_beats, tonic=tonic, start_beats=start_beats)
    if percussive is not None:
        statistics += note_statistics(
            percussive, bar_beats, start_beats=start_beats, percussive=True
        )
    return features_from_statistics(statistics, bar_seconds)
