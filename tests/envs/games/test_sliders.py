"""Moods set by hand cover the plane and are held."""

import numpy as np

from segue.envs.games.game import MOOD_LIMIT
from segue.envs.games.sliders import slider_sessions


def test_moods_cover_the_plane_and_are_kept() -> None:
    moods = slider_sessions(np.random.default_rng(0), 400, 64)
    assert moods.shape == (400, 64, 2)
    assert np.abs(moods).max() <= MOOD_LIMIT
    for axis in range(2):
        counts, _ = np.histogram(moods[..., axis], bins=5, range=(-MOOD_LIMIT, MOOD_LIMIT))
        assert counts.min() > 0.6 * counts.max()
    still = np.abs(np.diff(moods, axis=1)).max(axis=2) < 0.05
    assert still.mean() > 0.5


def test_same_seed_same_moods() -> None:
    one, two = (slider_sessions(np.random.default_rng(3), 5, 20) for _ in range(2))
    assert np.array_equal(one, two)
