"""`segue/Arrange-v0`: clean by both checkers, seeded, batched as one, and it hides what it must."""

import pickle
import warnings
from dataclasses import asdict

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from segue.envs import ARRANGE
from segue.envs.arrange.core import ArrangeCore
from segue.envs.arrange.course import Course
from segue.envs.arrange.env import ArrangeEnv, ArrangeVectorEnv
from segue.envs.arrange.listener import ListenerSettings
from segue.envs.arrange.observation import OBSERVATION, SHOWN_GAME
from segue.envs.arrange.rewards import REWARDS, broken_rules, movement_cost
from segue.envs.arrange.settings import ArrangeSettings
from segue.envs.arrange.sources import ToldSource
from segue.music.direction import KNOBS, Direction
from segue.music.errors import RangeError, UnknownNameError

BARS = 12


def small(**options: object) -> ArrangeEnv:
    return ArrangeEnv(bars=BARS, cues=("dungeon",), **options)


def actions(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (n, len(KNOBS))).astype(np.float32)


def test_gymnasiums_checker_finds_nothing() -> None:
    check_env(gym.make(f"segue.envs:{ARRANGE}", bars=BARS, cues=("dungeon",)).unwrapped)


def test_stable_baselines_checker_finds_nothing() -> None:
    from stable_baselines3.common.env_checker import check_env as check

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check(small())


def test_the_manual_names_the_real_spaces() -> None:
    env = small()
    manual = ArrangeEnv.__doc__ or ""
    assert f"({len(OBSERVATION)},), float32)" in manual
    assert env.observation_space.shape == (len(OBSERVATION),)
    rows = [line for line in manual.splitlines() if line.strip().startswith("|")]
    last = max(
        int(cell) for row in rows for cell in row.split("|")[1].split("-") if cell.strip().isdigit()
    )
    assert last == len(OBSERVATION) - 1
    for knob in KNOBS:
        assert knob in manual


def test_the_manual_names_every_argument_with_its_default() -> None:
    manual = (ArrangeEnv.__doc__ or "").partition("## Arguments")[2]
    told = {}
    for line in manual.partition("Named variants")[0].splitlines():
        if line.strip().startswith("|"):
            names, defaults = (cell.split(", ") for cell in line.split("|")[1:3])
            told |= {
                name.strip(): value.strip() for name, value in zip(names, defaults, strict=True)
            }
    plain = {**asdict(ArrangeSettings()), **asdict(ListenerSettings())}
    plain.pop("listener")
    plain["feedback"] = "+".join(plain["feedback"])
    assert set(told) - {"argument", "---"} == set(plain)
    for name, value in plain.items():
        shown = told[name].strip('"')
        assert shown == str(value) or float(shown) == value, name


def test_every_named_variant_plays_and_changes_one_thing() -> None:
    manual = (ArrangeEnv.__doc__ or "").partition("| variant |")[2].partition("```")[0]
    rows = [line.split("|")[1:3] for line in manual.splitlines()[2:] if "=" in line]
    assert len(rows) >= 15
    for _, options in rows:
        core = ArrangeCore(2, bars=BARS, cues=("dungeon",), **eval(f"dict({options})"))
        core.reset(np.random.default_rng(0))
        assert np.isfinite(core.step(actions(2).astype(float))[0]).all()


def test_same_seed_same_episode_and_other_seed_another() -> None:
    def run(seed: int) -> list[float]:
        env = small()
        env.reset(seed=seed)
        return [env.step(action)[1] for action in actions(BARS)]

    assert run(3) == run(3)
    assert run(3) != run(4)


def test_one_of_a_vector_is_the_single_environment() -> None:
    single, vector = small(), ArrangeVectorEnv(1, bars=BARS, cues=("dungeon",))
    first, _ = single.reset(seed=8)
    firsts, _ = vector.reset(seed=8)
    assert np.array_equal(first, firsts[0])
    for action in actions(BARS - 1):
        seen, reward, *_ = single.step(action)
        all_seen, rewards, *_ = vector.step(action[None])
        assert np.array_equal(seen, all_seen[0])
        assert reward == rewards[0]


def test_an_episode_is_truncated_and_the_vector_begins_anew() -> None:
    vector = ArrangeVectorEnv(3, bars=BARS, cues=("dungeon",))
    vector.reset(seed=1)
    for bar in range(BARS):
        seen, _, terminated, truncated, info = vector.step(actions(3, bar))
        assert not terminated.any()
        assert truncated.all() == (bar == BARS - 1)
    assert info["final_obs"].shape == seen.shape
    assert not np.array_equal(info["final_obs"], seen)
    assert vector.core.bar == 0


def test_the_reward_is_the_sum_of_its_named_terms() -> None:
    env = small(feedback_weight=0.3)
    env.reset(seed=2)
    for action in actions(BARS):
        _, reward, _, _, info = env.step(action)
        assert reward == pytest.approx(sum(info[name] for name in REWARDS))
        assert all(info[name] <= 0 for name in REWARDS)


