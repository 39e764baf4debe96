"""Moods as a person sets them by hand: anywhere on the plane, held for as long as they like.

Games visit some moods often and others never; a person at two sliders, or a game of another kind,
does not. Sessions of this kind ask a director for every mood, and for keeping it.
"""

import numpy as np
from numpy.typing import NDArray

from .game import MOOD_LIMIT

Floats = NDArray[np.float32]

HELD_BARS = (4, 32)
"""A mood is held for so many bars, uniformly drawn."""

FOLLOWING = 0.5
"""Share of the way to a new setting that the mood wanted goes in a bar."""


def slider_sessions(rng: np.random.Generator, n_sessions: int, n_bars: int) -> Floats:
    """Moods wanted [shape=(n_sessions, n_bars, 2)], valence and arousal in sd within +-1.4."""
    low, high = HELD_BARS
    changes = -(-n_bars // low)
    ends = np.cumsum(rng.integers(low, high + 1, (n_sessions, changes)), axis=1)
    settings = rng.uniform(-MOOD_LIMIT, MOOD_LIMIT, (n_sessions, changes + 1, 2))
    which = (ends[:, None] <= np.arange(n_bars)[:, None]).sum(axis=2)
    moods = settings[np.arange(n_sessions)[:, None], which]
    for bar in range(1, n_bars):
        moods[:, bar] = moods[:, bar - 1] + FOLLOWING * (moods[:, bar] - moods[:, bar - 1])
    return np.asarray(moods, np.float32)
