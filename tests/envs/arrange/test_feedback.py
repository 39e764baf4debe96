"""Listeners answer when they should, and as their displeasure says."""

import numpy as np
import pytest

from segue.envs.arrange.feedback import (
    LIKED_WITHIN,
    SKIP_MOST,
    Answering,
    Answers,
    like_probability,
    skip_probability,
)
from segue.envs.arrange.listener import ListenerSettings

BARS, N = 12, 2000


def answering(**settings: object) -> Answering:
    rng = np.random.default_rng(0)
    noise = 0.4 * rng.standard_normal((BARS, N, 2))
    return Answering(ListenerSettings(**settings), noise, rng.random((3, BARS, N)))


def test_likes_grow_rare_with_the_distance() -> None:
    near, even, far = like_probability(np.array([0.0, LIKED_WITHIN, 2.0]))
    assert near > 0.95
    assert even == 0.5
    assert far < 0.01
    assert skip_probability(np.array([0.0, 9.0])) == pytest.approx([0.0, SKIP_MOST], abs=1e-3)


def test_every_channel_has_its_own_time() -> None:
    asked = answering(feedback=("rating", "thumbs", "skip"), thumbs_every_bars=3)
    felt, wanted = np.zeros((N, 2)), np.zeros((N, 2))
    given = [asked.answer(bar, felt, wanted) for bar in range(BARS)]
    assert [at for at, one in enumerate(given) if one.rating is not None] == [3, 7, 11]
    assert [at for at, one in enumerate(given) if one.thumbs is not None] == [2, 5, 8, 11]
    assert all(one.skips is not None and one.skips.mean() < 0.01 for one in given)
    assert all(one.complaints is None for one in given)
    nothing = answering(feedback=()).answer(3, felt, wanted)
    assert nothing == Answers()


def test_who_is_content_likes_and_who_is_not_skips_or_complains() -> None:
    asked = answering(feedback=("thumbs", "skip", "silence"), thumbs_every_bars=1)
    felt = np.zeros((N, 2))
    wanted = np.zeros((N, 2))
    wanted[: N // 2] = 1.3  # half of them hear what nobody wants
    skipped = np.zeros(N)
    for bar in range(BARS):
        given = asked.answer(bar, felt, wanted)
        skipped += given.skips
    assert given.thumbs[: N // 2].mean() < -0.9
    assert given.thumbs[N // 2 :].mean() > 0.9
    assert given.complaints[: N // 2].mean() == pytest.approx(0.3, abs=0.05)
    assert given.complaints[N // 2 :].mean() < 0.03
    assert 0.5 < skipped[: N // 2].mean() < 4  # patience begins anew after a skip
    assert skipped[N // 2 :].mean() < 0.02
    cost = given.cost(wanted)
    assert cost[: N // 2].mean() > 1.2
    assert cost[N // 2 :].mean() < 0.1