def test_ratings_come_when_they_should() -> None:
    core = ArrangeCore(4, ArrangeSettings(bars=BARS, cues=("dungeon",)))
    core.reset(np.random.default_rng(0))
    counts = []
    for bar in range(BARS):
        core.step(actions(4, bar).astype(float))
        counts.append(int(core.perception.count[0, 0]))
    assert counts == [0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3]


def test_hidden_traits_show_only_in_ratings() -> None:
    cores = [ArrangeCore(4, ArrangeSettings(bars=BARS, cues=("dungeon",))) for _ in range(2)]
    for core in cores:
        core.reset(np.random.default_rng(0))
    cores[1].listeners.meet(cores[1].listeners.bias + 1.0, cores[1].listeners.gain * 1.5)
    same = []
    for bar in range(5):
        seen = [core.step(actions(4, bar).astype(float))[0] for core in cores]
        same.append(np.array_equal(*seen))
    assert same == [True, True, True, False, False]


def test_a_bar_is_decided_before_its_target_is_known() -> None:
    settings = ArrangeSettings(bars=BARS, cues=("dungeon",))
    first, second = [], []
    for shift in (0.0, 1.0):
        core = ArrangeCore(1, settings)
        core.reset(np.random.default_rng(0))
        moods = np.zeros((BARS + 1, 2))
        moods[1:] += shift
        core.course = Course([ToldSource(moods)], np.zeros(1, int), np.zeros(1, int))
        core.begin(np.full((1, 9), 0.5))
        first.append(core.observe())
        second.append(core.step(actions(1).astype(float))[0])
    assert np.array_equal(*first)
    assert not np.array_equal(*second)


def test_the_ablations_take_away_what_they_name() -> None:
    quick = ArrangeCore(2, ArrangeSettings.from_options(bars=4, cues=["dungeon"], memory_bars=0))
    quick.reset(np.random.default_rng(0))
    assert quick.listeners.settings.rate == 1.0
    alike = ArrangeCore(
        2, ArrangeSettings.from_options(bars=4, cues=["dungeon"], bias_sd=0, log_gain_sd=0)
    )
    alike.reset(np.random.default_rng(0))
    assert (alike.listeners.bias == 0).all()
    assert (alike.listeners.gain == 1).all()
    deaf = ArrangeCore(
        2, ArrangeSettings.from_options(bars=8, cues=["dungeon"], rating_every_bars=0)
    )
    deaf.reset(np.random.default_rng(0))
    for bar in range(8):
        deaf.step(actions(2, bar).astype(float))
    assert (deaf.perception.count == 0).all()


@pytest.mark.parametrize("targets", ["traces", "mixed"])
def test_copies_meet_the_same_episodes(targets: str) -> None:
    core = ArrangeCore(6, ArrangeSettings(bars=BARS, cues=("dungeon",), targets=targets))
    core.reset(np.random.default_rng(0), copies=3)
    for _ in range(4):
        core.step(np.zeros((6, 9)))
    assert np.array_equal(core.targets[0], core.targets[2])
    assert not np.array_equal(core.targets[0], core.targets[3])
    assert np.array_equal(core.listeners.bias[3], core.listeners.bias[5])


def test_fast_music_hears_of_the_game_more_often() -> None:
    core = ArrangeCore(2, bars=BARS, cues=("dungeon",))
    core.reset(np.random.default_rng(0), copies=2)
    core.begin(np.stack([np.full(9, 0.5)] * 2))
    for _ in range(5):
        core.step(np.array([[1.0, *[0.0] * 8], [-1.0, *[0.0] * 8]]))
    fast, slow = core.course.seconds
    assert slow > 1.5 * fast
    assert not np.array_equal(core.targets[0], core.targets[1])


def test_plans_are_told_the_future_that_comes() -> None:
    core = ArrangeCore(3, bars=BARS, cues=("dungeon",), targets="mixed")
    core.reset(np.random.default_rng(2))
    lasting = np.repeat(core.perception.bar_seconds[:, None, None], 4, axis=2)
    plans = np.concatenate([lasting * 0.7, lasting], axis=1)
    told = core.moods_ahead(plans)
    assert told.shape == (3, 2, 4, 2)
    for bar in range(4):  # no knob moves, so bars last as planned
        core.step(np.zeros((3, 9)))
        np.testing.assert_allclose(core.wanted, told[:, 1, bar])


def test_what_ablations_tell_is_true() -> None:
    core = ArrangeCore(4, bars=BARS, cues=("dungeon",), lookahead_bars=5, known_listener=True)
    seen = core.reset(np.random.default_rng(3))
    felt = seen[:, OBSERVATION.index("felt_valence")]
    coming = seen[:, OBSERVATION.index("ahead_1_valence")] + felt
    np.testing.assert_allclose(felt, np.clip(core.listeners.bias[:, 0], -2.5, 2.5))
    core.step(np.zeros((4, 9)))
    np.testing.assert_allclose(coming, core.wanted[:, 0])
    np.testing.assert_allclose(core.perception.felt, core.listeners.felt)


