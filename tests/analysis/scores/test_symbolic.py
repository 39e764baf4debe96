"""Features of bars: known values, additivity, transformations, odd input, speed."""

import time

import numpy as np
import pytest

from segue.analysis.scores.symbolic import (
    FEATURES,
    STATISTICS,
    bar_features,
    features_from_statistics,
    grouped_statistics,
    note_statistics,
)
from segue.music.errors import RangeError
from segue.music.score import NOTE, Notes, make_notes

BAR_BEATS = 4.0


def random_notes(seed: int, count: int = 20, low: int = 30, high: int = 90) -> Notes:
    rng = np.random.default_rng(seed)
    return make_notes(
        [
            (
                float(rng.integers(0, 32)) / 8,
                0.125 * float(rng.integers(1, 20)),
                int(rng.integers(low, high)),
                float(rng.uniform(0.1, 0.9)),
            )
            for _ in range(count)
        ]
    )


def named(features: np.ndarray) -> dict[str, float]:
    return dict(zip(FEATURES, map(float, features), strict=True))


def test_names_match_shapes() -> None:
    statistics = note_statistics(random_notes(0), BAR_BEATS)
    assert statistics.shape == (len(STATISTICS),) == (len(set(STATISTICS)),)
    features = features_from_statistics(statistics, 2.0)
    assert features.shape == (len(FEATURES),) == (len(set(FEATURES)),)


def test_a_known_bar() -> None:
    notes = make_notes([(0, 1, 60, 0.5), (1, 1, 64, 0.5), (2, 1, 67, 0.7), (3.5, 0.5, 72, 0.7)])
    found = named(bar_features(notes, tonic=0, bar_beats=4.0, bar_seconds=2.0))
    assert found["onset_density"] == pytest.approx(np.log(1 + 4 / 2.0))
    assert found["note_density"] == pytest.approx(np.log(1 + 4 / 2.0))
    assert found["polyphony"] == pytest.approx(np.log(1 + 3.5 / 4))
    assert found["pitch_mean"] == pytest.approx(65.75)
    assert found["pitch_sd"] == pytest.approx(np.std([60, 64, 67, 72]))
    assert found["velocity_mean"] == pytest.approx(0.6)
    assert found["velocity_sd"] == pytest.approx(0.1, abs=1e-6)
    assert found["log_duration"] == pytest.approx(np.mean(np.log([0.5, 0.5, 0.5, 0.25])))
    assert found["third"] == pytest.approx(1 / 3.5)
    assert found["offbeat_share"] == pytest.approx(0.25)
    assert found["silence"] == pytest.approx(12 / 16)
    assert found["rhythm_entropy"] == pytest.approx(np.log(4))
    assert found["major_fit"] > found["minor_fit"]
    # chance that two moments of sound, drawn apart, lie a third or sixth, a fourth or fifth apart
    profile = np.array([1.5, 1.0, 1.0]) / 3.5  # C, E, G
    assert found["interval_4"] == pytest.approx(2 * profile[0] * profile[1])
    assert found["interval_3"] == pytest.approx(2 * profile[1] * profile[2])
    assert found["interval_5"] == pytest.approx(2 * profile[0] * profile[2])


def test_fit_is_the_correlation_with_the_profile() -> None:
    notes = random_notes(3)
    statistics = note_statistics(notes, BAR_BEATS, tonic=5)
    degrees = statistics[STATISTICS.index("degree_0") : STATISTICS.index("degree_11") + 1]
    major = [6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88]
    found = named(features_from_statistics(statistics, 1.0))
    assert found["major_fit"] == pytest.approx(np.corrcoef(degrees, major)[0, 1])


