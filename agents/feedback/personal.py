"""How well a director finds out who listens, by one kind of answer, and how soon.

Listeners two standard deviations off the usual are met twice, by a director that hears their
answers and by one that does not; all else is the same. What the answers save of the distance
between felt and wanted mood is what personalisation is worth.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...envs.arrange.core import ArrangeCore
from ...envs.arrange.listener import ListenerSettings
from ...envs.arrange.settings import ArrangeSettings
from ..arrange.scene import Director
from ..statistics import interval

FloatArray = NDArray[np.float64]

DEVIATIONS = 2.0
"""How far the listeners are off, in sd of listeners, on both axes."""


@dataclass(frozen=True)
class Personalised:
    """Distances of felt and wanted mood over the bars after the last answer that counts [sd]."""

    channel: str
    answers: int
    deaf: FloatArray  # by a director that hears no answers [shape=(episodes,)]
    hearing: FloatArray

    @property
    def saved(self) -> tuple[float, float, float]:
        """Share of the distance that the answers save, and its 95 % interval."""
        share = 1.0 - self.hearing / self.deaf.mean()
        return (float(share.mean()), *interval(share))


def personalised(
    director: Director,
    channel: str,
    answers: int,
    *,
    episodes: int = 256,
    seed: int = 0,
    split: str = "test",
) -> Personalised:
    """Let listeners who are far off give some answers, and no more.

    :param director: who decides
    :param channel: how they answer: `rating` or `thumbs`
    :param answers: how many of their answers are heard
    """
    every = getattr(ListenerSettings(), f"{channel}_every_bars")
    last = answers * every  # bars until the last answer that is heard
    settings = ArrangeSettings(split=split, listener=ListenerSettings(feedback=(channel,)))
    found = [
        _play(ArrangeCore(episodes, settings), director, seed, heard_bars=heard)[last:].mean(axis=0)
        for heard in (0, last)
    ]
    return Personalised(channel, answers, *found)


def _play(core: ArrangeCore, director: Director, seed: int, heard_bars: int) -> FloatArray:
    """Distances of felt and wanted mood [shape=(bars, episodes), sd]."""
    rng = np.random.default_rng(seed)
    core.reset(rng)
    knobs = core.perception.knobs
    side = rng.choice([-1.0, 1.0], (core.n, 2))
    bias = side * DEVIATIONS * core.settings.listener.bias_sd
    core.listeners.meet(bias, np.ones((core.n, 2)))
    core.begin(knobs)
    belief = core.perception.belief
    known = belief.snapshot()
    distances, over = [], False
    while not over:
        _, _, over, _ = core.step(core.accept(director.act(core)))
        if core.bar <= heard_bars:
            known = belief.snapshot()
        else:
            belief.restore(known)
        distances.append(np.abs(core.listeners.felt - core.wanted).mean(axis=1))
    return np.array(distances)
