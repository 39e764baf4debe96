"""How the bars of a book answer to the knobs: what an agent can know of the music to come.

Every bar is heard under 21 settings of the knobs: all in the middle, each low and each high, and
two corners. The impressions, 42 numbers, are told as ten, by principal components fitted on the
training themes. All of it is looked up when the bar comes.
"""

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...analysis.cards import load_weights
from ...analysis.emotion.model import EmotionModel
from ...analysis.scores.ear import Ear
from ...music.book import Book
from ...music.direction import KNOBS
from ...music.worlds import Bars, Worlds

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

COMPONENTS, NEXT_COMPONENTS = 10, 6
"""Numbers told of the coming bar, and of the mean of the bars after it."""

NEXT_BARS = 3

_LOW, _MIDDLE, _HIGH = 0.1, 0.5, 0.9
_CARD = Path(__file__).with_name("models") / "response.json"


def presets() -> FloatArray:
    """The settings of the knobs [shape=(21, 9)]."""
    each = np.full((2, len(KNOBS), len(KNOBS)), _MIDDLE)
    at = np.arange(len(KNOBS))
    each[0, at, at], each[1, at, at] = _LOW, _HIGH
    middle = np.full((1, len(KNOBS)), _MIDDLE)
    low, high = np.full_like(middle, _LOW), np.full_like(middle, _HIGH)
    return np.concatenate([middle, *each, low, high])


def impressions(book: Book, ear: Ear, model: EmotionModel) -> FloatArray:
    """What every bar of a book expresses under the presets [shape=(rows, 42), sd]."""
    counts = [2 * cue.bars for cue in book.cues]  # as written, and as cadences
    cue = np.repeat(np.arange(len(counts)), counts)
    rows, zeros = np.arange(book.rows), np.zeros(book.rows, np.int64)
    worlds = Worlds(book, cue, zeros)
    layers = np.arange(book.layer_knob.shape[1])
    nothing = np.zeros(book.rows, bool)
    found = []
    for knobs in presets():
        setting = worlds.set(np.tile(knobs, (book.rows, 1)))
        place = (rows[:, None], setting.mode[:, None], setting.register[:, None])
        template = book.index[(*place, layers, setting.level)]
        bars = Bars(
            cue=cue, section=zeros, number=zeros, turn=zeros, row=rows, fill=nothing, leads=nothing,
            beats=book.bar_beats[cue], template=template, setting=setting,
        )  # fmt: skip
        found.append(model.predict(ear.hear(bars)))
    return np.concatenate(found, axis=1)


class ThemeResponse:
    """The response of a book's bars: `of_row` [shape=(rows, COMPONENTS)] of each row, `after`
    [shape=(rows, NEXT_COMPONENTS)] of the mean of the bars after it, going round its section.
    """

    def __init__(self, book: Book, ear: Ear, model: EmotionModel) -> None:
        mean, components = _basis()
        self.of_row = (impressions(book, ear, model) - mean) @ components
        self.after = np.zeros((book.rows, NEXT_COMPONENTS))
        for first, bars in zip(book.section_row, book.section_bars, strict=True):
            within = np.arange(bars)[:, None] + np.arange(1, NEXT_BARS + 1)
            after = self.of_row[first + within % bars, :NEXT_COMPONENTS]
            self.after[first : first + bars] = after.mean(axis=1)

    def look(self, row: IntArray) -> FloatArray:
        """Of bars that come next [shape=(n,), rows as written]: both, side by side [n, 16]."""
        return np.concatenate([self.of_row[row], self.after[row]], axis=1)


@cache
def _basis() -> tuple[FloatArray, FloatArray]:
    """Mean [shape=(42,)] and principal components [shape=(42, 10)], scaled to a spread of 1."""
    _, weights = load_weights(_CARD)
    return weights["mean"], weights["components"]


def fit_basis(found: FloatArray) -> dict[str, FloatArray]:
    """Mean and scaled principal components of impressions [shape=(rows, 42)]."""
    mean = found.mean(axis=0)
    _, spread, directions = np.linalg.svd(found - mean, full_matrices=False)
    scale = spread[:COMPONENTS] / np.sqrt(len(found))
    # The sign of a component is free: its largest part is taken as positive.
    largest = np.abs(directions[:COMPONENTS]).argmax(axis=1)
    sign = np.sign(directions[np.arange(COMPONENTS), largest])
    return {"mean": mean, "components": (sign[:, None] * directions[:COMPONENTS]).T / scale}
