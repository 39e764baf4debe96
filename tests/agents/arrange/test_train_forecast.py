"""Training of what agents know: forecasts that learn, and components that are made again alike."""

import sys
from pathlib import Path

import numpy as np
import pytest

from segue.agents.arrange.forecast_report import draw_seconds, errors, play
from segue.agents.arrange.train_forecast import (
    SECONDS,
    ForecastSettings,
    fit,
    forecast_card,
    make_examples,
)
from segue.analysis.cards import load_weights, save_model
from segue.envs.arrange import response
from segue.envs.games.forecast import BARS, INPUTS, ForecastNetwork

SMALL = ForecastSettings(sessions=240, epochs=4, batch=256, units=(32, 16))


def test_a_small_training_beats_the_mood_that_stays(tmp_path: Path) -> None:
    read, change = make_examples(SMALL, "train")
    assert read.shape[1] == len(INPUTS)
    assert change.shape[1:] == (BARS, 2)
    hidden = read[:, INPUTS.index("known_0")] == 0
    assert 0.2 < hidden.mean() < 0.5  # sliders tell nothing, and some games are hidden
    assert (read[hidden][:, : INPUTS.index("known_0")] == 0).all()
    save_model(tmp_path, forecast_card(SMALL, ()), fit(SMALL, read, change))
    card, weights = load_weights(tmp_path / "forecast.json")
    assert card.inputs == INPUTS
    played = play(ForecastNetwork(weights), "validation", sessions=96)
    assert played.error.mean() < 0.97 * played.staying.mean()
    each, (low, high) = errors(played, BARS)
    assert low < each.mean() < high


def test_tempo_wanders_within_what_cues_allow() -> None:
    seconds = draw_seconds(np.random.default_rng(0), 200, 50)
    assert seconds.shape == (50, 200)
    assert SECONDS[0] <= seconds.min() < 1.3
    assert 3.8 < seconds.max() <= SECONDS[1]
    assert (seconds[1:] == seconds[:-1]).mean() > 0.4


def test_the_components_are_made_again_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from segue.agents.arrange import train_response

    monkeypatch.setattr(sys, "argv", ["train_response", "--folder", str(tmp_path)])
    train_response.main()
    made = load_weights(tmp_path / "response.json")[1]
    shipped = load_weights(Path(response.__file__).with_name("models") / "response.json")[1]
    for name, value in shipped.items():
        np.testing.assert_allclose(made[name], value, atol=1e-8)
