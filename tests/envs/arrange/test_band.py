"""The band: PettingZoo's own checks, and that it is the arranger in four parts."""

import warnings
from typing import Any

import numpy as np
import pytest

from segue.envs.arrange.band import ROLES, WIDTH, BandCore, BandEnv, together
from segue.envs.arrange.core import ArrangeCore
from segue.music.direction import KNOBS
from segue.music.errors import SegueError

with warnings.catch_warnings():  # its tests import games by names that it deprecates
    warnings.simplefilter("ignore", DeprecationWarning)
    from pettingzoo.test import parallel_api_test, parallel_seed_test


def test_pettingzoos_checks_find_nothing() -> None:
    parallel_api_test(BandEnv(bars=6), num_cycles=20)
    parallel_seed_test(lambda: BandEnv(bars=6), num_cycles=8)


def test_every_knob_is_in_one_players_hands() -> None:
    assert sorted(knob for knobs in ROLES.values() for knob in knobs) == sorted(KNOBS)


def test_a_band_plays_what_the_arranger_would() -> None:
    """The same episodes, movements and rewards; each player also sees who they are."""
    band, single = BandCore(2 * len(ROLES), bars=5), ArrangeCore(2, bars=5)
    seen = band.reset(np.random.default_rng(4))
    alone = single.reset(np.random.default_rng(4))
    rng = np.random.default_rng(0)
    for _ in range(5):
        assert np.allclose(seen.reshape(2, len(ROLES), -1)[:, 1, : alone.shape[1]], alone)
        assert seen[:, alone.shape[1] :].tolist() == np.tile(np.eye(len(ROLES)), (2, 1)).tolist()
        parts = rng.uniform(-1, 1, (2 * len(ROLES), WIDTH))
        seen, reward, over, terms = band.step(parts)
        alone, expected, ends, _ = single.step(together(parts.reshape(2, len(ROLES), WIDTH)))
        assert reward.tolist() == np.repeat(expected, len(ROLES)).tolist()
        assert np.allclose(sum(terms.values()), reward)
        assert over == ends
    assert over
    with pytest.raises(SegueError, match="whole bands"):
        BandCore(5)


def test_all_players_share_the_reward_and_end_together() -> None:
    band = BandEnv(bars=3, render_mode="rgb_array")
    band.reset(seed=2)
    infos: dict[str, dict[str, Any]] = {}
    truncations: dict[str, bool] = {}
    while band.agents:
        actions = {agent: np.zeros(band.action_space(agent).shape) for agent in band.agents}
        _, rewards, _, truncations, infos = band.step(actions)
        assert len(set(rewards.values())) == 1
    assert all(truncations.values())
    told = infos["rhythm"]
    assert sum(told[term] for term in ArrangeCore.REWARDS) == pytest.approx(rewards["rhythm"])
    picture = band.render()
    assert picture is not None
    assert picture.std() > 1
    with pytest.raises(SegueError, match="reset"):
        band.step(actions)
