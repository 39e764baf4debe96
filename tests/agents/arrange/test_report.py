"""What stands behind the numbers: edges are paired, variants are trained alike."""

from collections.abc import Iterator

import numpy as np
import pytest

from segue.agents.arrange import report
from segue.agents.study import Episodes


@pytest.fixture(autouse=True)
def one_split(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(report, "SPLITS", ("heldout",))
    yield


def test_an_edge_is_paired() -> None:
    one, two = (Episodes("", np.array([-0.1, -0.9]) + add, {}, {}) for add in (0.05, 0.0))
    row = report.edge(one, two, "edge")
    assert row["edge"] == pytest.approx(0.05)
    assert row["edge_low"] == pytest.approx(0.05)


def test_every_judge_and_every_game_has_a_row() -> None:
    told: list[str] = []
    judged = report.judge(4, told.append)
    assert [row["listeners"] for row in judged[::2]] == ["the same", "emopia", "published"]
    assert [row["agent"] for row in judged[:2]] == ["agent", "policy"]
    assert judged[0]["edge_kept"] == judged[1]["edge_kept"] == 1.0
    games = report.scenarios(4, told.append)
    assert {row["game"] for row in games} == set(report.scenario_names("heldout"))
    assert len(told) == len(judged) // 2 + len(games)


@pytest.mark.slow
def test_variants_are_trained_alike_and_the_first_is_what_others_differ_from() -> None:
    variants = {"all": {}, "again": {}}
    rows = report.matched(variants, updates=1, episodes=4, seed=0, tell=lambda _: None, bars=2000)
    assert [row["difference"] for row in rows] == [0.0, 0.0]
    assert rows[0]["reward"] == rows[1]["reward"]
