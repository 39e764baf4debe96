"""What an agent knows: knobs that move as documented, moods as they come, state that is saved."""

import json

import numpy as np
import pytest

from segue.envs.arrange.feedback import Answers
from segue.envs.arrange.listener import ListenerSettings
from segue.envs.arrange.perception import DEAD_ZONE, KNOB_STEP, OBSERVATION, Perception, move_knobs
from segue.envs.games.game import N_FEATURES
from segue.music.book import Book
from segue.music.themes import compose_theme
from segue.music.worlds import Worlds


def worlds() -> Worlds:
    return Worlds(Book([compose_theme(0)]), np.zeros(1, np.int64), np.zeros(1, np.int64))


def test_small_actions_leave_the_knobs_and_full_ones_move_a_step() -> None:
    knobs = np.full((1, 9), 0.5)
    assert np.array_equal(move_knobs(knobs, np.full((1, 9), DEAD_ZONE)), knobs)
    np.testing.assert_allclose(move_knobs(knobs, np.ones((1, 9))), 0.5 + KNOB_STEP)
    assert move_knobs(knobs + 0.4, np.ones((1, 9))).max() == 1.0
    assert move_knobs(knobs - 0.4, -np.ones((1, 9))).min() == 0.0


@pytest.mark.parametrize("forecast", [True, False])
def test_targets_and_their_changes_are_seen(forecast: bool) -> None:
    seen = Perception(1, ListenerSettings(), forecast=forecast)
    seen.want_first(np.zeros((1, 2)))
    seen.want(np.array([[0.4, -0.2]]))
    values = dict(zip(OBSERVATION, seen.observe(worlds())[0], strict=True))
    assert values["target_valence"] == pytest.approx(0.4)
    assert values["change_arousal"] == pytest.approx(-0.2)
    assert values["gap_valence"] == pytest.approx(0.4)
    assert values["phrase_boundary"] == 1
    stays = values["ahead_1_valence"] == pytest.approx(0.4)
    assert stays != forecast
    assert (values["ahead_doubt_4_valence"] > values["ahead_doubt_1_valence"]) == forecast


def test_snapshot_and_restore() -> None:
    rng = np.random.default_rng(0)

    def live(seen: Perception, bars: int) -> None:
        for _ in range(bars):
            seen.estimate = rng.standard_normal((1, 2))
            seen.want(rng.standard_normal((1, 2)), rng.random((1, N_FEATURES)))
            seen.answer(Answers(rating=rng.standard_normal((1, 2)), thumbs=np.array([-1.0])))

    seen, other = (Perception(1, ListenerSettings()) for _ in range(2))
    live(seen, 5)
    other.restore(json.loads(json.dumps(seen.snapshot())))
    rng = np.random.default_rng(1)
    live(seen, 3)
    rng = np.random.default_rng(1)
    live(other, 3)
    assert np.array_equal(seen.observe(worlds()), other.observe(worlds()))
