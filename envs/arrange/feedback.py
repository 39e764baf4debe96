"""How listeners answer: by a rating, a thumb up or down, a skip, or by saying nothing.

* **rating**: valence and arousal as felt, with Gaussian noise;
* **thumbs**: like or dislike; a like is the likelier, by a logistic, the nearer felt and wanted
  mood are;
* **skip**: a listener whose displeasure has lasted (a running mean of the distance) skips;
* **silence**: who dislikes something says so now and then, and nobody else says anything, so that
  silence tells that all is perhaps well.

`Answering` draws what simulated listeners answer; the probabilities are the ones `belief` reasons
with. What is liked is how near the felt mood is to the one the game wants: a simulation, not a
finding about people.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .listener import ListenerSettings
from .rewards import distance

FloatArray = NDArray[np.float64]

LIKED_WITHIN = 0.5
"""Distance of felt and wanted mood at which like and dislike are equally likely, sd."""

LIKE_SOFTNESS = 0.15
"""Scale of the logistic of a like, sd."""

DISPLEASURE_RATE = 0.25
"""Share of the way that displeasure moves towards the distance in a bar."""

SKIPPED_BEYOND, SKIP_SOFTNESS, SKIP_MOST = 0.9, 0.12, 0.5
"""Displeasure at which a skip has half of its greatest probability a bar; its scale; that."""


def like_probability(apart: FloatArray) -> FloatArray:
    """Of a like, at distances of felt and wanted mood [any shape, sd]."""
    return np.asarray(1.0 / (1.0 + np.exp((apart - LIKED_WITHIN) / LIKE_SOFTNESS)))


def skip_probability(displeasure: FloatArray) -> FloatArray:
    """Of a skip in a bar, at a displeasure [any shape, sd]."""
    return SKIP_MOST / (1.0 + np.exp((SKIPPED_BEYOND - displeasure) / SKIP_SOFTNESS))


def more_displeased(displeasure: FloatArray, apart: FloatArray) -> FloatArray:
    """Displeasure after a bar at that distance of felt and wanted mood [same shapes, sd]."""
    return displeasure + DISPLEASURE_RATE * (apart - displeasure)


@dataclass(frozen=True)
class Answers:
    """What n listeners answer to a bar; None where nobody was asked."""

    rating: FloatArray | None = None  # [shape=(n, 2), sd]
    thumbs: FloatArray | None = None  # [n] 1 like, -1 dislike
    skips: NDArray[np.bool_] | None = None  # [n]
    complaints: NDArray[np.bool_] | None = None  # [n]

    def cost(self, wanted: FloatArray) -> FloatArray:
        """How bad the answers are [n]: distance of rating and mood wanted [n, 2], and 1 for each
        dislike, skip or complaint."""
        cost = np.zeros(len(wanted))
        if self.rating is not None:
            cost += distance(self.rating, wanted)
        if self.thumbs is not None:
            cost += self.thumbs < 0
        for complaint in (self.skips, self.complaints):
            if complaint is not None:
                cost += complaint
        return cost


@dataclass
class Answering:
    """Draws the answers of n listeners; all chance of an episode is drawn at its start.

    :param noise: of ratings [shape=(bars, n, 2), sd]
    :param draws: uniform, of thumbs, skips and complaints [shape=(3, bars, n)]
    """

    settings: ListenerSettings
    noise: FloatArray
    draws: FloatArray
    displeasure: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        self.displeasure = np.zeros(self.draws.shape[2])

    def answer(self, bar: int, felt: FloatArray, wanted: FloatArray) -> Answers:
        """What listeners answer who feel that after a bar, and know what is wanted.

        :param bar: counted from 0
        :param felt: [shape=(n, 2), sd]
        :param wanted: [shape=(n, 2), sd]
        """
        s, channels = self.settings, self.settings.feedback
        rating = thumbs = skips = complaints = None
        if "rating" in channels and due(bar, s.rating_every_bars):
            rating = felt + self.noise[bar]
        if channels == ("rating",):
            return Answers(rating)
        apart = distance(felt, wanted)
        if "thumbs" in channels and due(bar, s.thumbs_every_bars):
            thumbs = np.where(self.draws[0, bar] < like_probability(apart), 1.0, -1.0)
        if "skip" in channels:
            self.displeasure = more_displeased(self.displeasure, apart)
            skips = self.draws[1, bar] < skip_probability(self.displeasure)
            self.displeasure = np.where(skips, 0.0, self.displeasure)
        if "silence" in channels and due(bar, s.thumbs_every_bars):
            share = s.complaint_share * (1.0 - like_probability(apart))
            complaints = self.draws[2, bar] < share
        return Answers(rating, thumbs, skips, complaints)


def due(bar: int, every_bars: int) -> bool:
    """Whether something that happens every so many bars (0: never) happens after this one."""
    return bool(every_bars) and (bar + 1) % every_bars == 0
