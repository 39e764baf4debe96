"""The algorithms of Stable-Baselines3 and sb3-contrib on our cores: made, saved, exported.

A. Raffin et al., "Stable-Baselines3: reliable reinforcement learning implementations", JMLR 22,
2021.
"""

import inspect
import io
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, FlattenExtractor
from threadpoolctl import threadpool_limits
from torch import nn

from ..envs import make_core
from ..music.errors import SegueError, UnknownNameError
from ..music.files import write_whole
from .config import ALGORITHMS, Config, load_config
from .policy import Policy
from .sb3 import CoreVecEnv

ACTIVATIONS: dict[str, type[nn.Module]] = {"tanh": nn.Tanh, "relu": nn.ReLU, "silu": nn.SiLU}

_ASTRAY = 1e6  # weights that learned something are of the order of 1


class ExportError(SegueError):
    """A network that a policy in numpy cannot be made of."""


def algorithm_class(name: str) -> type[BaseAlgorithm]:
    """The class of an algorithm."""
    module, class_name, _ = ALGORITHMS[name]
    found: type[BaseAlgorithm] = getattr(import_module(module), class_name)
    return found


def make_model(config: Config, env: CoreVecEnv, logs: Path | None = None) -> BaseAlgorithm:
    """A new model for a configuration.

    An off-policy algorithm does as many gradient steps as the environments did steps, unless
    `gradient_steps` says otherwise: Stable-Baselines3's own default, one for a step of all of them,
    would learn n times less from each step than the papers do.

    :param env: what it learns in
    :param logs: folder for TensorBoard; none: no logs
    """
    check_settings(config)
    kind = algorithm_class(config.algorithm)
    hyper = dict(config.hyper)
    if issubclass(kind, OffPolicyAlgorithm):
        hyper.setdefault("gradient_steps", -1)
    if config.schedule == "linear":
        start = float(hyper.get("learning_rate", 3e-4))
        hyper["learning_rate"] = lambda left: start * left
    try:
        return kind(
            ALGORITHMS[config.algorithm][2],
            env,
            policy_kwargs=_policy_keywords(config.policy),
            tensorboard_log=str(logs) if logs else None,
            seed=config.seed,
            device="cpu",
            **hyper,
        )
    except (AssertionError, TypeError, ValueError) as error:
        raise SegueError(
            f"{kind.__name__} cannot be made for {config.environment}: {error}; "
            "look at algorithm, hyper and policy of the configuration"
        ) from None


def check_settings(config: Config) -> None:
    """SegueError if a configuration asks for an option, a setting, ... that is not there."""
    kind = algorithm_class(config.algorithm)
    known = set(inspect.signature(kind.__init__).parameters)
    known -= {"self", "env", "policy", "policy_kwargs", "_init_setup_model", "seed", "device"}
    for name in config.hyper:
        if name not in known:
            raise UnknownNameError("hyper-parameter", name, known, kind.__name__)
    _policy_keywords(config.policy)
    for options in (config.train, config.validation):
        core = make_core(config.environment, 1, **options)
        if config.algorithm == "maskable_ppo":
            core.reset(np.random.default_rng(0))
            if core.action_masks() is None:
                raise SegueError(f"{config.environment} has no action masks; take ppo instead")


def _policy_keywords(given: dict[str, Any]) -> dict[str, Any]:
    keywords = dict(given)
    if "activation_fn" in keywords:
        name = keywords["activation_fn"]
        if name not in ACTIVATIONS:
            raise UnknownNameError("activation_fn", str(name), ACTIVATIONS)
        keywords["activation_fn"] = ACTIVATIONS[name]
    for name, value in keywords.items():
        if name.endswith("_class") and isinstance(value, str):
            keywords[name] = _named_class(name, value)
    return keywords


def _named_class(setting: str, place: str) -> Any:
    """What `package.module:Class` names; SegueError if there is no such class."""
    module, _, name = place.partition(":")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise SegueError(
            f"{setting} {place!r} cannot be imported: {error}; write package.module:Class"
        ) from None


# Checkpoints ------------------------------------------------------------------------------------


def save_model(model: BaseAlgorithm, path: Path) -> None:
    """Write a model whole or not at all, so that the last one is never lost."""
    buffer = io.BytesIO()
    model.save(buffer)
    write_whole(path, buffer.getvalue())


def load_model(algorithm: str, path: Path, env: CoreVecEnv | None = None) -> BaseAlgorithm:
    """Read a model; SegueError if the file is cut short or of another kind."""
    try:
        return algorithm_class(algorithm).load(path, env=env, device="cpu")
    except Exception as error:  # zipfile, pickle, json and torch each fail in ways of their own
        said = str(error) or type(error).__name__
        raise SegueError(
            f"{path} is no whole model of {algorithm} for this environment: {said}"
        ) from None


def is_astray(model: BaseAlgorithm) -> bool:
    """Whether a weight of a model is no number, or too large for one that learned anything."""
    return not all(bool((value.abs() < _ASTRAY).all()) for value in model.policy.parameters())


# Policies ---------------------------------------------------------------------------------------


