"""The model that judges: its unit, and how far two models agree."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from segue.analysis.emotion.judge import agreement, arranged_bars, main, on_scale_of
from segue.analysis.emotion.model import load_emotion_model
from segue.analysis.emotion.published import published_weights
from segue.analysis.emotion.training import predictor
from segue.analysis.scores.symbolic import FEATURES


@pytest.fixture(scope="module")
def bars() -> np.ndarray:
    return arranged_bars()


def test_arranged_bars_are_many_different_ones(bars: np.ndarray) -> None:
    assert bars.shape == (4096, len(FEATURES))
    assert len(np.unique(bars.round(6), axis=0)) > 3500
    np.testing.assert_array_equal(bars, arranged_bars())


def test_a_model_takes_the_zero_and_unit_of_another(bars: np.ndarray) -> None:
    other = load_emotion_model("vgmidi").predict
    before, after = published_weights(), on_scale_of(published_weights(), other, bars)
    moods, wanted = predictor(after)(bars), other(bars)
    np.testing.assert_allclose(moods.mean(axis=0), wanted.mean(axis=0), atol=0.05)
    np.testing.assert_allclose(moods.std(axis=0), wanted.std(axis=0), atol=0.05)
    assert np.corrcoef(moods[:, 0], predictor(before)(bars)[:, 0])[0, 1] > 0.97


def test_the_shipped_judge_has_the_unit_of_the_model_it_judges(bars: np.ndarray) -> None:
    judge, judged = (load_emotion_model(name).predict(bars) for name in ("emopia", "vgmidi"))
    np.testing.assert_allclose(judge.std(axis=0), judged.std(axis=0), rtol=0.1)
    np.testing.assert_allclose(judge.mean(axis=0), judged.mean(axis=0), atol=0.05)


def test_agreement_is_whole_with_oneself_and_none_with_chance() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.standard_normal((2, 500, 2))
    same = {metric.name: metric for metric in agreement(one, one, "bars")}
    assert same["valence correlation"].low == pytest.approx(1.0)
    assert same["arousal mean difference"].value == 0.0
    apart = {metric.name: metric for metric in agreement(one, other, "bars")}
    assert abs(apart["valence correlation"].value) < 0.15
    assert apart["valence mean difference"].value == pytest.approx(2 / np.sqrt(np.pi), abs=0.1)


def test_without_data_the_command_says_what_to_give(monkeypatch, capsys) -> None:
    monkeypatch.delenv("SEGUE_DATA", raising=False)
    assert main([]) == 1
    assert "give --data DIR" in capsys.readouterr().err
