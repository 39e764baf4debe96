"""Game state to features, mood and parameters."""

import numpy as np
import pytest

from segue.envs.games.game import (
    FEATURE,
    GAME_FEATURES,
    MOOD_LIMIT,
    N_FEATURES,
    GameMeter,
    GameTick,
    game_parameters,
    instant_mood,
    mood_path,
    mood_wanted,
    window_features,
)
from segue.music.errors import RangeError, SegueError


def tick(**values: float) -> GameTick:
    return GameTick(
        **{"time_seconds": 0.2, "seconds": 0.2, "episode": 0, "health": 100.0, **values}
    )


def features(**values: float) -> np.ndarray:
    vector = np.zeros(N_FEATURES, np.float32)
    vector[FEATURE["health"]] = 1.0
    for name, value in values.items():
        vector[FEATURE[name]] = value
    return vector


def test_features_carry_their_units() -> None:
    meter = GameMeter(window_seconds=1.0)
    for index in range(5):
        meter.add(
            tick(
                health=100.0 - 10 * index,
                damage_taken=10.0 if index else 0.0,
                kills=1.0 if index == 2 else 0.0,
                monsters=index,
                distance=40.0,
                died=index == 4,
            )
        )
    assert meter.full
    got = dict(zip(GAME_FEATURES, meter.take().tolist(), strict=True))
    assert got["health"] == pytest.approx(0.6)
    assert got["damage_taken"] == pytest.approx(0.4)  # 40 points in a second
    assert got["kills"] == pytest.approx(1.0)
    assert got["monsters"] == pytest.approx(2.0)
    assert got["speed"] == pytest.approx(0.5)  # 200 units a second
    assert (got["died"], got["new_life"]) == (1.0, 0.0)
    assert meter.seconds == 0.0 and not meter.full


def test_rates_do_not_depend_on_the_window() -> None:
    short, long = GameMeter(0.4), GameMeter(4.0)
    for meter, count in ((short, 2), (long, 20)):
        for _ in range(count):
            meter.add(tick(hits=1.0, damage_taken=2.0, health=70.0, monsters=2, distance=30.0))
    np.testing.assert_allclose(short.take(), long.take(), rtol=1e-5)


def test_the_meter_gives_what_the_batch_functions_give() -> None:
    rng = np.random.default_rng(0)
    ticks = [
        tick(health=float(rng.integers(20, 100)), hits=float(rng.integers(3)), monsters=2.0)
        for _ in range(40)
    ]
    meter, moods = GameMeter(2.0), []
    for one in ticks:
        meter.add(one)
        if meter.full:
            meter.take()
            moods.append(meter.mood)
    numbers = np.array([one.numbers() for one in ticks]).reshape(4, 10, -1)
    np.testing.assert_allclose(moods, mood_path(window_features(numbers, 2.0)), atol=1e-5)


def test_harm_darkens_and_excites_success_brightens() -> None:
    calm, hurt = instant_mood(features()), instant_mood(features(damage_taken=0.2, health=0.4))
    success = instant_mood(features(kills=1.0, hits=2.0))
    assert hurt[0] < calm[0] - 1 and hurt[1] > calm[1] + 1
    assert success[0] > calm[0] + 0.5 and success[1] > calm[1] + 0.5


def test_mood_is_smoothed_by_time_and_limited() -> None:
    calm = features()
    before = mood_wanted(calm)
    worst = features(damage_taken=1.0, health=0.0, died=1.0, monsters=9.0)
    once = mood_wanted(worst, before, seconds=2.0)
    np.testing.assert_allclose(once - before, 0.5 * (mood_wanted(worst) - before), atol=1e-5)
    twice = mood_wanted(worst, mood_wanted(worst, before, seconds=1.0), seconds=1.0)
    np.testing.assert_allclose(once, twice, atol=1e-5)
    assert mood_wanted(worst)[0] == pytest.approx(-MOOD_LIMIT)
    assert np.abs(mood_path(np.tile(worst, (3, 50, 1)))).max() <= MOOD_LIMIT + 1e-6


def test_parameters_stay_in_their_range_and_mean_what_they_say() -> None:
    quiet = game_parameters(features())
    fight = game_parameters(
        features(monsters=4.0, monster_area=0.1, damage_taken=0.2, hits=2.0, shots=3.0, health=0.3)
    )
    assert quiet == pytest.approx({"danger": 0.0, "health": 1.0, "action": 0.0})
    assert fight["danger"] > 0.6 and fight["action"] > 0.5 and fight["health"] == pytest.approx(0.3)
    wild = game_parameters(np.full(N_FEATURES, 1e3, np.float32))
    assert all(0.0 <= value <= 1.0 for value in wild.values())


def test_a_meter_without_ticks_says_so_then_holds() -> None:
    meter = GameMeter()
    with pytest.raises(SegueError, match="call add first"):
        meter.take()
    meter.add(tick(kills=1.0))
    first, mood = meter.take(), meter.mood
    np.testing.assert_array_equal(meter.take(), first)
    assert meter.mood is mood


@pytest.mark.parametrize("bad", [{"health": float("nan")}, {"seconds": -1.0}])
def test_bad_ticks_are_refused_and_leave_the_meter_as_it_was(bad: dict[str, float]) -> None:
    meter = GameMeter()
    with pytest.raises(RangeError):
        meter.add(tick(**bad))
    assert meter.seconds == 0.0


def test_a_window_has_a_sensible_length() -> None:
    with pytest.raises(RangeError):
        GameMeter(window_seconds=0.0)
