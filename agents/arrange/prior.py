"""What a policy takes its listeners to be like, before they have said anything.

Policies that were fitted to recorded sessions hold the biases of those who listened beside their
weights; the others take listeners as usual.
"""

import numpy as np

from ...envs.arrange.listener import ListenerSettings
from ..policy import Policy

_MEAN, _SD = "listener_bias_mean", "listener_bias_sd"


def prior_of(director: object) -> ListenerSettings:
    """What a director takes listeners to be like."""
    weights = getattr(getattr(director, "policy", director), "weights", {})
    if _MEAN not in weights:
        return ListenerSettings()
    valence, arousal = weights[_MEAN].tolist()
    return ListenerSettings(
        bias_mean_valence=valence, bias_mean_arousal=arousal, bias_sd=float(weights[_SD][0])
    )


def with_prior(policy: Policy, listener: ListenerSettings) -> Policy:
    """The same policy, for listeners like these."""
    prior = {_MEAN: listener.bias_mean, _SD: np.array([listener.bias_sd])}
    fitted = Policy(policy.weights | prior, policy.network)
    fitted.card = policy.card
    return fitted
