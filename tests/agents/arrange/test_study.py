"""The numbers of the study: shares of the gap, paired gains."""

import numpy as np
import pytest

from segue.agents.arrange.directors import AGENTS, DIRECTORS, ORACLE, POLICIES
from segue.agents.arrange.study import STUDY, summarise
from segue.agents.study import Episodes


def episodes(player: str, *reward: float, settle: float = 2.0) -> Episodes:
    values = np.array(reward)
    metrics = {"settle_bars": np.array([settle, np.nan])}
    taken = np.array([0.001, 0.002, 0.003])
    return Episodes(player, values, {}, metrics, decision_seconds=taken)


def test_shares_of_the_gap_are_means_over_seeds_and_the_worst() -> None:
    agents = [
        episodes(name, -0.5 + 0.02 * at, -0.5 + 0.02 * at)
        for names in (AGENTS, POLICIES)
        for at, name in enumerate(names)
    ]
    found = summarise([episodes("adaptive", -0.6, -0.6), episodes(ORACLE, -0.4, -0.4), *agents])
    assert found["policy_gap_closed"] == pytest.approx(0.7)
    assert found["gap_closed"] == pytest.approx(0.7)
    assert found["gap_closed_worst"] == pytest.approx(0.5)
    assert found["settle_bars"] == 2.0
    assert "ppo_gap_closed" not in found


def test_the_gain_over_the_planner_is_paired() -> None:
    found = summarise([episodes("agent", -0.5, -0.3), episodes("planner", -0.51, -0.31)])
    assert found["gain_over_planner_low"] == pytest.approx(0.01)
    assert found["gain_over_planner_high"] == pytest.approx(0.01)
    assert found["decision_ms"] == pytest.approx(2.0)
    assert found["decision_share_of_planner"] == pytest.approx(1.0)
    assert "gap_closed" not in found


def test_the_study_knows_all_directors() -> None:
    assert set(DIRECTORS) <= set(STUDY.players)
    for name in STUDY.players:
        assert hasattr(STUDY.make(name, 0), "act")
