"""One performance of the arranger in play: a world, an ear and a director, bar by bar.

The live twin of `envs.arrange.core.ArrangeCore`: the same world, perception and directors, with a
real game's moods and a real listener's ratings in place of simulated ones.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...analysis.emotion.model import load_emotion_model, tension
from ...analysis.scores.ear import Ear
from ...envs.arrange.listener import ListenerSettings
from ...envs.arrange.perception import OBSERVATION, Perception, move_knobs
from ...envs.arrange.response import ThemeResponse
from ...music.cue import Cue
from ...music.direction import KNOBS, Direction
from ...music.mood import Mood
from ...music.world import Bar
from ..live import Live, Performed, felt_mood
from .directors import DIRECTORS, make_director
from .prior import prior_of
from .scene import Director

FloatArray = NDArray[np.float64]


class Performer(Live):
    """Plays a cue by its knobs; the `Scene` of its own director.

    The decision in `Performed.action` [shape=(9,)] is that of `envs.arrange.perception.move_knobs`.

    :param cue: what is played
    :param director: a name of `directors.DIRECTORS`, or the path of a policy
    :param seed: of the world and of a director that draws
    :param listener: what is assumed of listeners; None: what the director says of them
    """

    DIRECTORS = tuple(DIRECTORS)
    FALLBACK = "adaptive"
    OBSERVATION = OBSERVATION
    OTHERS = ("adaptive", "table", "hold")

    def __init__(
        self,
        cue: Cue,
        director: str = "agent",
        *,
        seed: int = 0,
        listener: ListenerSettings | None = None,
    ) -> None:
        super().__init__(cue, director, seed)
        self.ear = Ear(self.book)
        self.model = load_emotion_model("vgmidi")
        response = ThemeResponse(self.book, self.ear, self.model)
        self.perception: Perception = Perception(1, listener or prior_of(self.director), response)
        self.perception.reset(Direction().knobs[None])
        coming = self.worlds.look(self.worlds.set(self.perception.knobs))
        self.perception.look(self.ear, self.model, coming)

    def make(self, director: str) -> Director:
        return make_director(director, self.seed)

    def observe(self) -> FloatArray:
        return self.perception.observe(self.worlds)

    def next_bar(self, wanted: Mood, game: FloatArray | None = None) -> Performed:
        seen = self.perception
        self._take_in(wanted, game)
        observation = seen.observe(self.worlds)[0]
        action, fault = self._decide()
        knobs = self._moved(action)
        bar = self._advance(self._asked(self._section).with_knobs(knobs[0]))
        seen.knobs = knobs
        coming = self.worlds.look(bar.bars.setting)
        impressions, heard = seen.look(self.ear, self.model, bar.bars, coming)
        self._hear(impressions[:1], bar)
        strain = float(tension(heard[0]))
        return Performed(
            bar,
            wanted,
            heard=felt_mood(impressions[0], strain),
            felt=felt_mood(seen.felt[0], strain),
            director=self.director_name,
            observation=observation,
            action=action[0],
            impression=impressions[0],
            fault=fault,
        )

    def choices(self, performed: Performed) -> dict[str, float]:
        return _named(performed.bar.direction.knobs)

    def _chosen(self, action: NDArray[Any]) -> dict[str, float]:
        return _named(self._moved(action)[0])

    def _moved(self, action: NDArray[Any]) -> FloatArray:
        """The knobs [shape=(1, 9)] after an action, those in a person's hand as they are held."""
        knobs = move_knobs(self.perception.knobs, action)
        for name, value in self.held.items():
            knobs[0, KNOBS.index(name)] = value
        return knobs

    def _hear(self, impression: FloatArray, bar: Bar) -> None:
        self.perception.hear(impression, bar.bars, self.book)


def _named(knobs: FloatArray) -> dict[str, float]:
    return dict(zip(KNOBS, map(float, knobs), strict=True))
