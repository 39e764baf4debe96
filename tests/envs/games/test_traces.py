"""Recorded and made-up play."""

import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from segue.envs.games.game import FEATURE, MOOD_LIMIT, N_FEATURES, mood_path
from segue.envs.games.record import HELD_OUT_SCENARIOS
from segue.envs.games.scenes import SCENES, generate_sessions
from segue.envs.games.traces import (
    SPLITS,
    TRACES_FILE,
    load_traces,
    mood_statistics,
    quantise_ticks,
    read_traces,
    restore_ticks,
)
from segue.music.errors import FileFormatError, RangeError, SegueError, UnknownNameError


@pytest.mark.parametrize("split", SPLITS)
def test_the_shipped_traces_are_whole(split: str) -> None:
    traces = load_traces(split)
    assert traces.targets.shape == (len(traces.features), 2)
    assert traces.features.shape[1] == N_FEATURES
    assert traces.episode_lengths.sum() == len(traces.targets)
    assert np.isfinite(traces.features).all() and np.isfinite(traces.targets).all()
    assert np.abs(traces.targets).max() <= MOOD_LIMIT + 1e-6
    new_life = traces.features[traces.episode_starts, FEATURE["new_life"]]
    assert (new_life == 1).all() and traces.features[:, FEATURE["new_life"]].sum() == len(new_life)
    assert traces is load_traces(split)
    with pytest.raises(ValueError, match="read-only"):
        traces.targets[0] = 0


def test_splits_are_apart_and_in_proportion() -> None:
    with np.load(TRACES_FILE) as stored:
        split, scenario = stored["split"], stored["scenario"]
        names = stored["scenarios"].tolist()
        assert len(np.unique(stored["seed"])) == len(split)  # no episode twice
    held_out = {names[index] for index in np.unique(scenario[split == 3])}
    assert held_out == set(HELD_OUT_SCENARIOS) == set(load_traces("heldout").scenarios)
    assert not held_out & {names[index] for index in np.unique(scenario[split != 3])}
    shares = np.bincount(split)[:3] / (split != 3).sum()
    np.testing.assert_allclose(shares, (0.7, 0.1, 0.2), atol=0.01)
    assert TRACES_FILE.stat().st_size < 1.5e6


def test_moods_of_every_scenario_vary() -> None:
    for split in ("train", "heldout"):
        traces = load_traces(split)
        for name in traces.scenarios:
            part = traces.only(name)
            values = mood_statistics(part.targets, part.episode_lengths)
            assert min(values.deviation) > 0.15 and max(values.deviation) > 0.4, name
            if split == "heldout":  # they are demanding
                assert min(values.deviation) > 0.5 and min(values.change) > 0.18, name
    everything = load_traces("train").targets
    quadrants = {(v > 0.2, a > 0.2) for v, a in everything[np.abs(everything).min(axis=1) > 0.2]}
    assert len(quadrants) == 4


def test_sessions_are_episodes_from_their_start_strung_together() -> None:
    traces = load_traces("validation")
    targets, features = traces.sample_sessions(np.random.default_rng(5), 40, 64)
    assert targets.shape == (40, 64, 2) and features.shape == (40, 64, N_FEATURES)
    np.testing.assert_allclose(targets, mood_path(features), atol=1e-6)
    known = {row.tobytes() for row in traces.features}
    assert all(row.tobytes() in known for row in features.reshape(-1, N_FEATURES))
    assert (features[:, 0, FEATURE["new_life"]] == 1).all()
    follows = {(a.tobytes(), b.tobytes()) for a, b in pairwise(traces.features)}
    for session in features:
        for a, b in pairwise(session):
            assert b[FEATURE["new_life"]] == 1 or (a.tobytes(), b.tobytes()) in follows


