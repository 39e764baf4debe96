"""The network that hears chords, bass and key: small, and blind to transposition.

Twelve pitch classes share all weights: what it learns of C it knows of F sharp. Input is
`chroma.in_tune` [shape=(n, 2, bands)]. Each semitone is looked at with its neighbours and with the
bands where its overtones and its false fundamentals would be (as the harmonic CQT of R. Bittner et
al., "Deep salience representations for F0 estimation in polyphonic music", ISMIR 2017). Semitones
are then folded to pitch classes, with soft registers as channels, and blocks of a convolution over
time and a circulant product over pitch classes follow, most of them at half the frame rate.
"""

import warnings
from io import BytesIO
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..harmony.chord_decoder import QUALITIES
from ..harmony.chroma import FINE, SEMITONES

_HARMONICS = (-19, -12, 0, 12, 19, 24, 28, 31)  # semitones from a note to its kin
_REGISTERS = 5
_KERNEL = 5  # frames of the convolution over time


class Circulant(nn.Module):
    """A linear map of features at twelve pitch classes that commutes with transposition."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(12, width, out) * (12 * width) ** -0.5)
        self.bias = nn.Parameter(torch.zeros(out))
        steps = torch.arange(12)
        self.steps: Tensor
        self.register_buffer("steps", (steps[:, None] - steps[None, :]) % 12, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, time, 12, width] -> [batch, time, 12, out]."""
        width, out = self.weight.shape[1:]
        dense = self.weight[self.steps].permute(0, 2, 1, 3).reshape(12 * width, 12 * out)
        batch, time = x.shape[:2]
        mixed: Tensor = x.reshape(batch, time, 12 * width) @ dense
        return mixed.reshape(batch, time, 12, out) + self.bias


def _each(norm: nn.BatchNorm1d, x: Tensor) -> Tensor:
    """Normalised over all but the last axis."""
    flat: Tensor = norm(x.reshape(-1, norm.num_features))
    return flat.reshape(x.shape)


class Block(nn.Module):
    """Looks around in time, then across pitch classes, and adds what it finds."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(width)
        self.time = nn.Parameter(torch.randn(_KERNEL, width) * _KERNEL**-0.5)
        self.mix = Circulant(width, width)
        self.out = nn.Linear(width, width)
        nn.init.zeros_(self.out.weight)
        self.dilation = dilation

    def forward(self, x: Tensor) -> Tensor:
        """[batch, time, 12, width], as it came plus the residue."""
        y = _each(self.norm, x)
        reach = self.dilation * (_KERNEL // 2)
        padded = functional.pad(y, (0, 0, 0, 0, reach, reach))
        length = x.shape[1]
        y = padded[:, :length] * self.time[0]
        for tap in range(1, _KERNEL):
            start = tap * self.dilation
            y = y + padded[:, start : start + length] * self.time[tap]
        found: Tensor = x + self.out(functional.relu(self.mix(y)))
        return found


class ChordNet(nn.Module):
    """Loudness of bands to chord, bass, pitch classes, key (and, for training, pitches)."""

    def __init__(self, front: int = 16, width: int = 32, blocks: int = 5) -> None:
        super().__init__()
        views = 2 * FINE * len(_HARMONICS)
        self.front1 = nn.Conv1d(views, front, 3, padding=1)
        self.norm1 = nn.BatchNorm1d(front)
        self.front2 = nn.Conv1d(front, front, 3, padding=1)
        self.norm2 = nn.BatchNorm1d(front)
        self.pitch = nn.Conv1d(front, 1, 1)
        octave = (torch.arange(SEMITONES, dtype=torch.float32) + 6.0) / SEMITONES
        centres = torch.linspace(0.1, 0.9, _REGISTERS)
        registers = (1.0 - (octave[:, None] - centres).abs() / 0.25).clamp(min=0.0)
        self.registers: Tensor
        self.register_buffer("registers", registers, persistent=False)
        self.fold = nn.Linear((front + 1) * _REGISTERS, width)
        self.sharp = nn.ModuleList([Block(width, 1)])
        self.wide = nn.ModuleList([Block(width, 2**power) for power in range(blocks)])
        self.last = nn.ModuleList([Block(width, 1)])
        self.norm = nn.BatchNorm1d(width)
        self.chord = nn.Linear(width, len(QUALITIES))
        self.none = nn.Linear(2 * width, 1)
        self.bass = nn.Linear(width, 1)
        self.no_bass = nn.Linear(width, 1)
        self.active = nn.Linear(width, 1)
        self.key = nn.Sequential(nn.Linear(width, width), nn.ReLU(), Circulant(width, 2))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """[batch, time (even), 2, bands] -> logits, each [batch, time, ...].

        Chord [12 * qualities + 1], bass [13], pitch classes [12], key [24: major, then minor],
        pitch [84].
        """
        batch, time = x.shape[:2]
        fine = x.reshape(-1, 2, SEMITONES, FINE).permute(0, 1, 3, 2).flatten(1, 2)
        low, high = -min(_HARMONICS), max(_HARMONICS)
        padded = functional.pad(fine, (low, high))
        views = [padded[:, :, low + step : low + step + SEMITONES] for step in _HARMONICS]
        y = functional.relu(self.norm1(self.front1(torch.cat(views, 1))))
        y = functional.relu(self.norm2(self.front2(y)))
        pitch = self.pitch(y)
        y = torch.cat([y, torch.sigmoid(pitch)], 1)
        y = torch.einsum(
            "bcop,opk->bpck",
            y.reshape(-1, y.shape[1], SEMITONES // 12, 12),
            self.registers.view(-1, 12, _REGISTERS),
        )
        y = self.fold(y.flatten(2)).reshape(batch, time, 12, self.fold.out_features)
        for block in self.sharp:
            y = block(y)
        slow = (y[:, 0::2] + y[:, 1::2]) / 2
        for block in self.wide:
            slow = block(slow)
        y = y + torch.repeat_interleave(slow, 2, 1)
        for block in self.last:
            y = block(y)
        y = functional.relu(_each(self.norm, y))
        whole = torch.cat([y.mean(2), y.amax(2)], 2)
        chord = torch.cat([self.chord(y).flatten(2), self.none(whole)], 2)
        bass = torch.cat([self.bass(y)[..., 0], self.no_bass(y.mean(2))], 2)
        key = self.key(y).transpose(2, 3).flatten(2)
        return chord, bass, self.active(y)[..., 0], key, pitch.reshape(batch, time, SEMITONES)


class Exported(nn.Module):
    """What ships: probabilities instead of logits, without the pitches."""

    def __init__(self, net: ChordNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, loudness: Tensor) -> tuple[Tensor, ...]:
        """One recording [time (even), 2, bands] -> chord, bass, pitch classes, key logits."""
        chord, bass, active, key, _ = self.net(loudness[None])
        return (
            torch.log_softmax(chord[0], 1),
            torch.log_softmax(bass[0], 1),
            torch.sigmoid(active[0]),
            key[0],
        )


def export(net: ChordNet) -> bytes:
    """The network as an ONNX file."""
    net = net.eval()
    example = torch.zeros(64, 2, SEMITONES * FINE)
    file: Any = BytesIO()
    with warnings.catch_warnings():  # the new exporter fixes the number of frames
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Exported(net),
            (example,),
            file,
            input_names=["loudness"],
            output_names=["chord", "bass", "active", "key"],
            dynamic_axes={"loudness": {0: "time"}},
            opset_version=17,
            dynamo=False,
        )
    return bytes(file.getvalue())
