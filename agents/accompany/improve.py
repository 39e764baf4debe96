"""Reinforcement learning of accompaniment: policy gradients over all chords, in hindsight.

An online model of played chords is improved by playing: it accompanies clips with chords drawn from
itself, and for each frame the value of every chord, not only of the one it played, is known once
the clip is over, as the melody does not depend on the chords. So the gradient of the expected
return sums over all 109 chords (expected policy gradients, Ciosek and Whiteson, arXiv:1706.05374)
and has no variance from drawing one. A chord's value is the discounted share of frames to come
whose note is its root, third or fifth, as if it were held: gamma stands for the chance that it is.

The Kullback-Leibler divergence from the model of played chords, computed exactly at every state the
player reaches, keeps it near to what people play: rhythm of changes, sequence of chords, sevenths
(Jaques et al., arXiv:1611.02796; ReaLchords, Wu et al., ICML 2024). As the networks hear all keys
alike (`turning`), few absolute chords for every key cannot be learned.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...envs.accompany.chords import CLASSES, TRIADS
from ...envs.accompany.clips import Clips, draw_clips
from ...envs.accompany.network import Network
from ...envs.accompany.songs import REST, Song
from .learning import GRADIENT_LIMIT, Report, forced
from .players import play_clips
from .turning import ChordNetwork


@dataclass(frozen=True)
class ImproveSettings:
    """How a player is improved."""

    updates: int = 130
    clips: int = 12  # played for an update
    modulating: float = 0.5  # share of clips that go into another key on the way
    passes: int = 2  # gradient steps on what was played
    gamma: float = 0.7  # chance that a chord is held for another frame
    prior_weight: float = 0.021  # of the divergence from the model of played chords [a nat]
    learning_rate: float = 1e-2  # falls to 0 linearly
    gradient_limit: float = GRADIENT_LIMIT / 2
    seed: int = 0


def improve(
    prior: ChordNetwork, songs: tuple[Song, ...], settings: ImproveSettings, report: Report
) -> ChordNetwork:
    """A player made from an online model of played chords, which stays as it is."""
    rng = np.random.default_rng((settings.seed, 1))
    player = ChordNetwork.from_kernels(prior.kernels())
    optimizer = torch.optim.Adam(player.parameters(), settings.learning_rate)
    for update in range(settings.updates):
        share = 1.0 - update / settings.updates
        optimizer.param_groups[0]["lr"] = settings.learning_rate * share
        clips = draw_clips(songs, settings.clips, rng, modulating=settings.modulating)
        chords = play_clips(Network(player.kernels()), clips, rng)
        seen = forced(clips, chords)
        values = torch.as_tensor(hindsight(clips, settings.gamma))
        with torch.no_grad():
            expected = torch.log_softmax(prior(seen)[0], -1)
        for _ in range(settings.passes):
            loss = -objective(player(seen)[0], expected, values, settings.prior_weight)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(player.parameters(), settings.gradient_limit)
            optimizer.step()
        report("player", update + 1, float(loss.detach()))
    return player


def objective(logits: Tensor, expected: Tensor, values: Tensor, prior_weight: float) -> Tensor:
    """Mean expected value of the chords less the weighted divergence from the prior.

    :param logits: of the player [shape=(n, frames, 109)]
    :param expected: log-probabilities of the prior, in the same shape
    :param values: of all chords, in the same shape
    """
    told = torch.log_softmax(logits, -1)
    chances = told.exp()
    divergence = (chances * (told - expected)).sum(-1)
    return ((chances * values).sum(-1) - prior_weight * divergence).mean()


def hindsight(clips: Clips, gamma: float) -> NDArray[np.float32]:
    """The value of each chord at each frame, were it held from there [shape=(n, frames, 109)].

    The discounted share of the frames to come, in 0..1, whose note is in its triad.
    """
    hits = TRIADS.T[clips.melody % CLASSES] & (clips.melody != REST)[..., None]
    values = np.zeros(hits.shape, np.float32)
    coming = np.zeros(hits[:, 0].shape, np.float32)
    for at in reversed(range(hits.shape[1])):
        coming = (1.0 - gamma) * hits[:, at] + gamma * coming
        values[:, at] = coming
    return values