def test_the_game_is_shown_on_request() -> None:
    env = small(show_game=True)
    seen, _ = env.reset(seed=0)
    assert seen.shape == (len(OBSERVATION) + len(SHOWN_GAME),)
    np.testing.assert_allclose(
        seen[-len(SHOWN_GAME) :], env.core.course.features[0].clip(-10, 10), rtol=1e-6
    )


def test_an_untold_game_is_forecast_by_its_moods_alone() -> None:
    told, untold = (
        ArrangeCore(6, bars=BARS, cues=("dungeon",), game_told=told) for told in (True, False)
    )
    for core in (told, untold):
        core.reset(np.random.default_rng(2))
        for bar in range(4):
            core.step(actions(6, bar).astype(float))
    np.testing.assert_array_equal(told.wanted, untold.wanted)
    assert told.perception.forecast.known.all()
    assert not untold.perception.forecast.known.any()
    assert np.abs(told.perception.forecast.moods - untold.perception.forecast.moods).max() > 0.01


def test_one_scenario_alone_can_be_played() -> None:
    core = ArrangeCore(6, bars=BARS, cues=("dungeon",), scenario="deathmatch", split="test")
    core.reset(np.random.default_rng(2))
    alone = core.wanted.copy()
    everywhere = ArrangeCore(6, bars=BARS, cues=("dungeon",), split="test")
    everywhere.reset(np.random.default_rng(2))
    assert (alone != everywhere.wanted).any()
    with pytest.raises(UnknownNameError, match="did you mean 'deathmatch'"):
        ArrangeCore(1, scenario="deathmach").reset(np.random.default_rng(0))


def test_training_can_have_more_themes_and_testing_cannot() -> None:
    assert [cue.name for cue in ArrangeCore(1, themes=2).book.cues] == [
        cue.name for cue in ArrangeCore(1).book.cues[:2]
    ]
    plain, asked = (ArrangeCore(1, split="validation", themes=n) for n in (0, 2))
    assert len(plain.book.cues) == len(asked.book.cues)
    with pytest.raises(RangeError, match="themes is 5000"):
        ArrangeCore(1, themes=5000)


def test_metrics_are_of_the_episode() -> None:
    core = ArrangeCore(5, bars=BARS, cues=("dungeon",))
    core.reset(np.random.default_rng(0))
    earned = sum(core.step(actions(5, bar).astype(float))[3]["mood"] for bar in range(BARS))
    np.testing.assert_allclose(core.metrics()["error"], -earned / BARS)


@pytest.mark.parametrize("targets", ["traces", "generator", "sliders", "mixed"])
@pytest.mark.parametrize("split", ["train", "heldout"])
def test_every_source_and_split_plays(targets: str, split: str) -> None:
    env = small(targets=targets, split=split)
    env.reset(seed=0)
    seen, *_ = env.step(actions(1)[0])
    assert env.observation_space.contains(seen)


def test_splits_share_no_theme() -> None:
    from segue.envs.arrange.settings import THEMES

    assert not set(THEMES["train"]) & set(THEMES["validation"])
    assert not set(THEMES["train"]) & set(THEMES["test"])
    assert not set(THEMES["validation"]) & set(THEMES["test"])


def test_options_are_checked() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'bias_sd'"):
        ArrangeEnv(bias_ds=1.0)
    with pytest.raises(UnknownNameError, match="did you mean 'heldout'"):
        ArrangeEnv(split="held-out")
    with pytest.raises(RangeError, match="rating_noise is nan"):
        ArrangeEnv(rating_noise=float("nan"))
    with pytest.raises(UnknownNameError, match="did you mean 'dungeon'"):
        ArrangeEnv(cues=("dungeons",))


def test_movement_costs_less_where_a_phrase_begins() -> None:
    moved = np.full((2, 9), 0.1)
    on, off = movement_cost(moved, np.array([True, False]))
    assert on < off
    assert movement_cost(np.full((1, 9), 0.01), np.array([False]))[0] == 0


def test_rules_of_arranging() -> None:
    def broken(wanted_arousal: float = 0.0, **knobs: float) -> float:
        direction = Direction(harmony=0.5).with_changes(**knobs)
        return float(broken_rules(direction.knobs[None], np.array([wanted_arousal]))[0])

    assert broken() == 0
    assert broken(harmony=0.0) == 1  # thin
    assert broken(register=1.0) == broken(register=0.0) == 1  # extreme
    assert broken(2.0, drums=0.0) == 1  # tame
    assert broken(-2.0, drums=1.0) == 1  # restless
    assert broken(-2.0, articulation=0.0) == 1  # choppy
    assert broken(register=0.25, harmony=1.0, bass=1.0) > 0  # muddy
    assert broken(drums=1.0, bass=0.0) == 1  # hollow
    assert broken(drums=1.0, dynamics=0.0) == 1  # weak
    assert broken(2.0, drums=0.8, dynamics=0.8) == 0


def test_an_environment_can_be_pickled() -> None:
    env = small()
    env.reset(seed=1)
    twin = pickle.loads(pickle.dumps(env))
    for action in actions(4):
        assert np.array_equal(env.step(action)[0], twin.step(action)[0])
