"""What the bars of a book of cues sound like, for any number of worlds at once.

The statistics of every template are taken once; a bar is then heard by adding up those of its
layers, which gives the same features as its notes would (`symbolic.bar_features`) in a few
microseconds.
"""

import numpy as np
from numpy.typing import NDArray

from ...music.book import Book
from ...music.worlds import Bars
from .symbolic import STATISTICS, features_from_statistics, grouped_statistics

_NOTES = STATISTICS.index("notes")
_VELOCITY = STATISTICS.index("velocity")
_VELOCITY_SQUARE = STATISTICS.index("velocity_square")
_LOG_DURATION = STATISTICS.index("log_duration")
_DEGREES = slice(STATISTICS.index("degree_0"), STATISTICS.index("degree_11") + 1)


class Ear:
    """Hears bars of one book.

    :param book: the cues whose bars will be heard
    """

    def __init__(self, book: Book) -> None:
        self.statistics = np.zeros((book.templates + 1, len(STATISTICS)))
        for arrangement, first in zip(book.arrangements, book.first_template, strict=True):
            cue = arrangement.cue
            drums = np.zeros(len(arrangement.starts) - 1, bool)
            for number, layer in enumerate(cue.layers):
                drums[np.unique(arrangement.index[:, :, :, number])] = layer.is_kit
            group = np.repeat(np.arange(len(drums)), np.diff(arrangement.starts))
            bar_beats, tonic = cue.meter.bar_beats, cue.key.tonic
            found = grouped_statistics(arrangement.notes, group, drums, bar_beats, tonic=tonic)
            self.statistics[first + 1 : first + len(drums)] = found[1:]

    def hear(self, *bars: Bars) -> NDArray[np.float64]:
        """Features [shape=(sum of n, F)] of bars, one after another, as in `symbolic.FEATURES`."""
        layers = self.statistics[np.concatenate([bar.template for bar in bars])]
        duration = np.concatenate([bar.setting.duration_scale for bar in bars])
        velocity = np.concatenate([bar.setting.velocity_scale for bar in bars])
        seconds = np.concatenate([bar.beats * 60.0 / bar.setting.bpm for bar in bars])
        total = layers.sum(axis=1)
        total[:, _LOG_DURATION] += (np.log(duration) * layers[:, :, _NOTES]).sum(axis=1)
        total[:, _DEGREES] = (duration[:, None] @ layers[:, :, _DEGREES])[:, 0]
        total[:, _VELOCITY] *= velocity
        total[:, _VELOCITY_SQUARE] *= velocity * velocity
        return features_from_statistics(total, seconds)
