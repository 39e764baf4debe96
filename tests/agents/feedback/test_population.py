"""Who listens, from what sessions tell."""

import numpy as np
import pytest

from segue.agents.feedback.population import (
    LEAST_SD,
    Evidence,
    Population,
    evidence,
    fit_population,
)

USUAL = Population(np.zeros(2), np.full(2, 0.6))


def sessions(mean: float, sd: float, count: int, precision: float, seed: int = 0) -> list[Evidence]:
    rng = np.random.default_rng(seed)
    true = rng.normal(mean, sd, (count, 2))
    seen = true + rng.standard_normal((count, 2)) / np.sqrt(precision)
    return [Evidence(one, np.full(2, precision)) for one in seen]


def test_many_sessions_show_their_population() -> None:
    found = fit_population(sessions(0.8, 0.3, 400, 12.0), USUAL)
    assert found.mean == pytest.approx([0.8, 0.8], abs=0.06)
    assert found.sd == pytest.approx([0.3, 0.3], abs=0.08)


def test_one_session_does_not_make_a_crowd() -> None:
    found = fit_population(sessions(2.0, 0.0, 1, 50.0), USUAL)
    assert 0.1 < found.mean[0] < 0.6


def test_nothing_told_changes_nothing() -> None:
    assert fit_population([], USUAL) is USUAL
    silent = fit_population([Evidence(np.zeros(2), np.zeros(2))] * 3, USUAL)
    assert silent.mean == pytest.approx(USUAL.mean)
    assert silent.sd == pytest.approx(USUAL.sd, rel=1e-6)


def test_listeners_are_never_taken_to_be_all_alike() -> None:
    assert (fit_population(sessions(0.0, 0.0, 4000, 1e4), USUAL).sd >= LEAST_SD).all()


def test_evidence_is_what_a_belief_owes_to_feedback() -> None:
    prior = Population(np.array([0.2, 0.0]), np.array([0.6, 0.6]))
    likelihood, seen = 9.0, 1.0
    variance = 1.0 / (likelihood + 1.0 / prior.sd**2)
    mean = variance * (likelihood * seen + prior.mean / prior.sd**2)
    found = evidence(mean, variance, prior)
    assert found.precision == pytest.approx([likelihood] * 2)
    assert found.bias == pytest.approx([seen] * 2)
    nothing = evidence(prior.mean, prior.sd**2, prior)
    assert nothing.precision == pytest.approx([0.0, 0.0])