def test_sessions_visit_several_scenarios() -> None:
    traces = load_traces("train")
    owner = {
        row.tobytes(): scenario
        for scenario, start in zip(traces.episode_scenarios, traces.episode_starts, strict=True)
        for row in traces.features[start : start + 1]
    }
    _, features = traces.sample_sessions(np.random.default_rng(1), 30, 200)
    starts = [session[session[:, FEATURE["new_life"]] == 1] for session in features]
    visited = [{owner[row.tobytes()] for row in rows} for rows in starts]
    assert np.mean([len(scenarios) for scenarios in visited]) > 2.5


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng, n, bars: load_traces("train").sample_sessions(rng, n, bars),
        generate_sessions,
    ],
)
def test_sessions_are_reproducible_and_quick(draw) -> None:
    first, again = (draw(np.random.default_rng(3), 16, 50) for _ in range(2))
    other = draw(np.random.default_rng(4), 16, 50)
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])
    assert draw(np.random.default_rng(0), 1, 1)[0].shape == (1, 1, 2)
    draw(np.random.default_rng(0), 256, 64)
    start = time.process_time()
    draw(np.random.default_rng(0), 256, 64)
    assert time.process_time() - start < 0.1  # about 1.5 and 8 ms on one core


def test_bars_of_other_lengths() -> None:
    short, long = load_traces("test", 1.0), load_traces("test", 4.0)
    assert (short.bar_seconds, long.bar_seconds) == (1.0, 4.0)
    assert len(short.targets) > 3 * len(long.targets)
    for name, seconds in (("kills", 1.0), ("damage_taken", 1.0)):
        index = FEATURE[name]
        totals = [t.features[:, index].sum() * t.bar_seconds * seconds for t in (short, long)]
        assert totals[0] == pytest.approx(totals[1], rel=1e-3)


def test_no_death_is_lost_at_the_end_of_an_episode() -> None:
    with np.load(TRACES_FILE) as stored:
        died = stored["ticks"][stored["fields"].tolist().index("died")]
        ticks_split = np.repeat(stored["split"], stored["length"])
        expected = died[ticks_split == SPLITS.index("heldout")].sum()
    assert load_traces("heldout").features[:, FEATURE["died"]].sum() == expected > 50


def test_quantised_ticks_come_back() -> None:
    ticks = np.array([[100, 30, 50, 1, 2, 1, 12, 30, 0, 1, 3, 0.04, 55, 0, 1]])
    np.testing.assert_allclose(restore_ticks(quantise_ticks(ticks)), ticks, rtol=0.01)


def test_scenes_cover_the_plane_and_keep_the_books() -> None:
    targets, features = generate_sessions(np.random.default_rng(0), 128, 128)
    assert np.isfinite(features).all() and np.abs(targets).max() <= MOOD_LIMIT + 1e-6
    flat = targets.reshape(-1, 2)
    for valence in (-1, 1):
        for arousal in (-1, 1):
            assert ((flat * (valence, arousal)) > 0.3).all(axis=1).mean() > 0.02
    for name in ("health", "ammo", "armor", "monster_area", "speed"):
        values = features[..., FEATURE[name]]
        assert values.min() >= 0.0 and values.max() <= 1.0
    health, died = features[..., FEATURE["health"]], features[..., FEATURE["died"]]
    np.testing.assert_array_equal(died == 1, health == 0)
    reborn = features[:, 1:, FEATURE["new_life"]] == 1
    assert reborn.any() and (health[:, 1:][reborn] > 0.3).all()
    assert {len(scene.following) > 0 for scene in SCENES.values()} == {True}
    for scene in SCENES.values():
        assert sum(scene.following.values()) == pytest.approx(1.0)
        assert set(scene.following) <= set(SCENES)


def test_wrong_names_and_numbers_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'train'"):
        load_traces("trian")
    with pytest.raises(RangeError):
        load_traces("train", bar_seconds=0.0)
    with pytest.raises(RangeError):
        load_traces("train").sample_sessions(np.random.default_rng(0), 0, 64)
    with pytest.raises(UnknownNameError):
        load_traces("train").only("crafter")


def test_broken_files_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(SegueError, match=r"segue\.envs\.games\.record"):
        read_traces(tmp_path / "none.npz", "train", 10)
    broken = tmp_path / "broken.npz"
    broken.write_bytes(TRACES_FILE.read_bytes()[:5000])
    with pytest.raises(FileFormatError, match="record it again"):
        read_traces(broken, "train", 10)
    np.savez(tmp_path / "other.npz", fields=np.array(["speed"]))
    with pytest.raises(FileFormatError):
        read_traces(tmp_path / "other.npz", "train", 10)
