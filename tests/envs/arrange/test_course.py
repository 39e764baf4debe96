"""Games on their own clock: what a bar brings is what its ticks say, however long it is."""

import numpy as np
import pytest

from segue.envs.arrange.course import Course, draw_course
from segue.envs.arrange.sources import PathSource, TraceSource
from segue.envs.games.game import BAR_SECONDS, TICK_FIELDS, GameMeter, GameTick
from segue.envs.games.traces import TICK_SECONDS, load_ticks, pick_episodes


def session_ticks(seed: int, split: str, ticks: int) -> np.ndarray:
    """The ticks of the one session that a `TraceSource` draws from this seed."""
    episodes = load_ticks(split)
    slots = -(-ticks // int(episodes.lengths.min()))
    picked = pick_episodes(np.random.default_rng(seed), episodes.scenarios, 1, slots)[0]
    parts = [
        episodes.ticks[episodes.starts[e] : episodes.starts[e] + episodes.lengths[e]]
        for e in picked
    ]
    return np.concatenate(parts)


def test_a_bar_is_what_a_meter_makes_of_its_ticks() -> None:
    seconds = 200.0
    ticks = session_ticks(5, "test", int(seconds / TICK_SECONDS) + 2)
    course = Course(
        [TraceSource(np.random.default_rng(5), 1, "test", seconds)],
        np.zeros(1, int),
        np.zeros(1, int),
    )
    meter, at = GameMeter(), 0
    rng = np.random.default_rng(0)
    for bar in range(40):
        if bar:
            course.advance(rng.uniform(1.2, 4.0, 1))
        until = int(course.seconds[0] / TICK_SECONDS + 1e-6)
        for tick in ticks[at:until]:
            named = dict(zip(TICK_FIELDS, tick.tolist(), strict=True))
            meter.add(GameTick(0.0, TICK_SECONDS, 0, **named))
        at = until
        np.testing.assert_allclose(course.features[0], meter.take(), atol=1e-4)
        np.testing.assert_allclose(course.mood[0], meter.mood, atol=1e-4)


def test_a_path_is_met_at_its_cells_and_between_them() -> None:
    moods = np.array([[[0.0, 0.0], [1.0, -1.0], [1.0, 0.0], [0.0, 0.0]]], np.float32)
    features = np.zeros((1, 4, 15), np.float32)
    features[0, 1, 3] = 2.0
    course = Course([PathSource(moods, features)], np.zeros(1, int), np.zeros(1, int))
    np.testing.assert_allclose(course.mood[0], [0.0, 0.0])
    course.advance(np.array([BAR_SECONDS / 2]))
    np.testing.assert_allclose(course.mood[0], [0.5, -0.5])
    assert course.features[0, 3] == pytest.approx(2.0)
    course.advance(np.array([BAR_SECONDS]))
    np.testing.assert_allclose(course.mood[0], [1.0, -0.5])
    assert course.features[0, 3] == pytest.approx(1.0)


def test_mixed_sessions_are_those_of_their_sources() -> None:
    course = draw_course(np.random.default_rng(0), 40, 1, "mixed", "train", 60.0)
    assert 0 < course.known.sum() < 40  # nobody tells the features behind sliders
    course.advance(np.full(40, 2.5))
    assert (course.features[~course.known] == 0).all()
    assert np.abs(course.mood).max() <= 1.4 + 1e-6


def test_looking_ahead_moves_nothing() -> None:
    course = draw_course(np.random.default_rng(1), 8, 1, "mixed", "test", 100.0)
    seconds = np.random.default_rng(2).uniform(1.0, 4.0, (8, 3, 5))
    before = course.mood.copy()
    told = course.ahead(seconds)
    assert np.array_equal(course.ahead(seconds), told)
    assert np.array_equal(course.mood, before)
    for bar in range(5):
        course.advance(seconds[:, 2, bar])
        np.testing.assert_allclose(course.mood, told[:, 2, bar])
