"""Bars that are only imagined: copies of what a director takes in, which go on as expected.

What is taken in of game and listener is the same for all kinds of music
(`envs.arrange.attention`), and so is how it goes on while nobody plays and nobody rates: the belief
stays, and the game asks for what was forecast.
"""

from copy import copy
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..envs.arrange.attention import Attention
from ..envs.games.forecast import Forecast

FloatArray = NDArray[np.float64]
Seen = TypeVar("Seen", bound=Attention)

_BELIEF = ("gain", "bias", "gain_var", "bias_var", "covariance", "bias_sd", "count")


def in_thought(seen: Seen, rows: NDArray[np.int64], *own: str) -> Seen:
    """Copies of what is seen of these performances, which can be moved on without touching it.

    :param rows: number of the performance that each copy is of [shape=(m,)]
    :param own: arrays [n, ...] of this kind of perception, besides those of `Attention`
    """
    twin, belief, forecast = copy(seen), copy(seen.belief), copy(seen.forecast)
    twin.n = len(rows)
    twin.belief, twin.forecast = belief, forecast
    for name in ("estimate", "bar_seconds", *own):
        setattr(twin, name, getattr(seen, name)[rows])
    for name in _BELIEF:
        setattr(belief, name, getattr(seen.belief, name)[rows])
    forecast.moods, forecast.scale = forecast.moods[rows], forecast.scale[rows]
    forecast.moods_so_far = forecast.moods_so_far[:, rows]
    forecast.features = forecast.features[:, rows]
    return twin


def come_true(forecast: Forecast) -> tuple[FloatArray, FloatArray]:
    """Move a forecast on by a bar, in which the game asks for what was foretold.

    The last bar ahead stands for all after it.

    :return: the mood of that bar and its Laplace scale [each shape=(n, 2), sd]
    """
    wanted, scale = forecast.moods[:, 0], forecast.scale[:, 0]
    forecast.moods_so_far = np.concatenate([wanted[None], forecast.moods_so_far[:-1]])
    last = slice(-1, None)
    forecast.moods = np.concatenate([forecast.moods[:, 1:], forecast.moods[:, last]], axis=1)
    forecast.scale = np.concatenate([forecast.scale[:, 1:], forecast.scale[:, last]], axis=1)
    return wanted, scale
