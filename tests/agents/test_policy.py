"""A policy in numpy acts as the model it was made of, and refuses what it was not trained for."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from msgspec.structs import replace
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor

import segue.analysis.cards as cards
from segue.agents.algorithms import ExportError, ModelPlayer, export, make_model, player_of
from segue.agents.evaluate import play
from segue.agents.policy import Policy
from segue.agents.sb3 import CoreVecEnv
from segue.agents.train import policy_card
from segue.analysis.cards import read_card, save_model
from segue.music.errors import FileFormatError, RangeError, SegueError

pytestmark = pytest.mark.usefixtures("echo")

NAMES = ("low", "middle", "high")

CASES = [
    ("ppo", "box", {"net_arch": [8, 8], "activation_fn": "tanh"}),
    ("ppo", "discrete", {"net_arch": [], "activation_fn": "relu"}),
    ("ppo", "many", {"net_arch": [8], "activation_fn": "silu"}),
    ("a2c", "many", {"net_arch": [8, 8, 8], "activation_fn": "relu"}),
    ("maskable_ppo", "masked", {"net_arch": [8]}),
    ("sac", "box", {"net_arch": [8, 8], "activation_fn": "silu"}),
    ("tqc", "box", {"net_arch": [8]}),
    ("dqn", "discrete", {"net_arch": [8, 8]}),
    ("qr_dqn", "discrete", {"net_arch": [8], "n_quantiles": 5}),
]


def made(echo_config: Any, echo_core: Any, algorithm: str, kind: str, **changes: Any) -> Any:
    config = echo_config(algorithm, kind, **changes)
    model = make_model(config, CoreVecEnv(echo_core(8, kind=kind)))
    return model, export(model, config)


@pytest.mark.parametrize(("algorithm", "kind", "policy"), CASES)
def test_the_exported_policy_acts_as_the_model(
    echo_config: Any, echo_core: Any, algorithm: str, kind: str, policy: dict[str, Any]
) -> None:
    model, ours = made(echo_config, echo_core, algorithm, kind, policy=policy)
    torch.manual_seed(1)
    for parameter in model.policy.parameters():  # so that biases and all outputs count
        parameter.data.normal_(0.0, 1.5 if parameter.ndim > 1 else 0.2)
    core = echo_core(64, kind=kind)
    core.reset(np.random.default_rng(0))
    ours = export(model, echo_config(algorithm, kind))
    seen = np.random.default_rng(1).uniform(-1, 1, (64, 3)).astype(np.float32)
    masks = core.action_masks()
    keywords = {} if masks is None else {"action_masks": masks}
    expected, _ = model.predict(seen, deterministic=True, **keywords)
    found = ours.act_on(seen, masks)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.ptp(expected, axis=0).any()  # more than one action is among them
    assert core.accept(found).shape == found.shape


def test_masked_actions_are_never_taken(echo_config: Any, echo_core: Any) -> None:
    _, ours = made(echo_config, echo_core, "maskable_ppo", "masked")
    core = echo_core(256, kind="masked")
    core.reset(np.random.default_rng(0))
    for policy in (ours, ours.with_sampling(temperature=5.0)):
        chosen = policy.act(core)
        assert core.action_masks()[np.arange(256), chosen].all()


def test_drawing_follows_the_chances_and_the_seed() -> None:
    weights = {
        "w0": np.zeros((1, 3)),
        "b0": np.log([0.2, 0.3, 0.5]),
        "seen_low": np.full(1, -1.0),
        "seen_high": np.full(1, 1.0),
        "choices": np.array([3]),
    }
    network = {"head": "categorical", "activation": "tanh", "single": "yes"}
    policy = Policy(weights, network)
    seen = np.zeros((20_000, 1))
    assert set(policy.act_on(seen)) == {2}
    drawn = policy.with_sampling(seed=1).act_on(seen)
    shares = np.bincount(drawn) / len(drawn)
    np.testing.assert_allclose(shares, [0.2, 0.3, 0.5], atol=0.015)
    sharp = np.bincount(policy.with_sampling(0.5, seed=1).act_on(seen)) / len(drawn)
    np.testing.assert_allclose(sharp, np.array([4.0, 9.0, 25.0]) / 38.0, atol=0.015)
    assert np.array_equal(policy.with_sampling(seed=1).act_on(seen), drawn)
    assert not np.array_equal(policy.with_sampling(seed=2).act_on(seen), drawn)
    with pytest.raises(RangeError, match="temperature"):
        policy.with_sampling(0.0)
    with pytest.raises(SegueError, match="no chances"):
        Policy(weights, network | {"head": "values"}).with_sampling()


def test_observations_are_held_to_the_space(echo_config: Any, echo_core: Any) -> None:
    _, policy = made(echo_config, echo_core, "ppo", "box")
    far, near = np.full((1, 3), 50.0), np.ones((1, 3))
    assert np.array_equal(policy.act_on(far), policy.act_on(near))
    with pytest.raises(SegueError, match=r"NaN at \[1, 2\]"):
        policy.act_on(np.array([[0.0, 0.0, 0.0], [0.0, 0.0, np.nan]]))
    with pytest.raises(SegueError, match="4 numbers, this policy was trained on 3"):
        policy.act_on(np.zeros((2, 4)))


@pytest.fixture
def saved(echo_config: Any, echo_core: Any, tmp_path: Path) -> Path:
    _, policy = made(echo_config, echo_core, "ppo", "box")
    core = echo_core(4)
    played = play(core, policy, seed=0)
    policy.save(tmp_path, policy_card(echo_config("ppo", "box"), core, played, 1.5, steps=10))
    return tmp_path / "policy.json"


def test_a_saved_policy_is_the_same_again(saved: Path, echo: str) -> None:
    card = read_card(saved)
    assert card.inputs == NAMES
    assert (card.environment, card.train_cpu_seconds) == (echo, 1.5)
    assert [output.name for output in card.outputs] == ["act_0"]
    policy = Policy.load(saved, echo, NAMES)
    assert policy.train_cpu_seconds == 1.5
    again = Policy.load(saved.with_suffix(".npz"), echo)
    seen = np.eye(3)
    assert np.array_equal(policy.act_on(seen), again.act_on(seen))


def test_a_policy_for_something_else_is_refused(saved: Path, echo: str, echo_core: Any) -> None:
    with pytest.raises(SegueError, match="no policy at"):
        Policy.load(saved.with_name("none.json"), echo)
    with pytest.raises(FileFormatError, match=r"for segue/Echo-v0, not for segue/Echo-v1"):
        Policy.load(saved, "segue/Echo-v1")
    with pytest.raises(FileFormatError, match="number 1 is 'median', was 'middle'"):
        Policy.load(saved, echo, ("low", "median", "high"))
    with pytest.raises(FileFormatError, match="it has 2 numbers, had 3"):
        Policy.load(saved, echo, ("low", "middle"))
    with pytest.raises(FileFormatError, match="is a model of 'emotion of a bar'"):
        Policy.load(cards.MODELS / "emotion_vgmidi.json", echo)
    core = echo_core(2)
    core.OBSERVATION = ("low", "middle", "top")
    core.reset(np.random.default_rng(0))
    with pytest.raises(FileFormatError, match="'top'"):
        Policy.load(saved, echo).act(core)
    saved.with_suffix(".npz").write_bytes(b"not the weights")
    with pytest.raises(FileFormatError, match="hash"):
        Policy.load(saved, echo)


def test_a_policy_of_an_unknown_kind_is_refused(saved: Path, echo: str, tmp_path: Path) -> None:
    card, weights = cards.load_weights(saved)
    save_model(tmp_path, replace(card, network={"head": "mixture", "activation": "tanh"}), weights)
    with pytest.raises(FileFormatError, match="name a policy's card"):
        Policy.load(saved, echo)


def test_what_cannot_be_exported_plays_through_its_model(echo_config: Any, echo_core: Any) -> None:
    config = echo_config("sac", "box")
    smooth = replace(config, hyper=config.hyper | {"use_sde": True})
    extracted = replace(
        echo_config("ppo", "box"), policy={"features_extractor_class": f"{__name__}:Doubled"}
    )
    for one in (smooth, extracted, echo_config("recurrent_ppo", "box")):
        model = make_model(one, CoreVecEnv(echo_core(8)))
        with pytest.raises(ExportError):
            export(model, one)
        player = player_of(model, one)
        assert isinstance(player, ModelPlayer)
        core = echo_core(4)
        assert len(play(core, player, seed=0).reward) == 4
    with pytest.raises(SegueError, match="dqn has no chances to draw from"):
        made(echo_config, echo_core, "dqn", "discrete", sample=True)
    with pytest.raises(SegueError, match=r"write package\.module:Class"):
        made(echo_config, echo_core, "ppo", "box", policy={"features_extractor_class": "x:Y"})


class Doubled(BaseFeaturesExtractor):
    """An extractor that is no plain copy."""

    def __init__(self, space: Any) -> None:
        super().__init__(space, 3)

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        return seen * 2.0


def test_a_policy_needs_no_torch(saved: Path, echo: str) -> None:
    code = (
        "import sys; from segue.agents.policy import Policy;"
        f"Policy.load({str(saved)!r}, {echo!r}); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