class ModelPlayer:
    """A model that acts through Stable-Baselines3 itself, with its memory if it has one.

    :param model: of any algorithm
    :param sample: draw actions instead of taking the best
    """

    def __init__(self, model: BaseAlgorithm, *, sample: bool = False) -> None:
        self.model = model
        self.sample = sample
        self._state: Any = None
        self._first = True

    def act(self, core: Any) -> NDArray[Any]:
        keywords: dict[str, Any] = {"deterministic": not self.sample}
        if type(self.model).__name__ == "MaskablePPO":
            keywords["action_masks"] = core.action_masks()
        if type(self.model).__name__ == "RecurrentPPO":
            keywords["state"] = self._state
            keywords["episode_start"] = np.full(core.n, self._first)
        seen = core.present(core.observe())
        action, self._state = self.model.predict(seen, **keywords)
        self._first = False
        return np.asarray(action)


def player_of(model: BaseAlgorithm, config: Config) -> Policy | ModelPlayer:
    """Who plays a trained model: numpy where it can be exported."""
    try:
        return export(model, config, seed=config.seed)
    except ExportError:
        return ModelPlayer(model, sample=config.sample)


def load_player(path: Path, environment: str) -> ModelPlayer:
    """Who plays a model that `train` left, with the configuration beside it.

    SegueError if there is none, or it is for another environment.
    """
    if not path.exists():
        raise SegueError(f"there is no model at {path}; train one: segue train {environment}")
    config = load_config(str(path.parent / "config.yaml"))
    if config.environment != environment:
        raise SegueError(f"{path} is a model for {config.environment}, not for {environment}")
    return ModelPlayer(load_model(config.algorithm, path), sample=config.sample)


def export(model: BaseAlgorithm, config: Config, *, seed: int = 0) -> Policy:
    """The actor of a trained model as numpy arrays.

    ExportError for a network that is no multilayer perceptron of a known activation, SegueError for
    a configuration that asks to draw from what has no chances.
    """
    policy: Any = model.policy
    head, layers = _actor(policy)
    if config.sample and head != "categorical":
        raise SegueError(f"{config.algorithm} has no chances to draw from; leave out sample")
    for module in policy.modules():
        if isinstance(module, BaseFeaturesExtractor) and not isinstance(module, FlattenExtractor):
            raise ExportError(f"{type(module).__name__} cannot be exported to numpy")
    weights: dict[str, NDArray[Any]] = {}
    activation = "tanh"
    for module in layers:
        if isinstance(module, nn.Linear):
            at = len(weights) // 2
            weights[f"w{at}"] = module.weight.detach().numpy().T.copy()
            weights[f"b{at}"] = module.bias.detach().numpy().copy()
        else:
            activation = _activation_name(module)
    space, actions = model.observation_space, model.action_space
    assert isinstance(space, spaces.Box)  # a core has no other
    weights |= {"seen_low": space.low.ravel(), "seen_high": space.high.ravel()}
    network = {"head": head, "activation": activation}
    if isinstance(actions, spaces.Box):
        weights |= {"low": actions.low, "high": actions.high}
    elif isinstance(actions, spaces.Discrete):
        network["single"] = "yes"
        weights["choices"] = np.array([actions.n])
        if head == "values":
            _average_quantiles(weights, int(actions.n))
    else:
        assert isinstance(actions, spaces.MultiDiscrete)
        weights["choices"] = actions.nvec
    if config.algorithm == "maskable_ppo":
        network["masks"] = "yes"
    if config.sample:
        network["act"] = "sample"
    return Policy(weights, network, seed=seed)


def _actor(policy: Any) -> tuple[str, list[nn.Module]]:
    """The head and the layers of what acts."""
    if hasattr(policy, "lstm_actor"):
        raise ExportError("a policy with a memory cannot be exported to numpy")
    if hasattr(policy, "action_net"):  # PPO, A2C, MaskablePPO
        continuous = isinstance(policy.action_space, spaces.Box)
        layers = [*policy.mlp_extractor.policy_net, policy.action_net]
        return ("gaussian" if continuous else "categorical"), layers
    if hasattr(policy, "q_net"):
        return "values", list(policy.q_net.q_net)
    if hasattr(policy, "quantile_net"):
        return "values", list(policy.quantile_net.quantile_net)
    return "squashed", [*policy.actor.latent_pi, policy.actor.mu]


def _activation_name(module: nn.Module) -> str:
    for name, kind in ACTIVATIONS.items():
        if isinstance(module, kind):
            return name
    raise ExportError(f"a layer {type(module).__name__} cannot be exported to numpy")


def _average_quantiles(weights: dict[str, NDArray[Any]], choices: int) -> None:
    """The mean over quantiles is linear, so it becomes part of the last layer."""
    last = max(int(name[1:]) for name in weights if name[0] == "w" and name[1:].isdigit())
    for name in (f"w{last}", f"b{last}"):
        value = weights[name]
        weights[name] = value.reshape(*value.shape[:-1], -1, choices).mean(axis=-2)


def use_one_thread() -> None:
    """From now on torch and numpy's BLAS compute on one thread.

    More do not help such small matrices: they wait for each other, and disturb who works beside.
    """
    torch.set_num_threads(1)
    threadpool_limits(1)
