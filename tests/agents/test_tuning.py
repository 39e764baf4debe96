"""The search finds better settings, goes on where it was, and stops what is hopeless early."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from segue.agents.config import Range, load_config
from segue.agents.tuning import tune
from segue.music.errors import SegueError

pytestmark = pytest.mark.usefixtures("echo")

SEARCH = {
    "learning_rate": Range(1e-6, 1e-2, log=True),
    "n_epochs": Range(1, 4),
    "policy.net_arch": Range(choices=([4], [16, 16])),
}


def test_a_search_goes_on_and_leaves_the_best_settings(tmp_path: Path, echo_config: Any) -> None:
    config = echo_config(steps=1024, checks=4, search=SEARCH)
    told: dict[int, float | None] = {}
    tune(config, tmp_path, 4, told=told.__setitem__)
    assert list(told) == [0, 1, 2, 3]
    best = tune(config, tmp_path, 8, told=told.__setitem__)
    assert list(told) == list(range(8))
    assert load_config(str(tmp_path / "best.yaml")) == best
    winner = max(told, key=lambda number: -np.inf if told[number] is None else told[number])
    tried = load_config(str(tmp_path / f"trial{winner}" / "config.yaml"))
    assert tried.hyper == best.hyper
    assert best.policy["net_arch"] in ([4], [16, 16])
    assert best.hyper["n_epochs"] in (1, 2, 3, 4)
    assert best.hyper["n_steps"] == config.hyper["n_steps"]
    assert (tmp_path / "history.png").read_bytes().startswith(b"\x89PNG")
    assert tune(config, tmp_path, 8, told=told.__setitem__) == best  # nothing left to do


def test_hopeless_trials_are_stopped_early(tmp_path: Path, echo_config: Any) -> None:
    search = {"learning_rate": Range(choices=(1e-9, 3e-3))}
    config = echo_config("a2c", steps=1024, checks=4, search=search)
    told: dict[int, float | None] = {}
    tune(config, tmp_path, 10, told=told.__setitem__)
    stopped = [number for number, worth in told.items() if worth is None]
    assert stopped
    for number in stopped:
        lines = (tmp_path / f"trial{number}" / "curve.jsonl").read_text().splitlines()
        assert len(lines) < 4


def test_trials_that_go_astray_are_left_out(tmp_path: Path, echo_config: Any) -> None:
    config = echo_config("ppo", "box", steps=512, checks=2)
    told: dict[int, float | None] = {}
    search = {"learning_rate": Range(choices=(1e30,))}
    wild = replace(config, hyper=config.hyper | {"max_grad_norm": 1e30}, search=search)
    with pytest.raises(SegueError, match=r"no trial in .* came to an end"):
        tune(wild, tmp_path, 2, told=told.__setitem__)
    assert told == {0: None, 1: None}


def test_there_must_be_something_to_search(tmp_path: Path, echo_config: Any) -> None:
    with pytest.raises(SegueError, match="has no search"):
        tune(echo_config(), tmp_path, 1)
