"""Training a policy further, by analytic gradients, for the listeners that sessions tell of."""

from functools import lru_cache

import numpy as np
import torch
from torch import nn

from ...envs.arrange.core import ArrangeCore
from ...envs.arrange.listener import ListenerSettings
from ...envs.arrange.settings import ArrangeSettings
from ...music.errors import SegueError
from ..arrange.analytic import AnalyticSettings, train_analytic
from ..arrange.surrogate import Surrogate, fit_surrogate
from ..policy import Policy

_NOISE = 0.08  # of actions: as at the end of the first training
_LEARNING_RATE = 3e-4
_SURROGATE_EPISODES = 256


@lru_cache(maxsize=1)
def _surrogate() -> Surrogate:
    return fit_surrogate(ArrangeCore(_SURROGATE_EPISODES, ArrangeSettings()))[0]


def train_further(
    policy: Policy, listener: ListenerSettings, updates: int, *, seed: int = 0
) -> Policy:
    """The policy after so many more updates, with such listeners.

    SegueError for a policy that is no tanh network with a Gaussian head.
    """
    actor = _actor(policy)
    settings = AnalyticSettings(
        updates=updates,
        first_noise=_NOISE,
        last_noise=_NOISE,
        learning_rate=_LEARNING_RATE,
        seed=seed,
    )
    core = ArrangeCore(settings.episodes, ArrangeSettings(targets="mixed", listener=listener))
    train_analytic(actor, _surrogate(), core, settings)
    weights = dict(policy.weights)
    for at, layer in enumerate(one for one in actor if isinstance(one, nn.Linear)):
        weights[f"w{at}"] = layer.weight.detach().numpy().T.copy()
        weights[f"b{at}"] = layer.bias.detach().numpy().copy()
    trained = Policy(weights, policy.network)
    trained.card = policy.card
    return trained


def _actor(policy: Policy) -> nn.Sequential:
    """The same network in torch."""
    if policy.head != "gaussian" or policy.network["activation"] != "tanh":
        raise SegueError("only a tanh network with a Gaussian head can be trained further")
    layers: list[nn.Module] = []
    for at in range(sum(name[0] == "w" and name[1:].isdigit() for name in policy.weights)):
        matrix = policy.weights[f"w{at}"]
        layer = nn.Linear(*matrix.shape)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(np.ascontiguousarray(matrix.T)))
            layer.bias.copy_(torch.from_numpy(policy.weights[f"b{at}"]))
        layers += [layer, nn.Tanh()]
    return nn.Sequential(*layers[:-1])
