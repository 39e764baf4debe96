"""What every registered environment keeps: checkers, seeds, batches, pictures, sound, pickle."""

import pickle
import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from segue.envs import ENVIRONMENTS, environment_id, make_core
from segue.envs.rendering import RATE
from segue.music.errors import SegueError, UnknownNameError

ALL = pytest.mark.parametrize("name", ENVIRONMENTS)


def make(name: str, **options: Any) -> gym.Env[Any, Any]:
    return gym.make(f"segue.envs:{name}", **options).unwrapped


def actions(space: gym.Space[Any], count: int, seed: int = 0) -> list[Any]:
    space.seed(seed)
    return [space.sample() for _ in range(count)]


def allowed(env: Any, action: Any, rng: np.random.Generator) -> Any:
    """The action, or where it is not allowed now, one that is."""
    masks = env.core.action_masks()
    if masks is None or masks[0][action]:
        return action
    return rng.choice(np.flatnonzero(masks[0]))


def play(env: Any, steps: int, seed: int = 0) -> list[tuple[list[float], float]]:
    rng = np.random.default_rng(seed)
    found = []
    for action in actions(env.action_space, steps, seed):
        seen, reward, terminated, truncated, _ = env.step(allowed(env, action, rng))
        found.append((seen.ravel().tolist(), reward))
        if terminated or truncated:
            env.reset()
    return found


@ALL
def test_gymnasiums_checker_finds_nothing(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(make(name))


@ALL
def test_stable_baselines_checker_finds_nothing(name: str) -> None:
    from stable_baselines3.common.env_checker import check_env as check

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check(make(name))


@ALL
def test_same_seed_same_episode_and_other_seed_another(name: str) -> None:
    def run(seed: int) -> list[tuple[list[float], float]]:
        env = make(name)
        first, _ = env.reset(seed=seed)
        return [(first.ravel().tolist(), 0.0), *play(env, 6)]

    assert run(3) == run(3)
    assert run(3) != run(4)


@ALL
def test_one_of_a_vector_is_the_single_environment(name: str) -> None:
    single: Any = make(name)
    vector: Any = gym.make_vec(
        f"segue.envs:{name}", num_envs=1, vectorization_mode="vector_entry_point"
    )
    assert np.array_equal(single.reset(seed=8)[0], vector.reset(seed=8)[0][0])
    rng = np.random.default_rng(0)
    for action in actions(single.action_space, 5):
        chosen = allowed(single, action, rng)
        seen, reward, *_ = single.step(chosen)
        all_seen, rewards, *_ = vector.step(np.asarray(chosen)[None])
        assert np.array_equal(seen, all_seen[0])
        assert reward == rewards[0]


@ALL
def test_a_vector_ends_together_and_begins_anew(name: str) -> None:
    core = make_core(name, 2)
    core.reset(np.random.default_rng(0))
    rng = np.random.default_rng(1)
    for step in range(core.steps):
        masks = core.action_masks()
        if masks is None:
            chosen = np.array(actions(core.action_space, 2, step))
        else:
            chosen = np.array([rng.choice(np.flatnonzero(mask)) for mask in masks])
        seen, reward, over, terms = core.step(core.accept(chosen))
        assert seen.shape == (2, *core.observation_space.shape)
        assert np.isfinite(seen).all()
        assert set(terms) == set(core.REWARDS)
        assert np.allclose(np.sum(list(terms.values()), axis=0), reward)
        assert over == (step == core.steps - 1)
    assert all(len(values) == 2 for values in core.metrics().values())


@ALL
def test_pictures_and_sound_of_what_was_played(name: str) -> None:
    env = make(name, render_mode="rgb_array")
    env.reset(seed=0)
    play(env, 8)
    picture: Any = env.render()
    assert picture.dtype == np.uint8
    assert picture.shape[2] == 3
    assert picture.std() > 1  # something is drawn
    heard: Any = make(name, render_mode="audio")
    heard.reset(seed=0)
    play(heard, 8)
    sound = heard.render()
    assert sound.dtype == np.float32
    assert sound.shape[1] == 2
    assert len(sound) > RATE / 10
    assert 1e-3 < np.abs(sound).max() <= 1.0


@ALL
def test_an_environment_can_be_pickled(name: str) -> None:
    env = make(name)
    env.reset(seed=1)
    twin = pickle.loads(pickle.dumps(env))
    assert play(env, 4) == play(twin, 4)


@ALL
def test_bad_actions_and_options_are_told(name: str) -> None:
    env: Any = make(name)
    env.reset(seed=0)
    with pytest.raises(SegueError, match="shape"):
        env.step(np.zeros(99))
    if isinstance(env.action_space, gym.spaces.Box):
        with pytest.raises(SegueError, match="finite"):
            env.step(np.full(env.action_space.shape, np.nan))
    with pytest.raises(UnknownNameError, match="no_such_option"):
        make(name, no_such_option=1)
    with pytest.raises(UnknownNameError, match="render mode"):
        type(env)(render_mode="smell")


@ALL
def test_the_manual_names_spaces_reward_and_episode(name: str) -> None:
    manual = type(make(name)).__doc__ or ""
    for heading in (
        "Description",
        "Action space",
        "Observation space",
        "Reward",
        "Starting state",
        "Episode end",
        "Arguments",
        "Version history",
    ):
        assert f"## {heading}" in manual
    core = make_core(name, 1)
    size = ", ".join(map(str, core.observation_space.shape))
    assert size in manual
    for term in core.REWARDS:
        assert f"| {term} |" in manual


def test_environments_have_short_names() -> None:
    assert environment_id("arrange") == environment_id("Arrange-v0") == "segue/Arrange-v0"
    with pytest.raises(UnknownNameError, match="did you mean"):
        environment_id("segue/Arange-v0")
