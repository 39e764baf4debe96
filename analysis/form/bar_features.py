"""Bars of a recording and how much they are alike: what form, patterns and loops are found in.

A bar is described by what sounds in each of `SLOTS` equal parts of it, so that two bars are alike
if the same happens at the same places of them, at any tempo. Each number is taken against its mean
over the recording: what is always there tells no bar from another.

Source: A. Marmoret, J. Cohen and F. Bimbot, "Barwise music structure analysis with the correlation
block-matching segmentation algorithm", TISMIR 6, 2023.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..rhythm.beats import Beats
from ..sound.features import extract_features
from ..spectra import RATE, Floats

FloatArray = NDArray[np.float64]

SLOTS = 8
UNIT_SECONDS = 2.0
"""Length of what stands for a bar where no beats are."""

MAX_BARS = 6_000
"""Of longer recordings two bars, or four, ... are taken as one."""

_HOP = 512
_MEL_BANDS, _POOLED = 64, 16
_LOUD_DB = 60.0  # below the loudest band: what is softer counts as this
_HARMONY_SHARE = 0.5  # of the likeness that harmony has; the rest is colour
_SMALL_CHROMA, _SMALL_DB = 0.05, 1.5  # differences that are none


@dataclass(frozen=True)
class Bars:
    """Bars of a recording, one after another from its start to its end, and their likeness."""

    edges_seconds: FloatArray  # [shape=(n + 1,)]
    harmony: Floats  # [n, SLOTS * 12] roots of chroma, against their mean
    colour: Floats  # [n, SLOTS * bands] levels in dB, against their mean
    level_db: FloatArray  # [n] RMS, full scale 1
    onset_strength: FloatArray  # [n] mean rise in dB a frame
    brightness_hz: FloatArray  # [n] mean frequency, weighted by magnitude
    bars_each: int  # 1, unless there are more than `MAX_BARS`
    metric: bool  # whether they are bars of beats, not stretches of `UNIT_SECONDS`

    def __len__(self) -> int:
        return len(self.edges_seconds) - 1

    def likeness(self) -> FloatArray:
        """-1 to 1 for each pair of bars [shape=(n, n)], 1 of those in which the same happens.

        0 is what chance gives, below that they are opposed.
        """
        harmony = _likeness(self.harmony, _SMALL_CHROMA)
        return np.asarray(
            _HARMONY_SHARE * harmony + (1.0 - _HARMONY_SHARE) * _likeness(self.colour, _SMALL_DB)
        )


def bar_edges(beats: Beats, seconds: float) -> FloatArray:
    """Bar lines from 0 to the end of a recording; stretches of `UNIT_SECONDS` without beats.

    Before the first and after the last downbeat bars go on as long as their neighbours are. What is
    less than half a bar at either end belongs to the bar beside it.
    """
    lines = beats.downbeat_times_seconds
    if len(lines) < 2:
        lines = np.arange(0.0, seconds, UNIT_SECONDS)
        if len(lines) < 2:
            return np.array([0.0, seconds]) if seconds > 0 else np.zeros(1)
    first, last = (float(np.median(np.diff(part))) for part in (lines[:5], lines[-5:]))
    before = lines[0] - first * np.arange(int(lines[0] / first + 0.5), 0, -1)
    after = lines[-1] + last * np.arange(1, int((seconds - lines[-1]) / last + 0.5) + 1)
    edges = np.concatenate([before, lines, after])
    edges = edges[(edges > 0.5 * first) & (edges < seconds - 0.5 * last)]
    return np.concatenate([[0.0], edges, [seconds]])


def hear_bars(mono: Floats, beats: Beats) -> Bars:
    """The bars of a recording at `RATE`, as `to_mono` gives it."""
    edges = bar_edges(beats, len(mono) / RATE)
    bars_each = 1
    while len(edges) > MAX_BARS + 1:
        edges = np.append(edges[:-1:2], edges[-1])
        bars_each *= 2
    heard = extract_features(mono, RATE, hop=_HOP, mel_bands=_MEL_BANDS)
    count = len(edges) - 1
    if count == 0:
        nothing = np.zeros(0)
        empty = np.zeros((0, SLOTS), np.float32)
        return Bars(edges, empty, empty, nothing, nothing, nothing, 1, False)
    steps = np.arange(count * SLOTS) / SLOTS
    times = np.append(np.interp(steps, np.arange(count + 1), edges), edges[-1])
    slots = heard.per_beat(times)
    chroma = np.sqrt(slots.chroma) * (slots.rms > 1e-4)[:, None]
    floor = slots.log_mel_db.max() - _LOUD_DB
    mel = np.maximum(slots.log_mel_db, floor).reshape(len(chroma), _POOLED, -1).mean(axis=2)
    frames = heard.per_beat(edges)
    level = np.sqrt(np.square(slots.rms.astype(float)).reshape(count, SLOTS).mean(axis=1))
    return Bars(
        edges,
        _apart(chroma.reshape(count, -1)),
        _apart(mel.reshape(count, -1)),
        20.0 * np.log10(np.maximum(level, 1e-6)),
        frames.onset_strength.astype(float),
        frames.centroid_hz.astype(float),
        bars_each,
        len(beats.downbeat_times_seconds) >= 2,
    )


def _apart(rows: Floats) -> Floats:
    return np.asarray(rows - rows.mean(axis=0), np.float32)


def _likeness(rows: Floats, small: float) -> FloatArray:
    """Twice the product of two rows by the sum of their squares; 1 of rows that hardly differ."""
    least = small**2 * rows.shape[1]
    products = (rows @ rows.T).astype(np.float64)
    squares = np.diagonal(products)
    return np.asarray((2.0 * products + least) / (squares[:, None] + squares + least))
