"""Configurations: every shipped one is sound; what is wrong is told with file and key."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from segue.agents.algorithms import check_settings
from segue.agents.config import (
    CONFIGS,
    load_config,
    save_config,
    shipped_configs,
    train_command,
)
from segue.envs import short_name
from segue.music.errors import FileFormatError, SegueError, UnknownNameError

GOOD = """
environment: arrange
algorithm: ppo
steps: 1_000
n_envs: 4
hyper: {learning_rate: 3e-4, n_steps: 16}
policy: {net_arch: [8, 8]}
search: {gamma: {choices: [0.9, 0.99]}, learning_rate: {low: 1e-5, high: 1e-3, log: true}}
"""


def test_a_file_is_read_with_defaults_and_changes(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(GOOD)
    config = load_config(str(path), steps=77)
    assert config.environment == "segue/Arrange-v0"
    assert (config.steps, config.n_envs, config.checks) == (77, 4, 10)
    assert config.hyper["learning_rate"] == 3e-4  # YAML 1.1 would make it a text
    assert config.search["learning_rate"].low == 1e-5
    assert config.validation == {"split": "validation"}
    save_config(tmp_path / "b.yaml", config)
    assert load_config(str(tmp_path / "b.yaml")) == config


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("steps:", "stpes:", "unknown key 'stpes'; did you mean 'steps'"),
        ("1_000", "many", r"Expected `int`.*\$\.steps"),
        ("1_000", "0", r">= 1 .*\$\.steps"),
        ("algorithm: ppo", "", "missing required field `algorithm`"),
        ("ppo", "pppo", "unknown algorithm 'pppo'; did you mean 'ppo'"),
        ("environment: arrange", "environment: segue/Arange-v0", "did you mean 'segue/Arrange-v0'"),
        ("low: 1e-5", "low: 1", r"low is 1 and high 0.001.*\$\.search"),
        ("low: 1e-5, high: 1e-3, ", "", r"either low and high, or choices.*\$\.search"),
        ("log: true", "logg: true", r"unknown field `logg` .*\$\.search"),
        ("n_envs: 4", "n_envs: 4\nschedule: cosine", "known: constant, linear"),
        ("n_envs: 4", "n_envs: [4", "docs/environments.md shows the form"),
        (GOOD, "- a list", "Expected `object`"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_key(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    path = tmp_path / "bad.yaml"
    assert old in GOOD
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(FileFormatError, match=rf"bad\.yaml: .*{said}"):
        load_config(str(path))


def test_configurations_are_found_by_name_or_path(tmp_path: Path) -> None:
    assert load_config("arrange") == load_config("segue/Arrange-v0")
    assert load_config(str(CONFIGS / "arrange.yaml")) == load_config("arrange")
    with pytest.raises(UnknownNameError, match="arange"):
        load_config("arange")
    with pytest.raises(SegueError, match=r"none\.yaml"):
        load_config(str(tmp_path / "none.yaml"))


def test_the_command_of_a_training_repeats_it() -> None:
    config = load_config("arrange", steps=5, seed=3)
    assert train_command(config) == "segue train arrange --steps 5 --seed 3"
    other = replace(config, train=config.train | {"bias_sd": 0})
    assert train_command(other) == "segue train arrange --set bias_sd=0 --steps 5 --seed 3"
    assert "--config FILE" in train_command(replace(config, n_envs=3))


@pytest.mark.parametrize("name", shipped_configs())
def test_every_shipped_configuration_is_sound(name: str) -> None:
    config = load_config(name)
    check_settings(config)
    assert config.validation.get("split") == "validation"
    assert config.train.get("split", "train") == "train"
    assert config.search or name != short_name(config.environment), "segue tune needs ranges"
    assert config.card.training_data
