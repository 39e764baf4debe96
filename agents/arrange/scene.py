"""What a director is, and the scene it sees when it is asked: the same in training and in play."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...analysis.emotion.model import EmotionModel
from ...analysis.scores.ear import Ear
from ...envs.arrange.perception import Perception
from ...music.book import Book
from ...music.worlds import Worlds

FloatArray = NDArray[np.float64]


class Scene(Protocol):
    """n performances: `envs.arrange.core.ArrangeCore` in training, `performer.Performer` in play.

    (The scenes of a game, in `envs.games.scenes`, are another thing.)
    """

    n: int
    book: Book
    ear: Ear
    model: EmotionModel
    worlds: Worlds
    perception: Perception

    def observe(self) -> FloatArray:
        """What a policy sees now [shape=(n, len(OBSERVATION))]."""
        ...


class Director(Protocol):
    """Decides how the knobs move in the next bar."""

    def act(self, scene: Scene) -> FloatArray:
        """Actions [shape=(n, 9)], each in [-1, 1]; see `envs.arrange.perception.move_knobs`."""
        ...
