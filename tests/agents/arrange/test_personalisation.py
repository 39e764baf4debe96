"""A listener far from the average is found: by three ratings, or by likes and dislikes alone."""

from dataclasses import replace

import numpy as np
import pytest

from segue.agents.arrange.directors import make_director
from segue.envs.arrange.core import ArrangeCore
from segue.envs.arrange.rewards import distance

LISTENERS = 48


def errors(feedback: str, *, ratings: int | None = None) -> np.ndarray:
    """Distance of felt and wanted mood, by bar, of listeners two sd off [shape=(bars,)]."""
    core = ArrangeCore(LISTENERS, split="test", feedback=feedback, thumbs_every_bars=1)
    core.reset(np.random.default_rng(77))
    side = np.where(np.random.default_rng(5).random((LISTENERS, 2)) < 0.5, -1.0, 1.0)
    far = 2.0 * core.settings.listener.bias_sd
    core.listeners.meet(far * side, np.ones((LISTENERS, 2)))
    director = make_director("informed")
    found = []
    over = False
    while not over:
        if ratings is not None and core.perception.count[0, 0] >= ratings:
            core.answering.settings = replace(core.answering.settings, feedback=())
        _, _, over, _ = core.step(core.accept(director.act(core)))
        found.append(distance(core.listeners.felt, core.wanted).mean())
    return np.array(found)


@pytest.fixture(scope="module")
def untold() -> np.ndarray:
    return errors("none")


def test_three_ratings_are_enough_to_follow_a_listener(untold: np.ndarray) -> None:
    told = errors("rating", ratings=3)
    assert told[12:].mean() < 0.6 * untold[12:].mean()  # the third rating comes after bar 12


def test_likes_and_dislikes_alone_personalise(untold: np.ndarray) -> None:
    told = errors("thumbs")
    assert told[32:].mean() < 0.75 * untold[32:].mean()
    assert told[32:].mean() < told[:16].mean()
