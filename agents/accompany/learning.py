"""Learning from songs: the online model of played chords, and the judge of what is real.

The model (`fit_prior`) maximises the likelihood of each frame's chord given the melody and the
chords before it. The judge (`fit_judge`) tells true pairs of melody and chords from pairs whose
chords belong to another clip, as the discriminative reward of ReaLchords does (Wu et al., ICML
2024); no accompanist learns from it. Both hear all keys alike (`turning`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ...envs.accompany.chords import Ints
from ...envs.accompany.clips import Clips, draw_clips, forced_observations
from ...envs.accompany.songs import Song
from .judge import PAIR_BLOCKS, PAIR_PLAIN, heard, other_chords
from .turning import ChordNetwork, Judge

Report = Callable[[str, int, float], None]
"""Told what is learned, how many updates were made, and the loss."""

GRADIENT_LIMIT = 1.0


@dataclass(frozen=True)
class FitSettings:
    """How a network is fitted to clips."""

    updates: int
    channels: int = 16  # numbers of the state for each pitch class
    clips: int = 32  # of an update
    modulating: float = 0.5  # share of clips that go into another key on the way
    learning_rate: float = 1e-2  # falls to 0 along a cosine
    weight_decay: float = 0.01
    seed: int = 0


PRIOR = FitSettings(updates=300, clips=16)
JUDGE = FitSettings(updates=180, channels=10, learning_rate=5e-3, modulating=0.0)


def forced(clips: Clips, chords: Ints) -> Tensor:
    """Observations of all frames where given chords are played [shape=(n, frames, size)]."""
    return torch.as_tensor(forced_observations(clips, chords))


def fit_prior(songs: tuple[Song, ...], settings: FitSettings, report: Report) -> ChordNetwork:
    """The online model of the chords of songs."""
    torch.manual_seed(settings.seed)
    network = ChordNetwork(settings.channels)

    def loss(clips: Clips, rng: np.random.Generator) -> Tensor:
        return mean_nll(network, clips, clips.chords)

    _descend("model of chords", network, loss, songs, settings, report)
    return network


def mean_nll(network: ChordNetwork, clips: Clips, chords: Ints) -> Tensor:
    """Mean negative log-probability of chords under a model, nats a frame."""
    logits, _ = network(forced(clips, chords))
    return functional.cross_entropy(logits.flatten(0, 1), torch.as_tensor(chords).flatten())


def fit_judge(songs: tuple[Song, ...], settings: FitSettings, report: Report) -> Judge:
    """The judge of pairs of melody and chords."""
    torch.manual_seed(settings.seed)
    judge = new_judge(settings.channels)

    def loss(clips: Clips, rng: np.random.Generator) -> Tensor:
        return judge_loss(judge, clips, rng)

    _descend("judge", judge, loss, songs, settings, report)
    return judge


def new_judge(channels: int) -> Judge:
    """A judge that has learned nothing yet."""
    return Judge(channels, PAIR_BLOCKS, PAIR_PLAIN)


def judge_loss(judge: Judge, clips: Clips, rng: np.random.Generator) -> Tensor:
    """Cross-entropy of telling true pairs from those with the chords of another clip."""
    n = len(clips)
    wrong = other_chords(clips, rng)
    pairs = np.concatenate([heard(clips, clips.chords), heard(clips, wrong)])
    truth = torch.cat([torch.ones(n), torch.zeros(n)])
    return functional.binary_cross_entropy_with_logits(judge(torch.as_tensor(pairs)), truth)


def _descend(
    what: str,
    network: nn.Module,
    loss: Callable[[Clips, np.random.Generator], Tensor],
    songs: tuple[Song, ...],
    settings: FitSettings,
    report: Report,
) -> None:
    """Adam with decoupled weight decay (Loshchilov and Hutter, arXiv:1711.05101) on drawn clips."""
    rng = np.random.default_rng(settings.seed)
    optimizer = torch.optim.AdamW(
        network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
    )
    for update in range(settings.updates):
        share = 0.5 * (1.0 + cos(pi * update / settings.updates))
        optimizer.param_groups[0]["lr"] = settings.learning_rate * share
        clips = draw_clips(songs, settings.clips, rng, modulating=settings.modulating)
        value = loss(clips, rng)
        optimizer.zero_grad()
        torch.autograd.backward(value)
        nn.utils.clip_grad_norm_(network.parameters(), GRADIENT_LIMIT)
        optimizer.step()
        report(what, update + 1, float(value.detach()))
