"""A differentiable stand-in for synthesizer and ears: what knobs sound like.

The sound of a pyo graph has no slope in its knobs. A small network that was fitted to settings
drawn at random has one. It serves `analytic` for slopes alone; all values are the environment's.
"""

import numpy as np
import torch
from torch import Tensor, nn

from ...analysis.sound import descriptors as heard
from ...analysis.sound.descriptors import DESCRIPTORS, FloatArray
from ...envs.timbre import perception
from ...synth.patch import KNOBS
from .table import Table

ROWS, SEED = 24_576, 78
"""Settings that it is fitted to, and what draws them."""

_HIDDEN = 192
_EPOCHS, _BATCH = 20, 512
_LEARNING_RATE = 2e-3
_HELD_OUT = 2048

CENTRES = torch.tensor(perception.CENTRES, dtype=torch.float32)
SCALES = torch.tensor(perception.SCALES, dtype=torch.float32)


class Surrogate(nn.Module):
    """Descriptors [shape=(n, 29)] of knobs [n, 8], 0..1."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(len(KNOBS), _HIDDEN),
            nn.SiLU(),
            nn.Linear(_HIDDEN, _HIDDEN),
            nn.SiLU(),
            nn.Linear(_HIDDEN, _HIDDEN),
            nn.SiLU(),
            nn.Linear(_HIDDEN, len(DESCRIPTORS)),
        )

    def forward(self, knobs: Tensor) -> Tensor:
        found: Tensor = self.layers(2.0 * knobs - 1.0)
        return found * SCALES + CENTRES


def fit_surrogate(table: Table, epochs: int = _EPOCHS) -> tuple[Surrogate, FloatArray]:
    """Fit to settings; also the share of variance explained of each descriptor, held out.

    The fit minds absolute differences, as the distances do.
    """
    torch.manual_seed(SEED)
    knobs = torch.tensor(table.knobs, dtype=torch.float32)
    wanted = torch.tensor(table.descriptors, dtype=torch.float32)
    train_knobs, train_wanted = knobs[_HELD_OUT:], wanted[_HELD_OUT:]
    surrogate = Surrogate()
    optimiser = torch.optim.Adam(surrogate.parameters(), lr=_LEARNING_RATE)
    batches = -(-len(train_knobs) // _BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, _LEARNING_RATE, total_steps=epochs * batches
    )
    for _ in range(epochs):
        order = torch.randperm(len(train_knobs))
        for part in order.split(_BATCH):  # type: ignore[no-untyped-call]
            apart = (surrogate(train_knobs[part]) - train_wanted[part]) / SCALES
            optimiser.zero_grad()
            apart.abs().mean().backward()
            optimiser.step()
            schedule.step()
    with torch.no_grad():
        left = (surrogate(knobs[:_HELD_OUT]) - wanted[:_HELD_OUT]).var(dim=0)
        explained = 1.0 - left / wanted[:_HELD_OUT].var(dim=0)
    return surrogate, np.asarray(explained.numpy(), np.float64)


def scaled(descriptors: Tensor) -> Tensor:
    """`perception.scaled`, with its slope."""
    found = (descriptors - CENTRES) / SCALES
    sure = surely_pitched(descriptors)
    pitch = heard.PITCH
    return torch.cat(
        [found[:, :pitch], (found[:, pitch] * sure)[:, None], found[:, pitch + 1 :]], 1
    )


def surely_pitched(descriptors: Tensor) -> Tensor:
    """`perception.surely_pitched`, with its slope."""
    span = perception.SURE - perception.UNSURE
    return ((descriptors[:, heard.VOICING] - perception.UNSURE) / span).clamp(0.0, 1.0)


def distance(own: Tensor, target: Tensor, weights: dict[str, float]) -> Tensor:
    """`perception.distance`, with its slope; what is farthest has one, too."""
    apart = (own - target).abs() / SCALES
    sure, wanted = surely_pitched(own), surely_pitched(target)
    chroma = nn.functional.cosine_similarity(
        own[:, heard.CHROMA], target[:, heard.CHROMA], eps=1e-6
    )
    envelope = (own - target)[:, heard.MFCC].abs().mean(dim=1) / perception.ENVELOPE_SCALE
    found = {
        "loudness": apart[:, heard.LOUDNESS],
        "brightness": apart[:, heard.BRIGHTNESS],
        "noisiness": apart[:, heard.NOISINESS],
        "pitch": sure * wanted * apart[:, heard.PITCH] + (sure - wanted).abs(),
        "envelope": envelope,
        "chroma": 1.0 - chroma,
    }
    total = torch.zeros(len(own))
    for name, weight in weights.items():
        total = total + weight * found[name]
    return total