def test_sum_of_layers_equals_their_notes() -> None:
    layers = [random_notes(seed, count=6) for seed in range(3)]
    drums = random_notes(9, count=8, low=35, high=50)
    total = sum(note_statistics(layer, BAR_BEATS, tonic=7) for layer in layers)
    total = total + note_statistics(drums, BAR_BEATS, percussive=True)
    direct = bar_features(
        np.concatenate(layers), tonic=7, bar_beats=BAR_BEATS, bar_seconds=1.7, percussive=drums
    )
    np.testing.assert_allclose(features_from_statistics(total, 1.7), direct, atol=1e-10)


def test_groups_equal_each_alone() -> None:
    layers = [random_notes(seed, count=count) for seed, count in enumerate((6, 0, 9))]
    group = np.repeat([0, 1, 2], [6, 0, 9])
    found = grouped_statistics(
        np.concatenate(layers), group, np.array([False, False, True]), BAR_BEATS, tonic=3
    )
    for index, layer in enumerate(layers):
        alone = note_statistics(layer, BAR_BEATS, tonic=3, percussive=index == 2)
        np.testing.assert_allclose(found[index], alone)
    assert found[0].any() and not found[1].any() and found[2].any()


def test_transposition_with_the_tonic_changes_only_pitch() -> None:
    notes = random_notes(1)
    moved = notes.copy()
    moved["pitch"] += 5
    before = bar_features(notes, tonic=2, bar_beats=4.0, bar_seconds=2.0)
    after = bar_features(moved, tonic=7, bar_beats=4.0, bar_seconds=2.0)
    changed = np.flatnonzero(~np.isclose(before, after))
    assert [FEATURES[index] for index in changed] == ["pitch_mean"]


def test_batches_equal_single_bars() -> None:
    statistics = np.stack([note_statistics(random_notes(seed), BAR_BEATS) for seed in range(6)])
    seconds = np.linspace(0.5, 3.0, 6)
    batch = features_from_statistics(statistics.reshape(2, 3, -1), seconds.reshape(2, 3))
    for index in range(6):
        single = features_from_statistics(statistics[index], seconds[index])
        np.testing.assert_allclose(batch.reshape(6, -1)[index], single, atol=1e-10)


def test_empty_and_drums_only_bars_are_finite() -> None:
    empty = np.empty(0, dtype=NOTE)
    drums = make_notes([(beat, 0.25, 36, 0.8) for beat in range(4)])
    silent = named(bar_features(empty, tonic=0, bar_beats=4.0, bar_seconds=2.0))
    assert all(np.isfinite(list(silent.values())))
    assert silent["silence"] == 1.0 and silent["onset_density"] == silent["major_fit"] == 0.0
    beaten = named(bar_features(empty, tonic=0, bar_beats=4.0, bar_seconds=2.0, percussive=drums))
    assert all(np.isfinite(list(beaten.values())))
    assert beaten["percussion_density"] == pytest.approx(np.log(3))
    assert beaten["note_density"] == 0.0


@pytest.mark.parametrize("length", [0.0, -1.0, float("nan")])
def test_a_bar_must_have_a_length(length: float) -> None:
    with pytest.raises(RangeError, match="bar length in seconds"):
        bar_features(random_notes(0), tonic=0, bar_beats=4.0, bar_seconds=length)
    with pytest.raises(RangeError, match="bar length in beats"):
        bar_features(random_notes(0), tonic=0, bar_beats=length, bar_seconds=1.0)


def test_start_of_the_bar() -> None:
    later = random_notes(4)
    later["onset_beats"] += 12.0
    np.testing.assert_allclose(
        note_statistics(later, BAR_BEATS, start_beats=12.0),
        note_statistics(random_notes(4), BAR_BEATS),
    )


def test_fast_enough_to_train_on() -> None:
    statistics = np.tile(note_statistics(random_notes(0), BAR_BEATS), (512, 1))
    seconds = np.full(512, 2.0)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        features_from_statistics(statistics, seconds)
        times.append(time.perf_counter() - start)
    assert min(times) / 512 < 10e-6  # measured 0.8 microseconds a bar; room for a busy machine
