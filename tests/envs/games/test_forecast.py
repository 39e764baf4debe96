"""The forecast of the mood wanted: better than that it stays, and corrected where it is not."""

import json

import numpy as np

from segue.agents.arrange.forecast_report import play
from segue.envs.games.forecast import BARS, INPUTS, Forecast, inputs, load_forecast
from segue.envs.games.game import N_FEATURES


def test_inputs_are_named_one_by_one() -> None:
    rng = np.random.default_rng(0)
    features, moods = rng.random((3, 4, N_FEATURES)), rng.standard_normal((7, 4, 2))
    known = np.ones((3, 4))
    known[1] = 0.0
    read = dict(zip(INPUTS, inputs(features, known, moods, np.full(4, 2.0)).T, strict=True))
    np.testing.assert_allclose(read["kills_0"], features[0, :, 5], rtol=1e-6)
    assert (read["kills_1"] == 0).all()
    assert (read["known_1"] == 0).all()
    np.testing.assert_allclose(read["mood_arousal"], moods[0, :, 1], rtol=1e-6)
    np.testing.assert_allclose(
        read["mood_change_2_valence"], moods[2, :, 0] - moods[3, :, 0], rtol=1e-5
    )
    np.testing.assert_allclose(read["log_bar_seconds"], np.log(2.0))


def test_it_is_nearer_than_the_mood_that_stays() -> None:
    network = load_forecast()
    for telling in (True, False):
        played = play(network, "test", sessions=128, telling=telling)
        error, staying = (e.mean(axis=(0, 1, 3)) for e in (played.error, played.staying))
        assert (error < staying).all()
        assert error.mean() < 0.96 * staying.mean()
    told = play(network, "test", sessions=128).error.mean()
    assert told < played.error.mean()  # the game's features tell something


def test_it_holds_on_games_it_was_not_fitted_to() -> None:
    played = play(load_forecast(), "heldout", sessions=128)
    assert played.error.mean() < 0.93 * played.staying.mean()


def test_sessions_correct_it_where_play_is_new() -> None:
    # A mood far out that just stays: the network keeps expecting a return that never comes.
    mood = np.array([[-1.3, 1.3]])
    errors = []
    for correcting in (True, False):
        forecast = Forecast(1, load_forecast(), correcting=correcting)
        forecast.begin(mood, None)
        for _ in range(96):
            forecast.look(np.full(1, 2.0))
            forecast.add(mood, None)
        forecast.look(np.full(1, 2.0))
        errors.append(np.abs(forecast.moods - mood[:, None]).mean())
    assert errors[0] < 0.8 * errors[1]


def test_its_scale_is_its_mean_error() -> None:
    network = load_forecast()
    played = play(network, "test", sessions=128, correcting=False)
    assert 0.8 < played.scale.mean() / played.error.mean() < 1.2


def test_without_a_network_the_mood_stays() -> None:
    forecast = Forecast(2, None)
    forecast.begin(np.zeros((2, 2)), None)
    forecast.add(np.full((2, 2), 0.7), None)
    forecast.look(np.full(2, 2.0))
    assert (forecast.moods == 0.7).all()
    assert (forecast.scale == 0).all()


def test_what_is_told_holds_until_the_next_look() -> None:
    forecast = Forecast(1, load_forecast())
    forecast.look(np.full(1, 2.0))
    before = forecast.moods.copy()
    forecast.be_told(np.full((1, 2, 2), 0.9))
    assert (forecast.moods[:, :2] == 0.9).all()
    assert np.array_equal(forecast.moods[:, 2:], before[:, 2:])
    forecast.look(np.full(1, 2.0))
    np.testing.assert_allclose(forecast.moods, before)


def test_a_snapshot_goes_on_alike() -> None:
    def live(forecast: Forecast, bars: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(bars):
            forecast.add(rng.uniform(-1, 1, (1, 2)), rng.random((1, N_FEATURES)))
            forecast.look(rng.uniform(1, 4, 1))

    one, other = (Forecast(1, load_forecast()) for _ in range(2))
    live(one, 9, 0)
    other.restore(json.loads(json.dumps(one.snapshot())))
    live(one, 4, 1)
    live(other, 4, 1)
    assert one.moods.shape == (1, BARS, 2)
    assert np.array_equal(one.moods, other.moods)
