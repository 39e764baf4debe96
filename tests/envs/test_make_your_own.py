"""The page *Make your own* is true: its program runs, and learns."""

import re
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

import segue

PAGE = Path(segue.__file__).parent / "docs" / "environments.md"


@pytest.fixture(scope="module")
def page() -> dict[str, Any]:
    """What the program on the page leaves behind."""
    part = PAGE.read_text().partition("## Make your own")[2]
    program = re.search(r"```python\n(.*?)```", part, re.DOTALL)
    assert program is not None
    torch.set_num_threads(1)
    names: dict[str, Any] = {"__name__": "answer"}
    exec(compile(program[1], str(PAGE), "exec"), names)
    return names


def test_it_is_about_sixty_lines_of_environment(page: dict[str, Any]) -> None:
    text = PAGE.read_text().partition("class AnswerCore")[2].partition("gym.register")[0]
    assert len([line for line in text.splitlines() if line.strip()]) <= 60


def test_it_learns(page: dict[str, Any]) -> None:
    assert page["after"].reward.mean() > 0.8 > page["before"].reward.mean()


def test_its_forms_agree_and_can_be_seen_and_heard(page: dict[str, Any]) -> None:
    single = gym.make("my/Answer-v0", render_mode="rgb_array")
    many: Any = gym.make_vec("my/Answer-v0", num_envs=1, vectorization_mode="vector_entry_point")
    assert np.array_equal(single.reset(seed=3)[0], many.reset(seed=3)[0][0])
    for action in (0, 5, 7):
        seen, reward, *_ = single.step(action)
        all_seen, rewards, *_ = many.step(np.array([action]))
        assert np.array_equal(seen, all_seen[0])
        assert reward == rewards[0]
    picture: Any = single.render()
    assert picture.std() > 1
    score = page["AnswerCore"].score(single.unwrapped.core)  # type: ignore[attr-defined]
    assert [len(track.notes) for track in score.tracks] == [3, 3]
