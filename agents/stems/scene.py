"""What a director of recorded music sees when it is asked: the same in training and in play."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...envs.stems.library import Library
from ...envs.stems.perception import Perception
from ...music.worlds import Worlds


class Scene(Protocol):
    """n performances: `envs.stems.core.StemsCore` in training, `performer.StemsPerformer` live."""

    n: int
    library: Library
    worlds: Worlds
    perception: Perception

    def observe(self) -> NDArray[Any]:
        """What is seen now [shape=(n, len(OBSERVATION))]."""
        ...

    def action_masks(self) -> NDArray[np.bool_]:
        """Which actions are allowed [shape=(n, len(ACTIONS))]."""
        ...


class Director(Protocol):
    """Decides which way recorded music goes and how its mix changes in the next bar."""

    def act(self, scene: Scene) -> NDArray[Any]:
        """Actions [shape=(n,)], indices into `envs.stems.actions.ACTIONS`, each allowed."""
        ...
