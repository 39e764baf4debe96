"""What an agent takes in of the game and of who listens, whatever kind of music it directs."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..games.forecast import Forecast
from .belief import Belief
from .feedback import Answers

FloatArray = NDArray[np.float64]


class Attention:
    """The part of a perception that concerns game and listener; subclasses make its parts.

    `estimate` [shape=(n, 2), sd] is what an average listener feels by now, `bar_seconds` [n] the
    length of the coming bar.
    """

    n: int
    belief: Belief
    forecast: Forecast
    estimate: FloatArray
    bar_seconds: FloatArray

    def want_first(
        self, mood: FloatArray, features: FloatArray | None = None, known: Any = True
    ) -> None:
        """The mood wanted before the first bar, as if it had long been so; see `want`."""
        self.forecast.begin(mood, features, known)
        self.forecast.look(self.bar_seconds)

    def want(self, mood: FloatArray, features: FloatArray | None = None, known: Any = True) -> None:
        """What the game asks for, as known at the end of a bar.

        :param mood: wanted in the bar that has just gone by [shape=(n, 2), sd]
        :param features: of the game in that bar [n, F] (`game.GAME_FEATURES`); None: not known
        :param known: for whom they are known [n], or one for all
        """
        self.forecast.add(mood, features, known)
        self.forecast.look(self.bar_seconds)

    def rate(self, rating: FloatArray) -> None:
        """Take in every listener's rating [shape=(n, 2), sd] of what they feel now."""
        self.belief.rate(self.estimate, rating)

    def answer(self, answers: Answers) -> None:
        """Take in what listeners answered to the last bar, after its `want`."""
        estimate, wanted = self.estimate, self.targets[0]
        if answers.rating is not None:
            self.belief.rate(estimate, answers.rating)
        if answers.thumbs is not None:
            self.belief.thumb(estimate, wanted, answers.thumbs)
        if answers.skips is not None:
            self.belief.skip(estimate, wanted, answers.skips)
        if answers.complaints is not None:
            self.belief.complain(estimate, wanted, answers.complaints)

    @property
    def targets(self) -> FloatArray:
        """The moods wanted so far, the newest first [shape=(bars, n, 2), sd]."""
        return self.forecast.moods_so_far

    @property
    def felt(self) -> FloatArray:
        """What this listener feels, as far as is known [shape=(n, 2), sd]."""
        return self.belief.felt(self.estimate)
