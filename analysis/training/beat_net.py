"""The network that hears beats: spectra in, the chance of a beat in each frame out.

Two small convolutional fronts, one for attacks (mel bands) and one for changes of harmony
(semitone bands), and a trunk of dilated convolutions that sees five seconds to either side. The
shape follows S. Böck, M. Davies and P. Knees, "Multi-task learning of tempo and beat", ISMIR 2019;
size, fronts and heads are our own.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..rhythm.beat_spectrum import MEL_BANDS, SEMITONES, TEMPO_CLASSES

_CHANGES = 4  # patterns of change, each at two speeds

HEADS = ("beat", "downbeat", "onset")


class Heard(NamedTuple):
    """What the network gives out, all as logits."""

    frames: Tensor  # [shape=(batch, len(HEADS), frames)]
    tempo: Tensor  # [shape=(batch, len(TEMPO_CLASSES))]


class TimeConv(nn.Module):
    """A convolution over time that keeps the length."""

    def __init__(self, inputs: int, outputs: int, size: int, dilation: int) -> None:
        super().__init__()
        reach = (size - 1) * dilation // 2
        self.conv = nn.Conv1d(inputs, outputs, size, dilation=dilation, padding=reach)

    def forward(self, x: Tensor) -> Tensor:
        return torch.as_tensor(self.conv(x))


class Block(nn.Module):
    """One step of the trunk: a wide dilated convolution and a mix, added to what came in."""

    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.wide = TimeConv(width, width, 5, dilation)
        self.mix = nn.Conv1d(width, width, 1)
        self.drop = nn.Dropout1d(dropout)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.drop(functional.elu(self.wide(x)))
        return x + self.mix(hidden), hidden


class BeatNet(nn.Module):
    """Spectra [shape=(batch, frames, bands)] to `Heard`; see `beat_spectrum.beat_spectra`."""

    def __init__(self, width: int = 40, blocks: int = 8, dropout: float = 0.1) -> None:
        super().__init__()
        self.attack1 = nn.Conv2d(1, 16, (3, 6), stride=(1, 4), padding=1)
        self.attack2 = nn.Conv2d(16, 24, (3, 4), stride=(1, 2), padding=1)
        self.attack_mix = nn.Conv1d(24 * (MEL_BANDS // 8), width, 1)
        self.change1 = TimeConv(1, _CHANGES, 9, 3)
        self.change2 = TimeConv(1, _CHANGES, 9, 8)
        self.change_mix = nn.Conv1d(2 * _CHANGES * 3, width, 1)
        self.blocks = nn.ModuleList(Block(width, 2**step, dropout) for step in range(blocks))
        self.frames = nn.Conv1d(width, len(HEADS), 1)
        self.tempo = nn.Sequential(
            nn.Linear(width * blocks, 64), nn.ELU(), nn.Linear(64, len(TEMPO_CLASSES))
        )

    def forward(self, mel: Tensor, semitones: Tensor) -> Heard:
        x = self._attacks(mel) + self._changes(semitones, mel.shape[1])
        pooled = []
        for block in self.blocks:
            x, hidden = block(x)
            pooled.append(hidden.mean(dim=2))
        return Heard(self.frames(functional.elu(x)), self.tempo(torch.cat(pooled, dim=1)))

    def _attacks(self, mel: Tensor) -> Tensor:
        x = functional.elu(self.attack1(mel[:, None]))
        x = functional.elu(self.attack2(x))
        return torch.as_tensor(self.attack_mix(x.transpose(2, 3).flatten(1, 2)))

    def _changes(self, semitones: Tensor, frames: int) -> Tensor:
        """How much the energy of each semitone changes, over bass, middle and top."""
        batch, count, _ = semitones.shape
        rows = semitones.transpose(1, 2).reshape(batch * SEMITONES, 1, count)
        moved = torch.cat([self.change1(rows), self.change2(rows)], dim=1).abs()
        parts = moved.reshape(batch, 3, SEMITONES // 3, 2 * _CHANGES, count).mean(dim=2)
        x = self.change_mix(parts.flatten(1, 2))
        return torch.as_tensor(x.repeat_interleave(2, dim=2)[:, :, :frames])
