"""The shipped composers keep the goals; one that learned from the published rules is found out."""

import numpy as np
import pytest

from segue.agents.evaluate import evaluate
from segue.agents.melody.study import SEEDS, STUDY, summary
from segue.agents.study import find_study

PIECES = 200


def played(*names: str) -> dict[str, dict[str, float]]:
    """Means of what is measured of each player, with the numbers of the summary."""
    found = evaluate(STUDY, names, episodes=PIECES, seeds=(0,))
    numbers = summary(found)
    means = {}
    for one in found:
        means[one.player] = {name: float(np.nanmean(v)) for name, v in one.metrics.items()}
        means[one.player]["reward"] = float(one.reward.mean())
        for name in ("distinct", "leaps_resolved", "log_prob_gap"):
            means[one.player][name] = numbers[f"{one.player}_{name}"]
    return means


def test_composers_keep_the_rules_and_stay_likely() -> None:
    found = played("notes", "filter", "composer")
    agent = found["composer"]
    assert agent["not_in_key"] <= 0.01
    assert agent["repeats"] <= 0.001
    assert agent["motif"] >= 0.75
    assert agent["leaps_resolved"] >= 0.9
    assert 0.8 <= agent["leaps"] <= 4.0
    assert all(abs(agent[f"autocorrelation_{lag}"]) <= 0.35 for lag in (1, 2, 3))
    assert agent["distinct"] >= 0.95
    assert agent["log_prob_gap"] >= -0.6
    assert agent["bounces"] < 0.2
    assert agent["ends_on_tonic"] >= 0.85 > 3 * found["notes"]["ends_on_tonic"]
    assert agent["reward"] > found["filter"]["reward"] > found["notes"]["reward"]


def test_who_learned_from_the_published_rules_is_found_out() -> None:
    """Its published statistics alone look better than the tunes'; the guards do not."""
    found = played("notes", "naive")
    naive = found["naive"]
    assert naive["not_in_key"] <= 0.01
    assert naive["leaps_resolved"] >= 0.9
    assert naive["motif"] >= 0.75
    assert naive["starts_on_tonic"] > found["notes"]["starts_on_tonic"]
    assert naive["distinct"] < 0.5  # it writes one piece over and over
    assert naive["unique_max"] < 0.1
    assert naive["leaps"] > 3 * found["notes"]["leaps"]


@pytest.mark.parametrize("name", SEEDS)
def test_every_seed_plays(name: str) -> None:
    assert find_study("melody") is STUDY
    found = played("notes", name)
    assert found[name]["reward"] > found["notes"]["reward"]
